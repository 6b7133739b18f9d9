//! Charts that the Helm controller of k3s and RKE2 installs because a HelmChart says so.
//!
//! Left out: a chart that stands in the object itself, as an archive in base64.
//! Source: k3s-io/helm-controller, `pkg/apis/helm.cattle.io/v1`.

use foldhash::{HashMap, HashMapExt};

use crate::files::Files;
use crate::helm::{Binding, ChartRef, Layers, Release, expand};
use crate::kubernetes::Object;
use crate::unresolved::Unresolved;
use crate::yaml::Node;

const GROUP: &str = "helm.cattle.io";

/// A cluster has one configuration of a name; more of them are not laid down.
const MOST_CONFIGURATIONS: usize = 4;

/// The releases that the HelmCharts among an app's objects make, and what could not be known of their values.
/// HelmChartConfigs of the same name are laid over their values.
pub fn helm_charts(objects: &[Object], files: &Files) -> (Vec<Release>, Vec<Unresolved>) {
    let (mut releases, mut unresolved) = (Vec::new(), Vec::new());
    let mut configurations: HashMap<&str, Vec<&Node>> = HashMap::new();
    for object in objects.iter().filter(|object| object.id.is(GROUP, "HelmChartConfig")) {
        let own = configurations.entry(&object.id.name).or_default();
        own.extend(object.root.get("spec").filter(|_| own.len() < MOST_CONFIGURATIONS));
    }
    for object in objects.iter().filter(|object| object.id.is(GROUP, "HelmChart")) {
        let Some(spec) = object.root.get("spec") else { continue };
        let Some(chart) = spec.get("chart").and_then(|chart| Some((chart, chart.as_text()?))) else { continue };
        let configurations = configurations.get(object.id.name.as_str()).into_iter().flatten().copied();
        let mut layers = Layers::new(chart.0.span);
        for spec in std::iter::once(spec).chain(configurations) {
            values(spec, files, &mut layers);
        }
        // Helm lays single values over all texts.
        for entry in spec.get("set").map(Node::entries).unwrap_or_default() {
            layers.parameter(&entry.key.text, &entry.value, false);
        }
        let text = |key| spec.get(key).and_then(Node::as_text).filter(|text| !text.is_empty());
        let version = spec.get("version");
        let name = chart.1.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let release = Release {
            chart: ChartRef {
                name: name.trim_end_matches(".tgz").to_owned(),
                repository: text("repo").or(Some(chart.1).filter(|chart| chart.contains("://"))).map(str::to_owned),
                version: version.and_then(Node::as_text).map(str::to_owned),
                directory: None,
            },
            chart_span: chart.0.span,
            version_span: version.map(|version| version.span),
            name: object.id.name.to_string(),
            namespace: text("targetNamespace").unwrap_or(&object.id.namespace).to_owned(),
            values: layers.values,
            incomplete: layers.incomplete,
            binding: Binding::Declared,
            files: layers.files,
        };
        unresolved.append(&mut layers.unresolved);
        releases.extend(expand(files, release));
    }
    (releases, unresolved)
}

/// Lays down what one object says: a text of values, and Secrets that can't be read.
fn values(spec: &Node, files: &Files, layers: &mut Layers) {
    if let Some(text) = spec.get("valuesContent") {
        layers.text(files, text);
    }
    if spec.get("valuesSecrets").is_some_and(|secrets| !secrets.items().is_empty()) {
        layers.incomplete = true;
    }
}
