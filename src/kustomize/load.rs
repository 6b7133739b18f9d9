//! Which files a kustomization may name, and what stands there.

use std::path::Path;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::GitignoreBuilder;

use super::problem::{Problem, ProblemKind};
use crate::files::Files;
use crate::source::{Entry, RepoPath, SourceFile, Span};

/// What a path in a kustomization leads to.
pub(super) enum Target {
    File(Arc<SourceFile>),
    Directory(RepoPath),
    Missing,
}

/// Reads a path as written in a file of `directory`; `None` if it leaves the repository.
pub(super) fn path_from(files: &Files, directory: &RepoPath, text: &str) -> Option<RepoPath> {
    if text.starts_with('/') { files.sources.relative(Path::new(text)) } else { directory.join(text) }
}

/// What stands at a path as written in a file of `directory`.
pub(super) fn target(files: &Files, directory: &RepoPath, text: &str) -> Target {
    let Some(path) = path_from(files, directory, text) else { return Target::Missing };
    match files.sources.entry(&path) {
        Some(Entry::File(id)) => Target::File(files.sources.file(id)),
        Some(Entry::Directory) => Target::Directory(files.sources.resolve(&path)),
        None => Target::Missing,
    }
}

/// Whether kustomize would fetch this from elsewhere: a URL, `git@host:path`, `github.com/…`.
pub(super) fn is_remote(text: &str) -> bool {
    if text.starts_with('/') || text.starts_with("./") || text.starts_with("../") {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let text = lower.strip_prefix("git::").unwrap_or(&lower);
    let scheme = ["https://", "http://", "ssh://", "file://", "git://", "oci://", "s3://", "gcs://", "hg::"];
    let scp = text.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'));
    lower.starts_with("git::")
        || scheme.iter().any(|scheme| text.starts_with(scheme))
        || scp
        || text.starts_with("github.com/")
        || text.starts_with("github.com:")
        || text.contains("?ref=")
        || text.contains(".git//")
}

/// The file at a path that a kustomization names for anything but `resources`: a patch, a generator's source.
pub(super) fn file(
    files: &Files,
    directory: &RepoPath,
    text: &str,
    span: Span,
    load_anywhere: bool,
) -> Result<Arc<SourceFile>, Box<Problem>> {
    let location = location(files, directory, text);
    match target(files, directory, text) {
        Target::File(file) => {
            if !load_anywhere && !files.sources.resolve(&file.path).is_within(&files.sources.resolve(directory)) {
                return Err(Box::new(outside(files, directory, text, span)));
            }
            Ok(file)
        }
        Target::Directory(_) => {
            let message = format!("`{text}` is a directory; a file is needed here");
            let words = format!("'{location}' must resolve to a file");
            Err(Box::new(Problem::new(ProblemKind::BuildFails, span, message).upstream(words)))
        }
        Target::Missing if is_remote(text) => {
            let message =
                format!("`{text}` is fetched over the network, which presync does not do; what it holds is left out");
            Err(Box::new(Problem::new(ProblemKind::NotBuilt, span, message)))
        }
        Target::Missing => Err(Box::new(missing(files, directory, text, span))),
    }
}

/// The file system path that kustomize's messages name.
pub(super) fn location(files: &Files, directory: &RepoPath, text: &str) -> String {
    match path_from(files, directory, text) {
        Some(path) => files.sources.location(&path).display().to_string(),
        None => files.sources.location(directory).join(text).display().to_string(),
    }
}

/// A file that lies outside the kustomization's directory, which kustomize refuses to read.
pub(super) fn outside(files: &Files, directory: &RepoPath, text: &str, span: Span) -> Problem {
    let root = files.sources.location(directory).display().to_string();
    let words = format!("security; file '{}' is not in or below '{root}'", location(files, directory, text));
    let message = format!(
        "`{text}` lies outside the directory of this kustomization, and kustomize reads files only from there or below"
    );
    let help = "list the directory that holds the file, with a kustomization.yaml of its own, or move the file; \
                `--load-restrictor LoadRestrictionsNone` lifts the rule where the controller allows it";
    Problem::new(ProblemKind::LoadRestriction, span, message).upstream(words).help(help)
}

/// A path at which nothing stands, with the nearest name that is there.
pub(super) fn missing(files: &Files, directory: &RepoPath, text: &str, span: Span) -> Problem {
    let place = location(files, directory, text);
    let words = format!("evalsymlink failure on '{place}' : lstat {place}: no such file or directory");
    let path = path_from(files, directory, text);
    let pattern = path.as_ref().and_then(|path| ignored_by(files, path));
    if let Some(path) = path.as_ref().filter(|path| pattern.is_some() || files.sources.exists_unlisted(path)) {
        let message = format!(
            "`{text}` is not in the repository, because Git is told to ignore `{path}`: whoever builds this from Git finds no \
             such file, and the whole kustomization fails"
        );
        let problem = Problem::new(ProblemKind::FileIgnored, span, message).upstream(words);
        let problem = pattern.into_iter().fold(problem, |problem, span| problem.related(span, "ignored by this line"));
        return problem.help(
            "commit the file, encrypted if it is secret, or let the cluster fetch the secret itself, as with an ExternalSecret",
        );
    }
    let message = match &path {
        Some(_) => format!("`{text}` does not exist, so the whole kustomization fails to build"),
        None => format!("`{text}` leads out of the repository, so nothing can be built from it here"),
    };
    let mut problem = Problem::new(ProblemKind::ResourceMissing, span, message).upstream(words);
    let is_two_lines = text.contains(" - ") && files.sources.file(span.file).slice(span).contains('\n');
    problem.help = if is_two_lines {
        Some("this is one text over several lines: begin each `-` of the list in one column".to_owned())
    } else {
        path.and_then(|path| nearest_path(files, directory, &path)).map(|found| format!("did you mean `{found}`?"))
    };
    problem
}

/// The line of a `.gitignore` that keeps a path out of the repository.
fn ignored_by(files: &Files, path: &RepoPath) -> Option<Span> {
    let mut directories: Vec<RepoPath> = std::iter::successors(path.parent(), RepoPath::parent).collect();
    directories.reverse();
    let mut found = None;
    for directory in directories {
        let Some(file) = directory.join(".gitignore").and_then(|path| files.file_at(&path)) else { continue };
        let below = path.relative_to(&directory);
        let mut start = 0;
        for line in file.text().unwrap_or_default().split_inclusive('\n') {
            let pattern = line.trim_end();
            let mut builder = GitignoreBuilder::new("");
            // One pattern at a time tells which of them decides. One that can't be read is none to Git either.
            let matcher = builder.add_line(None, pattern).ok().and_then(|builder| builder.build().ok());
            match matcher.map(|matcher| matcher.matched_path_or_any_parents(&below, false).map(|_| ())) {
                Some(Match::Ignore(())) => found = Some(Span::new(file.id, start, start + pattern.len())),
                Some(Match::Whitelist(())) => found = None,
                _ => {}
            }
            start += line.len();
        }
    }
    found
}

/// The path of a file or directory that may be meant: the same name elsewhere, or a name like it in the same place.
fn nearest_path(files: &Files, directory: &RepoPath, path: &RepoPath) -> Option<String> {
    let name = path.file_name();
    let parent = path.parent()?;
    let siblings = files.sources.children(&parent);
    // Of files only the part before the extension is compared, so that `p.yaml` is not taken for a slip of `a.yaml`.
    let names = siblings.iter().map(RepoPath::file_name);
    let near = match name.rsplit_once('.') {
        None => super::nearest(name, names).map(str::to_owned),
        Some((stem, _)) if stem.chars().count() < 3 => None,
        Some((stem, extension)) => {
            let stems = names.filter_map(|other| other.strip_suffix(extension)?.strip_suffix('.'));
            let same = super::nearest(stem, stems).map(|stem| format!("{stem}.{extension}"));
            let siblings = siblings.iter().map(RepoPath::file_name);
            let is_other = |other: &&str| other.rsplit_once('.').is_some_and(|(other, _)| other == stem);
            same.or_else(|| siblings.filter(|other| *other != name).find(is_other).map(str::to_owned))
        }
    };
    if let Some(nearest) = near {
        return Some(parent.join(&nearest)?.relative_to(directory));
    }
    // The same name elsewhere: the place whose way ends like the one that is written.
    let written: Vec<&str> = path.as_str().split('/').collect();
    let alike = |other: &RepoPath| {
        other.as_str().rsplit('/').zip(written.iter().rev()).take_while(|(own, written)| own == *written).count()
    };
    let mut elsewhere: Vec<(usize, usize, String)> = Vec::new();
    for file in files.sources.files() {
        let mut candidate = Some(file.path.clone());
        while let Some(path) = candidate {
            if path.file_name() == name && path != *directory {
                let way = path.relative_to(directory);
                elsewhere.push((usize::MAX - alike(&path), way.matches('/').count(), way));
            }
            candidate = path.parent().filter(|parent| !parent.as_str().is_empty() && !name.contains('.'));
        }
    }
    elsewhere.sort();
    elsewhere.dedup();
    // A name that stands in many places says nothing alone.
    let (best, ..) = elsewhere.first()?;
    let one = *best < usize::MAX - 1 || elsewhere.len() == 1;
    elsewhere.into_iter().next().filter(|_| one).map(|(.., way)| way)
}
