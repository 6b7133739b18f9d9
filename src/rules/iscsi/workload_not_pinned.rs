//! See `rules/iscsi/iscsi-workload-not-pinned.md`.

use super::classes::Classes;
use crate::finding::Confidence;
use crate::helm::Release;
use crate::repository::Repository;
use crate::rules::claims::{self, Claim, HOSTNAME, Tie};
use crate::rules::nodes;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::{Node, Value};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Keys under which values of charts name a StorageClass.
const CLASS_KEYS: [&str; 2] = ["storageClass", "storageClassName"];

/// Charts whose values tie a pod to nodes in the map that also holds its claim. Source: their values.yaml.
const TIES_BESIDE_CLAIMS: [&str; 5] = ["grafana", "kube-prometheus-stack", "loki", "tempo", "vault"];

/// How deep values are followed.
const MAX_DEPTH: usize = 32;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    // Where there is one node, no pod comes up on another.
    if nodes::all(repository).len() == 1 {
        return;
    }
    let provisioners = findings.texts("provisioners");
    let classes = Classes::of(repository, &provisioners);
    for app in &repository.apps {
        for claim in Claim::of(app) {
            findings.about(Some(app), Some(claim.consumer));
            of_claim(&claim, &classes, findings);
        }
        findings.about(Some(app), None);
        for release in &app.releases {
            of_values(release, &classes, findings);
        }
    }
}

fn of_claim(claim: &Claim<'_>, classes: &Classes, findings: &mut Findings<'_>) {
    let (name, span) = match claim.class.filter(|class| !class.is_null()) {
        Some(class) => match class.as_str() {
            Some(name) => (name, class.span),
            None => return,
        },
        None => match &classes.default {
            Some(default) => (default.as_str(), claim.place),
            None => return,
        },
    };
    let Some(definition) = classes.at_risk(name) else { return };
    let block = claim.spec.str_at(&["volumeMode"]) == Some("Block");
    let Some(replicas) = claim.replicas().filter(|replicas| *replicas > 0) else { return };
    if block || claim.has_mode("ReadWriteMany") || claim.has_mode("ReadOnlyMany") {
        return;
    }
    let hosts = match claims::tie(claim.scheduling) {
        Tie::None => None,
        Tie::Hosts(hosts) if i64::try_from(hosts).unwrap_or(i64::MAX) > replicas => Some(hosts),
        Tie::Hosts(_) | Tie::Unknown => return,
    };
    let free = match hosts {
        Some(hosts) => format!("may run on {hosts} nodes"),
        None => "is tied to no node".to_owned(),
    };
    let who = claim.consumer.id.to_string();
    report(span, name, &format!("{who} {free}"), definition, findings);
}

fn report(span: Span, class: &str, who: &str, definition: Option<Span>, findings: &mut Findings<'_>) {
    let message = format!(
        "{who}, and its volume of `{class}` is a LUN on iSCSI: where such a pod came up on another node, drivers made of \
         Trident have found no file system behind a stale session and formatted the LUN anew, and all data was lost"
    );
    let finding = findings.report(span, message);
    match definition {
        Some(place) => {
            finding.related(place, "this class attaches its volumes over iSCSI");
        }
        None => {
            finding.confidence(Confidence::Low);
        }
    }
    finding.help(format!(
        "tie the pod to one node, with `nodeSelector: {{{HOSTNAME}: …}}`, and guard it with a PodDisruptionBudget; or keep \
         the data elsewhere: local disks with replication, or NFS"
    ));
}

/// Values of charts: a class is named, and no map around it ties the pod to a node.
fn of_values(release: &Release, classes: &Classes, findings: &mut Findings<'_>) {
    let mut values = Values::default();
    values.walk(&release.values, false, 0);
    // Where a chart keeps ties apart from claims, whose they are can't be told.
    let apart = values.tied_without_class && !TIES_BESIDE_CLAIMS.contains(&release.chart.name.as_str());
    if release.incomplete || apart {
        return;
    }
    for class in values.loose {
        let known = class.as_str().and_then(|name| Some((name, classes.at_risk(name)?)));
        if let Some((name, definition)) = known {
            let who = format!("a pod of the chart `{}` is tied to no node", release.chart.name);
            report(class.span, name, &who, definition, findings);
        }
    }
}

/// What values say of classes and nodes.
#[derive(Default)]
struct Values<'a> {
    /// Names of classes in no map that ties a pod to nodes.
    loose: Vec<&'a Node>,
    /// Whether a map ties pods to nodes and names no class.
    tied_without_class: bool,
}

impl<'a> Values<'a> {
    /// Looks through a map or list; says whether a class is named in it.
    fn walk(&mut self, node: &'a Node, tied: bool, depth: usize) -> bool {
        if depth > MAX_DEPTH || node.get("enabled").and_then(Node::as_bool) == Some(false) {
            return false;
        }
        let here = claims::tie(node) != Tie::None;
        let mut names = false;
        for entry in node.entries() {
            match &entry.value.value {
                Value::Scalar(text) if CLASS_KEYS.contains(&entry.key.text.as_str()) && !text.is_empty() => {
                    names = true;
                    if !tied && !here {
                        self.loose.push(&entry.value);
                    }
                }
                Value::Scalar(_) => {}
                Value::Sequence(_) | Value::Mapping(_) => names |= self.walk(&entry.value, tied || here, depth + 1),
            }
        }
        for item in node.items() {
            names |= self.walk(item, tied || here, depth + 1);
        }
        self.tied_without_class |= here && !names;
        names
    }
}
