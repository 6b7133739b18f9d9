//! What objects wait for that their own app applies only later: for the rules about hooks and waves.

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt, HashSet};

use super::turn::Turn;
use crate::kubernetes::{Object, Pod};
use crate::references::{self, Place, Role, Spread};
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;

/// Kind, namespace and name of what a pod needs before it can run; all are of the core group.
type Need<'a> = (&'a str, &'a str, &'a str);

/// A need that is met too late.
pub(super) struct Late<'a> {
    pub(super) app: &'a BuiltApp,
    pub(super) object: &'a Object,
    pub(super) turn: Turn,
    /// What it needs.
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    /// Where it says so.
    pub(super) span: Span,
    /// What brings it, and when.
    pub(super) source: &'a Object,
    pub(super) source_turn: Turn,
}

/// Every need of a pod that its own app meets only in a later turn, and that nothing else in the repository meets.
pub(super) fn late<'a>(repository: &'a Repository, runs: fn(&Object, Turn) -> bool) -> Vec<Late<'a>> {
    let mut waiting = Vec::new();
    let apps = || repository.apps.iter().enumerate().filter(|(_, app)| !repository.is_unlisted(app));
    for (at, app) in apps().filter(|(_, app)| has_several_turns(app)) {
        for object in app.objects.iter().filter(|object| Pod::of(object).is_some()) {
            let Some(turn) = Turn::of(object).filter(|turn| runs(object, *turn)) else { continue };
            let namespace = repository.home_of(app, object);
            for reference in references::of(object) {
                let of_pod = matches!(reference.role, Role::Environment | Role::Volume | Role::Identity);
                let (true, "", None, Place::Same) = (of_pod, reference.group, reference.part, reference.namespace)
                else {
                    continue;
                };
                waiting.push((at, app, object, turn, (reference.kind, namespace, reference.name), reference.span));
            }
        }
    }
    if waiting.is_empty() {
        return Vec::new();
    }
    let mut places: HashMap<Need<'a>, usize> = HashMap::new();
    for (.., need, _) in &waiting {
        let next = places.len();
        places.entry(*need).or_insert(next);
    }
    let mut sources: Vec<Vec<(usize, &'a Object)>> = vec![Vec::new(); places.len()];
    let mut anywhere: HashSet<CompactString> = HashSet::default();
    for (at, app) in apps() {
        for object in &app.objects {
            let namespace = repository.home_of(app, object);
            let mut add = |kind: &str, namespace: &str, name: &str| {
                if let Some(list) = places.get(&(kind, namespace, name)).and_then(|place| sources.get_mut(*place)) {
                    list.push((at, object));
                }
            };
            if object.id.group.is_empty() {
                add(&object.id.kind, namespace, &object.id.name);
            }
            for made in references::made(object).into_iter().filter(|made| made.group.is_empty()) {
                match &made.spread {
                    Spread::Same => add(made.kind, namespace, &made.name),
                    Spread::Namespace(namespace) => add(made.kind, namespace, &made.name),
                    Spread::Any => _ = anywhere.insert(made.name),
                }
            }
        }
    }
    let judged = waiting.into_iter().filter_map(|(at, app, object, turn, need, span)| {
        let brought = sources.get(*places.get(&need)?).filter(|brought| !brought.is_empty())?;
        if anywhere.contains(need.2) {
            return None;
        }
        let mut first: Option<(&Object, Turn)> = None;
        for (from, source) in brought {
            // What another app brings may be there before.
            let source_turn = Turn::of(source).filter(|source_turn| *from == at && *source_turn > turn)?;
            if first.is_none_or(|(_, known)| source_turn < known) {
                first = Some((source, source_turn));
            }
        }
        let (source, source_turn) = first?;
        Some(Late { app, object, turn, kind: need.0, name: need.2, span, source, source_turn })
    });
    judged.collect()
}

/// Whether the app applies some of its objects after others. Most apps don't, and nothing in them can come too late.
pub(super) fn has_several_turns(app: &BuiltApp) -> bool {
    let mut turns = app.objects.iter().filter_map(Turn::of);
    turns.next().is_some_and(|first| turns.any(|turn| turn != first))
}
