//! See `rules/telegraf/telegraf-read-only-port.md`.

use toml_edit::Item;

use super::configuration::all;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for configuration in all(repository) {
        findings.about(Some(configuration.app), Some(configuration.object));
        for table in configuration.inputs("kubernetes") {
            let Some(url) = table.get("url").and_then(Item::as_str) else { continue };
            if !url.trim_end_matches('/').ends_with(":10255") {
                continue;
            }
            let message = format!(
                "telegraf asks the kubelet at {url}, its read-only port, which kubeadm and all managed offers switch off: \
                 connection refused, and no metrics"
            );
            let finding = findings.report(configuration.place(table, Some("url"), repository), message);
            finding
                .label("switched off")
                .help("write `https://…:10250`, with `bearer_token` and rights on `nodes/stats` and `nodes/proxy`");
        }
    }
}
