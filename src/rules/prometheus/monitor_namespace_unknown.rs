//! See `rules/prometheus/prometheus-monitor-namespace-unknown.md`.

use std::collections::BTreeSet;

use crate::finding::nearest;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for app in &repository.apps {
        known.insert(&app.app.destination.namespace);
        known.extend(app.releases.iter().map(|release| release.namespace.as_str()));
        for object in &app.objects {
            known.insert(repository.home_of(app, object));
            if object.id.is("", "Namespace") {
                known.insert(&object.id.name);
            }
        }
    }
    known.remove("");
    for app in &repository.apps {
        let monitors = app.objects.iter().filter(|object| {
            object.id.group == "monitoring.coreos.com"
                && matches!(object.id.kind.as_str(), "ServiceMonitor" | "PodMonitor")
        });
        for monitor in monitors {
            let names =
                monitor.root.at(&["spec", "namespaceSelector", "matchNames"]).map(Node::items).unwrap_or_default();
            for node in names {
                let Some(name) = node.as_text().filter(|name| !name.contains(['{', '$'])) else { continue };
                if known.contains(name) || repository.config.is_external("Namespace", "", name) {
                    continue;
                }
                // A namespace that nobody mentions may be somebody else's; one that is nearly named like another is not.
                let home = repository.home_of(app, monitor);
                let longer = |known: &str| {
                    let rest = known.strip_prefix(name).or_else(|| known.strip_suffix(name));
                    rest.is_some_and(|rest| rest.starts_with('-') || rest.ends_with('-'))
                };
                let meant = Some(home).filter(|home| longer(home)).or_else(|| nearest(name, known.iter().copied()));
                let Some(meant) = meant else { continue };
                findings.about(Some(app), Some(monitor));
                let message = format!(
                    "{} looks for its targets in namespace `{name}`, which nothing in this repository is in: it finds none, \
                     and nothing is scraped",
                    monitor.id
                );
                findings.report(node.span, message).label("no such namespace").help(format!("did you mean `{meant}`?"));
            }
        }
    }
}
