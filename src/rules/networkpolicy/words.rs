//! How messages name pods and ports.

use crate::kubernetes::network_policy::{PodLabels, Port};

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
