//! Builds of the same files for different clusters: overlays of one base that nothing declares.
//!
//! What one of them brings is not there for the other. Declared apps are not compared: which of them share a cluster is
//! their controllers' matter, and they often do.

use foldhash::{HashMap, HashMapExt};

use super::index::Definition;
use crate::gitops::Declared;
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;

/// More builds of one file than this are not told apart.
const MOST_VARIANTS: usize = 16;

/// Kustomizations on disk by the objects they build.
pub(super) struct Variants(HashMap<Span, Vec<usize>>);

impl Variants {
    /// Looks for objects that several kustomizations build from the same place.
    pub(super) fn of(repository: &Repository) -> Self {
        let mut builders: HashMap<Span, Vec<usize>> = HashMap::new();
        for (at, app) in repository.apps.iter().enumerate().filter(|(_, app)| is_on_disk(app)) {
            for object in &app.objects {
                let apps = builders.entry(object.root.span).or_insert_with(|| Vec::with_capacity(1));
                if apps.len() < MOST_VARIANTS && apps.last() != Some(&at) {
                    apps.push(at);
                }
            }
        }
        builders.retain(|_, apps| apps.len() > 1);
        builders.shrink_to_fit();
        Self(builders)
    }

    /// A definition, if every one is brought only by other builds of the very object that asks for it.
    pub(super) fn only_elsewhere<'d, 'a>(
        &self,
        app: usize,
        object: usize,
        definitions: &[&'d Definition<'a>],
        repository: &Repository,
    ) -> Option<&'d Definition<'a>> {
        let asking = repository.apps.get(app)?.objects.get(object)?;
        let others = self.0.get(&asking.root.span).filter(|apps| apps.contains(&app))?;
        let elsewhere = |definition: &&&Definition<'_>| definition.app != app && others.contains(&definition.app);
        let first = definitions.first()?;
        (definitions.iter().filter(elsewhere).count() == definitions.len()).then_some(*first)
    }
}

fn is_on_disk(app: &BuiltApp) -> bool {
    app.app.declared == Declared::Kustomization
}
