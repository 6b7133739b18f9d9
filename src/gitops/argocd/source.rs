//! One source of an Application: whose it is, and what it is.

use super::super::inventory::{Inventory, has_kustomization};
use super::super::{App, AppSource, SourceKind};
use super::{directory, directory_at, helm, kustomize_overlay};
use crate::files::Files;
use crate::helm::{coalesce, is_chart};
use crate::source::{RepoPath, Span};
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::Node;

/// The four ways Argo CD makes manifests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    Helm,
    Kustomize,
    Directory,
    Plugin,
}

/// Reads one source and adds it to the app. A source with `ref` alone only lends its files to its siblings.
pub(super) fn read(source: &Node, siblings: &[&Node], app: &mut App, inventory: &Inventory, files: &Files) {
    let text = |key| source.get(key).and_then(Node::as_str).filter(|text| !text.is_empty());
    let span =
        source.get("path").or(source.get("chart")).or(source.get("repoURL")).map_or(source.span, |node| node.span);
    let url = source.get("repoURL");
    if let Some(unknown) =
        ["repoURL", "path", "chart"].iter().find_map(|key| source.get(key).filter(|node| node.is_unknown()))
    {
        let reason = "this part of the template is only known to Argo CD";
        return unresolved(app, unknown.span, Cause::Template, reason);
    }
    if text("chart").is_some() {
        let releases = helm::releases(source, siblings, None, app, inventory, files);
        return add(app, span, SourceKind::Helm(releases));
    }
    let Some(path) = text("path") else {
        if text("ref").is_none() {
            unresolved(app, span, Cause::Invalid, "the source has neither a path nor a chart");
        }
        return;
    };
    let own = url.and_then(Node::as_str).is_some_and(|url| inventory.own.is_own(url));
    if !own {
        let url = url.and_then(Node::as_text).unwrap_or("no repository");
        // Even so the values are known, if it says that it is a chart.
        let is_chart = source.get("helm").is_some_and(|block| !block.is_null());
        if is_chart || url.starts_with("oci://") && path.trim_matches(['.', '/']).is_empty() {
            let releases = helm::releases(source, siblings, None, app, inventory, files);
            return add(app, span, SourceKind::Helm(releases));
        }
        return unresolved(app, span, Cause::Elsewhere, &format!("{path} lies in another repository, {url}"));
    }
    let Some(root) = directory_at(files, path) else {
        return unresolved(app, span, Cause::Missing, &format!("there is no directory {path} in this repository"));
    };
    let overridden = overridden(source, &root, &app.name, files);
    let source = overridden.as_ref().unwrap_or(source);
    let explicit = [
        ("kustomize", Tool::Kustomize),
        ("helm", Tool::Helm),
        ("directory", Tool::Directory),
        ("plugin", Tool::Plugin),
    ];
    let explicit = explicit.into_iter().find(|(key, _)| source.get(key).is_some_and(|block| !block.is_null()));
    let tool = match explicit {
        Some((_, tool)) => tool,
        None if is_chart(files, &root) => Tool::Helm,
        None if has_kustomization(files, &root) => Tool::Kustomize,
        None => Tool::Directory,
    };
    match tool {
        Tool::Helm => {
            let releases = helm::releases(source, siblings, Some(&root), app, inventory, files);
            add(app, span, SourceKind::Helm(releases));
        }
        Tool::Kustomize => {
            let overlay = source.get("kustomize").and_then(kustomize_overlay::overlay);
            let load_anywhere = inventory.argocd_loads_anywhere;
            add(app, span, SourceKind::Kustomize { directory: root, overlay, load_anywhere, substitution: None });
        }
        Tool::Directory => {
            for pattern in directory::broken_patterns(source.get("directory")) {
                let reason = format!("`{}` is no pattern; it matches nothing", pattern.as_str().unwrap_or_default());
                app.unresolved.push(Unresolved::at(pattern.span, Cause::Invalid, reason));
            }
            if let Some(program) = directory::program(source.get("directory"), &root, files) {
                let reason = format!("{program} is a Jsonnet program, which presync does not run");
                app.unresolved.push(Unresolved::at(span, Cause::Unsupported, reason));
            }
            let found = directory::files(source.get("directory"), &root, files);
            // A pattern may well find nothing: ApplicationSets ask every directory alike.
            let says_nothing = app.unresolved.is_empty() && source.at(&["directory", "include"]).is_none();
            if found.is_empty() && says_nothing {
                let reason = format!("there is no manifest in {path}");
                app.unresolved.push(Unresolved::at(span, Cause::Missing, reason));
            }
            add(app, span, SourceKind::Directory { files: found });
        }
        Tool::Plugin => plugin(source, app, span, root, inventory, files),
    }
}

/// Files in a source's directory that change its parameters: for every app that uses it, then for the one of this name.
const OVERRIDES: &str = ".argocd-source";

/// Fields that those files leave alone, because they say where the source is.
const FIXED: [&str; 5] = ["repoURL", "targetRevision", "path", "chart", "ref"];

/// The source with what `.argocd-source.yaml` and `.argocd-source-APP.yaml` say, as JSON merge patches. `None` if there
/// is neither.
fn overridden(source: &Node, directory: &RepoPath, app: &str, files: &Files) -> Option<Node> {
    let mut changed = None;
    for name in [format!("{OVERRIDES}.yaml"), format!("{OVERRIDES}-{app}.yaml")] {
        let Some(file) = directory.join(&name).and_then(|path| files.file_at(&path)) else { continue };
        let stream = files.stream(file.id);
        let root = stream.documents.first().and_then(|document| document.root.as_ref());
        let Some(mut patch) = root.filter(|root| root.as_mapping().is_some()).cloned() else { continue };
        if let Some(mapping) = patch.as_mapping_mut() {
            mapping.retain(|entry| !FIXED.contains(&entry.key.text.as_str()));
        }
        changed = Some(coalesce(changed.as_ref().unwrap_or(source), &patch));
    }
    changed
}

/// What a plugin makes is not known. What it most likely starts from is, and is better judged than not at all.
fn plugin(source: &Node, app: &mut App, span: Span, root: RepoPath, inventory: &Inventory, files: &Files) {
    let name = source.at(&["plugin", "name"]).and_then(Node::as_text);
    let name = name.map_or("a plugin that Argo CD chooses".to_owned(), |name| format!("the plugin {name}"));
    let place = source.get("plugin").map_or(span, |block| block.span);
    let with = if has_kustomization(files, &root) {
        let load_anywhere = inventory.argocd_loads_anywhere;
        add(app, span, SourceKind::Kustomize { directory: root, overlay: None, load_anywhere, substitution: None });
        "the kustomization is built as it stands"
    } else if is_chart(files, &root) {
        let releases = helm::releases(source, &[], Some(&root), app, inventory, files);
        add(app, span, SourceKind::Helm(releases));
        "the chart is read as it stands"
    } else {
        add(app, span, SourceKind::Directory { files: directory::files(None, &root, files) });
        "the manifests are read as they stand"
    };
    let reason = format!("{name} may change what is built; {with}");
    app.unresolved.push(Unresolved::at(place, Cause::Unsupported, reason));
}

fn add(app: &mut App, span: Span, kind: SourceKind) {
    app.sources.push(AppSource { span: Some(span), kind });
}

fn unresolved(app: &mut App, span: Span, cause: Cause, reason: &str) {
    app.unresolved.push(Unresolved::at(span, cause, reason));
    add(app, span, SourceKind::Unresolved);
}
