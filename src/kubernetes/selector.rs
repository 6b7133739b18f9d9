//! Label selectors, as the API machinery matches them.

use crate::yaml::Node;

/// Whether a selector (`matchLabels`, `matchExpressions`) takes an object with these labels; the empty selector takes
/// everything. `None` if the selector holds something that can't be known or that Kubernetes refuses.
/// Source: `LabelSelectorAsSelector` of k8s.io/apimachinery.
pub fn selects(selector: &Node, labels: Option<&Node>) -> Option<bool> {
    let value = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Node::as_text);
    let mut all = true;
    for wanted in selector.get("matchLabels").map(Node::entries).unwrap_or_default() {
        all &= value(&wanted.key.text) == Some(wanted.value.as_text()?);
    }
    for wanted in selector.get("matchExpressions").map(Node::items).unwrap_or_default() {
        let own = value(wanted.str_at(&["key"])?);
        let values = wanted.get("values").map(Node::items).unwrap_or_default();
        let listed = || values.iter().any(|node| own.is_some() && node.as_text() == own);
        all &= match wanted.str_at(&["operator"])? {
            "In" => listed(),
            "NotIn" => !listed(),
            "Exists" => own.is_some(),
            "DoesNotExist" => own.is_none(),
            _ => return None,
        };
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn node(text: &str) -> Node {
        crate::yaml::parse(FileId(0), text.as_bytes()).documents[0].root.clone().expect("a node")
    }

    #[test]
    fn selectors_match_as_in_kubernetes() {
        let labels = node("{app: web, tier: front}");
        let cases = [
            ("{}", Some(true)),
            ("{matchLabels: {app: web}}", Some(true)),
            ("{matchLabels: {app: web, tier: back}}", Some(false)),
            ("{matchExpressions: [{key: app, operator: In, values: [api, web]}]}", Some(true)),
            ("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", Some(false)),
            ("{matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}", Some(true)),
            ("{matchExpressions: [{key: zone, operator: Exists}]}", Some(false)),
            ("{matchExpressions: [{key: zone, operator: DoesNotExist}]}", Some(true)),
            ("{matchExpressions: [{key: zone, operator: Near}]}", None),
        ];
        for (selector, expected) in cases {
            assert_eq!(selects(&node(selector), Some(&labels)), expected, "{selector}");
        }
        assert_eq!(selects(&node("{matchLabels: {app: web}}"), None), Some(false));
    }
}
