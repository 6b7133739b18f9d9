//! See `rules/poddisruptionbudget/poddisruptionbudget-blocks-drain.md`.

use foldhash::{HashMap, HashMapExt, HashSet};

use crate::kubernetes::{Object, Pod, selects};
use crate::repository::{BuiltApp, Repository};
use crate::rules::claims::{self, Tie};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

/// A label of pods: namespace, key, value.
type Label<'a> = (&'a str, &'a str, &'a str);

/// Workloads by the labels of their pods.
type Workloads<'a> = HashMap<Label<'a>, Vec<(&'a Object, &'a Node)>>;

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    if !app.objects.iter().any(|object| object.id.is("policy", "PodDisruptionBudget")) {
        return;
    }
    let mut workloads = Workloads::new();
    for object in &app.objects {
        // A pod that can run on one node only gains nothing by an eviction: there the budget is meant to stop the drain.
        let moves = |pod: &Pod<'_>| is_counted(object) && claims::tie(pod.spec) != Tie::Hosts(1);
        let Some(pod) = Pod::of(object).filter(moves) else { continue };
        let Some(labels) = pod.template.at(&["metadata", "labels"]) else { continue };
        for label in labels.entries() {
            let Some(value) = label.value.as_text() else { continue };
            workloads.entry((app.namespace_of(object), &label.key.text, value)).or_default().push((object, labels));
        }
    }
    let scalers = app
        .objects
        .iter()
        .filter(|object| matches!(object.id.kind.as_str(), "HorizontalPodAutoscaler" | "ScaledObject"));
    let scaled: HashSet<&str> =
        scalers.filter_map(|scaler| scaler.root.str_at(&["spec", "scaleTargetRef", "name"])).collect();
    for budget in app.objects.iter().filter(|object| object.id.is("policy", "PodDisruptionBudget")) {
        findings.about(Some(app), Some(budget));
        judge(budget, app.namespace_of(budget), &workloads, &scaled, findings);
    }
}

fn judge(
    budget: &Object,
    namespace: &str,
    workloads: &Workloads<'_>,
    scaled: &HashSet<&str>,
    findings: &mut Findings<'_>,
) -> Option<()> {
    let spec = budget.root.get("spec")?;
    let selector = spec.get("selector")?;
    // The rarest of the wanted labels leaves the fewest to compare.
    let wanted = selector.get("matchLabels").map(Node::entries).unwrap_or_default().iter();
    let candidates = wanted
        .map(|label| workloads.get(&(namespace, label.key.text.as_str(), label.value.as_text().unwrap_or_default())))
        .min_by_key(|found| found.map_or(0, Vec::len))??;
    let mut pods = 0;
    let mut first = None;
    for (object, labels) in candidates {
        if selects(selector, Some(labels))? {
            pods += replicas(object).filter(|_| !scaled.contains(object.id.name.as_str()))?;
            first = first.or(Some(*object));
        }
    }
    let first = first.filter(|_| pods > 0)?;
    let (place, allowed) = match (spec.get("maxUnavailable"), spec.get("minAvailable")) {
        (Some(most), None) => (most, amount(most, pods)?),
        (None, Some(least)) => (least, pods - amount(least, pods)?),
        _ => return None,
    };
    if allowed > 0 {
        return None;
    }
    let written = place.as_text().unwrap_or_default();
    let them = if pods == 1 { "the only pod".to_owned() } else { format!("any of the {pods} pods") };
    let message = format!(
        "{} allows no eviction of {them} of {}: a node that is drained for an upgrade waits for it without end, \"Cannot \
         evict pod as it would violate the pod's disruption budget\"",
        budget.id, first.id
    );
    let finding = findings.report(place.span, message);
    finding.label(format!("{written} of {pods}")).related(first.name_span(), "these pods");
    finding.help(if pods == 1 {
        "write `maxUnavailable: 1`, or run two pods; one pod can't be moved without an interruption"
    } else {
        "write `maxUnavailable: 1`"
    });
    Some(())
}

/// Whether it is known how many pods the object makes.
fn is_counted(object: &Object) -> bool {
    object.id.is("apps", "Deployment") || object.id.is("apps", "StatefulSet")
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
