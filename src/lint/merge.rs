//! One mistake, one finding.

use foldhash::{HashMap, HashMapExt};

use crate::finding::Finding;

/// Makes one finding of those that tell the same mistake: what one rule says at one place, in however many apps and
/// objects it is seen. A base that twelve overlays use gives one finding with twelve apps, even if the overlays' names
/// make the messages differ; the worst is kept, and of equal ones the first.
///
/// Several findings of one rule at one place *within* one object are several mistakes, and stay apart.
pub(super) fn merge(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    // How many mistakes a rule has told so far at one place in one object of one app.
    let mut told: HashMap<_, Vec<String>> = HashMap::new();
    for finding in findings {
        let place = (finding.rule.clone(), finding.primary.span);
        let messages: &mut Vec<String> =
            told.entry((place.clone(), finding.object.clone(), finding.apps.clone())).or_default();
        if messages.contains(&finding.message) {
            continue;
        }
        let ordinal = messages.len();
        messages.push(finding.message.clone());
        match known.get(&(place.clone(), ordinal)) {
            Some(at) => {
                let kept = &mut merged[*at];
                let mut apps = std::mem::take(&mut kept.apps);
                apps.extend_from_slice(&finding.apps);
                if finding.severity > kept.severity {
                    *kept = finding;
                }
                kept.apps = apps;
            }
            None => {
                known.insert((place, ordinal), merged.len());
                merged.push(finding);
            }
        }
    }
    for finding in &mut merged {
        finding.apps.sort();
        finding.apps.dedup();
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Confidence, Label, RuleId, Severity};
    use crate::source::{FileId, Span};

    fn finding(app: &str, start: usize, message: &str, severity: Severity) -> Finding {
        Finding {
            rule: RuleId::new("test-merge"),
            severity,
            confidence: Confidence::High,
            message: message.to_owned(),
            primary: Label { span: Span::new(FileId(0), start, start + 1), message: String::new() },
            related: Vec::new(),
            help: None,
            fix: None,
            object: Some(format!("Deployment {app}/web")),
            apps: vec![app.to_owned()],
        }
    }

    #[test]
    fn a_base_of_several_overlays_gives_one_finding() {
        let findings = [
            finding("two", 5, "web of two is wrong", Severity::Warning),
            finding("one", 5, "web of one is broken", Severity::Error),
            finding("three", 5, "web of three is wrong", Severity::Warning),
            finding("three", 9, "web of three is wrong elsewhere", Severity::Warning),
        ];
        let merged = merge(findings.into_iter());
        let told: Vec<_> = merged.iter().map(|finding| (finding.message.as_str(), finding.apps.join(" "))).collect();
        assert_eq!(
            told,
            [
                ("web of one is broken", "one three two".to_owned()),
                ("web of three is wrong elsewhere", "three".to_owned())
            ]
        );
    }
}
