//! A `kustomization.yaml` and everything it names, to the objects that `kustomize build` prints.
//!
//! Nothing here touches the network or runs a program: remote bases, plugins and the like are [`Problem`]s, and the
//! rest of the tree is still built as far as it can be. Where upstream is odd, so is this module.

use crate::files::Files;
use crate::helm::Release;
use crate::kubernetes::Object;
use crate::source::{RepoPath, Span};
use crate::yaml::Node;

/// File names that make a directory a kustomization, in the order kustomize tries them.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// How to build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether files outside the kustomization's directory may be read (`--load-restrictor LoadRestrictionsNone`).
    pub load_anywhere: bool,
    /// Keep load order instead of kustomize's own order of kinds (`--reorder none`).
    pub keep_order: bool,
    /// A kustomization that is laid over the directory's own, as Argo CD's `spec.source.kustomize` and Flux's
    /// `spec.patches`, `spec.images` and the like ask for. Its fields have kustomization.yaml's names.
    pub overlay: Option<Node>,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Build {
    /// The objects, in output order.
    pub objects: Vec<Object>,
    /// Charts named by `helmCharts`, with their values merged; not rendered.
    pub releases: Vec<Release>,
    /// What went wrong or could not be built.
    pub problems: Vec<Problem>,
    /// Every file that took part, kustomizations included, sorted.
    pub files: Vec<crate::source::FileId>,
}

/// Something that kustomize would refuse, or do silently though nobody can want it, or that presync can't build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What it is, for the rules.
    pub kind: ProblemKind,
    /// The text to mend.
    pub span: Span,
    /// One sentence; what kustomize itself says where users know its words.
    pub message: String,
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
    /// Any other reason for which `kustomize build` fails.
    BuildFails,
    /// Remote bases, plugins, functions: valid, but not to be had offline. The build is incomplete.
    NotBuilt,
}

/// Builds the kustomization in `directory`.
pub fn build(_files: &Files, _directory: &RepoPath, _options: &Options) -> Build {
    Build::default()
}

impl Build {
    /// Whether everything is there: no object is missing and none is less than it would be.
    pub fn is_complete(&self) -> bool {
        !self.problems.iter().any(|problem| problem.kind.loses_objects())
    }
}

impl ProblemKind {
    /// Whether objects are missing from the build, or not as they would be, because of such a problem.
    pub fn loses_objects(self) -> bool {
        matches!(self, Self::ResourceMissing | Self::PatchPathMissing | Self::BuildFails | Self::NotBuilt)
    }
}
