//! `labels`, `commonLabels` and `commonAnnotations`, and the annotations that a build leaves behind.

use super::accumulate::{Accumulator, Engine};
use super::field_spec::{FieldSpec, Leaf, add, visit};
use super::id::{Gvk, text_of};
use super::kustomization::Kustomization;
use super::problem::Problem;
use super::resource::{Origin, Resource};
use super::shared::{Shared, is_created};
use crate::source::Span;
use crate::yaml::{Action, Entry, Key, Node, Style};

impl Engine<'_> {
    pub(super) fn label(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        for entry in kustomization.list("labels") {
            let pairs = entry.get("pairs").map(Node::entries).unwrap_or_default();
            let mut specs: Vec<FieldSpec> = read_specs(entry.get("fields"));
            let flag = |field: &str| entry.get(field).and_then(Node::as_bool).unwrap_or(false);
            // Releases that know the field leave claim templates to it.
            let claims_apart = entry.get("includeVolumeClaimTemplates").is_some();
            let fields = gathered.fields.clone();
            let of_claims = |spec: &&FieldSpec| fields.claim_template_labels.contains(spec);
            let template_labels: Vec<FieldSpec> =
                fields.template_labels.iter().filter(|spec| !claims_apart || !of_claims(spec)).cloned().collect();
            let own = [FieldSpec { gvk: Gvk::default(), path: "metadata/labels".into(), create: true }];
            let mut more: Vec<&[FieldSpec]> = vec![&fields.labels];
            if flag("includeSelectors") {
                more.push(&fields.common_labels);
            } else {
                if flag("includeTemplates") {
                    more.push(&template_labels);
                }
                more.push(&own);
            }
            if flag("includeVolumeClaimTemplates") {
                more.push(&fields.claim_template_labels);
            }
            let conflict = more.into_iter().flatten().any(|spec| add(&mut specs, spec.clone()).is_err());
            if conflict {
                self.report(Problem::fails(entry.span, "failed to merge labels: conflicting fieldspecs"));
                continue;
            }
            self.set_entries(gathered, pairs, &specs, entry.span);
            self.ran(kustomization, gathered, "LabelTransformer");
        }
        let common = kustomization.root.get("commonLabels");
        if let Some(common) = common {
            let specs = gathered.fields.common_labels.clone();
            self.set_entries(gathered, common.entries(), &specs, common.span);
        }
        if common.is_some() || !kustomization.list("labels").is_empty() {
            self.ran(kustomization, gathered, "LabelTransformer");
        }
    }

    pub(super) fn annotate(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        let Some(annotations) = kustomization.root.get("commonAnnotations") else { return };
        if annotations.entries().is_empty() {
            return;
        }
        let specs = gathered.fields.common_annotations.clone();
        self.set_entries(gathered, annotations.entries(), &specs, annotations.span);
        self.ran(kustomization, gathered, "AnnotationsTransformer");
    }

    /// Writes the pairs into every map that the specs name.
    pub(super) fn set_entries(&mut self, gathered: &mut Accumulator, pairs: &[Entry], specs: &[FieldSpec], by: Span) {
        if pairs.is_empty() {
            return;
        }
        for resource in gathered.resources.list_mut() {
            let gvk = resource.gvk();
            // Kustomize keeps its books in the annotations, so they are there though none are written.
            let booked = resource.has_books();
            let mut created: Vec<usize> = vec![0; pairs.len()];
            let mut overwritten = false;
            for spec in specs.iter().filter(|spec| gvk.is_selected_by(&spec.gvk)) {
                let made = FieldSpec { create: true, ..spec.clone() };
                let mut misfit = None;
                let spec = if booked && spec.path == "metadata/annotations" { &made } else { spec };
                let written = visit(&mut resource.root, spec, Some(Leaf::Mapping), by, &mut |node| {
                    if node.is_null() {
                        return Ok(());
                    }
                    let Some(mapping) = node.as_mapping_mut() else {
                        misfit = Some(node.span);
                        let found = super::merge::kind_name(node);
                        return Err(format!("wrong node kind: expected MappingNode but got {found}"));
                    };
                    for (pair, created) in pairs.iter().zip(&mut created) {
                        let mut value = Node::string(text_of(Some(&pair.value)), pair.value.span);
                        let by = pair.key.span.to(pair.value.span);
                        match mapping.get_mut(&pair.key.text) {
                            Some(old) => {
                                overwritten |= is_created(old);
                                value.history = old.history.clone();
                                value.changed(Action::Labelled, by, Some(old.clone()));
                                *old = value;
                            }
                            None => {
                                value.changed(Action::Labelled, by, None);
                                *created += 1;
                                // Upstream writes the key without quotes, whatever it then means.
                                let key = Key { style: Style::Plain, ..pair.key.clone() };
                                mapping.push(Entry { key, value });
                            }
                        }
                    }
                    Ok(())
                });
                if let Err(words) = written {
                    let place = misfit.unwrap_or(resource.span());
                    self.report(Problem::fails(place, words).related(by, "this is to be added"));
                }
            }
            if overwritten {
                resource.spread_labels();
            }
            for (pair, _) in pairs.iter().zip(created).filter(|(_, created)| *created > 1) {
                let by = pair.key.span.to(pair.value.span);
                resource.shared.retain(|shared| shared.by != by);
                resource.shared.push(Shared { by, text: text_of(Some(&pair.value)).into() });
            }
        }
    }

    /// Notes that a transformer ran, as `buildMetadata` asks for.
    pub(super) fn ran(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator, kind: &str) {
        let origin = self.built_origin(kustomization, kind);
        self.ran_as(gathered, origin);
    }

    /// The same for a transformer whose configuration says where it comes from.
    pub(super) fn ran_as(&mut self, gathered: &mut Accumulator, origin: Option<Origin>) {
        gathered.resources.drop_empty();
        let Some(origin) = origin else { return };
        for resource in gathered.resources.list_mut() {
            if resource.origin.is_none() {
                resource.origin = Some(origin.clone());
            } else {
                resource.transformations.push(origin.clone());
            }
            resource.text_annotations();
        }
    }

    /// Writes what `buildMetadata` asks for, and makes every annotation the string that kustomize makes of it.
    pub(super) fn finish_annotations(&self, resource: &mut Resource) {
        let by = resource.root.span;
        let mut more: Vec<(&str, String)> = Vec::new();
        if self.metadata.origins
            && let Some(origin) = &resource.origin
        {
            more.push(("config.kubernetes.io/origin", describe(origin, "", "")));
        }
        if self.metadata.transformations && !resource.transformations.is_empty() {
            let list = resource.transformations.iter().map(|origin| describe(origin, "- ", "  ")).collect::<String>();
            more.push(("alpha.config.kubernetes.io/transformations", list));
        }
        if self.metadata.managed_by
            && let Some(labels) = resource.metadata_map("labels", by)
        {
            labels.insert(
                Key::new("app.kubernetes.io/managed-by", by),
                Node::string(concat!("kustomize-", "v5.5.0"), by),
            );
        }
        if !more.is_empty()
            && let Some(annotations) = resource.metadata_map("annotations", by)
        {
            for (key, text) in more {
                annotations.insert(Key::new(key, by), Node::string(text, by));
            }
        }
        let annotations = resource.root.at(&["metadata", "annotations"]);
        if !annotations.is_some_and(|annotations| annotations.entries().is_empty()) {
            return resource.text_annotations();
        }
        let metadata = resource.root.as_mapping_mut().and_then(|root| root.get_mut("metadata"));
        if let Some(metadata) = metadata.and_then(Node::as_mapping_mut) {
            metadata.retain(|entry| entry.key.text != "annotations");
        }
    }
}

/// An origin as YAML; `first` and `rest` stand before its first and its other lines.
fn describe(origin: &Origin, first: &str, rest: &str) -> String {
    match origin {
        Origin::Path(path) => format!("{first}path: {path}\n"),
        Origin::Built { configured_in, kind, name } => {
            let mut text = format!(
                "{first}configuredIn: {configured_in}\n{rest}configuredBy:\n{rest}  apiVersion: builtin\n{rest}  kind: {kind}\n"
            );
            let (name, namespace) = name.as_ref().map_or(("", ""), |(name, namespace)| (name, namespace));
            for (field, value) in [("name", name), ("namespace", namespace)] {
                if !value.is_empty() {
                    text.push_str(&format!("{rest}  {field}: {value}\n"));
                }
            }
            text
        }
    }
}

/// Rows of a fieldspec list as a user writes them.
pub(super) fn read_specs(list: Option<&Node>) -> Vec<FieldSpec> {
    let spec = |node: &Node| FieldSpec {
        gvk: Gvk::new(text_of(node.get("group")), text_of(node.get("version")), text_of(node.get("kind"))),
        path: text_of(node.get("path")).into(),
        create: node.get("create").and_then(Node::as_bool).unwrap_or(false),
    };
    list.map(Node::items).unwrap_or_default().iter().map(spec).collect()
}
