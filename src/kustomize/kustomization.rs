//! One `kustomization.yaml`: found, read and checked.

use super::FILE_NAMES;
use super::problem::{Problem, ProblemKind};
use super::schema::{self, Misfit};
use crate::files::Files;
use crate::source::{Entry, FileId, RepoPath, Span};
use crate::yaml::Node;

/// A kustomization with its fields under their proper names.
#[derive(Clone, Debug)]
pub(super) struct Kustomization {
    pub(super) directory: RepoPath,
    pub(super) file: FileId,
    pub(super) root: Node,
}

/// `kind` of kustomizations that work on what their user has gathered.
pub(super) const COMPONENT: &str = "Component";

impl Kustomization {
    /// Entries of a list field.
    pub(super) fn list(&self, field: &str) -> &[Node] {
        self.root.get(field).map(Node::items).unwrap_or_default()
    }

    /// Texts of a list field.
    pub(super) fn texts(&self, field: &str) -> impl Iterator<Item = (&str, Span)> {
        self.list(field).iter().filter_map(|item| Some((item.as_str()?, item.span)))
    }

    /// A text field, unless it is empty.
    pub(super) fn text(&self, field: &str) -> Option<(&str, Span)> {
        let node = self.root.get(field)?;
        node.as_str().filter(|text| !text.is_empty()).map(|text| (text, node.span))
    }

    pub(super) fn is_component(&self) -> bool {
        self.root.str_at(&["kind"]) == Some(COMPONENT)
    }

    /// The file's name without its directory.
    pub(super) fn file_name(&self, files: &Files) -> String {
        files.sources.file(self.file).path.file_name().to_owned()
    }
}

/// The kustomization files in a directory, in the order in which kustomize tries their names.
pub(super) fn files_in(files: &Files, directory: &RepoPath) -> Vec<FileId> {
    let entry = |name: &&str| match files.sources.entry(&directory.join(name)?)? {
        Entry::File(id) => Some(id),
        Entry::Directory => None,
    };
    FILE_NAMES.iter().filter_map(entry).collect()
}

/// Reads the kustomization of a directory. `from` is the place that asks for it. Mistakes that leave something to work
/// with are pushed to `problems`.
pub(super) fn read(
    files: &Files,
    directory: &RepoPath,
    from: Option<Span>,
    problems: &mut Vec<Problem>,
) -> Result<Kustomization, Box<Problem>> {
    let location = files.sources.location(directory);
    let location = location.display();
    let found = files_in(files, directory);
    let file = match found.as_slice() {
        [file] => *file,
        [] => {
            let words = format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{location}'"
            );
            let message = format!("the directory `{directory}` has no kustomization.yaml");
            let span = from.unwrap_or(Span::start_of(FileId(0)));
            return Err(Box::new(Problem::new(ProblemKind::ResourceMissing, span, message).upstream(words)));
        }
        [first, second, ..] => {
            let words = format!("Found multiple kustomization files under: {location}\n");
            let name = |id: FileId| files.sources.file(id).path.file_name().to_owned();
            let message = format!(
                "`{directory}` holds two kustomization files, {} and {}; kustomize refuses to choose",
                name(*first),
                name(*second)
            );
            let mut problem = Problem::new(ProblemKind::BuildFails, Span::start_of(*second), message).upstream(words);
            problem.related.push((Span::start_of(*first), "the other one".to_owned()));
            return Err(Box::new(problem.help("delete one of them")));
        }
    };
    let stream = files.stream(file);
    let fails = |span: Span, message: String, words: String| {
        Box::new(Problem::new(ProblemKind::BuildFails, span, message).upstream(words))
    };
    if let Some(problem) = stream.problems.iter().find(|problem| problem.kind.loses_content()) {
        let why = problem.kind.message();
        let words = format!("invalid Kustomization: error converting YAML to JSON: yaml: {why}");
        return Err(fails(problem.span, format!("the kustomization is not valid YAML: {why}"), words));
    }
    let root = stream.documents.first().and_then(|document| document.root.as_ref());
    let Some(root) = root.filter(|root| !root.is_null()) else {
        let message = "the kustomization is empty: kustomize refuses to build it";
        let problem = Problem::new(ProblemKind::Empty, Span::start_of(file), message);
        return Err(Box::new(problem.upstream("kustomization.yaml is empty")));
    };
    let mut misfits = Vec::new();
    let fitted = schema::fit(root, schema::KUSTOMIZATION, "Kustomization", &mut misfits);
    problems.extend(misfits.into_iter().map(misfit));
    let Some(fitted) = fitted.filter(|root| root.as_mapping().is_some()) else {
        let message = "the kustomization is not a map of fields".to_owned();
        return Err(fails(root.span, message, "invalid Kustomization: json: cannot unmarshal".to_owned()));
    };
    let kustomization = Kustomization { directory: directory.clone(), file, root: fitted };
    check_header(&kustomization, root, &location.to_string(), problems)?;
    Ok(kustomization)
}

fn check_header(
    kustomization: &Kustomization,
    root: &Node,
    location: &str,
    problems: &mut Vec<Problem>,
) -> Result<(), Box<Problem>> {
    let fields = kustomization.root.entries();
    if fields.iter().all(|entry| matches!(entry.key.text.as_str(), "kind" | "apiVersion")) {
        // An empty list is a field to kustomize, a null one is none.
        if root
            .entries()
            .iter()
            .all(|entry| matches!(entry.key.text.as_str(), "kind" | "apiVersion") || entry.value.is_null())
        {
            let message = "the kustomization names nothing: it has no field besides apiVersion and kind, and \
                           kustomize refuses to build it";
            let problem = Problem::new(ProblemKind::Empty, root.span, message);
            return Err(Box::new(problem.upstream("kustomization.yaml is empty")));
        }
    }
    let kind = kustomization.root.get("kind");
    let name = kind.and_then(Node::as_str).unwrap_or("Kustomization");
    let mut wrong = |node: Option<&Node>, message: String, help: String, words: String| {
        let words = format!("Failed to read kustomization file under {location}:\n{words}");
        let span = node.map_or(root.span, |node| node.span);
        problems.push(Problem::new(ProblemKind::HeaderInvalid, span, message).upstream(words).help(help));
    };
    if !matches!(name, "" | "Kustomization" | COMPONENT) {
        let message = format!("kustomize builds nothing of the kind `{name}`, and refuses the whole file");
        let help = "write `kind: Kustomization`, or `kind: Component` for what others list under `components`";
        wrong(kind, message, help.to_owned(), "kind should be Kustomization or Component".to_owned());
    }
    let required =
        if name == COMPONENT { "kustomize.config.k8s.io/v1alpha1" } else { "kustomize.config.k8s.io/v1beta1" };
    let version = kustomization.root.get("apiVersion");
    let written = version.and_then(Node::as_str).filter(|version| !version.is_empty() && *version != required);
    if let Some(written) = written {
        let whose = if written.contains("fluxcd.io") { "; it is the one of Flux's own objects" } else { "" };
        let message =
            format!("`{written}` is not the apiVersion of a kustomize {name}{whose}; kustomize refuses the whole file");
        let words = format!("apiVersion for {name} should be {required}");
        wrong(version, message, format!("write `apiVersion: {required}`"), words);
    }
    Ok(())
}

fn misfit(misfit: Misfit) -> Problem {
    let words = format!("invalid Kustomization: {}", misfit.why);
    let kind = if misfit.unknown.is_some() { ProblemKind::FieldUnknown } else { ProblemKind::BuildFails };
    let (message, help) = match &misfit.unknown {
        Some((name, known)) => {
            let nearest = super::nearest(name, known.iter().copied());
            let help = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
            (format!("kustomize does not know the field `{name}` and refuses the whole file"), help)
        }
        None => {
            let type_name = misfit.why.rsplit("of type ").next().unwrap_or_default();
            let help = (type_name == "string").then(|| "put the value in quotes".to_owned());
            (format!("kustomize refuses the whole file: {}", misfit.why.trim_start_matches("json: ")), help)
        }
    };
    let mut problem = Problem::new(kind, misfit.span, message).upstream(words);
    problem.help = help;
    problem
}
