//! `generators`, `transformers` and `validators`: configuration objects for kustomize's own plugins, which run here, and
//! for others, which are programs and never run.

use super::accumulate::{Accumulator, Engine};
use super::id::text_of;
use super::kustomization::Kustomization;
use super::labels::read_specs;
use super::names::End;
use super::namespace::{Namespace, Subjects};
use super::problem::{Problem, ProblemKind};
use super::read;
use super::resource::{Origin, Resource};
use super::schema;
use crate::helm::{Binding, ChartRef, Release, merge_values};
use crate::yaml::{Entry, Key, Mapping, Node};

impl Engine<'_> {
    pub(super) fn run_generators(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        for plugin in self.plugins(kustomization, "generators", gathered) {
            let kind = plugin.gvk().kind;
            let origin = configured_origin(&plugin);
            let kind = match kind.as_str() {
                "ConfigMapGenerator" => "ConfigMap",
                "SecretGenerator" => "Secret",
                "IAMPolicyGenerator" => {
                    let resource = Resource { origin, ..service_account(&plugin.root) };
                    self.absorb(gathered, resource, &plugin.root);
                    continue;
                }
                _ => {
                    gathered.incomplete = true;
                    self.not_built(&plugin);
                    continue;
                }
            };
            let mut misfits = Vec::new();
            let mut root = plugin.root.clone();
            // The name of the plugin is that of what it makes.
            if let Some(mapping) = root.as_mapping_mut() {
                for field in ["name", "namespace"] {
                    let own = mapping.get(field).is_some();
                    if let Some(value) = plugin.root.at(&["metadata", field]).filter(|_| !own) {
                        mapping.insert(Key::new(field, value.span), value.clone());
                    }
                }
                mapping.retain(|entry| !matches!(entry.key.text.as_str(), "apiVersion" | "kind" | "metadata"));
            }
            let Some(arguments) = schema::fit(&root, schema::GENERATOR, "Generator", &mut misfits) else { continue };
            match self.generated(kustomization, &arguments, None, kind) {
                Ok(mut resource) => {
                    resource.origin = origin;
                    self.absorb(gathered, resource, &plugin.root);
                }
                Err(problem) => self.report(*problem),
            }
        }
    }

    pub(super) fn run_transformers(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        for field in ["transformers", "validators"] {
            for plugin in self.plugins(kustomization, field, gathered) {
                self.run_transformer(kustomization, gathered, &plugin);
                self.ran_as(gathered, configured_origin(&plugin));
            }
        }
    }

    fn run_transformer(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator, plugin: &Resource) {
        let by = plugin.root.span;
        if text_of(plugin.root.get("apiVersion")) != "builtin" {
            return self.not_built(plugin);
        }
        let mut misfits = Vec::new();
        let Some(root) = &schema::fit(&plugin.root, schema::PLUGIN, "Plugin", &mut misfits) else { return };
        for misfit in misfits.into_iter().filter(|misfit| misfit.unknown.is_none()) {
            self.report(Problem::fails(misfit.span, misfit.why));
        }
        let specs = read_specs(root.get("fieldSpecs"));
        let entries = |field: &str| root.get(field).map(Node::entries).unwrap_or_default();
        let mut rename = |engine: &mut Self, field: &str, end: End| {
            if let Some(node) = root.get(field).filter(|node| !text_of(Some(node)).is_empty()) {
                engine.rename(gathered, text_of(Some(node)), node.span, end, &specs);
            }
        };
        match text_of(root.get("kind")) {
            "AnnotationsTransformer" => self.set_entries(gathered, entries("annotations"), &specs, by),
            "LabelTransformer" => self.set_entries(gathered, entries("labels"), &specs, by),
            "PrefixTransformer" => rename(self, "prefix", End::Prefix),
            "SuffixTransformer" => rename(self, "suffix", End::Suffix),
            "PrefixSuffixTransformer" => {
                rename(self, "prefix", End::Prefix);
                rename(self, "suffix", End::Suffix);
            }
            "NamespaceTransformer" => {
                let Some(name) = root.at(&["metadata", "namespace"]).filter(|name| !text_of(Some(name)).is_empty())
                else {
                    return;
                };
                let subjects = match text_of(root.get("setRoleBindingSubjects")) {
                    "" | "defaultOnly" => Subjects::NamedDefault,
                    "allServiceAccounts" => Subjects::ServiceAccounts,
                    "none" => Subjects::None,
                    other => {
                        let words = format!(
                            "invalid value \"{other}\" for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \"allServiceAccounts\""
                        );
                        return self.report(Problem::fails(by, words));
                    }
                };
                let unset_only = root.get("unsetOnly").and_then(Node::as_bool).unwrap_or(false);
                let (text, by) = (text_of(Some(name)), name.span);
                self.namespace(gathered, &Namespace { name: text, by, specs: &specs, unset_only, subjects });
            }
            "ImageTagTransformer" => {
                if let Some(image) = root.get("imageTag") {
                    self.set_image(gathered, image, &specs);
                }
            }
            "ReplicaCountTransformer" => {
                if let Some(replica) = root.get("replica") {
                    self.set_replicas(gathered, replica, &specs);
                }
            }
            // It is there for its patch alone. Releases before 5.7 refuse an empty one, and so does presync for all.
            "PatchTransformer" => self.patch(kustomization, gathered, root, false),
            "PatchStrategicMergeTransformer" => {
                for path in root.get("paths").map(Node::items).unwrap_or_default() {
                    self.strategic_merge(kustomization, gathered, path);
                }
                if let Some(patches) = root.get("patches").filter(|patches| !text_of(Some(patches)).is_empty()) {
                    self.strategic_merge(kustomization, gathered, patches);
                }
            }
            "PatchJson6902Transformer" => self.patch_json6902(kustomization, gathered, root, "jsonOp"),
            "ReplacementTransformer" => {
                for entry in root.get("replacements").map(Node::items).unwrap_or_default() {
                    self.replacement(kustomization, gathered, entry);
                }
            }
            "ValueAddTransformer" => self.add_value(kustomization, gathered, root),
            "HashTransformer" => self.hash_names(gathered),
            _ => self.not_built(plugin),
        }
    }

    fn add_value(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator, root: &Node) {
        // Without a value, the name of the directory is added.
        let value = match text_of(root.get("value")) {
            "" => kustomization.directory.file_name(),
            value => value,
        };
        let mut targets = root.get("targets").map(Node::items).unwrap_or_default().to_vec();
        if let Some(path) = root.get("targetFilePath").filter(|path| !text_of(Some(path)).is_empty()) {
            match self.load(kustomization, text_of(Some(path)), path.span) {
                Ok(file) => {
                    let stream = self.files.stream(file.id);
                    let list = stream.documents.first().and_then(|document| document.root.as_ref()?.get("targets"));
                    targets.extend_from_slice(list.map(Node::items).unwrap_or_default());
                }
                Err(problem) => self.report(*problem),
            }
        }
        for target in &targets {
            let selector =
                target.get("selector").cloned().unwrap_or_else(|| Node::mapping(Mapping::default(), target.span));
            let selector = match super::selector::Selector::new(&selector) {
                Ok(selector) => selector,
                Err(words) => return self.report(Problem::fails(target.span, words)),
            };
            let position = target.get("filePathPosition").and_then(Node::as_i64).unwrap_or(0);
            let spec = super::field_spec::FieldSpec {
                gvk: super::id::Gvk::default(),
                path: text_of(target.get("fieldPath")).into(),
                create: true,
            };
            for resource in gathered.resources.all_mut().iter_mut().filter(|resource| selector.selects(resource)) {
                let leaf = Some(super::field_spec::Leaf::Scalar);
                let written = super::field_spec::visit(&mut resource.root, &spec, leaf, target.span, &mut |node| {
                    let old = text_of(Some(node)).to_owned();
                    let new = match usize::try_from(position) {
                        Ok(position) if position > 0 => {
                            let mut parts: Vec<&str> = old.split('/').collect();
                            parts.insert((position - 1).min(parts.len()), value);
                            parts.join("/")
                        }
                        _ => value.to_owned(),
                    };
                    super::names::rewrite(node, new, crate::yaml::Action::Substituted, root.span);
                    Ok(())
                });
                if let Err(words) = written {
                    self.problems.push(Problem::fails(target.span, words));
                }
            }
        }
    }

    fn not_built(&mut self, plugin: &Resource) {
        let id = plugin.id();
        let message = format!(
            "the plugin {} {} is a program, which presync never runs; what it makes or changes is left out",
            id.gvk.kind, id.name
        );
        self.report(Problem::new(ProblemKind::NotBuilt, plugin.span(), message));
    }

    /// The configuration objects of a list: inline YAML, files, or directories to build.
    fn plugins(&mut self, kustomization: &Kustomization, field: &str, gathered: &mut Accumulator) -> Vec<Resource> {
        let entries: Vec<Node> = kustomization.list(field).to_vec();
        let mut found = Accumulator::default();
        for entry in &entries {
            let text = text_of(Some(entry));
            let inline = self.files.embedded(entry);
            match read::resources(&inline, text, entry.span) {
                Ok(objects) if !objects.is_empty() => {
                    let name = kustomization.file_name(self.files);
                    let origin = self.metadata.wanted().then(|| self.origin_of(&name));
                    for object in objects {
                        let resource = Resource { origin: origin.clone(), ..Resource::new(object) };
                        if let Err(twice) = found.resources.append(resource) {
                            let id = twice.0;
                            let words = format!("may not add resource with an already registered id: {id}");
                            self.report(Problem::fails(entry.span, words));
                        }
                    }
                }
                _ => self.resource(kustomization, &mut found, text, entry.span),
            }
        }
        gathered.incomplete |= found.incomplete;
        found.resources.into_list()
    }

    /// A chart that `helmCharts` names, as far as it is known without rendering it.
    pub(super) fn release(&mut self, kustomization: &Kustomization, chart: &Node) -> Option<Release> {
        let text = |field: &str| text_of(chart.get(field));
        let name = chart.get("name")?;
        let mut values = Node::mapping(Mapping::default(), chart.span);
        let mut incomplete = false;
        let mut read = Vec::new();
        let files = chart.get("additionalValuesFiles").map(Node::items).unwrap_or_default();
        for file in chart.get("valuesFile").into_iter().chain(files) {
            let source = match self.load(kustomization, text_of(Some(file)), file.span) {
                Ok(source) => source,
                Err(problem) => {
                    incomplete = true;
                    self.report(*problem);
                    continue;
                }
            };
            read.push(source.id);
            let stream = self.files.stream(source.id);
            if let Some(root) = stream.documents.first().and_then(|document| document.root.as_ref()) {
                values = merge_values(&values, root);
            }
        }
        if let Some(inline) = chart.get("valuesInline") {
            values = match text("valuesMerge") {
                "replace" => inline.clone(),
                "merge" => merge_values(inline, &values),
                _ => merge_values(&values, inline),
            };
        }
        let directory = chart_directory(&kustomization.root, chart);
        let directory = directory
            .and_then(|directory| kustomization.directory.join(&directory))
            .filter(|directory| directory.join("Chart.yaml").is_some_and(|path| self.files.file_at(&path).is_some()));
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Release {
            chart: ChartRef {
                name: text_of(Some(name)).to_owned(),
                repository: some(text("repo")),
                version: some(text("version")),
                directory,
            },
            chart_span: name.span,
            version_span: chart.get("version").map(|version| version.span),
            name: some(text("releaseName")).unwrap_or_else(|| text_of(Some(name)).to_owned()),
            namespace: text("namespace").to_owned(),
            values,
            files: read,
            incomplete,
            binding: Binding::Declared,
        })
    }
}

/// Where the charts of `helmCharts` lie once they are fetched, from the kustomization's directory.
pub(crate) fn chart_directories(root: &Node) -> Vec<String> {
    let charts = root.get("helmCharts").map(Node::items).unwrap_or_default();
    charts.iter().filter_map(|chart| chart_directory(root, chart)).collect()
}

/// kustomize fetches a chart into a directory of its own version.
fn chart_directory(root: &Node, chart: &Node) -> Option<String> {
    let home = root.str_at(&["helmGlobals", "chartHome"]).filter(|home| !home.is_empty()).unwrap_or("charts");
    let text = |field: &str| text_of(chart.get(field));
    match (text("name"), text("version"), text("repo")) {
        ("", ..) => None,
        (name, "", _) | (name, _, "") => Some(format!("{home}/{name}")),
        (name, version, _) => Some(format!("{home}/{name}-{version}/{name}")),
    }
}

/// What a plugin's work is put down to: the file and the name of its configuration.
fn configured_origin(plugin: &Resource) -> Option<Origin> {
    let Some(Origin::Path(configured_in)) = &plugin.origin else { return None };
    let id = plugin.id();
    let name = Some((id.name.to_string(), id.namespace.to_string()));
    Some(Origin::Built { configured_in: configured_in.clone(), kind: id.gvk.kind.to_string(), name })
}

/// What an IAMPolicyGenerator makes: a ServiceAccount bound to one of Google's.
fn service_account(root: &Node) -> Resource {
    let by = root.span;
    let text = |path: &[&str]| text_of(root.at(path)).to_owned();
    let entry = |key: &str, value: Node| Entry { key: Key::new(key, by), value };
    let account = format!(
        "{}@{}.iam.gserviceaccount.com",
        text(&["serviceAccount", "name"]),
        text(&["serviceAccount", "projectId"])
    );
    let annotation = entry("iam.gke.io/gcp-service-account", Node::string(account, by));
    let mut metadata = vec![
        entry("annotations", Node::mapping([annotation].into_iter().collect(), by)),
        entry("name", Node::string(text(&["kubernetesService", "name"]), by)),
    ];
    let namespace = text(&["kubernetesService", "namespace"]);
    if !namespace.is_empty() {
        metadata.push(entry("namespace", Node::string(namespace, by)));
    }
    let object = vec![
        entry("apiVersion", Node::string("v1", by)),
        entry("kind", Node::string("ServiceAccount", by)),
        entry("metadata", Node::mapping(metadata.into_iter().collect(), by)),
    ];
    Resource::new(Node::mapping(object.into_iter().collect(), by))
}
