//! See `rules/api/api-version-not-served-by-default.md`.

use std::cell::OnceCell;

use super::judge::{Authority, each};
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let is_set_up = OnceCell::new();
    each(repository, findings, |case, findings| {
        let Authority::Table(row, releases) = case.authority else { return };
        let (Some(lowest), Some(highest)) = (releases.lowest, releases.highest) else { return };
        let is_there = row.introduced.is_some_and(|introduced| highest.version >= introduced)
            && row.removed.is_none_or(|removed| lowest.version < removed);
        if !row.off_by_default || !is_there || *is_set_up.get_or_init(|| sets_runtime_config(repository)) {
            return;
        }
        let message =
            format!("{} is switched off unless the API server is told otherwise. {}", case.subject(), case.refusal());
        let finding = findings.report(case.span, message).label("off by default");
        if let Some(span) = lowest.span {
            finding.related(span, format!("Kubernetes {} here", lowest.version));
        }
        let enable = format!("start kube-apiserver with `--runtime-config={}=true`", case.api_version);
        finding.help(match row.replacement {
            Some(replacement) => format!("write {replacement} if the cluster has it, or {enable}"),
            None => enable,
        });
    });
}

/// Whether a file sets up API versions by hand. The setting has many homes (kubeadm, Talos, k3s, static pods, patches in
/// text), and whoever uses one knows what is switched on.
fn sets_runtime_config(repository: &Repository) -> bool {
    let files = repository.files.sources.files();
    files
        .iter()
        .filter(|file| crate::is_yaml(&file.path))
        .any(|file| file.text().is_some_and(|text| text.contains("runtime-config") || text.contains("runtimeConfig")))
}
