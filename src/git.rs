//! An earlier state of the repository, out of Git's object store.
//!
//! The files of a revision become a set of [`Sources`] like that of a walk: the same names are left out, `.gitignore` is
//! honoured as it was then, links are kept as links, and a file is read when somebody asks for it. gix does the reading:
//! loose objects, packs with deltas, alternates, packed references, worktrees. No program is run, no connection opened,
//! and of Git's settings only those of the repository itself count.
//!
//! Left out: submodules, whose files are in other object stores; and large-file pointers, which are read as they are.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::{HashMap, HashMapExt};
use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;
use gix::{ObjectId, ThreadSafeRepository};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::discover;
use crate::source::{LONGEST_PATH, MAX_FILE_BYTES, RepoPath, Sources, Store, Unreadable};

/// More files than this come only of trees that hold each other many times over.
const MAX_FILES: usize = 1_000_000;

/// What the working tree is compared with.
pub struct Base {
    /// The files of then; their root is that of the working tree.
    pub sources: Sources,
    /// The hash of the commit.
    pub commit: String,
    /// What a user should know of how the files were found, such as what could not be compared.
    pub notes: Vec<String>,
}

/// The files that the repository at `root` had where the work since `revision` began: in the newest commit that both
/// `revision` and `HEAD` hold. So what happened to `revision` itself in the meantime counts as no change.
///
/// # Errors
/// In words for the user: there is no Git repository, no such revision, or the store is damaged.
pub fn base(root: &Path, revision: &str) -> Result<Base, String> {
    let checkout = root.ancestors().find(|ancestor| ancestor.join(".git").exists());
    let Some(checkout) = checkout else {
        return Err(format!("--since {revision}: {} is in no Git repository", root.display()));
    };
    let fail = |reason: String| format!("--since {revision}: {reason}");
    let below = root.strip_prefix(checkout).ok().and_then(Path::to_str).and_then(RepoPath::new);
    let below = below.ok_or_else(|| fail(format!("the name of {} is not UTF-8", root.display())))?;
    // What belongs to another user, as a checkout in a container does, may be read: nothing in it is run.
    let options = gix::open::Options::isolated().with(gix::sec::Trust::Full);
    let shared = ThreadSafeRepository::open_opts(checkout, options);
    let shared = shared.map_err(|error| fail(format!("the Git repository can't be opened: {}", words(&error))))?;
    let repository = shared.to_thread_local();
    let mut notes = Vec::new();
    let commit = resolve(&repository, revision, &mut notes).map_err(fail)?;
    let tree = directory(&repository, commit, &below).map_err(fail)?;
    let mut listing = Listing { root, repository: &repository, files: Vec::new(), links: Vec::new(), notes };
    listing.read(tree).map_err(fail)?;
    let Listing { mut files, mut links, notes, .. } = listing;
    files.sort();
    links.sort();
    let (paths, objects): (Vec<RepoPath>, Vec<ObjectId>) = files.into_iter().unzip();
    let mut by_path = HashMap::with_capacity(paths.len());
    by_path.extend(paths.iter().cloned().zip(objects));
    let store = Arc::new(Objects { shared, by_path, idle: Mutex::default() });
    Ok(Base { sources: Sources::stored(root.into(), paths, links, store), commit: commit.to_string(), notes })
}

/// The commit that `revision` names, or, where the two have parted, the newest that it shares with `HEAD`.
fn resolve(repository: &gix::Repository, revision: &str, notes: &mut Vec<String>) -> Result<ObjectId, String> {
    let named = repository.rev_parse_single(revision).map_err(|error| {
        let reason = match repository.is_shallow() {
            Ok(true) => {
                "the clone is shallow, so most of the history is not here. Fetch it first: `fetch-depth: 0` for \
                 actions/checkout, `GIT_DEPTH: 0` in GitLab, else `git fetch --unshallow`"
            }
            _ => "name a branch (`origin/main`), a tag, `HEAD`, `HEAD~1` or a hash, and fetch it first",
        };
        format!("no such revision is in this repository ({}); {reason}", words(&error))
    })?;
    let object = named.object().map_err(|error| missing(repository, named.detach(), &error))?;
    let commit = object.peel_to_kind(gix::object::Kind::Commit);
    let commit = commit.map_err(|error| format!("this names no commit: {}", words(&error)))?.id;
    let Ok(head) = repository.head_id() else { return Ok(commit) };
    match repository.merge_base(commit, head) {
        Ok(Some(shared)) => Ok(shared.detach()),
        // Where the history ends early, the revision itself is the best that can be had.
        _ => {
            notes.push(format!(
                "the commit where the work since {revision} began is not in this repository; compared with {revision} \
                 itself"
            ));
            Ok(commit)
        }
    }
}

/// The tree of a commit's directory. A directory that was not there then is an empty one.
fn directory(repository: &gix::Repository, commit: ObjectId, below: &RepoPath) -> Result<Option<ObjectId>, String> {
    let mut tree = repository
        .find_commit(commit)
        .and_then(|commit| commit.tree_id())
        .map_err(|error| missing(repository, commit, &error))?
        .detach();
    for part in below.as_str().split('/').filter(|part| !part.is_empty()) {
        let object = repository.find_tree(tree).map_err(|error| missing(repository, tree, &error))?;
        let decoded = object.decode().map_err(|error| missing(repository, tree, &error))?;
        let entry = decoded.entries.iter().find(|entry| entry.filename == part.as_bytes());
        match entry.filter(|entry| entry.mode.is_tree()) {
            Some(entry) => tree = entry.oid.to_owned(),
            None => return Ok(None),
        }
    }
    Ok(Some(tree))
}

/// The files of a tree, as they are found.
struct Listing<'a> {
    root: &'a Path,
    repository: &'a gix::Repository,
    files: Vec<(RepoPath, ObjectId)>,
    links: Vec<(RepoPath, RepoPath)>,
    notes: Vec<String>,
}

/// A directory that is still to be read, and the ignore files that hold in it, those of the outermost first.
struct Waiting {
    path: RepoPath,
    tree: ObjectId,
    rules: Vec<Arc<Gitignore>>,
}

impl Listing<'_> {
    fn read(&mut self, tree: Option<ObjectId>) -> Result<(), String> {
        let (exclude, _) = Gitignore::new(self.root.join(".git/info/exclude"));
        let own = Waiting { path: RepoPath::root(), tree: ObjectId::null(gix::hash::Kind::Sha1), rules: Vec::new() };
        let rules = vec![Arc::new(exclude)];
        let mut waiting: Vec<Waiting> = tree.map(|tree| Waiting { tree, rules, ..own }).into_iter().collect();
        let mut directories = 0;
        while let Some(directory) = waiting.pop() {
            self.read_directory(&directory, &mut waiting)?;
            directories += 1;
            if self.files.len() + waiting.len() + directories > MAX_FILES {
                return Err(format!("there are more than {MAX_FILES} files and directories"));
            }
        }
        Ok(())
    }

    fn read_directory(&mut self, directory: &Waiting, waiting: &mut Vec<Waiting>) -> Result<(), String> {
        let repository = self.repository;
        let tree = repository.find_tree(directory.tree).map_err(|error| missing(repository, directory.tree, &error))?;
        let tree = tree.decode().map_err(|error| missing(repository, directory.tree, &error))?;
        let mut rules = directory.rules.clone();
        rules.extend(self.ignore_files(&tree, &directory.path).map(Arc::new));
        for entry in &tree.entries {
            let Ok(name) = entry.filename.to_str() else {
                self.notes.push(format!("not compared: {}/{}: the name is not UTF-8", directory.path, entry.filename));
                continue;
            };
            // Git itself makes no such names, and no system could hold such a path.
            if matches!(name, "" | "." | "..") || name.contains('/') || discover::is_left_out(name) {
                continue;
            }
            let Some(path) = directory.path.join(name).filter(|path| path.as_str().len() <= LONGEST_PATH) else {
                continue;
            };
            let location = self.root.join(path.as_str());
            let ignored = rules.iter().rev().map(|rules| rules.matched(&location, entry.mode.is_tree()));
            if ignored.into_iter().find(|verdict| !verdict.is_none()).is_some_and(|verdict| verdict.is_ignore()) {
                continue;
            }
            let object = entry.oid.to_owned();
            match entry.mode.kind() {
                EntryKind::Tree => waiting.push(Waiting { path, tree: object, rules: rules.clone() }),
                EntryKind::Blob | EntryKind::BlobExecutable => self.files.push((path, object)),
                EntryKind::Link => {
                    let target = read_blob(repository, object).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                    // A link that leaves the repository is not followed.
                    let target = target.filter(|target| !target.starts_with('/'));
                    self.links.extend(target.and_then(|target| Some((path, directory.path.join(&target)?))));
                }
                EntryKind::Commit => {
                    self.notes
                        .push(format!("not compared: {path}: a submodule, whose files are in another repository"));
                }
            }
        }
        Ok(())
    }

    /// The patterns of a directory's own ignore files.
    fn ignore_files(&self, tree: &gix::objs::TreeRef<'_>, path: &RepoPath) -> Option<Gitignore> {
        let location: PathBuf = self.root.join(path.as_str());
        let mut builder = GitignoreBuilder::new(location);
        let mut found = false;
        // The later one has the last word.
        for name in [".gitignore", ".ignore"] {
            let entry = tree.entries.iter().find(|entry| entry.filename == name && entry.mode.is_blob());
            let text = entry.and_then(|entry| read_blob(self.repository, entry.oid.to_owned()).ok());
            let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
            for line in text.lines() {
                // A pattern that is none matches nothing, as in the walk.
                found |= builder.add_line(None, line).is_ok();
            }
        }
        builder.build().ok().filter(|_| found)
    }
}

/// The blobs of a commit's files.
struct Objects {
    shared: ThreadSafeRepository,
    by_path: HashMap<RepoPath, ObjectId>,
    /// Handles that no thread is using; each has a cache of its own.
    idle: Mutex<Vec<gix::Repository>>,
}

impl Store for Objects {
    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, Unreadable> {
        let Some(object) = self.by_path.get(path) else {
            return Err(Unreadable::Io("there is no such file".to_owned()));
        };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let repository = idle.unwrap_or_else(|| self.shared.to_thread_local());
        let bytes = read_blob(&repository, *object);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(repository);
        bytes
    }
}

fn read_blob(repository: &gix::Repository, object: ObjectId) -> Result<Vec<u8>, Unreadable> {
    let unreadable = |error: &gix::Error| Unreadable::Io(missing(repository, object, error));
    let header = repository.find_header(object).map_err(|error| unreadable(&error))?;
    if header.size() > MAX_FILE_BYTES {
        return Err(Unreadable::TooLarge(header.size()));
    }
    let mut blob = repository.find_blob(object).map_err(|error| unreadable(&error))?;
    Ok(blob.take_data())
}

/// Says that an object is not there or damaged, and what may be the reason.
fn missing(repository: &gix::Repository, object: ObjectId, error: &dyn std::error::Error) -> String {
    let hint = match repository.is_shallow() {
        Ok(true) => "; the clone is shallow: fetch the history first",
        _ => "; `git fsck` says what is damaged",
    };
    format!("the object {object} can't be read from Git's store: {}{hint}", words(error))
}

/// An error and its causes in one line.
fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(|error| error.to_string().replace('\n', " ")).collect();
    texts.dedup();
    texts.join(": ")
}
