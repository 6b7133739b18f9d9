//! The order of the output.

use foldhash::HashMap;

use super::id::{Gvk, ResId};
use super::kustomization::Kustomization;
use super::problem::Problem;
use super::resource::Resource;
use crate::yaml::Node;

const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// How the output is sorted.
pub(super) enum Order {
    /// As it was loaded.
    Loaded,
    /// By kind, in kustomize's own or the user's order.
    Kinds(HashMap<String, usize>, usize),
}

impl Order {
    /// The order that the root asks for, else the one that the caller wants.
    pub(super) fn of(root: &Kustomization, keep_order: bool, problems: &mut Vec<Problem>) -> Self {
        let legacy = || Self::kinds(FIRST.iter().copied(), LAST.iter().copied());
        let Some(options) = root.root.get("sortOptions") else {
            return if keep_order { Self::Loaded } else { legacy() };
        };
        match options.str_at(&["order"]) {
            Some("fifo") => {
                if let Some(own) = options.get("legacySortOptions") {
                    let words = "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', \
                                 not 'legacy'";
                    problems.push(Problem::fails(own.span, words));
                }
                Self::Loaded
            }
            Some("legacy") => {
                let own = options.get("legacySortOptions");
                let list = |field| own.and_then(|own| own.get(field)).map(Node::items).unwrap_or_default();
                let (first, last) = (list("orderFirst"), list("orderLast"));
                if own.is_none() || first.is_empty() && last.is_empty() {
                    return legacy();
                }
                Self::kinds(first.iter().filter_map(Node::as_str), last.iter().filter_map(Node::as_str))
            }
            _ => {
                let words = "the field 'sortOptions.order' must be one of [fifo, legacy]";
                problems.push(Problem::fails(options.span, words));
                legacy()
            }
        }
    }

    fn kinds<'a>(first: impl Iterator<Item = &'a str>, last: impl Iterator<Item = &'a str>) -> Self {
        let first: Vec<&str> = first.collect();
        let middle = first.len();
        let last = last.enumerate().map(|(at, kind)| (kind.to_owned(), middle + 1 + at));
        let first = first.into_iter().enumerate().map(|(at, kind)| (kind.to_owned(), at));
        Self::Kinds(first.chain(last).collect(), middle)
    }

    pub(super) fn sort(&self, list: &mut [Resource]) {
        let Self::Kinds(ranks, middle) = self else { return };
        let listed = ranks.contains_key("Namespace");
        list.sort_by_cached_key(|resource| {
            let id = resource.id();
            let rank = ranks.get(id.gvk.kind.as_str()).copied().unwrap_or(*middle);
            // Among Namespaces, where they are listed, the core one comes first.
            let behind = listed && id.gvk.kind == "Namespace" && !id.gvk.group.is_empty();
            (rank, behind, by_type(&id.gvk), by_id(&id))
        });
    }
}

/// What types are sorted by where no order is asked for.
pub(super) fn by_kind(gvk: &Gvk) -> (usize, String) {
    let rank = |list: &[&str]| list.iter().position(|kind| *kind == gvk.kind);
    let rank = rank(&FIRST).unwrap_or_else(|| FIRST.len() + rank(&LAST).map_or(0, |at| at + 1));
    (rank, by_type(gvk))
}

fn by_type(gvk: &Gvk) -> String {
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    format!("{}_{}_{}", or(&gvk.group, "~G"), or(&gvk.version, "~V"), or(&gvk.kind, "~K"))
}

fn by_id(id: &ResId) -> String {
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    format!("{}|{}|{}", id.gvk, or(&id.namespace, "~X"), or(&id.name, "~N"))
}
