//! See `rules/argocd/argocd-kustomize-helm-disabled.md`.

use crate::gitops::{Declared, FileClass, SourceKind, Standing, standing};
use crate::kubernetes::Object;
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
    place.or_else(|| patched(repository))
}

/// Where a kustomization patches argocd-cm of Argo CD's own manifests, which are fetched and so not built here; `None` if
/// there is no such patch, or if the option is written anywhere.
fn patched(repository: &Repository) -> Option<Span> {
    let is_argocd = |resource: &Node| {
        let text = resource.as_str().unwrap_or_default();
        text.contains("argoproj/argo-cd") && text.contains("/manifests")
    };
    let place = repository.inventory.kustomizations.iter().find_map(|(directory, file)| {
        let stream = repository.files.stream(*file);
        let root = stream.documents.first()?.root.as_ref()?;
        let list = |key: &str| root.get(key).map(Node::items).unwrap_or_default();
        if standing(&repository.files.sources.file(*file).path) != Standing::Deployed
            || !list("resources").iter().any(is_argocd)
        {
            return None;
        }
        let documents = list("patches").iter().chain(list("patchesStrategicMerge")).filter_map(|entry| {
            let inline = entry.get("patch").or(Some(entry).filter(|entry| entry.as_str().is_some_and(is_inline)));
            if let Some(text) = inline {
                return Some(repository.files.embedded(text).documents);
            }
            let path = directory.join(entry.str_at(&["path"]).or(entry.as_str())?)?;
            Some(repository.files.stream(repository.files.file_at(&path)?.id).documents.clone())
        });
        let mut objects = documents.flatten().filter_map(|document| Object::new(document.root?));
        objects.find_map(|object| {
            let is_it = object.id.is("", "ConfigMap") && object.id.name == "argocd-cm";
            (is_it && object.root.get("data").is_some()).then(|| object.name_span())
        })
    })?;
    let files = repository.files.sources.files();
    let mut texts = files.iter().filter(|file| crate::is_yaml(&file.path)).filter_map(|file| file.text());
    (!texts.any(|text| text.contains("kustomize.buildOptions") && text.contains("--enable-helm"))).then_some(place)
}

/// Whether an entry of `patchesStrategicMerge` is a patch itself, not the path of one.
fn is_inline(text: &str) -> bool {
    text.contains('\n')
}

/// Whether a map of settings gives Kustomize the option, for every version or for one, or can't be known.
fn may_enable(settings: &Node) -> bool {
    let options = settings.entries().iter().filter(|entry| entry.key.text.starts_with("kustomize.buildOptions"));
    settings.is_unknown()
        || options
            .map(|entry| &entry.value)
            .any(|value| value.as_text().is_none_or(|text| text.contains("--enable-helm")))
}
