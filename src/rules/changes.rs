//! Where two states of a value differ, and what a controller makes of a change that the API server refuses.

use crate::gitops::Declared;
use crate::kubernetes::Quantity;
use crate::repository::{BuiltApp, Placed, Repository};
use crate::source::Span;
use crate::yaml::{Node, Value};

/// The first place where two values differ.
pub(super) struct Difference<'a> {
    /// The field, as `spec.selector.matchLabels.tier`.
    pub(super) path: String,
    /// What it was; `None` if it was not there.
    pub(super) before: Option<&'a Node>,
    /// What it is; `None` if it is gone.
    pub(super) after: Option<&'a Node>,
    /// Where to point: the value, else what took it away, else the key above it.
    pub(super) place: Span,
}

/// Values that the API server writes where nothing is written, by their keys. Those of the empty text depend on more.
const DEFAULTS: [(&str, &str); 12] = [
    ("apiVersion", ""),
    ("kind", ""),
    ("imagePullPolicy", ""),
    ("defaultMode", "420"),
    ("dnsPolicy", "ClusterFirst"),
    ("protocol", "TCP"),
    ("readOnly", "false"),
    ("schedulerName", "default-scheduler"),
    ("terminationGracePeriodSeconds", "30"),
    ("terminationMessagePath", "/dev/termination-log"),
    ("terminationMessagePolicy", "File"),
    ("volumeMode", "Filesystem"),
];

/// Keys of an object that the API server keeps by itself.
const OF_THE_SERVER: [&str; 2] = ["creationTimestamp", "status"];

/// The first difference between two values of the field `path`. What is not known on one side, what is written
/// otherwise but means the same, and what only spells out a default, is none. `above` is where to point if nothing of
/// the field is left.
pub(super) fn difference<'a>(
    path: &str,
    before: Option<&'a Node>,
    after: Option<&'a Node>,
    above: Span,
) -> Option<Difference<'a>> {
    let (before, after) = (before.filter(|node| !is_empty(node)), after.filter(|node| !is_empty(node)));
    let differ = |place: Span| Some(Difference { path: path.to_owned(), before, after, place });
    let (one, other) = match (before, after) {
        (None, None) => return None,
        (Some(one), Some(other)) => (one, other),
        (Some(only), None) | (None, Some(only)) => {
            let key = path.rsplit('.').next().unwrap_or(path);
            let is_default =
                |(name, value): &(&str, &str)| *name == key && (value.is_empty() || only.as_text() == Some(*value));
            let is_nothing_new = DEFAULTS.iter().any(is_default) || !is_settled(only);
            return if is_nothing_new { None } else { differ(after.map_or(above, |node| node.span)) };
        }
    };
    match (&one.value, &other.value) {
        (Value::Mapping(_), Value::Mapping(now)) => {
            let place_of = |key: &str| {
                let gone = now.removed().iter().rfind(|removed| removed.key.text == key).map(|removed| removed.by);
                gone.or_else(|| now.entries().first().map(|entry| entry.key.span)).unwrap_or(above)
            };
            let kept = other.entries().iter().map(|entry| (entry.key.text.as_str(), entry.key.span));
            let lost = one.entries().iter().filter(|entry| now.get(&entry.key.text).is_none());
            let lost = lost.map(|entry| (entry.key.text.as_str(), place_of(&entry.key.text)));
            let mut keys = kept.chain(lost).filter(|(key, _)| !OF_THE_SERVER.contains(key));
            keys.find_map(|(key, above)| difference(&format!("{path}.{key}"), one.get(key), other.get(key), above))
        }
        (Value::Sequence(then), Value::Sequence(now)) => {
            let last = now.last().map_or(above, |item| item.span);
            let mut places = 0..then.len().max(now.len());
            places.find_map(|at| difference(&format!("{path}[{at}]"), then.get(at), now.get(at), last))
        }
        // What is no quantity was never accepted, so the object is not there yet.
        (Value::Scalar(_), Value::Scalar(_)) if path.ends_with(".storage") && !is_quantity(one) => None,
        (Value::Scalar(_), Value::Scalar(_)) => (!means_the_same(one, other)).then(|| differ(other.span)).flatten(),
        _ => (is_settled(one) && is_settled(other)).then(|| differ(other.span)).flatten(),
    }
}

/// Null, `{}` and `[]` are as good as nothing.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(_) => node.is_null(),
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(mapping) => mapping.is_empty(),
    }
}

fn is_settled(node: &Node) -> bool {
    let is_placeholder = |text: &str| text.contains("${") || text.contains("{{") || text.starts_with("ENC[");
    !node.is_unknown() && !node.value_text().is_some_and(is_placeholder)
}

fn is_quantity(node: &Node) -> bool {
    matches!(Quantity::of(node), Some(Ok(_)))
}

fn means_the_same(one: &Node, other: &Node) -> bool {
    let quantity = |node: &Node| Quantity::of(node).and_then(Result::ok).map(|quantity| quantity.billionths());
    !is_settled(one)
        || !is_settled(other)
        || one.as_text() == other.as_text()
        || quantity(one).is_some() && quantity(one) == quantity(other)
}

impl Difference<'_> {
    /// `was `10Gi` and is `20Gi` now`
    pub(super) fn in_words(&self) -> String {
        match (self.before, self.after) {
            (Some(before), Some(after)) => format!("was {} and is {} now", shown(before), shown(after)),
            (None, Some(after)) => format!("was not there and is {} now", shown(after)),
            (Some(before), None) => format!("was {} and is gone", shown(before)),
            (None, None) => "changes".to_owned(),
        }
    }
}

/// The longest value that a message repeats, in characters.
const MAX_SHOWN: usize = 60;

fn shown(node: &Node) -> String {
    match &node.value {
        Value::Scalar(text) if text.is_empty() => "empty".to_owned(),
        Value::Scalar(text) if text.chars().count() <= MAX_SHOWN && !text.contains('\n') => format!("`{text}`"),
        Value::Scalar(_) => "another text".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => {
            let name = node.str_at(&["name"]).or_else(|| node.str_at(&["metadata", "name"]));
            name.map_or_else(|| "a map".to_owned(), |name| format!("`{name}`"))
        }
    }
}

/// How a refused change shows: what the one who applies it says, and what else it holds up.
pub(super) fn refused_by(app: &BuiltApp) -> String {
    let name = &app.app.name;
    match app.app.declared {
        Declared::ArgoApplication(_) => {
            format!("Argo CD shows SyncFailed for `{name}` and tries again in vain, and later sync waves never start")
        }
        Declared::FluxKustomization(_) => format!(
            "Flux sets Kustomization `{name}` to Ready=False (`dry-run failed`) and applies nothing of it any more"
        ),
        _ => "the sync, or `kubectl apply`, fails on it each time".to_owned(),
    }
}

/// Whether the controller deletes the object and makes it anew where the API server refuses a change, or never changes
/// it, so that nothing fails.
pub(super) fn is_replaced(before: Placed<'_>, after: Placed<'_>, repository: &Repository) -> bool {
    let flux = |name: &str, value: &str| {
        let written = after.annotation(&format!("kustomize.toolkit.fluxcd.io/{name}"));
        written.is_some_and(|written| written.eq_ignore_ascii_case(value))
    };
    let forced = after.has_sync_option("Force=true") || flux("force", "enabled");
    let left_alone = flux("ssa", "IfNotPresent") || flux("reconcile", "disabled") || is_ignored(after);
    let by_flux = || {
        let force = repository.flux_kustomization(after.app).and_then(|object| object.root.at(&["spec", "force"]));
        force.is_some_and(|force| force.as_bool() != Some(false))
    };
    // What was never applied can't be refused.
    let was_off = before.annotation("kustomize.toolkit.fluxcd.io/reconcile") == Some("disabled");
    forced || left_alone || was_off || by_flux()
}

/// Whether the app leaves differences in such objects as they are.
fn is_ignored(placed: Placed<'_>) -> bool {
    let Some(application) = &placed.app.app.application else { return false };
    let entries = application.spec(&["ignoreDifferences"]).map(Node::items).unwrap_or_default();
    let names =
        |entry: &Node| matches!(entry.str_at(&["kind"]), Some(kind) if kind == "*" || kind == placed.object.id.kind);
    application.has_sync_option("RespectIgnoreDifferences=true") && entries.iter().any(names)
}
