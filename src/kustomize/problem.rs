//! What can go wrong in a build.

use crate::finding::Severity;
use crate::source::Span;

/// Something that kustomize would refuse, or do silently though nobody can want it, or that presync can't build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What it is, for the rules.
    pub kind: ProblemKind,
    /// The text to mend.
    pub span: Span,
    /// What is wrong and what comes of it, in one sentence or two.
    pub message: String,
    /// What kustomize itself prints when it stops for this; `None` where it goes on.
    pub upstream: Option<String>,
    /// How bad it is, where that differs from what the kind usually means.
    pub severity: Option<Severity>,
    /// Other places, each with a few words.
    pub related: Vec<(Span, String)>,
    /// What to do, where that is known.
    pub help: Option<String>,
}

/// The kinds of [`Problem`]. Each is the matter of one rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ProblemKind {
    /// A file or directory that the kustomization names is not there.
    ResourceMissing,
    /// A patch selects no object; kustomize says nothing (with `target`) or fails (without).
    PatchNoMatch,
    /// A patch operation names a path that does not exist, a test that fails, or an index out of range.
    PatchPathMissing,
    /// A `replace` of a missing key, which creates it silently.
    PatchReplaceCreates,
    /// A patch that changes nothing.
    PatchNoEffect,
    /// A JSON patch addresses a named list element by index without testing its name.
    PatchIndexUnguarded,
    /// A strategic merge patch appends an element that can't be meant as a new one.
    PatchAppendsElement,
    /// An element of a list that a strategic merge patch takes away, or does not apply, though nobody asks for it.
    MergeLosesElement,
    /// A `$patch` directive that does nothing, or that ends up in the object as data.
    DirectiveIgnored,
    /// An entry of `images`, `replicas` or `replacements` that finds nothing to change.
    TransformerNoMatch,
    /// Two objects of one identity, or one object that is gathered twice.
    ObjectDuplicate,
    /// A component among the resources, or something else among the components.
    ComponentMisplaced,
    /// A file outside the kustomization's directory.
    LoadRestriction,
    /// A field that kustomize does not know.
    FieldUnknown,
    /// An `apiVersion` or `kind` that is not a kustomization's.
    HeaderInvalid,
    /// A kustomization that names nothing.
    Empty,
    /// A file that Git is told to leave out of the repository.
    FileIgnored,
    /// Any other reason for which `kustomize build` fails.
    BuildFails,
    /// Remote bases, plugins, functions: valid, but not to be had offline. The build is incomplete.
    NotBuilt,
}

impl Problem {
    /// A problem for which kustomize goes on.
    pub fn new(kind: ProblemKind, span: Span, message: impl Into<String>) -> Self {
        Self { kind, span, message: message.into(), upstream: None, severity: None, related: Vec::new(), help: None }
    }

    /// Says that kustomize stops here, and with which words.
    pub fn upstream(mut self, words: impl Into<String>) -> Self {
        self.upstream = Some(words.into());
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place.
    pub fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related.push((span, message.into()));
        self
    }

    /// A reason for which kustomize stops, in its own words.
    pub(super) fn fails(span: Span, words: impl Into<String>) -> Self {
        let words = words.into();
        Self::new(ProblemKind::BuildFails, span, format!("kustomize stops here: {words}")).upstream(words)
    }

    /// Whether objects are missing from the build, or not as they would be, because of this problem.
    pub fn loses_objects(&self) -> bool {
        self.upstream.is_some()
            || matches!(self.kind, ProblemKind::ResourceMissing | ProblemKind::FileIgnored | ProblemKind::NotBuilt)
    }
}
