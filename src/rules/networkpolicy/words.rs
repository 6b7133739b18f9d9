//! How messages name pods, ports and policies.

use crate::kubernetes::Object;
use crate::kubernetes::network_policy::{PodLabels, Port};
use crate::repository::Repository;
use crate::repository::network::PlacedPolicy;

/// More things of one kind are not listed.
const MOST: usize = 6;

/// Pods by their labels, and by their namespace if it is not `here`.
pub(super) fn pods(labels: &PodLabels, namespace: &str, here: &str) -> String {
    if namespace.is_empty() || namespace == here {
        format!("`{labels}`")
    } else {
        format!("`{labels}` in namespace `{namespace}`")
    }
}

/// `port 80`, `ports 80 and 443`.
pub(super) fn ports(ports: &[&Port]) -> String {
    let mut texts: Vec<String> = ports.iter().map(ToString::to_string).collect();
    texts.dedup();
    match texts.as_slice() {
        [] => "any port".to_owned(),
        [one] => format!("port {one}"),
        _ => format!("ports {}", listed(&texts)),
    }
}

/// Texts joined by commas and `and`.
pub(super) fn listed(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] if texts.len() <= MOST => format!("{} and {last}", start.join(", ")),
        _ => {
            let start: Vec<&str> = texts.iter().take(MOST).map(String::as_str).collect();
            format!("{} and {} more", start.join(", "), texts.len() - MOST)
        }
    }
}

/// The object that holds a policy.
pub(super) fn object_of<'a>(policy: &PlacedPolicy, repository: &'a Repository) -> Option<&'a Object> {
    repository.apps.get(policy.app)?.objects.get(policy.object)
}

/// `CiliumNetworkPolicy shop/web`.
pub(super) fn policy(policy: &PlacedPolicy, repository: &Repository) -> String {
    object_of(policy, repository).map(|object| object.id.to_string()).unwrap_or_default()
}
