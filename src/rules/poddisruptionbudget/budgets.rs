//! PodDisruptionBudgets and the pods of the same app that they are about.
//!
//! Left out: budgets whose pods something else scales, or that select by no label's value.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt, HashSet};

use crate::kubernetes::{Object, Pod, selects};
use crate::repository::BuiltApp;
use crate::yaml::Node;

/// A budget for pods whose number is known.
pub(super) struct Budget<'a> {
    /// The PodDisruptionBudget.
    pub(super) object: &'a Object,
    /// The first workload that makes such pods.
    pub(super) workload: &'a Object,
    /// How many workloads do.
    pub(super) workloads: usize,
    /// How many pods there are, at least one.
    pub(super) pods: i64,
    /// `maxUnavailable` or `minAvailable`, whichever is written.
    pub(super) place: &'a Node,
    /// How many of the pods may be evicted at one time.
    pub(super) allowed: i64,
}

/// A label of pods: namespace, key, value.
type Label<'a> = (&'a str, &'a str, &'a str);

/// Workloads by the labels of their pods.
type Workloads<'a> = HashMap<Label<'a>, Vec<(&'a Object, &'a Node)>>;

/// The budgets of an app.
pub(super) fn all(app: &BuiltApp) -> Vec<Budget<'_>> {
    let is_budget = |object: &&Object| object.id.is("policy", "PodDisruptionBudget");
    if !app.objects.iter().any(|object| is_budget(&object)) {
        return Vec::new();
    }
    let mut workloads = Workloads::new();
    let is_counted = |object: &&Object| object.id.is("apps", "Deployment") || object.id.is("apps", "StatefulSet");
    for object in app.objects.iter().filter(is_counted) {
        let labels = Pod::of(object).and_then(|pod| pod.template.at(&["metadata", "labels"]));
        for label in labels.map(Node::entries).unwrap_or_default() {
            let Some((value, labels)) = label.value.as_text().zip(labels) else { continue };
            workloads.entry((app.namespace_of(object), &label.key.text, value)).or_default().push((object, labels));
        }
    }
    let scalers = app
        .objects
        .iter()
        .filter(|object| matches!(object.id.kind.as_str(), "HorizontalPodAutoscaler" | "ScaledObject"));
    let scaled: HashSet<&str> =
        scalers.filter_map(|scaler| scaler.root.str_at(&["spec", "scaleTargetRef", "name"])).collect();
    let budgets = app.objects.iter().filter(is_budget);
    budgets.filter_map(|object| budget(object, app.namespace_of(object), &workloads, &scaled)).collect()
}

fn budget<'a>(
    object: &'a Object,
    namespace: &'a str,
    workloads: &Workloads<'a>,
    scaled: &HashSet<&str>,
) -> Option<Budget<'a>> {
    let spec = object.root.get("spec")?;
    let selector = spec.get("selector")?;
    let with = |key: &'a str, value: Option<&'a str>| workloads.get(&(namespace, key, value.unwrap_or_default()));
    // The rarest of the wanted labels leaves the fewest to compare. Of expressions, one that lists values does as well.
    let wanted = selector.get("matchLabels").map(Node::entries).unwrap_or_default().iter();
    let rarest =
        wanted.map(|label| with(&label.key.text, label.value.as_text())).min_by_key(|found| found.map_or(0, Vec::len));
    let candidates: Vec<(&Object, &Node)> = match rarest {
        Some(rarest) => rarest?.clone(),
        None => {
            let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
            let listing = expressions.iter().find(|wanted| wanted.str_at(&["operator"]) == Some("In"))?;
            let key = listing.str_at(&["key"])?;
            let values: BTreeSet<&str> = listing.get("values")?.items().iter().filter_map(Node::as_text).collect();
            values.into_iter().filter_map(|value| with(key, Some(value))).flatten().copied().collect()
        }
    };
    let (mut pods, mut count, mut first) = (0, 0, None);
    for (workload, labels) in candidates {
        if selects(selector, Some(labels))? {
            pods += replicas(workload).filter(|_| !scaled.contains(workload.id.name.as_str()))?;
            count += 1;
            first = first.or(Some(workload));
        }
    }
    let workload = first.filter(|_| pods > 0)?;
    let (place, allowed) = match (spec.get("maxUnavailable"), spec.get("minAvailable")) {
        (Some(most), None) => (most, amount(most, pods)?),
        (None, Some(least)) => (least, pods - amount(least, pods)?),
        _ => return None,
    };
    Some(Budget { object, workload, workloads: count, pods, place, allowed })
}

/// How many pods there are, if nothing else scales them.
fn replicas(object: &Object) -> Option<i64> {
    match object.root.at(&["spec", "replicas"]).filter(|count| !count.is_null()) {
        Some(count) => count.as_i64().filter(|count| (0..=100_000).contains(count)),
        None => Some(1),
    }
}

/// A number of pods, or a share of them, which Kubernetes rounds up.
fn amount(node: &Node, pods: i64) -> Option<i64> {
    if let Some(count) = node.as_i64() {
        return Some(count);
    }
    let share: i64 = node.as_str()?.strip_suffix('%')?.parse().ok()?;
    (0..=100).contains(&share).then(|| (share * pods + 99) / 100)
}
