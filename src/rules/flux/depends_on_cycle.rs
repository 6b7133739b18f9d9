//! See `rules/flux/flux-depends-on-cycle.md`.

use foldhash::{HashMap, HashSet};

use super::world::{Member, World};
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// One declaration and what it waits for.
struct Waiting<'a> {
    object: &'a Object,
    app: &'a BuiltApp,
    for_what: Vec<(Span, Span)>,
}

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let mut graph: HashMap<Span, Waiting<'a>> = HashMap::default();
    let mut order = Vec::new();
    for kind in ["Kustomization", "HelmRelease"] {
        for (member, app) in world.built(kind) {
            let place = member.object.name_span();
            if graph.contains_key(&place) {
                continue;
            }
            order.push(place);
            graph.insert(place, Waiting { object: member.object, app, for_what: edges(&world, member, app) });
        }
    }
    let mut done = HashSet::default();
    for start in order {
        let Some(cycle) = cycle_from(start, &graph, &mut done) else { continue };
        let Some((first, rest)) = cycle.split_first() else { continue };
        let Some(waiting) = graph.get(&first.0) else { continue };
        let name = |place: &Span| graph.get(place).map(|waiting| waiting.object.id.name.as_str()).unwrap_or_default();
        let mut names: Vec<String> = cycle.iter().map(|(place, _)| format!("`{}`", name(place))).collect();
        names.push(format!("`{}`", name(&first.0)));
        let kind = &waiting.object.id.kind;
        let message = match rest.is_empty() {
            true => format!("{kind} {} waits for itself, so Flux never applies it", names[0]),
            false => format!("{kind} {}: each waits for the next, so Flux applies none of them", names.join(" → ")),
        };
        findings.about(Some(waiting.app), Some(waiting.object));
        let finding = findings.report(first.1, message);
        finding.label("the circle closes here").help("take one `dependsOn` out of the circle");
        for (place, span) in rest {
            finding.related(*span, format!("`{}` waits too", name(place)));
        }
    }
}

/// What a member waits for: the place of the declaration, and where that is asked for. A name that several clusters use
/// is followed only within the same build.
fn edges(world: &World<'_>, member: Member<'_>, app: &BuiltApp) -> Vec<(Span, Span)> {
    let mut edges = Vec::new();
    for entry in member.object.root.at(&["spec", "dependsOn"]).map(Node::items).unwrap_or_default() {
        let Some(node) = entry.get("name") else { continue };
        let Some(name) = node.as_text() else { continue };
        let namespace = entry.get("namespace").map_or(Some(member.namespace), Node::as_text).unwrap_or_default();
        let found: Vec<Member<'_>> = world.named(&member.object.id.kind, namespace, name).collect();
        let is_here = |found: &&Member<'_>| found.app.is_some_and(|other| std::ptr::eq(other, app));
        let here: Vec<Member<'_>> = found.iter().filter(is_here).copied().collect();
        match (here.as_slice(), found.as_slice()) {
            ([one], _) | ([], [one]) => edges.push((one.object.name_span(), node.span)),
            _ => {}
        }
    }
    edges
}

/// The first circle that is met on the way from `start`, as declarations with the places of their `dependsOn`.
fn cycle_from(start: Span, graph: &HashMap<Span, Waiting<'_>>, done: &mut HashSet<Span>) -> Option<Vec<(Span, Span)>> {
    // Each step of the path: a declaration, and how many of its edges were followed.
    let mut path: Vec<(Span, usize)> = vec![(start, 0)];
    let mut found = None;
    if done.contains(&start) {
        return None;
    }
    let mut on_path: HashMap<Span, usize> = HashMap::default();
    on_path.insert(start, 0);
    while let Some((place, followed)) = path.last_mut() {
        let place = *place;
        let next = graph.get(&place).and_then(|waiting| waiting.for_what.get(*followed)).copied();
        *followed += 1;
        let Some((target, _)) = next else {
            done.insert(place);
            on_path.remove(&place);
            path.pop();
            continue;
        };
        if let (Some(at), None) = (on_path.get(&target), &found) {
            let circle = path.get(*at..).unwrap_or_default();
            let edge = |(place, followed): &(Span, usize)| {
                let waiting = graph.get(place)?;
                let (_, span) = waiting.for_what.get(followed.checked_sub(1)?)?;
                Some((*place, *span))
            };
            found = Some(circle.iter().filter_map(edge).collect::<Vec<_>>());
        } else if !done.contains(&target) && !on_path.contains_key(&target) {
            on_path.insert(target, path.len());
            path.push((target, 0));
        }
    }
    // Told from its first declaration on, so that it is the same wherever the search began.
    found.map(|mut circle| {
        let first = circle.iter().enumerate().min_by_key(|(_, (place, _))| *place).map_or(0, |(at, _)| at);
        circle.rotate_left(first);
        circle
    })
}
