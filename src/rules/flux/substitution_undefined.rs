//! See `rules/flux/flux-substitution-undefined.md`.

use foldhash::{HashMap, HashMapExt};

use super::variables::{Defined, Use, is_setting, is_short, opts_out, uses};
use super::world::World;
use crate::finding::{Confidence, nearest};
use crate::gitops::{Declared, SourceKind};
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::{FileId, Span};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// Places of one variable that are named beside the first.
const MOST_PLACES: usize = 4;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    let mut declared: HashMap<Span, Vec<Defined<'a>>> = HashMap::new();
    for (member, _) in world.built("Kustomization").filter(|(member, _)| world.has_its_variables(*member)) {
        let defined = Defined::by(member, &world);
        declared.entry(member.object.name_span()).or_default().push(defined);
    }
    if world.built("Kustomization").next().is_none() {
        judge_undeclared(repository, findings);
    }
    for app in &repository.apps {
        let Declared::FluxKustomization(place) = app.app.declared else { continue };
        let substitutes = app
            .app
            .sources
            .iter()
            .any(|source| matches!(&source.kind, SourceKind::Kustomize { substitution: Some(_), .. }));
        let Some(defined) = declared.get(&place).filter(|_| substitutes) else { continue };
        // One declaration may be built in several forms; what any of them defines counts.
        let names: HashMap<&str, Span> =
            defined.iter().flat_map(|defined| &defined.names).map(|(a, b)| (*a, *b)).collect();
        let open = defined.iter().any(|defined| defined.open);
        let mut undefined: HashMap<(&str, FileId), Vec<Use<'_>>> = HashMap::new();
        let mut order = Vec::new();
        for object in app.objects.iter().filter(|object| !opts_out(&object.root)) {
            for used in uses(&object.root).into_iter().filter(|used| !names.contains_key(used.name)) {
                let key = (used.name, used.node.span.file);
                if !undefined.contains_key(&key) {
                    order.push((key, object));
                }
                undefined.entry(key).or_default().push(used);
            }
        }
        for (key, object) in order {
            let Some(used) = undefined.get(&key) else { continue };
            let Some((first, others)) = used.split_first() else { continue };
            let name = first.name;
            let near = nearest(name, names.keys().copied());
            // Where a Secret may hold any name, only a letter too many or too few is surely a slip.
            if open && !near.is_some_and(|near| is_slip(name, near)) {
                continue;
            }
            findings.about(Some(app), Some(object));
            let message = format!(
                "nothing defines the variable `{name}` for Kustomization `{}`: Flux puts an empty text in its place",
                app.app.name
            );
            let finding = findings.report(first.span(repository), message);
            finding.label("becomes empty");
            let is_script = first.node.value_text().is_some_and(|text| text.contains('\n'));
            match near.and_then(|near| Some((near, names.get(near)?))) {
                Some((near, span)) => {
                    finding.related(*span, format!("`{near}` is defined")).help(format!("did you mean `${{{near}}}`?"));
                }
                None if is_script => {
                    finding.help(format!(
                        "write `$${{{name}}}` if a program shall read the variable; else define it under `postBuild`"
                    ));
                }
                None => {
                    finding.help(format!("define it under `postBuild`, or write a default: `${{{name}:=value}}`"));
                }
            }
            if open {
                finding.confidence(Confidence::Medium);
            }
            for other in others.iter().take(MOST_PLACES) {
                finding.related(other.span(repository), "here too");
            }
        }
    }
}

/// Judges releases whose Kustomization is in another repository: a variable that is one letter away from a setting of a
/// ConfigMap which holds nothing but settings.
fn judge_undeclared<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut settings: HashMap<&str, Span> = HashMap::new();
    for (_, object) in repository.objects_of("", "ConfigMap") {
        let data = object.root.get("data").map(Node::entries).unwrap_or_default();
        if data.iter().all(|entry| is_setting(&entry.key.text)) {
            settings.extend(data.iter().map(|entry| (entry.key.text.as_str(), entry.key.span)));
        }
    }
    if settings.is_empty() {
        return;
    }
    for (app, object) in repository.objects_of("helm.toolkit.fluxcd.io", "HelmRelease") {
        for used in uses(&object.root) {
            if opts_out(&object.root) || settings.contains_key(used.name) || !is_short(&used) {
                continue;
            }
            let near = nearest(used.name, settings.keys().copied()).filter(|near| is_slip(used.name, near));
            let Some((near, defined)) = near.and_then(|near| Some((near, *settings.get(near)?))) else { continue };
            let message = format!(
                "nothing in this repository defines the variable `{}`: Flux puts an empty text in its place",
                used.name
            );
            findings.about(Some(app), Some(object));
            findings
                .report(used.span(repository), message)
                .label("becomes empty")
                .related(defined, format!("`{near}` is defined"))
                .help(format!("did you mean `${{{near}}}`?"))
                .confidence(Confidence::Medium);
        }
    }
}

/// Whether two names differ by one letter that one of them has more.
fn is_slip(name: &str, other: &str) -> bool {
    let (long, short) = if name.len() > other.len() { (name, other) } else { (other, name) };
    long.len() == short.len() + 1
        && long.char_indices().any(|(at, letter)| {
            let without = long.get(..at).zip(long.get(at + letter.len_utf8()..));
            letter.is_ascii_alphabetic()
                && without.is_some_and(|(start, end)| short.strip_prefix(start).is_some_and(|rest| rest == end))
        })
}
