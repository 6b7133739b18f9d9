//! A Flux HelmRelease: a chart from one of Flux's sources, `valuesFrom` in order, and the inline values on top.

use super::super::inventory::Inventory;
use super::super::{App, AppSource, Declaration, Declarations, Declared, Destination, SourceKind, Standing};
use super::source;
use crate::files::Files;
use crate::helm::{Binding, ChartRef, Layers, Release, expand};
use crate::kubernetes::Object;
use crate::source::{RepoPath, Span};
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::Node;

/// The chart, and where it and its version are named.
struct Named {
    chart: ChartRef,
    span: Span,
    version_span: Option<Span>,
}

/// The app that a HelmRelease makes.
pub(in crate::gitops) fn helm_release(
    declaration: &Declaration,
    declarations: &Declarations,
    inventory: &Inventory,
    files: &Files,
) -> App {
    let object = &declaration.object;
    let empty = Node::plain("", object.root.span);
    let spec = object.root.get("spec").unwrap_or(&empty);
    let text = |key| spec.get(key).and_then(Node::as_text).unwrap_or_default();
    let target = Some(text("targetNamespace")).filter(|target| !target.is_empty());
    let namespace = target.unwrap_or_else(|| declaration.namespace()).to_owned();
    let mut app = App {
        name: object.id.name.to_string(),
        declared: Declared::FluxHelmRelease(object.name_span()),
        destination: Destination {
            cluster: spec
                .at(&["kubeConfig", "secretRef", "name"])
                .and_then(Node::as_text)
                .unwrap_or_default()
                .to_owned(),
            namespace: namespace.clone(),
        },
        project: String::new(),
        sources: Vec::new(),
        unresolved: Vec::new(),
        application: None,
        standing: Standing::Deployed,
    };
    let named = chart(spec, object, declaration, declarations, inventory, files, &mut app.unresolved);
    let mut layers = Layers::new(named.span);
    for entry in spec.get("valuesFrom").map(Node::items).unwrap_or_default() {
        values_from(entry, declaration, inventory, files, &mut layers);
    }
    if let Some(values) = spec.get("values") {
        layers.map(values);
    }
    app.unresolved.append(&mut layers.unresolved);
    if let Some(entry) =
        spec.as_mapping().and_then(|spec| spec.entry("postRenderers")).filter(|entry| !entry.value.items().is_empty())
    {
        let reason = "the postRenderers change what the chart makes, and the chart is not rendered";
        app.unresolved.push(Unresolved::at(entry.key.span, Cause::Unsupported, reason));
    }
    // Flux puts the target namespace before the name, if there is one and no name is given.
    let default = target.map_or_else(|| object.id.name.to_string(), |target| format!("{target}-{}", object.id.name));
    let release = Release {
        chart: named.chart,
        chart_span: named.span,
        version_span: named.version_span,
        name: Some(text("releaseName")).filter(|name| !name.is_empty()).map_or(default, str::to_owned),
        namespace,
        values: layers.values,
        incomplete: layers.incomplete,
        binding: Binding::Declared,
        files: layers.files,
    };
    let kind = SourceKind::Helm(expand(files, release));
    app.sources.push(AppSource { span: Some(named.span), kind });
    app
}

fn chart(
    spec: &Node,
    object: &Object,
    declaration: &Declaration,
    declarations: &Declarations,
    inventory: &Inventory,
    files: &Files,
    unresolved: &mut Vec<Unresolved>,
) -> Named {
    if let Some(chart) = spec.at(&["chart", "spec"]) {
        let named = chart.get("chart").unwrap_or(chart);
        let version = chart.get("version");
        let reference = chart.get("sourceRef");
        let found = reference.and_then(|reference| source(reference, declaration.namespace(), declarations));
        let path = named.as_text().unwrap_or_default();
        let url = found.and_then(|found| found.object.root.str_at(&["spec", "url"]));
        let from_git = reference.and_then(|reference| reference.str_at(&["kind"])) != Some("HelmRepository");
        let own = url.is_none_or(|url| inventory.own.is_own(url));
        let directory =
            RepoPath::root().join(path).filter(|path| from_git && own && crate::helm::is_chart(files, path));
        if found.is_none() && directory.is_none() {
            let name = reference.and_then(|reference| reference.get("name")).unwrap_or(named);
            let reason =
                format!("the source {} of the chart is not in this repository", name.as_text().unwrap_or("it names"));
            unresolved.push(Unresolved::at(name.span, Cause::Elsewhere, reason));
        }
        return Named {
            chart: ChartRef {
                name: last_part(path).to_owned(),
                repository: url.filter(|_| directory.is_none()).map(str::to_owned),
                version: version.and_then(Node::as_text).map(str::to_owned),
                directory,
            },
            span: named.span,
            version_span: version.map(|version| version.span),
        };
    }
    let Some(reference) = spec.get("chartRef") else {
        unresolved.push(Unresolved::at(object.name_span(), Cause::Invalid, "the HelmRelease names no chart"));
        return Named { chart: ChartRef::default(), span: object.name_span(), version_span: None };
    };
    let name = reference.get("name").unwrap_or(reference);
    let Some(found) = source(reference, declaration.namespace(), declarations) else {
        let reason =
            format!("the source {} of the chart is not in this repository", name.as_text().unwrap_or("it names"));
        unresolved.push(Unresolved::at(name.span, Cause::Elsewhere, reason));
        let chart = ChartRef { name: name.as_text().unwrap_or_default().to_owned(), ..ChartRef::default() };
        return Named { chart, span: name.span, version_span: None };
    };
    let root = &found.object.root;
    // A HelmChart names its chart and source itself, an OCIRepository is the chart.
    if let Some(chart) = root.at(&["spec", "chart"]) {
        let version = root.at(&["spec", "version"]);
        let of = root.at(&["spec", "sourceRef"]).and_then(|of| source(of, found.namespace(), declarations));
        let url = of.and_then(|of| of.object.root.str_at(&["spec", "url"]));
        let path = chart.as_text().unwrap_or_default();
        let from_git = root.str_at(&["spec", "sourceRef", "kind"]) != Some("HelmRepository");
        let own = from_git && url.is_none_or(|url| inventory.own.is_own(url));
        let directory = RepoPath::root().join(path).filter(|path| own && crate::helm::is_chart(files, path));
        return Named {
            chart: ChartRef {
                name: last_part(path).to_owned(),
                repository: url.filter(|_| directory.is_none()).map(str::to_owned),
                version: version.and_then(Node::as_text).map(str::to_owned),
                directory,
            },
            span: chart.span,
            version_span: version.map(|version| version.span),
        };
    }
    let url = root.at(&["spec", "url"]);
    let version = ["tag", "semver", "digest"].iter().find_map(|key| root.at(&["spec", "ref", key]));
    let text = url.and_then(Node::as_text).unwrap_or_default();
    Named {
        chart: ChartRef {
            name: last_part(text).to_owned(),
            repository: Some(text.to_owned()),
            version: version.and_then(Node::as_text).map(str::to_owned),
            directory: None,
        },
        span: url.map_or(name.span, |url| url.span),
        version_span: version.map(|version| version.span),
    }
}

fn last_part(reference: &str) -> &str {
    reference.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// One entry of `valuesFrom`.
fn values_from(entry: &Node, declaration: &Declaration, inventory: &Inventory, files: &Files, layers: &mut Layers) {
    let text = |key| entry.get(key).and_then(Node::as_text).filter(|text: &&str| !text.is_empty());
    let Some(name) = text("name") else {
        return layers.missing(entry.span, Cause::Invalid, "this entry of `valuesFrom` names nothing");
    };
    let key = text("valuesKey").unwrap_or("values.yaml");
    let span = entry.get("name").map_or(entry.span, |name| name.span);
    let optional = entry.get("optional").and_then(Node::as_bool).unwrap_or(false);
    if text("kind") == Some("Secret") {
        return layers.missing(span, Cause::Secret, format!("values come from the Secret {name}"));
    }
    let found = declaration.config_map(name, inventory, files);
    let data = found.and_then(|object| object.root.at(&["data", key]));
    match (data, entry.get("targetPath").and_then(Node::as_text)) {
        (Some(data), Some(path)) => layers.parameter(path, data, false),
        (Some(data), None) => layers.text(files, data),
        (None, _) => {
            let what = if found.is_some() {
                format!("the key {key} of the ConfigMap {name}")
            } else {
                format!("the ConfigMap {name}")
            };
            if optional {
                layers.incomplete = true;
            } else {
                layers.missing(span, Cause::Missing, format!("{what} is not in this repository"));
            }
        }
    }
}
