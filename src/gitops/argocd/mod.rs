//! Argo CD: Applications and ApplicationSets to apps.
//!
//! Left out: AppProjects and what they permit, which is a matter of rules.

mod application;
mod application_set;
mod directory;
mod generators;
mod helm;
mod kustomize_overlay;
mod parameters;
mod source;

use std::collections::BTreeMap;

pub use application::Application;
pub(super) use application_set::application_set;
pub use generators::generator_files;
pub use parameters::NO_VALUE;

use super::inventory::Inventory;
use super::own_repository::Votes;
use super::{App, Declared, Destination, Standing};
use crate::files::Files;
use crate::kubernetes::Object;
use crate::source::{Entry, FileId, RepoPath};
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::Node;

/// One Application.
pub(super) fn application(object: &Object, inventory: &Inventory, files: &Files) -> App {
    let spec = object.root.get("spec");
    let text = |path: &[&str]| spec.and_then(|spec| spec.at(path)).and_then(Node::as_text).unwrap_or_default();
    let cluster = [text(&["destination", "name"]), text(&["destination", "server"])];
    let mut app = App {
        name: object.id.name.to_string(),
        declared: Declared::ArgoApplication(object.name_span()),
        destination: Destination {
            cluster: cluster.into_iter().find(|cluster| !cluster.is_empty()).unwrap_or_default().to_owned(),
            namespace: text(&["destination", "namespace"]).to_owned(),
        },
        project: text(&["project"]).to_owned(),
        sources: Vec::new(),
        unresolved: Vec::new(),
        application: Some(Application::new(object)),
        standing: Standing::Deployed,
    };
    let sources: Vec<&Node> = spec.map(sources).unwrap_or_default();
    if sources.is_empty() {
        app.unresolved.push(Unresolved::at(object.name_span(), Cause::Invalid, "the Application names no source"));
    }
    for source in &sources {
        source::read(source, &sources, &mut app, inventory, files);
    }
    app
}

/// The sources in force: `sources` overrides `source`.
fn sources(spec: &Node) -> Vec<&Node> {
    match spec.get("sources").map(Node::items) {
        Some(sources) if !sources.is_empty() => sources.iter().collect(),
        _ => spec.get("source").into_iter().collect(),
    }
}

/// Counts the paths under each repository URL that exist here.
pub(super) fn vote(object: &Object, files: &Files, votes: &mut BTreeMap<String, Votes>) {
    let declared_in = files.sources.file(object.root.span.file).path.clone();
    let mut count = |url: Option<&str>, path: Option<&str>| {
        let (Some(url), Some(path)) = (url, path) else { return };
        let below = |directory: &RepoPath| {
            let path = directory.join(path).filter(|path| !path.as_str().is_empty());
            path.is_some_and(|path| files.sources.entry(&path).is_some())
        };
        let above = std::iter::successors(declared_in.parent(), RepoPath::parent);
        let votes = votes.entry(url.to_owned()).or_default();
        votes.paths += usize::from(below(&RepoPath::root()));
        // A single name may well be that of something else.
        votes.beside += usize::from(path.trim_matches('/').contains('/') && above.into_iter().any(|at| below(&at)));
    };
    let template = ["spec", "template", "spec"];
    let spec = if object.id.kind == "ApplicationSet" { object.root.at(&template) } else { object.root.get("spec") };
    let all = spec.map(sources).unwrap_or_default();
    for source in &all {
        count(source.str_at(&["repoURL"]), source.str_at(&["path"]));
        for file in source.at(&["helm", "valueFiles"]).map(Node::items).into_iter().flatten().filter_map(Node::as_str) {
            let Some((name, path)) = file.strip_prefix('$').and_then(|file| file.split_once('/')) else { continue };
            let sibling = all.iter().find(|sibling| sibling.str_at(&["ref"]) == Some(name));
            count(sibling.and_then(|sibling| sibling.str_at(&["repoURL"])), Some(path));
        }
    }
    // What a template's placeholder stands for may be written in the elements of a list.
    if all.iter().any(|source| source.str_at(&["path"]).is_some_and(|path| path.contains("{{"))) {
        let url = all.iter().find_map(|source| source.str_at(&["repoURL"]));
        for generator in object.root.at(&["spec", "generators"]).map(Node::items).unwrap_or_default() {
            let elements = generator.at(&["list", "elements"]).map(Node::items).unwrap_or_default();
            for value in elements.iter().flat_map(Node::entries).filter_map(|entry| entry.value.as_str()) {
                count(url, Some(value).filter(|value| value.contains('/')));
            }
        }
    }
    application_set::git_generators(&object.root, &mut |generator| {
        let url = generator.str_at(&["repoURL"]);
        for entry in
            ["directories", "files"].iter().flat_map(|key| generator.get(key).map(Node::items).unwrap_or_default())
        {
            // The fixed part of a pattern is enough to know whose it is.
            let fixed = entry.str_at(&["path"]).map(|path| path.split(['*', '?', '[', '{']).next().unwrap_or_default());
            count(url, fixed.map(|path| path.rsplit_once('/').map_or(path, |(directory, _)| directory)));
        }
    });
}

/// Whether a ConfigMap is Argo CD's own and lets kustomize read everywhere.
pub(super) fn config_map_loads_anywhere(object: &Object) -> bool {
    object.id.name == "argocd-cm"
        && object
            .root
            .get("data")
            .is_some_and(|data| data.entries().iter().any(|entry| options_load_anywhere(&entry.key.text, &entry.value)))
}

/// Whether a values file of the argo-cd chart lets kustomize read everywhere.
pub(super) fn values_load_anywhere(files: &Files, file: FileId) -> bool {
    let stream = files.stream(file);
    let roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
    // The chart may be a dependency, so its block may stand under its name.
    let blocks = roots.flat_map(|root| [Some(root), root.get("argo-cd"), root.get("argocd")]).flatten();
    blocks
        .filter_map(|root| root.at(&["configs", "cm"]))
        .any(|settings| settings.entries().iter().any(|entry| options_load_anywhere(&entry.key.text, &entry.value)))
}

fn options_load_anywhere(key: &str, value: &Node) -> bool {
    key.starts_with("kustomize.buildOptions")
        && value.as_str().is_some_and(|text| text.contains("LoadRestrictionsNone"))
}

/// The directory at `path` of this repository.
fn directory_at(files: &Files, path: &str) -> Option<RepoPath> {
    let path = RepoPath::root().join(path)?;
    // An empty path is the root, which an empty set of files does not know.
    (path.as_str().is_empty() || files.sources.entry(&path) == Some(Entry::Directory)).then_some(path)
}
