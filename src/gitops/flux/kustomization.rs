//! A Flux Kustomization: a directory of this repository, built with the fields that Flux lays over it.

use std::collections::BTreeSet;

use super::super::inventory::{Inventory, has_kustomization, objects_of, yaml_files};
use super::super::{App, AppSource, Declaration, Declarations, Declared, Destination, SourceKind, Standing};
use super::{Substitution, source};
use crate::files::Files;
use crate::kustomize;
use crate::source::{Entry as FileEntry, RepoPath};
use crate::unresolved::{Cause, Unresolved};
use crate::yaml::{Entry, Key, Mapping, Node};

/// Fields that have the same name and form in a kustomization.
const SAME: [&str; 5] = ["patches", "images", "components", "namePrefix", "nameSuffix"];

/// The app that a Kustomization makes.
pub(in crate::gitops) fn kustomization(
    declaration: &Declaration,
    declarations: &Declarations,
    inventory: &Inventory,
    files: &Files,
) -> App {
    let object = &declaration.object;
    let spec = object.root.get("spec");
    let text = |path: &[&str]| spec.and_then(|spec| spec.at(path)).and_then(Node::as_text).unwrap_or_default();
    let mut app = App {
        name: object.id.name.to_string(),
        declared: Declared::FluxKustomization(object.name_span()),
        destination: Destination {
            cluster: text(&["kubeConfig", "secretRef", "name"]).to_owned(),
            namespace: text(&["targetNamespace"]).to_owned(),
        },
        project: String::new(),
        sources: Vec::new(),
        unresolved: Vec::new(),
        application: None,
        standing: Standing::Deployed,
    };
    let path = spec.and_then(|spec| spec.get("path"));
    let span = path.map_or(object.name_span(), |path| path.span);
    let kind = match directory(spec, path, declaration, declarations, inventory, files) {
        Ok(directory) => {
            let overlay = overlay(spec, &directory, files);
            let find = |name: &str| declaration.config_map(name, inventory, files);
            let substitution = Substitution::read(spec, &find);
            SourceKind::Kustomize { directory, overlay, load_anywhere: true, substitution }
        }
        Err((cause, reason)) => {
            app.unresolved.push(Unresolved::at(span, cause, reason));
            SourceKind::Unresolved
        }
    };
    app.sources.push(AppSource { span: Some(span), kind });
    app
}

fn directory(
    spec: Option<&Node>,
    path: Option<&Node>,
    declaration: &Declaration,
    declarations: &Declarations,
    inventory: &Inventory,
    files: &Files,
) -> Result<RepoPath, (Cause, String)> {
    let text = match path {
        Some(path) if path.is_unknown() || path.as_text().is_some_and(|text| text.contains("${")) => {
            return Err((Cause::Template, "the path can't be known offline".to_owned()));
        }
        Some(path) => path.as_text().unwrap_or_default(),
        None => "",
    };
    let reference = spec.and_then(|spec| spec.get("sourceRef"));
    let named = reference.and_then(|reference| source(reference, declaration.namespace(), declarations));
    let url = named.and_then(|named| named.object.root.str_at(&["spec", "url"]));
    let kind = reference.and_then(|reference| reference.str_at(&["kind"])).unwrap_or("GitRepository");
    let here = RepoPath::root()
        .join(text)
        .filter(|path| path.as_str().is_empty() || files.sources.entry(path) == Some(FileEntry::Directory));
    let elsewhere = |url: &str| {
        Err((Cause::Elsewhere, format!("{} lies in another source, {url}", if text.is_empty() { "." } else { text })))
    };
    match (url, here) {
        (Some(url), Some(directory)) if inventory.own.is_own(url) => Ok(directory),
        (Some(url), None) if inventory.own.is_own(url) => {
            Err((Cause::Missing, format!("there is no directory {text} in this repository")))
        }
        // An artifact may well be packed from this repository; a path that is here, and says something, decides.
        (Some(_), Some(directory)) if kind != "GitRepository" && !directory.as_str().is_empty() => Ok(directory),
        (Some(url), _) => elsewhere(url),
        // Bootstrap makes a source that Git does not hold; then the path decides.
        (None, Some(directory)) => Ok(directory),
        (None, None) => {
            let source = match reference.and_then(|reference| reference.str_at(&["name"])) {
                Some(name) => format!("the {kind} {name} is not in this repository"),
                None => "nothing says which source it is in".to_owned(),
            };
            Err((Cause::Missing, format!("there is no directory {text} here, and {source}")))
        }
    }
}

/// The kustomization that Flux lays over the directory's own; if there is none, one that names every manifest below, as
/// Flux's generator writes it.
fn overlay(spec: Option<&Node>, directory: &RepoPath, files: &Files) -> Option<Node> {
    let span = spec.map(|spec| spec.span)?;
    let mut mapping = Mapping::default();
    if !has_kustomization(files, directory) {
        let paths = generated_resources(directory, files);
        let resources = paths.into_iter().map(|path| Node::string(path, span)).collect();
        mapping.push(Entry { key: Key::new("resources", span), value: Node::sequence(resources, span) });
    }
    let ignores_missing =
        spec.and_then(|spec| spec.get("ignoreMissingComponents")).and_then(Node::as_bool) == Some(true);
    for entry in spec.map(Node::entries).unwrap_or_default() {
        let key = entry.key.text.as_str();
        let mut push = |name: &str, value: Node| mapping.push(Entry { key: Key::new(name, entry.key.span), value });
        match key {
            "targetNamespace" => push("namespace", entry.value.clone()),
            "commonMetadata" => {
                if let Some(annotations) = entry.value.get("annotations") {
                    push("commonAnnotations", annotations.clone());
                }
                if let Some(labels) = entry.value.get("labels") {
                    let pairs = Entry { key: Key::new("pairs", labels.span), value: labels.clone() };
                    let pairs = Node::mapping(Mapping::from_iter([pairs]), labels.span);
                    push("labels", Node::sequence(vec![pairs], labels.span));
                }
            }
            "components" if ignores_missing => {
                let is_there = |item: &&Node| {
                    let path = item.as_text().and_then(|text| directory.join(text));
                    path.is_none_or(|path| files.sources.entry(&path).is_some())
                };
                let items = entry.value.items().iter().filter(is_there).cloned().collect();
                push(key, Node::sequence(items, entry.value.span));
            }
            key if SAME.contains(&key) => push(key, entry.value.clone()),
            _ => {}
        }
    }
    (!mapping.is_empty()).then(|| Node::mapping(mapping, span))
}

/// What Flux's generator finds in a directory without a kustomization: every manifest below it; a directory with a
/// kustomization of its own counts as one, and what lies below that is its own matter.
fn generated_resources(directory: &RepoPath, files: &Files) -> Vec<String> {
    let paths = yaml_files(files, directory, true);
    let is_kustomization = |path: &&RepoPath| kustomize::FILE_NAMES.contains(&path.file_name());
    let kustomizations: BTreeSet<RepoPath> =
        paths.iter().filter(is_kustomization).filter_map(RepoPath::parent).collect();
    let highest = |path: &RepoPath| {
        let above =
            std::iter::successors(path.parent(), RepoPath::parent).take_while(|above| above.is_within(directory));
        above.filter(|above| kustomizations.contains(above)).last()
    };
    let mut resources = BTreeSet::new();
    for path in &paths {
        if let Some(kustomization) = highest(path) {
            resources.insert(kustomization.relative_to(directory));
        } else if files.file_at(path).is_some_and(|file| !objects_of(files, file.id).is_empty()) {
            resources.insert(path.relative_to(directory));
        }
    }
    resources.into_iter().collect()
}
