//! See `rules/telegraf/telegraf-read-only-port.md`.

use toml_edit::Item;

use super::configuration::{all, inputs_of, releases};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for configuration in all(repository) {
        findings.about(Some(configuration.app), Some(configuration.object));
        for table in configuration.inputs("kubernetes") {
            let Some(url) = table.get("url").and_then(Item::as_str) else { continue };
            if is_read_only(url) {
                tell(url, configuration.place(table, Some("url"), repository), findings);
            }
        }
    }
    for (app, release) in releases(repository) {
        findings.about(Some(app), None);
        for node in inputs_of(release, "kubernetes").filter_map(|plugin| plugin.get("url")) {
            if let Some(url) = node.as_text().filter(|url| is_read_only(url)) {
                tell(url, node.span, findings);
            }
        }
    }
}

fn is_read_only(url: &str) -> bool {
    url.trim_end_matches('/').ends_with(":10255")
}

fn tell(url: &str, place: Span, findings: &mut Findings<'_>) {
    let message = format!(
        "telegraf asks the kubelet at {url}, its read-only port, which kubeadm and all managed offers switch off: connection \
         refused, and no metrics"
    );
    let finding = findings.report(place, message);
    finding
        .label("switched off")
        .help("write `https://…:10250`, with `bearer_token` and rights on `nodes/stats` and `nodes/proxy`");
}
