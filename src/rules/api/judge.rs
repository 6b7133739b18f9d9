//! What the rules of this group share: which objects have an API version, what is known of it, and how it is mended.

use foldhash::{HashMap, HashMapExt};

use crate::finding::{Edit, Finding};
use crate::helm::literal_kinds;
use crate::kubernetes::{Definition, Lifecycle, Object, ServedVersion, Targets, lifecycle};
use crate::repository::Repository;
use crate::rules::Findings;
use crate::source::{RepoPath, Span};
use crate::yaml::{Action, Entry, Key, Node};

/// An object, and what decides whether its API version is served.
pub(super) struct Case<'a> {
    pub(super) object: &'a Object,
    pub(super) repository: &'a Repository,
    /// Where `apiVersion` is written.
    pub(super) span: Span,
    /// `policy/v1beta1`
    pub(super) api_version: String,
    pub(super) authority: Authority<'a>,
    pub(super) written: Written,
}

/// In what way an object is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// As it reaches the cluster.
    Whole,
    /// As a text in a ConfigMap, from which somebody applies it or reads it.
    InText,
    /// As a template, of which only the API version and the kind are known.
    InTemplate,
}

/// Who knows whether an API version is served.
pub(super) enum Authority<'a> {
    /// A definition in the repository, which beats the table.
    Definition(&'a Definition),
    /// The table, and the releases of the component whose releases it counts.
    Table(&'static Lifecycle, Targets),
}

/// Calls `judge` for every object whose API version something is known of, and for every file that a program of the
/// cluster reads by an API version.
pub(super) fn each<'a>(
    repository: &'a Repository,
    findings: &mut Findings<'a>,
    judge: impl Fn(&Case<'_>, &mut Findings<'_>),
) {
    for app in &repository.apps {
        for object in &app.objects {
            let Some(case) = Case::of(object, repository) else { continue };
            if !case.is_file() {
                findings.about(Some(app), Some(object));
                judge(&case, findings);
            }
        }
    }
    findings.about(None, None);
    for file in repository.files.sources.files() {
        if !crate::is_yaml(&file.path) {
            continue;
        }
        let stream = repository.files.stream(file.id);
        for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
            let names = root.str_at(&["apiVersion"]).zip(root.str_at(&["kind"]));
            let is_file = names.and_then(|(version, kind)| lifecycle(version, kind)).is_some_and(|row| row.is_file);
            let Some(object) = is_file.then(|| Object::new(root.clone())).flatten() else { continue };
            if let Some(case) = Case::of(&object, repository) {
                judge(&case, findings);
            }
        }
    }
}

/// Calls `judge` for whole manifests that stand in ConfigMaps, and for the templates of charts that lie here and are
/// installed, as far as they say what they make whatever their values are.
pub(super) fn each_hidden<'a>(
    repository: &'a Repository,
    findings: &mut Findings<'a>,
    judge: impl Fn(&Case<'_>, &mut Findings<'_>),
) {
    let mut charts: HashMap<&RepoPath, Vec<Object>> = HashMap::new();
    for app in &repository.apps {
        for map in app.objects.iter().filter(|object| object.id.is("", "ConfigMap")) {
            findings.about(Some(app), Some(map));
            for object in in_text(map, repository) {
                if let Some(case) = Case::of(&object, repository) {
                    judge(&Case { written: Written::InText, ..case }, findings);
                }
            }
        }
        findings.about(Some(app), None);
        for directory in app.releases.iter().filter_map(|release| release.chart.directory.as_ref()) {
            let objects = charts.entry(directory).or_insert_with(|| in_templates(directory, repository));
            for object in objects.iter() {
                if let Some(case) = Case::of(object, repository) {
                    judge(&Case { written: Written::InTemplate, ..case }, findings);
                }
            }
        }
    }
}

/// The objects that a ConfigMap holds as files. Definitions of kinds are left out: they are shown more often than applied.
fn in_text(map: &Object, repository: &Repository) -> Vec<Object> {
    let is_manifest = |key: &str| [".yaml", ".yml", ".json"].iter().any(|end| key.ends_with(end));
    let entries = map.root.get("data").map(Node::entries).unwrap_or_default().iter();
    let texts = entries.filter(|entry| is_manifest(&entry.key.text)).map(|entry| &entry.value);
    let whole = |text: &str| text.contains("apiVersion") && text.contains("kind") && !text.contains("{{");
    let streams = texts.filter(|text| text.as_str().is_some_and(whole)).map(|text| repository.files.embedded(text));
    let roots = streams.flat_map(|stream| stream.documents).filter_map(|document| document.root);
    let objects = roots.filter_map(Object::new);
    objects
        .filter(|object| {
            let is_file = lifecycle(&object.id.api_version(), &object.id.kind).is_some_and(|row| row.is_file);
            let is_named = !object.id.name.is_empty() || object.root.at(&["metadata", "generateName"]).is_some();
            object.id.kind != "CustomResourceDefinition" && (is_file || is_named)
        })
        .collect()
}

/// What the templates of a chart surely make, without its content.
fn in_templates(directory: &RepoPath, repository: &Repository) -> Vec<Object> {
    let known = literal_kinds(&repository.files, directory).into_iter();
    let object = |(version, kind): (Node, Node)| {
        let span = version.span;
        let entry = |key: &str, value: Node| Entry { key: Key::new(key, value.span), value };
        Object::new(Node::mapping([entry("apiVersion", version), entry("kind", kind)].into_iter().collect(), span))
    };
    known.filter_map(object).collect()
}

impl<'a> Case<'a> {
    fn of(object: &'a Object, repository: &'a Repository) -> Option<Self> {
        let node = object.root.get("apiVersion")?;
        let api_version = node.as_str()?;
        let definition = repository.definitions.get(&object.id.group, &object.id.kind);
        // A definition without any served version is half a definition, such as a patch.
        let definition = definition.filter(|definition| definition.versions.iter().any(|version| version.served));
        let authority = match definition {
            Some(definition) => Authority::Definition(definition),
            None => {
                let row = lifecycle(api_version, &object.id.kind)?;
                let releases = match row.component {
                    "kubernetes" | "kubeadm" => repository.targets,
                    component => repository.components.get(component),
                };
                Authority::Table(row, releases)
            }
        };
        Some(Self {
            object,
            repository,
            span: node.span,
            api_version: api_version.to_owned(),
            authority,
            written: Written::Whole,
        })
    }

    fn is_file(&self) -> bool {
        matches!(self.authority, Authority::Table(row, _) if row.is_file)
    }

    /// `PodDisruptionBudget policy/v1beta1`
    pub(super) fn subject(&self) -> String {
        format!("{} {}", self.object.id.kind, self.api_version)
    }

    /// What the cluster says, in its own words.
    pub(super) fn refusal(&self) -> String {
        if self.is_file() {
            return "The program that reads this file refuses it".to_owned();
        }
        let (kind, api_version) = (&self.object.id.kind, &self.api_version);
        format!("Applying it fails with `no matches for kind \"{kind}\" in version \"{api_version}\"`")
    }

    /// `apiVersion` with another version of the same group.
    pub(super) fn with_version(&self, version: &str) -> String {
        match self.object.id.group.as_str() {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        }
    }

    /// Says what to write, and writes it where nothing else changes.
    pub(super) fn mend(&self, finding: &mut Finding, replacement: &str, row: Option<&Lifecycle>, is_served: bool) {
        let blocking = |keys: &str| keys.split(',').any(|key| !key.is_empty() && has_key(&self.object.root, key));
        let is_pure = self.written != Written::InTemplate
            && row.and_then(|row| row.rename_unless).is_some_and(|keys| !blocking(keys));
        finding.help(match row.and_then(|row| row.change).filter(|_| !is_pure) {
            Some(change) => format!("write {replacement}; {change}"),
            None => format!("write {replacement}"),
        });
        if !is_pure || !is_served {
            return;
        }
        let file = self.repository.files.sources.file(self.span.file);
        let written = file.slice(self.span);
        if !written.contains(&self.api_version) {
            return;
        }
        let edits = vec![Edit { span: self.span, text: written.replace(&self.api_version, replacement) }];
        let title = format!("write {replacement}");
        // A patch finds its object by API version too, so it would have to change as well; who reads a text is not known.
        if self.written == Written::InText || is_patched(&self.object.root) {
            finding.unsafe_fix(title, edits);
        } else {
            finding.fix(title, edits);
        }
    }
}

/// Whether a map anywhere in the tree has the key; `key={}` asks for an empty map under it.
fn has_key(node: &Node, key: &str) -> bool {
    let (name, empty_only) = key.strip_suffix("={}").map_or((key, false), |name| (name, true));
    let meant = |value: &Node| !empty_only || value.as_mapping().is_some_and(crate::yaml::Mapping::is_empty);
    node.entries().iter().any(|entry| entry.key.text == name && meant(&entry.value) || has_key(&entry.value, key))
        || node.items().iter().any(|item| has_key(item, key))
}

fn is_patched(node: &Node) -> bool {
    let by_patch = |action| matches!(action, Action::Replaced | Action::Merged);
    node.history.changes().iter().any(|change| by_patch(change.action))
        || node.as_mapping().is_some_and(|mapping| !mapping.removed().is_empty())
        || node.entries().iter().any(|entry| is_patched(&entry.value))
        || node.items().iter().any(is_patched)
}

/// The version of that name in a definition: a served one if there is any.
pub(super) fn version_of<'d>(definition: &'d Definition, name: &str) -> Option<&'d ServedVersion> {
    let named = || definition.versions.iter().filter(|version| version.name == name);
    named().find(|version| version.served).or_else(|| named().next())
}

/// Names of the served versions, the one that Kubernetes prefers first.
pub(super) fn served(definition: &Definition) -> Vec<&str> {
    let mut names: Vec<&str> =
        definition.versions.iter().filter(|version| version.served).map(|version| version.name.as_str()).collect();
    names.sort_by(|a, b| priority(b).cmp(&priority(a)).then(a.cmp(b)));
    names.dedup();
    names
}

/// How Kubernetes orders versions: v2 over v1 over v1beta2 over v1beta1 over v1alpha1 over anything else.
pub(super) fn priority(version: &str) -> (u8, u32, u32) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (major, suffix) = rest.split_at(end);
        let major: u32 = major.parse().ok()?;
        if suffix.is_empty() {
            return Some((3, major, 0));
        }
        let beta = suffix.strip_prefix("beta").map(|minor| (2, minor));
        let (stage, minor) = beta.or_else(|| suffix.strip_prefix("alpha").map(|minor| (1, minor)))?;
        Some((stage, major, minor.parse().ok()?))
    };
    parse().unwrap_or((0, 0, 0))
}

/// The component's name as people write it.
pub(super) fn component_name(component: &str) -> &str {
    match component {
        "kubernetes" => "Kubernetes",
        "external-secrets" => "External Secrets",
        "external-snapshotter" => "the CSI snapshotter",
        "gateway-api" => "Gateway API",
        "cluster-api" => "Cluster API",
        "traefik" => "the Traefik chart",
        "flux" => "Flux",
        "istio" => "Istio",
        "cilium" => "Cilium",
        "metallb" => "MetalLB",
        "longhorn" => "Longhorn",
        "crossplane" => "Crossplane",
        "karpenter" => "Karpenter",
        "keda" => "KEDA",
        "strimzi" => "Strimzi",
        "grafana-operator" => "the Grafana operator",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_kubernetes_does() {
        let mut versions = ["v1alpha1", "v2", "foo", "v1beta2", "v1", "v10", "v1beta1"];
        versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
        assert_eq!(versions, ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"]);
    }
}
