//! See `rules/argocd/argocd-default-omitted.md`.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

use crate::gitops::Application;
use crate::kubernetes::{Object, ObjectId};
use crate::references;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Other elements of an object that leave out defaults and are named beside the first.
const MOST_PLACES: usize = 4;

struct Row {
    path: &'static str,
    /// Names and defaults.
    fields: Vec<(&'static str, &'static str)>,
}

/// By group and kind.
static TABLE: LazyLock<HashMap<(&'static str, &'static str), Vec<Row>>> = LazyLock::new(|| {
    let mut table: HashMap<_, Vec<Row>> = HashMap::new();
    let text = include_str!("../../../rules/data/defaulted-fields.tsv");
    // The first line that is no comment names the columns.
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [group, kinds, path, fields, _] = cells[..] else { continue };
        for kind in kinds.split(',') {
            let fields = fields.split(',').filter_map(|field| field.split_once('=')).collect();
            table.entry((group, kind)).or_default().push(Row { path, fields });
        }
    }
    table
});

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let settings = Settings::of(repository);
    if settings.server_side {
        return;
    }
    for app in &repository.apps {
        let Some(application) = &app.app.application else { continue };
        if compares_on_server(&application.object) {
            continue;
        }
        for object in &app.objects {
            let Some(rows) = TABLE.get(&(object.id.group.as_str(), object.id.kind.as_str())) else { continue };
            if compares_on_server(object) || ignored_by(application, &object.id) || settings.ignores(&object.id) {
                continue;
            }
            let mut omitted = rows.iter().flat_map(|row| {
                let elements = references::follow(&object.root, row.path).into_iter();
                elements.filter_map(move |element| {
                    let lacks = |(name, _): &&(&str, &str)| element.get(name).is_none();
                    let fields: Vec<_> = row.fields.iter().filter(lacks).collect();
                    (element.as_mapping().is_some() && !fields.is_empty()).then_some((element, fields))
                })
            });
            let Some((element, fields)) = omitted.next() else { continue };
            let names = fields.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let lines = fields.iter().map(|(name, value)| format!("`{name}: {value}`")).collect::<Vec<_>>().join(", ");
            let message = format!(
                "{} leaves out {names} here, and the API server fills in the default: Argo CD compares a list as it is \
                 written, so `{}` stays OutOfSync however often it is synced",
                object.id, app.app.name
            );
            findings.about(Some(app), Some(object));
            let finding = findings.report(element.span, message);
            finding.label("defaults are filled in here");
            for (other, _) in omitted.take(MOST_PLACES) {
                finding.related(other.span, "and here");
            }
            finding.help(format!(
                "write {lines}; or let the API server compare: annotate the Application with \
                 `argocd.argoproj.io/compare-options: ServerSideDiff=true`"
            ));
        }
    }
}

/// What the configuration of Argo CD in this repository says of comparing.
struct Settings<'a> {
    /// Whether every app is compared by the API server, which fills in the defaults on both sides.
    server_side: bool,
    /// Settings about single kinds.
    customized: Vec<(&'a str, &'a Node)>,
}

impl<'a> Settings<'a> {
    fn of(repository: &'a Repository) -> Self {
        let mut settings = Self { server_side: false, customized: Vec::new() };
        for app in &repository.apps {
            for object in &app.objects {
                match object.id.kind.as_str() {
                    "ConfigMap" => settings.read(object.root.get("data")),
                    "ArgoCD" => {
                        let flags = object.root.at(&["spec", "controller", "extraCommandArgs"]).map(Node::items);
                        let is_it = |flag: &Node| flag.as_text().is_none_or(|text| text.contains("server-side-diff"));
                        settings.server_side |= flags.unwrap_or_default().iter().any(is_it);
                    }
                    _ => {}
                }
            }
            for release in app.releases.iter().filter(|release| release.chart.name.starts_with("argo")) {
                for values in [Some(&release.values), release.values.get("argo-cd")].into_iter().flatten() {
                    settings.read(values.at(&["configs", "params"]));
                    settings.read(values.at(&["configs", "cm"]));
                    settings.read(values.at(&["server", "config"]));
                }
            }
        }
        settings
    }

    fn read(&mut self, data: Option<&'a Node>) {
        for entry in data.map(Node::entries).unwrap_or_default() {
            let key = entry.key.text.as_str();
            if key == "controller.diff.server.side" {
                self.server_side |= entry.value.as_text() != Some("false");
            }
            if key.starts_with("resource.customizations") {
                self.customized.push((key, &entry.value));
            }
        }
    }

    /// Whether differences of a kind are ignored in every app.
    fn ignores(&self, id: &ObjectId) -> bool {
        self.customized.iter().any(|(key, value)| {
            match key.strip_prefix("resource.customizations.ignoreDifferences.") {
                Some(kind) => kind == "all" || kind == format!("{}_{}", id.group, id.kind),
                // The old form: one text with the settings of all kinds.
                None => {
                    *key == "resource.customizations" && value.as_text().is_none_or(|text| text.contains(&*id.kind))
                }
            }
        })
    }
}

fn compares_on_server(object: &Object) -> bool {
    let options = object.root.at(&["metadata", "annotations", "argocd.argoproj.io/compare-options"]);
    options.is_some_and(|options| options.as_text().is_none_or(|text| text.contains("ServerSideDiff=true")))
}

/// Whether the Application ignores some differences of the object: who has thought of it knows.
fn ignored_by(application: &Application, id: &ObjectId) -> bool {
    let entries = application.spec(&["ignoreDifferences"]).map(Node::items).unwrap_or_default();
    entries.iter().any(|entry| {
        let fits = |key: &str, own: &str| {
            entry
                .get(key)
                .and_then(Node::as_text)
                .is_none_or(|wanted| wanted.is_empty() || wanted == "*" || wanted == own)
        };
        fits("group", &id.group) && fits("kind", &id.kind) && fits("name", &id.name)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_has_all_cells() {
        let text = include_str!("../../../rules/data/defaulted-fields.tsv");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.filter(|line| line.split('\t').count() != 5).collect::<Vec<_>>(), Vec::<&str>::new());
    }
}
