//! A `kustomization.yaml` and everything it names, to the objects that `kustomize build` prints.
//!
//! Nothing here touches the network or runs a program: remote bases, plugins and the like are [`Problem`]s, and the
//! rest of the tree is still built as far as it can be. Where upstream is odd, so is this module. The order of things
//! is kustomize's own: `accumulate` and `include` go through the tree, each kustomization transforms what it has
//! gathered, and hashes, references and vars come once at the end.

mod accumulate;
mod configuration;
mod field_spec;
mod generate;
mod hash;
mod id;
mod images;
mod include;
mod inner_text;
mod json_patch;
mod kustomization;
mod labels;
mod load;
mod merge;
mod merge_keys;
mod merge_list;
mod names;
mod namespace;
mod order;
mod patch;
mod patch_append;
mod patch_loss;
mod patch_match;
mod plugins;
mod problem;
mod read;
mod references;
mod replacement;
mod replacement_write;
mod resource;
mod scalar;
mod schema;
mod selector;
mod shared;
mod vars;

pub(crate) use plugins::chart_directories;
pub use problem::{Problem, ProblemKind};

use crate::config::KustomizeRelease;
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
    /// The release whose behaviour is followed, where releases differ.
    pub release: KustomizeRelease,
    /// A kustomization that is laid over the directory's own, as Argo CD's `spec.source.kustomize` and Flux's
    /// `spec.patches`, `spec.images` and the like ask for. Its fields have kustomization.yaml's names. If the directory has
    /// none, the `resources` of this one take its place, as Flux generates them.
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
    /// Patches that found an object to change, by the place that [`ProblemKind::PatchNoMatch`] would point at; sorted.
    /// A patch of a base or a component is of use as long as it is of use to one that includes it.
    pub applied: Vec<Span>,
    /// Patches and operations that changed an object, by the place that [`ProblemKind::PatchNoEffect`] would point at;
    /// sorted.
    pub effective: Vec<Span>,
}

/// Builds the kustomization in `directory`.
pub fn build(files: &Files, directory: &RepoPath, options: &Options) -> Build {
    accumulate::Engine::new(files, options, directory).build()
}

impl Build {
    /// Whether everything is there: no object is missing and none is less than it would be.
    pub fn is_complete(&self) -> bool {
        !self.problems.iter().any(Problem::loses_objects)
    }

    /// What kustomize would print instead of objects; `None` if it builds.
    pub fn failure(&self) -> Option<&str> {
        self.problems.iter().find_map(|problem| problem.upstream.as_deref())
    }

    /// The objects as text, as `kustomize build` prints them.
    pub fn to_yaml(&self) -> String {
        let documents: Vec<String> = self.objects.iter().map(|object| crate::yaml::encode(&object.root)).collect();
        documents.join("---\n")
    }
}

/// The name that is most like `name` without being it, if one is like it.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    crate::finding::nearest(name, candidates.filter(|candidate| *candidate != name))
}
