//! Which Grafana gets which datasources, and in which order it provisions them.
//!
//! An instance is a release of the charts `grafana` or `kube-prometheus-stack`, a Grafana of the grafana-operator, or,
//! where the repository holds neither, whatever reads the datasource files of one namespace. Datasources that only a
//! running Grafana or a chart that is not at hand knows are not in it; [`Instance::open`] says so.

use std::collections::BTreeSet;

use super::datasources::{Datasource, Field, references_at};
use super::sidecar::{self, Grafana, Sidecar};
use crate::helm::{Binding, Release};
use crate::kubernetes::Object;
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::rules::charts::{Setting, Values};
use crate::source::Span;
use crate::yaml::Node;

/// One Grafana.
pub(crate) struct Instance {
    /// Its datasources, in the order in which Grafana provisions them.
    pub(crate) datasources: Vec<Datasource>,
    /// Whether the grafana-operator writes the datasources through Grafana's API, in no fixed order, rather than Grafana
    /// reading them from files when it starts.
    pub(crate) operator: bool,
    /// Why Grafana may have datasources that the repository does not show; `None` if it can't.
    pub(crate) open: Option<&'static str>,
    /// Names of the environment variables of Grafana's container; `None` if they can't all be known.
    pub(crate) environment: Option<BTreeSet<String>>,
    /// Whether the files are tied to this Grafana by the repository, not by their names alone.
    pub(crate) declared: bool,
}

/// One file in Grafana's provisioning directory, which is read in order of names.
struct File {
    name: String,
    datasources: Vec<Datasource>,
}

/// A ConfigMap or Secret with datasource files.
struct Carrier<'a> {
    cluster: Cluster,
    app: &'a BuiltApp,
    object: &'a Object,
    files: Vec<File>,
    taken: bool,
}

/// Every Grafana of the repository that has at least one datasource.
pub(crate) fn instances(repository: &Repository) -> Vec<Instance> {
    let mut carriers = carriers(repository);
    let mut instances = Vec::new();
    for grafana in sidecar::grafanas(repository) {
        instances.extend(of_release(&grafana, repository, &mut carriers));
    }
    instances.extend(of_files_alone(carriers));
    instances.extend(of_operator(repository));
    instances.retain(|instance| !instance.datasources.is_empty());
    instances
}

fn carriers(repository: &Repository) -> Vec<Carrier<'_>> {
    let mut seen = BTreeSet::new();
    let mut carriers = Vec::new();
    for app in &repository.apps {
        for object in &app.objects {
            let data = match object.id.kind.as_str() {
                "ConfigMap" => object.root.get("data"),
                "Secret" => object.root.get("stringData"),
                _ => None,
            };
            let Some(data) = data else { continue };
            let files: Vec<File> = data
                .entries()
                .iter()
                .filter_map(|entry| file(&entry.key.text, &entry.value, app, object, repository))
                .collect();
            // One object that two apps bring is still one object.
            if !files.is_empty() && seen.insert((Cluster::of(app), object.id.clone())) {
                carriers.push(Carrier { cluster: Cluster::of(app), app, object, files, taken: false });
            }
        }
    }
    carriers
}

/// A datasource file inside a ConfigMap; `None` if it is anything else.
fn file(name: &str, content: &Node, app: &BuiltApp, object: &Object, repository: &Repository) -> Option<File> {
    if !name.ends_with(".yaml") && !name.ends_with(".yml") || !content.as_str()?.contains("datasources") {
        return None;
    }
    let stream = repository.files.embedded(content);
    let root = stream.documents.first()?.root.as_ref()?;
    let entries = root.get("datasources")?.as_sequence()?;
    // Other programs have a list of that name too; Grafana's entries have a type and its file an API version.
    if root.get("apiVersion").and_then(Node::as_i64).is_none()
        || !entries.iter().all(|entry| entry.get("type").is_some())
    {
        return None;
    }
    let of = |entry: &Node| Datasource::of(entry, &app.app.name, Some(object.id.to_string()));
    Some(File { name: name.to_owned(), datasources: entries.iter().filter_map(of).collect() })
}

fn of_release(grafana: &Grafana<'_>, repository: &Repository, carriers: &mut [Carrier<'_>]) -> Option<Instance> {
    let Grafana { values: grafana, release, app, runs } = *grafana;
    let values = Values::of(release)?;
    let stack = release.chart.name == "kube-prometheus-stack";
    let forced = stack && values.get("grafana.forceDeployDatasources").bool() == Some(true);
    if runs == Some(false) && !forced {
        return None;
    }
    let sidecar = Sidecar::of(grafana, "datasources", release, app);
    let mut files = Vec::new();
    if stack && (forced || sidecar.enabled != Some(false)) {
        files
            .push(File { name: "datasource.yaml".to_owned(), datasources: stack_datasources(values, app, repository) });
    }
    for entry in grafana.written("datasources").map(Node::entries).unwrap_or_default() {
        let entries = entry.value.get("datasources").map(Node::items).unwrap_or_default();
        let datasources = entries.iter().filter_map(|entry| Datasource::of(entry, &app.app.name, None)).collect();
        files.push(File { name: entry.key.text.to_string(), datasources });
    }
    let own = Cluster::of(app);
    for carrier in carriers.iter_mut() {
        let here = carrier.cluster == own || std::ptr::eq(carrier.app, app);
        if here && sidecar.selects(carrier.object, carrier.app) {
            carrier.taken = true;
            for file in &carrier.files {
                let name = sidecar.file_name(&file.name, carrier.object, carrier.app);
                files.push(File { name, datasources: file.datasources.clone() });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Some(Instance {
        datasources: files.into_iter().flat_map(|file| file.datasources).collect(),
        operator: false,
        open: open(release, grafana, &sidecar, repository).or_else(|| {
            hides(&sidecar, &own, repository)
                .then_some("its sidecar reads others out of Secrets that Git does not show")
        }),
        environment: environment(grafana),
        declared: release.binding == Binding::Declared,
    })
}

/// What kube-prometheus-stack writes into its own ConfigMap, in the template's order.
fn stack_datasources(values: Values<'_>, app: &BuiltApp, repository: &Repository) -> Vec<Datasource> {
    let mut datasources = Vec::new();
    let at = |key: &str| format!("grafana.sidecar.datasources.{key}");
    let get = |key: &str| values.get(&at(key));
    if get("defaultDatasourceEnabled").bool() != Some(false) {
        let mut prometheus = implicit(values, get("name"), get("uid"), Some("prometheus"), app);
        prometheus.is_default = get("isDefaultDatasource").bool() == Some(true);
        if let Some(exemplars) = values.written(&at("exemplarTraceIdDestinations")) {
            prometheus.references = references_at("exemplarTraceIdDestinations", exemplars);
        }
        datasources.push(prometheus);
        if get("createPrometheusReplicasDatasources").bool() != Some(false) {
            // One for each replica; how many there are does not matter to any rule, that uids are unknown does.
            datasources.push(implicit(values, Setting::Unknown, Setting::Unknown, None, app));
        }
    }
    match get("alertmanager.enabled").bool() {
        Some(true) => {
            datasources.push(implicit(
                values,
                get("alertmanager.name"),
                get("alertmanager.uid"),
                Some("alertmanager"),
                app,
            ));
        }
        Some(false) => {}
        None => datasources.push(implicit(values, Setting::Unknown, Setting::Unknown, None, app)),
    }
    for entry in values.written("grafana.additionalDataSources").map(Node::items).unwrap_or_default() {
        datasources.extend(Datasource::of(entry, &app.app.name, None));
    }
    let text = values.written("grafana.additionalDataSourcesString").filter(|text| is_plain(text));
    let documents = text.map(|text| repository.files.embedded(text).documents).unwrap_or_default();
    for entry in documents.iter().filter_map(|document| document.root.as_ref()).flat_map(Node::items) {
        datasources.extend(Datasource::of(entry, &app.app.name, None));
    }
    datasources
}

/// Whether a text is what Helm makes of it.
fn is_plain(text: &Node) -> bool {
    text.as_str().is_some_and(|text| !text.contains("{{"))
}

fn implicit(
    values: Values<'_>,
    name: Setting<'_>,
    uid: Setting<'_>,
    kind: Option<&'static str>,
    app: &BuiltApp,
) -> Datasource {
    let field = |setting: Setting<'_>| match setting.text() {
        Some(text) => Field::Known(text.into(), setting.span()),
        None => Field::Unknown,
    };
    Datasource {
        name: field(name),
        uid: field(uid),
        organisation: 1,
        is_default: false,
        entry: None,
        place: name.span().or(uid.span()).unwrap_or(values.release.chart_span),
        references: Vec::new(),
        chart: Some(values.release.chart.name.clone()),
        chart_type: kind,
        app: app.app.name.clone(),
        object: None,
    }
}

/// Why a release's Grafana may have datasources that the repository does not show.
fn open(release: &Release, grafana: Values<'_>, sidecar: &Sidecar, repository: &Repository) -> Option<&'static str> {
    let written = |path: &[&str]| grafana.node(path);
    if release.incomplete {
        return Some("some of its values are not in the repository");
    }
    if grafana.written("additionalDataSourcesString").is_some_and(|text| !is_plain(text)) {
        return Some("`additionalDataSourcesString` may add others");
    }
    if grafana.get("persistence.enabled").bool() != Some(false)
        || written(&["grafana.ini", "database"]).is_some()
        || written(&["env", "GF_DATABASE_TYPE"]).is_some()
    {
        return Some("its database may keep others that were added by hand");
    }
    if sidecar.enabled != Some(false) {
        let others = repository.apps.iter().flat_map(|app| &app.releases).any(|other| {
            (other.name.as_str(), other.chart.name.as_str()) != (release.name.as_str(), release.chart.name.as_str())
        });
        let unresolved = repository.apps.iter().any(|app| !app.unresolved.is_empty());
        if others || unresolved {
            return Some("its sidecar may find others in charts that presync does not render");
        }
    }
    None
}

/// Whether a Secret that the sidecar takes has no content that can be read: it is encrypted, or an operator makes it.
fn hides(sidecar: &Sidecar, cluster: &Cluster, repository: &Repository) -> bool {
    let Some(label) = sidecar.label.as_deref().filter(|_| sidecar.enabled != Some(false)) else { return false };
    const LABELS: [&[&str]; 4] = [
        &["metadata", "labels"],
        &["spec", "target", "template", "metadata", "labels"],
        &["spec", "template", "metadata", "labels"],
        &["spec", "secretTemplates"],
    ];
    let here = repository.apps.iter().filter(|app| Cluster::of(app) == *cluster);
    here.flat_map(|app| &app.objects).any(|object| {
        let is_shown = object.id.is("", "Secret") && object.root.get("data").is_none() && {
            let texts = object.root.get("stringData").map(Node::entries).unwrap_or_default();
            texts.iter().all(|entry| {
                !entry.value.is_unknown() && entry.value.as_str().is_some_and(|text| !text.starts_with("ENC["))
            })
        };
        let labels = LABELS.iter().filter_map(|path| object.root.at(path));
        let mut marked = labels.flat_map(|node| std::iter::once(node).chain(node.items()));
        let has = |node: &Node| {
            node.get(label).is_some() || node.get("labels").is_some_and(|labels| labels.get(label).is_some())
        };
        !matches!(object.id.kind.as_str(), "ConfigMap" | "GrafanaDatasource") && !is_shown && marked.any(has)
    })
}

fn environment(grafana: Values<'_>) -> Option<BTreeSet<String>> {
    let filled = |key: &str| match grafana.get(key) {
        Setting::Written(node) => {
            !node.items().is_empty() || !node.entries().is_empty() || node.as_str().is_some_and(|text| !text.is_empty())
        }
        Setting::Default(_) | Setting::Unknown => false,
    };
    let from_elsewhere = ["envFromSecret", "envFromSecrets", "envFromConfigMaps"].into_iter().any(filled);
    if grafana.release.incomplete || from_elsewhere {
        return None;
    }
    let maps = ["env", "envValueFrom", "envRenderSecret"].into_iter().filter_map(|key| grafana.written(key));
    Some(maps.flat_map(Node::entries).map(|entry| entry.key.text.to_string()).collect())
}

/// Files that no release of the repository reads: each namespace is taken for one Grafana.
fn of_files_alone(carriers: Vec<Carrier<'_>>) -> Vec<Instance> {
    let mut groups: std::collections::BTreeMap<(Cluster, String), Vec<File>> = std::collections::BTreeMap::new();
    for carrier in carriers.into_iter().filter(|carrier| !carrier.taken) {
        let namespace = sidecar::namespace(carrier.object, carrier.app).to_owned();
        groups.entry((carrier.cluster, namespace)).or_default().extend(carrier.files);
    }
    let instance = |mut files: Vec<File>| {
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Instance {
            datasources: files.into_iter().flat_map(|file| file.datasources).collect(),
            operator: false,
            open: Some("the Grafana that reads them is not in the repository"),
            environment: None,
            declared: false,
        }
    };
    groups.into_values().map(instance).collect()
}

/// Grafanas of the grafana-operator: datasources with equal selectors reach the same ones.
fn of_operator(repository: &Repository) -> Vec<Instance> {
    let mut groups: std::collections::BTreeMap<(Cluster, Vec<String>), Vec<Datasource>> =
        std::collections::BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (app, object) in repository.objects_of("grafana.integreatly.org", "GrafanaDatasource") {
        let Some(entry) = object.root.at(&["spec", "datasource"]) else { continue };
        if !seen.insert((Cluster::of(app), object.id.clone())) {
            continue;
        }
        let labels =
            object.root.at(&["spec", "instanceSelector", "matchLabels"]).map(Node::entries).unwrap_or_default();
        let mut selector: Vec<String> = labels
            .iter()
            .map(|label| format!("{}={}", label.key.text, label.value.as_text().unwrap_or_default()))
            .collect();
        selector.sort();
        let Some(mut datasource) = Datasource::of(entry, &app.app.name, Some(object.id.to_string())) else {
            continue;
        };
        if let Some(uid) = object.root.at(&["spec", "uid"]) {
            datasource.uid = Field::of(Some(uid));
        } else if matches!(datasource.uid, Field::Absent) {
            // The operator then takes the object's own UID, which the cluster makes.
            datasource.uid = Field::Unknown;
        }
        groups.entry((Cluster::of(app), selector)).or_default().push(datasource);
    }
    let instance = |datasources| Instance {
        datasources,
        operator: true,
        open: Some("its database may keep others that were added by hand"),
        environment: None,
        declared: true,
    };
    groups.into_values().map(instance).collect()
}

impl Instance {
    /// Whether every datasource's uid is known, so that a uid that is not among them is really not there.
    pub(crate) fn knows_every_uid(&self) -> bool {
        self.datasources.iter().all(|datasource| !matches!(datasource.uid, Field::Unknown))
    }

    /// Position of the datasource with this uid.
    pub(crate) fn with_uid(&self, uid: &str) -> Option<usize> {
        self.datasources.iter().position(|datasource| datasource.uid.text() == Some(uid))
    }

    /// Where to point for a datasource.
    pub(crate) fn place(&self, at: usize) -> Option<Span> {
        self.datasources.get(at).map(|datasource| datasource.place)
    }
}
