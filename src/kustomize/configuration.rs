//! `configurations` and `crds`: files that add to the fields which transformers look at.

use std::sync::Arc;

use super::accumulate::{Accumulator, Engine};
use super::field_spec::{FieldSpec, Fields};
use super::id::{Gvk, text_of};
use super::kustomization::Kustomization;
use super::labels::read_specs;
use super::problem::{Problem, ProblemKind};
use super::schema;
use crate::source::Span;
use crate::yaml::Node;

/// How deep the properties of a definition are followed.
const DEEPEST: usize = 32;

impl Engine<'_> {
    /// Puts kustomize's own fields and the kustomization's into force.
    pub(super) fn configure(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        let configured =
            kustomization.texts("configurations").next().is_some() || kustomization.texts("crds").next().is_some();
        let built_in = Fields::built_in();
        if !configured {
            // The usual case: one table, shared by all.
            if gathered.fields.is_empty() || Arc::ptr_eq(&gathered.fields, &built_in) {
                gathered.fields = built_in;
                return;
            }
            if Arc::make_mut(&mut gathered.fields).merge((*built_in).clone()).is_err() {
                self.report(Problem::fails(kustomization.root.span, "merging config: conflicting fieldspecs"));
            }
            return;
        }
        let mut fields = (*built_in).clone();
        for (text, span) in kustomization.texts("configurations") {
            let Some(root) = self.first_document(kustomization, text, span) else { continue };
            self.add_configuration(&mut fields, &root, span);
        }
        for (text, span) in kustomization.texts("crds") {
            let Some(root) = self.first_document(kustomization, text, span) else { continue };
            if root.get("apiVersion").is_some() && root.get("kind").is_some() {
                let words = format!(
                    "loading CRDs [{text}]: unable to parse open API definition from '{text}': json: cannot unmarshal"
                );
                let message = format!(
                    "`{text}` is a CustomResourceDefinition; `crds` takes OpenAPI definitions, and a definition to install belongs under `resources`"
                );
                self.report(Problem::new(ProblemKind::BuildFails, span, message).upstream(words));
                continue;
            }
            add_definitions(&mut fields, &root);
        }
        fields.sort();
        if Arc::make_mut(&mut gathered.fields).merge(fields).is_err() {
            self.report(Problem::fails(kustomization.root.span, "merging config: conflicting fieldspecs"));
        }
    }

    fn first_document(&mut self, kustomization: &Kustomization, text: &str, span: Span) -> Option<Node> {
        let file = match self.load(kustomization, text, span) {
            Ok(file) => file,
            Err(problem) => {
                self.report(*problem);
                return None;
            }
        };
        let stream = self.files.stream(file.id);
        if let Some(problem) = stream.problems.iter().find(|problem| problem.kind.loses_content()) {
            self.report(Problem::fails(problem.span, "error converting YAML to JSON"));
            return None;
        }
        stream.documents.first().and_then(|document| document.root.clone())
    }

    fn add_configuration(&mut self, fields: &mut Fields, root: &Node, span: Span) {
        let mut misfits = Vec::new();
        let fitted = schema::fit(root, schema::CONFIGURATION, "TransformerConfig", &mut misfits);
        for misfit in misfits {
            self.report(Problem::fails(misfit.span, misfit.why).related(span, "named here"));
        }
        let Some(root) = fitted else { return };
        let mut conflict = false;
        for entry in root.entries() {
            if let Some(section) = fields.section(&entry.key.text) {
                for spec in read_specs(Some(&entry.value)) {
                    conflict |= super::field_spec::add(section, spec).is_err();
                }
                continue;
            }
            for reference in entry.value.items() {
                let text = |field| text_of(reference.get(field));
                let referral = Gvk::new(text("group"), text("version"), text("kind"));
                for spec in read_specs(reference.get("fieldSpecs")) {
                    conflict |= fields.add_reference(&referral, spec).is_err();
                }
            }
        }
        if conflict {
            self.report(Problem::fails(root.span, "conflicting fieldspecs").related(span, "named here"));
        }
    }
}

/// Rows that OpenAPI definitions ask for by their `x-kubernetes-…` marks.
fn add_definitions(fields: &mut Fields, root: &Node) {
    for entry in root.entries() {
        let properties = entry.value.at(&["Schema", "properties"]);
        let is_type =
            ["kind", "apiVersion", "metadata"].iter().all(|name| properties.is_some_and(|all| all.get(name).is_some()));
        if is_type {
            let kind = entry.key.text.rsplit('.').next().unwrap_or_default();
            add_properties(fields, root, &entry.key.text, &Gvk::new("", "", kind), &mut Vec::new());
        }
    }
}

fn add_properties(fields: &mut Fields, root: &Node, definition: &str, gvk: &Gvk, path: &mut Vec<String>) {
    let Some(properties) = root.get(definition).and_then(|node| node.at(&["Schema", "properties"])) else { return };
    if path.len() > DEEPEST {
        return;
    }
    for entry in properties.entries() {
        path.push(entry.key.text.to_string());
        let property = &entry.value;
        let spec = |path: &[String]| FieldSpec { gvk: gvk.clone(), path: path.join("/").into(), create: false };
        let marks = [
            ("x-kubernetes-annotation", "commonAnnotations"),
            ("x-kubernetes-label-selector", "commonLabels"),
            ("x-kubernetes-identity", "namePrefix"),
        ];
        for (mark, section) in marks {
            if property.get(mark).is_some()
                && let Some(section) = fields.section(section)
            {
                let _ = super::field_spec::add(section, spec(path));
            }
        }
        let version = property.get("x-kubernetes-object-ref-api-version");
        let kind = property.get("x-kubernetes-object-ref-kind");
        if let (Some(version), Some(kind)) = (version, kind) {
            let key = property.get("x-kubernetes-object-ref-name-key").map_or("name", |key| text_of(Some(key)));
            path.push(key.to_owned());
            let referral = Gvk::new("", text_of(Some(version)), text_of(Some(kind)));
            let _ = fields.add_reference(&referral, spec(path));
            path.pop();
        }
        if let Some(target) = property.get("$ref").and_then(Node::as_str) {
            add_properties(fields, root, target, gvk, path);
        }
        path.pop();
    }
}
