//! The repository's files with their YAML parsed once and shared.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use rayon::prelude::*;

use crate::source::{Entry, FileId, RepoPath, SourceFile, Sources, Span};
use crate::yaml::{self, Action, Node, Stream, Value};

/// Files and their parsed documents.
pub struct Files {
    /// Paths and bytes.
    pub sources: Sources,
    /// By the file's number.
    streams: RwLock<Vec<Option<Arc<Stream>>>>,
}

impl Files {
    /// Takes the files over; nothing is parsed yet.
    pub fn new(sources: Sources) -> Self {
        Self { sources, streams: RwLock::default() }
    }

    /// The same files, some of them with other bytes. What was parsed of the others is kept.
    #[must_use]
    pub fn with_contents(&self, changes: Vec<(FileId, Vec<u8>)>) -> Self {
        let mut streams = self.streams.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (file, _) in &changes {
            if let Some(stream) = streams.get_mut(file.0 as usize) {
                *stream = None;
            }
        }
        Self { sources: self.sources.with_contents(changes), streams: RwLock::new(streams) }
    }

    /// Parses files in parallel, so that later calls of [`Files::stream`] answer at once.
    pub fn parse_all(&self, files: &[FileId]) {
        files.par_iter().for_each(|file| {
            self.stream(*file);
        });
    }

    /// The documents of a file, parsed at the first call. A file that can't be read has none; ask
    /// [`SourceFile::bytes`] why.
    pub fn stream(&self, file: FileId) -> Arc<Stream> {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(stream)) = streams.get(file.0 as usize) {
            return Arc::clone(stream);
        }
        drop(streams);
        self.keep(file, Arc::new(self.parse(file)))
    }

    /// Keeps the documents of a file, unless another thread was faster; gives those that are kept.
    fn keep(&self, file: FileId, stream: Arc<Stream>) -> Arc<Stream> {
        let mut streams = self.streams.write().unwrap_or_else(PoisonError::into_inner);
        let at = file.0 as usize;
        if streams.len() <= at {
            streams.resize(at + 1, None);
        }
        match streams.get_mut(at) {
            Some(known) => Arc::clone(known.get_or_insert(stream)),
            None => stream,
        }
    }

    /// The file at `path`, if one is there.
    pub fn file_at(&self, path: &RepoPath) -> Option<Arc<SourceFile>> {
        match self.sources.entry(path)? {
            Entry::File(id) => Some(self.sources.file(id)),
            Entry::Directory => None,
        }
    }

    /// The files directly in `directory`, or below it too, that are `wanted`; sorted.
    pub fn below(&self, directory: &RepoPath, recurse: bool, wanted: &dyn Fn(&RepoPath) -> bool) -> Vec<RepoPath> {
        let mut found = Vec::new();
        let mut waiting = vec![directory.clone()];
        let mut seen = BTreeSet::new();
        while let Some(directory) = waiting.pop() {
            if !seen.insert(self.sources.resolve(&directory)) {
                continue;
            }
            for child in self.sources.children(&directory) {
                match self.sources.entry(&child) {
                    Some(Entry::File(_)) if wanted(&child) => found.push(child),
                    Some(Entry::Directory) if recurse => waiting.push(child),
                    _ => {}
                }
            }
        }
        found.sort();
        found
    }

    /// Parses YAML that stands inside a scalar of one of the files, or that a generator read from one; spans point into
    /// that file. What was substituted in the text since stands where it was written.
    pub fn embedded(&self, node: &Node) -> Stream {
        let file = self.sources.file(node.span.file);
        let text = file.text().unwrap_or_default();
        let changes = node.history.changes().iter().rev();
        let mut substituted = changes.filter(|change| change.action == Action::Substituted);
        if let Some(written) = substituted.next().and_then(|change| change.before.as_ref()) {
            let Value::Scalar(content) = &node.value else { return Stream::default() };
            let changed = yaml::parse(node.span.file, content.as_bytes());
            return yaml::placed_as(changed, &self.embedded(written), node.span);
        }
        match &node.value {
            Value::Scalar(content) if node.span.range() == (0..text.len()) && content == text => {
                (*self.stream(node.span.file)).clone()
            }
            _ => yaml::embedded(node, text),
        }
    }

    /// Parses YAML that a template made of a scalar of one of the files; see [`yaml::embedded_as`].
    pub fn embedded_as(
        &self,
        node: &Node,
        made: &str,
        parts: impl IntoIterator<Item = (std::ops::Range<usize>, std::ops::Range<usize>, bool)>,
    ) -> Stream {
        yaml::embedded_as(node, made, parts, self.sources.file(node.span.file).text().unwrap_or_default())
    }

    /// The bytes of a file that hold a part of a scalar's content, given as a range of that content's bytes. `None` if
    /// the scalar is not written there letter for letter, as a generator's data from another file is not.
    pub fn part(&self, node: &Node, content: std::ops::Range<usize>) -> Option<Span> {
        let Value::Scalar(text) = &node.value else { return None };
        let file = self.sources.file(node.span.file);
        let span = yaml::part(node, content.clone(), file.text()?);
        (file.slice(span) == text.get(content)?).then_some(span)
    }

    fn parse(&self, file: FileId) -> Stream {
        match self.sources.file(file).bytes() {
            Ok(bytes) => yaml::parse(file, bytes),
            Err(_) => Stream::default(),
        }
    }
}
