//! Which monitors and rules a Prometheus of the prometheus-operator takes: by their labels, and by the namespaces that it
//! looks into. Whether a label of a Namespace is there is not asked, since others set some.

use super::labels::Prometheus;
use crate::kubernetes::{Object, selects};
use crate::repository::{BuiltApp, Repository};
use crate::source::Span;
use crate::yaml::{Entry, Key, Mapping, Node};

/// What a Prometheus takes of one kind, by labels.
pub(super) enum Selection<'a> {
    Everything,
    /// Objects that match a selector.
    Matching(&'a Node),
    /// kube-prometheus-stack's own choice where the user writes no selector: objects labelled with the release.
    OfRelease(&'a str),
    Nothing,
    Unknown,
}

/// Why a Prometheus does not take an object.
pub(super) enum Refusal {
    /// Its labels do not match a choice that nobody wrote.
    Labels(String),
    /// Its labels do not match the selector that is written.
    Selector {
        why: String,
        /// The selector.
        written: Span,
        /// What to do.
        mend: String,
    },
    /// It is in a namespace where the Prometheus does not look.
    Namespace {
        why: String,
        /// What to do.
        mend: String,
    },
}

/// Why a Prometheus does not take an object of an app; `None` if it does or if that can't be known. `field` is the
/// selector for the object's kind.
pub(super) fn refusal(
    prometheus: &Prometheus<'_>,
    kind: &str,
    field: &str,
    object: &Object,
    app: &BuiltApp,
    repository: &Repository,
) -> Option<Refusal> {
    by_labels(prometheus, kind, field, object)
        .or_else(|| by_namespace(prometheus, field, repository.home_of(app, object), repository))
}

fn by_labels(prometheus: &Prometheus<'_>, kind: &str, field: &str, object: &Object) -> Option<Refusal> {
    let labels = object.root.at(&["metadata", "labels"]);
    match selection(prometheus, field) {
        Selection::Everything | Selection::Unknown => None,
        Selection::Nothing => Some(Refusal::Labels(format!("the one here has no `{field}` and takes none"))),
        Selection::OfRelease(name) => {
            let own = labels.and_then(|labels| labels.get("release"));
            if own.is_some_and(|own| own.as_text().is_none_or(|own| own == name)) {
                return None;
            }
            Some(Refusal::Labels(format!("kube-prometheus-stack takes each {kind} with the label `release: {name}`")))
        }
        Selection::Matching(selector) => {
            let taken = selects(selector, labels).unwrap_or(true);
            (!taken).then(|| Refusal::Selector {
                why: format!("its labels do not match the `{field}`"),
                written: selector.span,
                mend: wanted(selector, labels, field),
            })
        }
    }
}

/// What to do about an object that a written selector does not take.
fn wanted(selector: &Node, labels: Option<&Node>, field: &str) -> String {
    let own = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Node::as_text);
    let asked = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let lacking = asked.iter().filter_map(|label| {
        let value = label.value.as_text()?;
        (own(&label.key.text) != Some(value)).then(|| format!("`{}: {value}`", label.key.text))
    });
    let lacking: Vec<String> = lacking.collect();
    match lacking.as_slice() {
        [] => format!("give the object labels that the `matchExpressions` of the `{field}` take"),
        [one] => format!("give the object the label {one}"),
        several => format!("give the object the labels {}", several.join(", ")),
    }
}

fn by_namespace(prometheus: &Prometheus<'_>, field: &str, home: &str, repository: &Repository) -> Option<Refusal> {
    let field = field.replace("Selector", "NamespaceSelector");
    if home.is_empty() || home.contains(['$', '{']) || prometheus.spec.is_some_and(Node::is_unknown) {
        return None;
    }
    match prometheus.spec.and_then(|spec| spec.get(&field)).filter(|selector| !selector.is_null()) {
        // kube-prometheus-stack writes an empty selector there, which takes every namespace.
        None => {
            let own = repository.home_of(prometheus.app, prometheus.object?);
            (!own.is_empty() && own != home).then(|| Refusal::Namespace {
                why: format!("without a `{field}` Prometheus looks in its own namespace `{own}` only"),
                mend: format!("write `{field}: {{}}` in the `spec` of the Prometheus, or move the object to `{own}`"),
            })
        }
        Some(selector) => (selects_by_name(selector, home) == Some(false)).then(|| Refusal::Namespace {
            why: format!("the `{field}` leaves out the namespace `{home}`"),
            mend: format!("add `{home}` to the `{field}`"),
        }),
    }
}

/// Whether a selector that asks for nothing but the name of a namespace takes this one.
fn selects_by_name(selector: &Node, namespace: &str) -> Option<bool> {
    const NAME: &str = "kubernetes.io/metadata.name";
    let labels = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    let asks_for_names = labels.iter().all(|label| label.key.text == NAME)
        && expressions.iter().all(|expression| expression.str_at(&["key"]) == Some(NAME));
    if !asks_for_names {
        return None;
    }
    let own = Span::start_of(selector.span.file);
    let entry = Entry { key: Key::new(NAME, own), value: Node::string(namespace, own) };
    let mut labels = Mapping::default();
    labels.push(entry);
    selects(selector, Some(&Node::mapping(labels, own)))
}

pub(super) fn selection<'a>(prometheus: &Prometheus<'a>, field: &str) -> Selection<'a> {
    if prometheus.spec.is_some_and(Node::is_unknown) {
        return Selection::Unknown;
    }
    let written = prometheus.spec.and_then(|spec| spec.get(field));
    let empty = |selector: &Node| selector.entries().is_empty();
    let Some(values) = prometheus.values else {
        return match written {
            None => Selection::Nothing,
            Some(selector) if selector.as_mapping().is_none() => Selection::Unknown,
            Some(selector) if empty(selector) => Selection::Everything,
            Some(selector) => Selection::Matching(selector),
        };
    };
    if let Some(selector) = written.filter(|selector| !empty(selector)) {
        return if selector.as_mapping().is_some() { Selection::Matching(selector) } else { Selection::Unknown };
    }
    let release = values.release.name.as_str();
    match values.get(&format!("prometheus.prometheusSpec.{field}NilUsesHelmValues")).bool() {
        Some(true) if !release.is_empty() => Selection::OfRelease(release),
        Some(false) => Selection::Everything,
        _ => Selection::Unknown,
    }
}
