//! See `rules/topolvm/topolvm-device-class-undefined.md`.

use super::device_classes::{self, DeviceClass};
use crate::finding::nearest;
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::rules::charts::Values;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Names of TopoLVM's provisioner, and of the parameter that names the device class; the second are those of old.
const NAMES: [(&str, &str); 2] =
    [("topolvm.io", "topolvm.io/device-class"), ("topolvm.cybozu.com", "topolvm.cybozu.com/device-class")];

/// A StorageClass of TopoLVM: what names its device class, else where it is written.
struct Class<'a> {
    app: &'a BuiltApp,
    name: String,
    device_class: Option<&'a Node>,
    place: Span,
}

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for app in &repository.apps {
        for release in app.releases.iter().filter(|release| release.chart.name == "topolvm") {
            let Some(values) = Values::of(release) else { continue };
            let Some(device_classes) = device_classes::of(values).filter(|classes| !classes.is_empty()) else {
                continue;
            };
            let mut classes = of_values(values, app);
            let cluster = Cluster::of(app);
            let here = repository.apps.iter().filter(|other| Cluster::of(other) == cluster);
            classes.extend(here.flat_map(of_objects));
            for class in classes {
                findings.about(Some(class.app), None);
                let written = values.get("lvmd.deviceClasses").span();
                let place = written.or(release.version_span).unwrap_or(release.chart_span);
                judge(&class, &device_classes, place, findings);
            }
        }
    }
}

fn of_values<'a>(values: Values<'a>, app: &'a BuiltApp) -> Vec<Class<'a>> {
    let entries = values.written("storageClasses").map(Node::items).unwrap_or_default();
    let class = |entry: &'a Node| {
        let name = entry.get("name")?;
        let parameters = entry.at(&["storageClass", "additionalParameters"]);
        let device_class = parameters.and_then(|map| NAMES.iter().find_map(|(_, parameter)| map.get(parameter)));
        let unknown = parameters.is_some_and(|map| map.as_mapping().is_none() && !map.is_null());
        (!unknown).then_some(Class { app, name: name.as_text()?.to_owned(), device_class, place: name.span })
    };
    entries.iter().filter_map(class).collect()
}

fn of_objects(app: &BuiltApp) -> impl Iterator<Item = Class<'_>> {
    app.objects.iter().filter(|object| object.id.is("storage.k8s.io", "StorageClass")).filter_map(move |object| {
        let provisioner = object.root.str_at(&["provisioner"])?;
        let (_, parameter) = NAMES.iter().find(|(name, _)| *name == provisioner)?;
        let device_class = object.root.at(&["parameters", parameter]);
        Some(Class { app, name: object.id.name.to_string(), device_class, place: object.name_span() })
    })
}

fn judge(class: &Class<'_>, device_classes: &[DeviceClass<'_>], release: Span, findings: &mut Findings<'_>) {
    let name = &class.name;
    let named = class.device_class.filter(|node| !node.is_null());
    let wanted = match named {
        // What is no plain text, the API server refuses or presync can't know.
        Some(node) => match node.as_str() {
            Some(text) => text,
            None => return,
        },
        None => "",
    };
    // A name that can't be known may be the one that is wanted.
    let names: Option<Vec<&str>> =
        device_classes.iter().map(|class| class.node.get("name").and_then(Node::as_text)).collect();
    let Some(names) = names.filter(|names| !names.iter().any(|name| name.contains("{{"))) else { return };
    let is_default =
        |class: &DeviceClass<'_>| class.node.get("default").is_some_and(|value| value.as_bool() != Some(false));
    let consequence = "so no node ever has room for its claims, and they stay Pending";
    let (message, help) = if wanted.is_empty() {
        if device_classes.iter().any(is_default) {
            return;
        }
        (
            format!(
                "StorageClass `{name}` names no device class, and TopoLVM has none with `default: true`, {consequence}"
            ),
            "write `default: true` at one of the device classes, or name one with `topolvm.io/device-class`".to_owned(),
        )
    } else {
        if names.contains(&wanted) {
            return;
        }
        let help = match nearest(wanted, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("name one of those that `lvmd.deviceClasses` lists: {}", names.join(", ")),
        };
        (
            format!(
                "StorageClass `{name}` names the device class `{wanted}`, which TopoLVM does not have, {consequence}"
            ),
            help,
        )
    };
    let finding = findings.report(named.map_or(class.place, |node| node.span), message);
    finding.related(release, "TopoLVM gets its device classes here");
    finding.help(help);
}
