//! Files of the repository, their bytes, and places in them.
//!
//! Bytes come from the file system, from memory, or from whatever [`Store`] a set is made with. This module knows
//! nothing of YAML: it hands out text, and turns byte offsets into lines and columns.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock, RwLock};

use foldhash::{HashMap, HashMapExt};

/// Largest file that is read, in bytes. An object that the API server accepts has at most 1.5 MiB, so a larger text is
/// not a manifest; reading it whole would only cost memory.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Identifies a file within one [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u32);

/// A range of bytes in one file; `end` is exclusive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

impl Span {
    /// A span of `file` from `start` to `end`, in bytes.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        // Files are at most MAX_FILE_BYTES long, so offsets fit.
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { file, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The empty span at the start of `file`.
    pub fn start_of(file: FileId) -> Self {
        Self { file, start: 0, end: 0 }
    }

    /// The bytes as a range for slicing the file's text.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The smallest span that covers both. The spans must be of one file; else `self` is returned.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether all of `other` lies in this span.
    pub fn holds(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }
}

/// A path relative to the repository's root, with `/` between its parts, without `.` or `..`; empty for the root itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RepoPath(Arc<str>);

impl RepoPath {
    /// The repository's root.
    pub fn root() -> Self {
        Self::default()
    }

    /// Normalises `path`. `None` if it is absolute or climbs above the root.
    pub fn new(path: &str) -> Option<Self> {
        if path.starts_with('/') { None } else { Self::root().join(path) }
    }

    /// Resolves `relative` against this directory. A leading `/` is not special here: callers decide what an absolute
    /// path means. `None` if the result would lie outside the repository.
    pub fn join(&self, relative: &str) -> Option<Self> {
        let mut parts: Vec<&str> = self.0.split('/').filter(|part| !part.is_empty()).collect();
        for part in relative.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        Some(Self(parts.join("/").into()))
    }

    /// The text, with `/` between parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory that holds this path; the root's parent is `None`.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map_or("", |(parent, _)| parent).into()))
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The text after the last dot of the file name, if there is one.
    pub fn extension(&self) -> Option<&str> {
        self.file_name().rsplit_once('.').map(|(_, extension)| extension)
    }

    /// Whether this path is `directory` or lies below it.
    pub fn is_within(&self, directory: &RepoPath) -> bool {
        directory.0.is_empty()
            || self.0.strip_prefix(&*directory.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// This path as one would write it in a file of `directory`, with `..` where needed.
    pub fn relative_to(&self, directory: &RepoPath) -> String {
        let own: Vec<&str> = self.0.split('/').filter(|part| !part.is_empty()).collect();
        let base: Vec<&str> = directory.0.split('/').filter(|part| !part.is_empty()).collect();
        let shared = own.iter().zip(&base).take_while(|(a, b)| a == b).count();
        let up = std::iter::repeat_n("..", base.len() - shared);
        let path: Vec<&str> = up.chain(own[shared..].iter().copied()).collect();
        if path.is_empty() { ".".to_owned() } else { path.join("/") }
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// What stands at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A regular file.
    File(FileId),
    /// A directory.
    Directory,
}

/// Why a file has no text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// The operating system refused, with its words.
    Io(String),
    /// Larger than [`MAX_FILE_BYTES`]; the size in bytes.
    TooLarge(u64),
    /// Not a regular file: a pipe, a socket, a device.
    NotRegular,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(reason) => f.write_str(reason),
            Self::TooLarge(bytes) => write!(f, "it has {bytes} bytes, more than presync reads"),
            Self::NotRegular => f.write_str("it is not a regular file"),
        }
    }
}

/// Line and column of a byte, both from 1; the column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One file: its path, and its bytes once somebody asked for them.
pub struct SourceFile {
    /// The file's number.
    pub id: FileId,
    /// The path from the repository's root.
    pub path: RepoPath,
    store: Arc<dyn Store>,
    contents: OnceLock<Result<Contents, Unreadable>>,
    line_starts: OnceLock<Vec<u32>>,
    /// Number of characters before each block of [`COLUMN_BLOCK`] bytes.
    characters: OnceLock<Vec<u32>>,
}

/// Bytes between two counts of characters: a column costs at most that many bytes, however long its line is.
const COLUMN_BLOCK: usize = 1024;

/// What a file holds. Whether it is text is decided once, because to decide it costs the whole file.
enum Contents {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Vec<u8>> for Contents {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Text)
    }
}

impl SourceFile {
    /// The file's bytes, read at the first call.
    ///
    /// # Errors
    /// Says why the file can't be read.
    pub fn bytes(&self) -> Result<&[u8], &Unreadable> {
        self.contents().map(|contents| match contents {
            Contents::Text(text) => text.as_bytes(),
            Contents::Bytes(bytes) => bytes,
        })
    }

    /// The file's text; `None` if it can't be read or is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        match self.contents() {
            Ok(Contents::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn contents(&self) -> Result<&Contents, &Unreadable> {
        self.contents.get_or_init(|| self.store.read(&self.path).map(Contents::from)).as_ref()
    }

    fn new(id: FileId, path: RepoPath, store: Arc<dyn Store>) -> Self {
        let (contents, line_starts, characters) = Default::default();
        Self { id, path, store, contents, line_starts, characters }
    }

    /// The text a span covers; empty if the span does not lie in this file's text.
    pub fn slice(&self, span: Span) -> &str {
        self.text().and_then(|text| text.get(span.range())).unwrap_or_default()
    }

    /// Byte offsets at which lines start; the first is 0.
    pub fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let bytes = self.bytes().unwrap_or_default();
            let after_newline =
                |(at, byte): (usize, &u8)| (*byte == b'\n').then(|| u32::try_from(at + 1).unwrap_or(u32::MAX));
            std::iter::once(0).chain(bytes.iter().enumerate().filter_map(after_newline)).collect()
        })
    }

    /// Index of the line that holds the byte, from 0.
    pub fn line_index(&self, offset: u32) -> usize {
        self.line_starts().partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Line and column of a byte. Offsets beyond the end give the end.
    pub fn position(&self, offset: u32) -> Position {
        let bytes = self.bytes().unwrap_or_default();
        let offset = offset.min(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let line = self.line_index(offset);
        let start = self.line_starts().get(line).copied().unwrap_or(0);
        let mut column = self.characters_before(offset) - self.characters_before(start);
        // A byte order mark takes no column.
        if line == 0 && offset >= 3 && bytes.starts_with(b"\xEF\xBB\xBF") {
            column -= 1;
        }
        Position { line: u32::try_from(line + 1).unwrap_or(u32::MAX), column: column + 1 }
    }

    /// Number of characters that start before a byte of the file.
    fn characters_before(&self, offset: u32) -> u32 {
        let bytes = self.bytes().unwrap_or_default();
        let counts = self.characters.get_or_init(|| {
            let blocks = bytes.chunks(COLUMN_BLOCK).scan(0, |total, block| {
                *total += characters(block);
                Some(*total)
            });
            std::iter::once(0).chain(blocks).collect()
        });
        let block = offset as usize / COLUMN_BLOCK;
        let rest = bytes.get(block * COLUMN_BLOCK..offset as usize).unwrap_or_default();
        counts.get(block).copied().unwrap_or(0) + characters(rest)
    }

    /// The text of a line without its line break; `line` counts from 0.
    pub fn line(&self, line: usize) -> &str {
        let starts = self.line_starts();
        let Some(text) = self.text() else { return "" };
        let Some(start) = starts.get(line) else { return "" };
        let end = starts.get(line + 1).map_or(text.len(), |next| *next as usize);
        text.get(*start as usize..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }
}

/// A UTF-8 character has exactly one byte that is not a continuation byte.
fn characters(bytes: &[u8]) -> u32 {
    let count = bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Where the bytes of files come from.
pub trait Store: Send + Sync {
    /// The bytes of one file, of which there are at most [`MAX_FILE_BYTES`].
    ///
    /// # Errors
    /// Says why the file can't be read.
    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, Unreadable>;
}

/// The files below a directory.
struct Directory(Arc<Path>);

impl Store for Directory {
    fn read(&self, path: &RepoPath) -> Result<Vec<u8>, Unreadable> {
        read(&self.0.join(path.as_str()))
    }
}

fn read(location: &Path) -> Result<Vec<u8>, Unreadable> {
    let io = |error: std::io::Error| Unreadable::Io(error.to_string());
    let metadata = std::fs::metadata(location).map_err(io)?;
    if !metadata.is_file() {
        return Err(Unreadable::NotRegular);
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(Unreadable::TooLarge(metadata.len()));
    }
    let bytes = std::fs::read(location).map_err(io)?;
    // The file may have grown between the two calls.
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Unreadable::TooLarge(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Every file that presync may read, each with a number.
///
/// A *listed* set knows its files from one walk and answers from memory. An *open* set asks the file system for each new
/// path, which serves `presync build DIR`: it touches only what the build needs.
pub struct Sources {
    root: Arc<Path>,
    store: Arc<dyn Store>,
    open: bool,
    state: RwLock<State>,
}

#[derive(Clone, Default)]
struct State {
    files: Vec<Arc<SourceFile>>,
    by_path: HashMap<RepoPath, FileId>,
    /// Children of each directory by name, directories included. Filled for listed sets only.
    directories: BTreeMap<RepoPath, Vec<RepoPath>>,
    /// Symbolic links that were not followed by the walk, with the target inside the repository.
    links: HashMap<RepoPath, RepoPath>,
    /// What an open set has learnt of paths: a build asks for the same directories again and again.
    places: HashMap<RepoPath, Option<Place>>,
}

/// Bytes that a path may have on Linux; what is longer leads nowhere.
pub const LONGEST_PATH: usize = 4096;

/// Where a path of an open set leads to.
#[derive(Clone)]
struct Place {
    /// The path without symbolic links.
    location: Arc<Path>,
    is_directory: bool,
}

impl Sources {
    /// A set that holds exactly `files`, and `links` from a symbolic link's path to its target.
    /// Numbers follow the order of `files`; pass them sorted, so that equal repositories give equal numbers.
    pub fn listed(root: PathBuf, files: Vec<RepoPath>, links: Vec<(RepoPath, RepoPath)>) -> Self {
        let root: Arc<Path> = root.into();
        let store = Arc::new(Directory(Arc::clone(&root)));
        Self::stored(root, files, links, store)
    }

    /// As [`Sources::listed`], with the bytes of the files from `store`.
    pub fn stored(
        root: Arc<Path>,
        files: Vec<RepoPath>,
        links: Vec<(RepoPath, RepoPath)>,
        store: Arc<dyn Store>,
    ) -> Self {
        let mut state = State { by_path: HashMap::with_capacity(files.len()), ..State::default() };
        state.directories.insert(RepoPath::root(), Vec::new());
        for path in files {
            let mut child = path.clone();
            while let Some(parent) = child.parent() {
                let known = state.directories.contains_key(&parent);
                state.directories.entry(parent.clone()).or_default().push(child);
                if known {
                    break;
                }
                child = parent;
            }
            state.add(&store, path);
        }
        for children in state.directories.values_mut() {
            children.sort();
            children.dedup();
            children.shrink_to_fit();
        }
        state.links = links.into_iter().collect();
        Self { root, store, open: false, state: RwLock::new(state) }
    }

    /// A set of files that exist in memory only, as rule examples and tests do.
    pub fn memory(mut contents: Vec<(RepoPath, Vec<u8>)>) -> Self {
        contents.sort();
        contents.dedup_by(|a, b| a.0 == b.0);
        let (paths, bytes): (Vec<_>, Vec<_>) = contents.into_iter().unzip();
        let sources = Self::listed(PathBuf::from("/"), paths, Vec::new());
        for (file, bytes) in sources.files().iter().zip(bytes) {
            // Nobody has read the file yet, so the cell is empty.
            let _ = file.contents.set(Ok(bytes.into()));
        }
        sources
    }

    /// The same files with the same numbers, some of them with other bytes, which are held in memory.
    #[must_use]
    pub fn with_contents(&self, changes: Vec<(FileId, Vec<u8>)>) -> Self {
        let mut state = self.read_state().clone();
        for (id, bytes) in changes {
            if let Some(file) = state.files.get_mut(id.0 as usize) {
                let (path, store) = (file.path.clone(), Arc::clone(&file.store));
                let contents = OnceLock::from(Ok(bytes.into()));
                *file = Arc::new(SourceFile { contents, ..SourceFile::new(id, path, store) });
            }
        }
        let (root, store) = (Arc::clone(&self.root), Arc::clone(&self.store));
        Self { root, store, open: self.open, state: RwLock::new(state) }
    }

    /// A set over everything below `root` that looks at the file system when asked.
    pub fn open(root: PathBuf) -> Self {
        let root: Arc<Path> = root.into();
        let store = Arc::new(Directory(Arc::clone(&root)));
        Self { root, store, open: true, state: RwLock::default() }
    }

    /// The directory that paths are relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The text of the repository's `.git/config`, if there is one. A worktree's is not looked for.
    pub fn git_config(&self) -> Option<String> {
        let bytes = read(&self.root.join(".git/config")).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// What stands at `path`, with symbolic links inside the repository followed.
    pub fn entry(&self, path: &RepoPath) -> Option<Entry> {
        let path = self.follow_links(path);
        {
            let state = self.read_state();
            if let Some(id) = state.by_path.get(&path) {
                return Some(Entry::File(*id));
            }
            if state.directories.contains_key(&path) {
                return Some(Entry::Directory);
            }
        }
        if !self.open {
            return None;
        }
        if self.place(&path)?.is_directory {
            return Some(Entry::Directory);
        }
        let mut state = self.write_state();
        let known = state.by_path.get(&path).copied();
        Some(Entry::File(known.unwrap_or_else(|| state.add(&self.store, path))))
    }

    /// `path` with symbolic links replaced by what they point at: the place the operating system would open.
    /// A link that leaves the root or points nowhere is left as it is.
    pub fn resolve(&self, path: &RepoPath) -> RepoPath {
        if !self.open {
            return self.follow_links(path);
        }
        self.place(path).and_then(|place| self.relative(&place.location)).unwrap_or_else(|| path.clone())
    }

    /// Where a path of an open set leads to; `None` if nothing is there. Directories are followed once, so that a file
    /// costs one question to the operating system, not one for each directory above it.
    fn place(&self, path: &RepoPath) -> Option<Place> {
        if path.as_str().len() > LONGEST_PATH {
            return None;
        }
        if let Some(known) = self.read_state().places.get(path) {
            return known.clone();
        }
        let location = match path.parent() {
            Some(parent) => self.place(&parent).map(|parent| parent.location.join(path.file_name())),
            None => std::fs::canonicalize(&self.root).ok(),
        };
        let found = location.and_then(|location| {
            let metadata = std::fs::symlink_metadata(&location).ok()?;
            if !metadata.is_symlink() {
                return Some(Place { location: location.into(), is_directory: metadata.is_dir() });
            }
            let location = std::fs::canonicalize(location).ok()?;
            let is_directory = location.is_dir();
            Some(Place { location: location.into(), is_directory })
        });
        self.write_state().places.insert(path.clone(), found.clone());
        found
    }

    /// The repository path of a file system path, if it lies below the root. Purely lexical.
    pub fn relative(&self, location: &Path) -> Option<RepoPath> {
        let below = location.strip_prefix(&self.root).ok()?;
        let mut parts = Vec::new();
        for part in below.components() {
            match part {
                Component::Normal(part) => parts.push(part.to_str()?),
                Component::CurDir => {}
                _ => return None,
            }
        }
        RepoPath::new(&parts.join("/"))
    }

    /// The file system path of a repository path.
    pub fn location(&self, path: &RepoPath) -> PathBuf {
        if path.as_str().is_empty() { self.root.to_path_buf() } else { self.root.join(path.as_str()) }
    }

    /// Whether a path exists on disk though the walk did not list it, as an ignored or untracked file does.
    pub fn exists_unlisted(&self, path: &RepoPath) -> bool {
        self.entry(path).is_none() && self.location(path).exists()
    }

    /// Files and directories directly in `directory`, sorted by name. Empty if it is not a directory.
    pub fn children(&self, directory: &RepoPath) -> Vec<RepoPath> {
        let directory = self.follow_links(directory);
        if !self.open {
            return self.read_state().directories.get(&directory).cloned().unwrap_or_default();
        }
        let Ok(entries) = std::fs::read_dir(self.location(&directory)) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut children: Vec<RepoPath> = names.filter_map(|name| directory.join(&name)).collect();
        children.sort();
        children
    }

    /// Every listed file, in order of its number.
    pub fn files(&self) -> Vec<Arc<SourceFile>> {
        self.read_state().files.clone()
    }

    /// The file with this number.
    ///
    /// # Panics
    /// If the number comes from another set.
    pub fn file(&self, id: FileId) -> Arc<SourceFile> {
        Arc::clone(&self.read_state().files[id.0 as usize])
    }

    /// Path, line and column of a span's start, for messages that name a place in prose.
    pub fn describe(&self, span: Span) -> String {
        let file = self.file(span.file);
        format!("{}:{}", file.path, file.position(span.start).line)
    }

    fn follow_links(&self, path: &RepoPath) -> RepoPath {
        let state = self.read_state();
        if state.links.is_empty() {
            return path.clone();
        }
        let mut path = path.clone();
        // As many steps as Linux follows before it says ELOOP.
        'links: for _ in 0..40 {
            let mut prefix = path.clone();
            loop {
                if let Some(target) = state.links.get(&prefix) {
                    let rest = path.as_str().get(prefix.as_str().len()..).unwrap_or_default();
                    let Some(next) = target.join(rest) else { return path };
                    path = next;
                    continue 'links;
                }
                match prefix.parent() {
                    Some(parent) => prefix = parent,
                    None => return path,
                }
            }
        }
        path
    }

    // A poisoned lock means another thread panicked while it added a file; the map itself is still whole.
    fn read_state(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write_state(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, store: &Arc<dyn Store>, path: RepoPath) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        let file = SourceFile::new(id, path.clone(), Arc::clone(store));
        self.files.push(Arc::new(file));
        self.by_path.insert(path, id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::new(text).expect("a path inside the repository")
    }

    #[test]
    fn paths_are_normalised_and_stay_inside() {
        assert_eq!(path("a/./b/../c").as_str(), "a/c");
        assert_eq!(path("apps").join("../../x"), None);
        assert_eq!(RepoPath::new("/etc/passwd"), None);
        assert!(path("apps/a.yaml").is_within(&path("apps")));
        assert!(!path("apps-2/a.yaml").is_within(&path("apps")));
        assert_eq!(path("base/x.yaml").relative_to(&path("overlays/a")), "../../base/x.yaml");
    }

    #[test]
    fn listed_sets_know_directories_and_follow_links() {
        let links = vec![(path("link"), path("real")), (path("loop"), path("loop"))];
        let sources = Sources::listed("/nowhere".into(), vec![path("real/deep/a.yaml")], links);
        assert_eq!(sources.entry(&path("real/deep")), Some(Entry::Directory));
        assert_eq!(sources.entry(&path("link/deep/a.yaml")), Some(Entry::File(FileId(0))));
        assert_eq!(sources.entry(&path("loop/a.yaml")), None);
        assert_eq!(sources.children(&path("real")), vec![path("real/deep")]);
    }

    #[test]
    fn columns_count_characters() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("a"), "\u{feff}a\r\n日本: x\n").expect("a file");
        let sources = Sources::open(directory.path().canonicalize().expect("a path"));
        let Some(Entry::File(id)) = sources.entry(&path("a")) else { panic!("no file") };
        let file = sources.file(id);
        assert_eq!(file.position(3), Position { line: 1, column: 1 });
        assert_eq!(file.position(14), Position { line: 2, column: 5 });
        assert_eq!(file.line(1), "日本: x");
        let long = "日".repeat(2 * COLUMN_BLOCK);
        let sources = Sources::memory(vec![(path("long"), long.clone().into_bytes())]);
        let file = sources.file(FileId(0));
        for (column, (offset, _)) in (1..).zip(long.char_indices()) {
            assert_eq!(file.position(u32::try_from(offset).expect("a small number")), Position { line: 1, column });
        }
        assert_eq!(file.position(u32::MAX), Position { line: 1, column: 2 * 1024 + 1 });
    }
}
