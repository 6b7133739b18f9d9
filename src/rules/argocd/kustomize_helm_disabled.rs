//! See `rules/argocd/argocd-kustomize-helm-disabled.md`.

use crate::gitops::{Declared, FileClass, SourceKind};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let Some(settings) = settings(repository) else { return };
    for app in &repository.apps {
        let Declared::ArgoApplication(_) = app.app.declared else { continue };
        // A plugin calls Kustomize as it likes.
        let sources = app.app.application.as_ref().map(crate::gitops::Application::sources).unwrap_or_default();
        if sources.iter().any(|source| source.get("plugin").is_some()) {
            continue;
        }
        let kustomize = app.app.sources.iter().any(|source| matches!(source.kind, SourceKind::Kustomize { .. }));
        let by_kustomize =
            |span: Span| matches!(repository.class(span.file), FileClass::Kustomization | FileClass::Component);
        let Some(release) = app.releases.iter().find(|release| kustomize && by_kustomize(release.chart_span)) else {
            continue;
        };
        findings.about(Some(app), None);
        let message = format!(
            "Kustomize renders the chart `{}` only with `--enable-helm`, and the configuration of Argo CD does not give it: \
             `{}` can't be built, \"must specify --enable-helm\"",
            release.chart.name, app.app.name
        );
        let finding = findings.report(release.chart_span, message);
        finding.related(settings, "Argo CD is configured here");
        finding.help("write `kustomize.buildOptions: --enable-helm` in the ConfigMap argocd-cm, with the chart argo-cd under `configs.cm`");
    }
}

/// Where Argo CD is configured without the option; `None` if it is configured elsewhere, has the option, or may have it.
fn settings(repository: &Repository) -> Option<Span> {
    let mut place = None;
    for app in &repository.apps {
        for object in app.objects.iter().filter(|object| object.id.is("", "ConfigMap") && object.id.name == "argocd-cm")
        {
            if !app.is_complete() || may_enable(object.root.get("data")?) {
                return None;
            }
            place = place.or(Some(object.name_span()));
        }
        for release in app.releases.iter().filter(|release| release.chart.name == "argo-cd") {
            let maps = [release.values.at(&["configs", "cm"]), release.values.at(&["server", "config"])];
            // Plugins beside the repo-server may take over any directory that holds a kustomization.
            let has_plugins =
                release.values.at(&["configs", "cmp", "create"]).is_some_and(|on| on.as_bool() != Some(false));
            if release.incomplete || has_plugins || maps.into_iter().flatten().any(may_enable) {
                return None;
            }
            place = place.or(Some(release.chart_span));
        }
    }
    place
}

/// Whether a map of settings gives Kustomize the option, for every version or for one, or can't be known.
fn may_enable(settings: &Node) -> bool {
    let options = settings.entries().iter().filter(|entry| entry.key.text.starts_with("kustomize.buildOptions"));
    settings.is_unknown()
        || options
            .map(|entry| &entry.value)
            .any(|value| value.as_text().is_none_or(|text| text.contains("--enable-helm")))
}
