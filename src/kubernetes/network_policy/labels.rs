//! Labels of pods as far as they are known, and what policies ask of them.
//!
//! Of the pods of charts that are not rendered only that is known by which policies call them. So a question may have no
//! answer; [`Match::Maybe`] is one.

use compact_str::CompactString;

use crate::source::Span;
use crate::yaml::Node;

/// Whether a question holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Match {
    /// It does not.
    No,
    /// It can't be known.
    Maybe,
    /// It does.
    Yes,
}

/// What is asked of labels; all of it must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LabelQuery {
    /// The conditions.
    pub requirements: Vec<Requirement>,
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The label.
    pub key: CompactString,
    /// What it must be.
    pub test: Test,
    /// Where it is written: the value, else the whole condition.
    pub span: Span,
}

impl PartialEq for Requirement {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.test == other.test
    }
}

impl Eq for Requirement {}

/// What a label must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// One of these.
    In(Vec<CompactString>),
    /// None of these, or absent.
    NotIn(Vec<CompactString>),
    /// There.
    Exists,
    /// Not there.
    Absent,
    /// Something that can't be known.
    Unknown,
}

/// The labels of a pod, as far as they are known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PodLabels {
    /// Labels that are there; `None` for a value that is not known.
    pub known: Vec<(CompactString, Option<CompactString>)>,
    /// Labels that are not there.
    pub absent: Vec<CompactString>,
    /// Whether there are no others.
    pub closed: bool,
}

/// Labels that controllers put on the pods they make for one object of their own. A pod has those of one of these
/// families.
/// Sources: argo-events, `controllers/*/resource.go`; cloudnative-pg, `pkg/utils/labels_annotations.go`; argo-workflows,
/// `workflow/common`; spin-operator, `internal/controller`; strimzi, `Labels.java`.
const MADE_BY: [(&str, &str); 8] = [
    ("eventsource-name", "EventSource"),
    ("sensor-name", "Sensor"),
    ("eventbus-name", "EventBus"),
    ("cnpg.io/cluster", "Cluster"),
    ("cnpg.io/poolerName", "Pooler"),
    ("workflows.argoproj.io/workflow", "Workflow"),
    ("core.spinkube.dev/app-name", "SpinApp"),
    ("strimzi.io/cluster", "Kafka"),
];

/// Labels by which people and charts tell programs apart. A pod seldom has two of them with unlike values.
const NAMES: [&str; 4] = ["app.kubernetes.io/name", "app", "k8s-app", "name"];

impl Match {
    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }
}

impl LabelQuery {
    /// The conditions of a selector with `matchLabels` and `matchExpressions`.
    pub fn of(selector: &Node) -> Self {
        super::standard::query(selector)
    }

    /// Whether pods with these labels are meant.
    pub fn matches(&self, labels: &PodLabels) -> Match {
        self.requirements.iter().map(|requirement| requirement.holds(labels)).min().unwrap_or(Match::Yes)
    }

    /// The labels that every pod has that is meant, one set for each value where a label may have several; at most
    /// `most` sets.
    pub fn examples(&self, most: usize) -> Vec<PodLabels> {
        let mut all = vec![PodLabels::default()];
        for requirement in &self.requirements {
            match &requirement.test {
                Test::In(values) => {
                    let with = |labels: &PodLabels, value: &CompactString| {
                        let mut labels = labels.clone();
                        labels.known.push((requirement.key.clone(), Some(value.clone())));
                        labels
                    };
                    let each = all.iter().flat_map(|labels| values.iter().map(move |value| with(labels, value)));
                    all = each.take(most).collect();
                }
                Test::Exists => all.iter_mut().for_each(|labels| labels.known.push((requirement.key.clone(), None))),
                Test::Absent => all.iter_mut().for_each(|labels| labels.absent.push(requirement.key.clone())),
                Test::NotIn(_) | Test::Unknown => {}
            }
        }
        all
    }

    /// Whether a value is asked for: more than that a label is there or not.
    pub fn names_value(&self) -> bool {
        self.requirements.iter().any(|requirement| matches!(requirement.test, Test::In(_)))
    }

    /// Whether a label is asked for that tells programs apart.
    pub fn names_program(&self) -> bool {
        let named =
            |requirement: &Requirement| matches!(requirement.test, Test::In(_)) && tells_program(&requirement.key);
        self.requirements.iter().any(named)
    }

    /// Whether the labels tell a program by other keys and other values than these conditions.
    pub fn is_apart(&self, labels: &PodLabels) -> bool {
        let tells = labels.known.iter().any(|(key, value)| value.is_some() && tells_program(key));
        let shared = |requirement: &Requirement| {
            labels.known.iter().any(|(key, value)| {
                let wanted = match &requirement.test {
                    Test::In(values) => values.as_slice(),
                    _ => &[],
                };
                *key == requirement.key || value.as_ref().is_some_and(|value| wanted.contains(value))
            })
        };
        tells && !self.requirements.iter().any(shared)
    }
}

/// The values, as messages name pods.
impl std::fmt::Display for LabelQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, requirement) in self.requirements.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            let key = &requirement.key;
            match &requirement.test {
                Test::In(values) if values.len() == 1 => write!(f, "{key}={}", values.concat())?,
                Test::In(values) => write!(f, "{key} in ({})", values.join(", "))?,
                Test::NotIn(values) => write!(f, "{key} not in ({})", values.join(", "))?,
                Test::Exists => write!(f, "{key}")?,
                Test::Absent => write!(f, "!{key}")?,
                Test::Unknown => write!(f, "{key}=?")?,
            }
        }
        Ok(())
    }
}

impl Requirement {
    fn holds(&self, labels: &PodLabels) -> Match {
        if self.test == Test::Unknown {
            return Match::Maybe;
        }
        let Some((_, value)) = labels.known.iter().find(|(key, _)| *key == self.key) else {
            let wanted = match &self.test {
                Test::In(values) => values.as_slice(),
                Test::Exists => &[],
                Test::NotIn(_) | Test::Absent if labels.lacks(&self.key, &[]) => return Match::Yes,
                Test::NotIn(_) | Test::Absent | Test::Unknown => return Match::Maybe,
            };
            return if labels.lacks(&self.key, wanted) { Match::No } else { Match::Maybe };
        };
        let is_one = |values: &[CompactString]| match value {
            Some(value) if values.contains(value) => Match::Yes,
            Some(_) => Match::No,
            None => Match::Maybe,
        };
        match &self.test {
            Test::In(values) => is_one(values),
            Test::NotIn(values) => match is_one(values) {
                Match::Yes => Match::No,
                Match::Maybe => Match::Maybe,
                Match::No => Match::Yes,
            },
            Test::Exists => Match::Yes,
            Test::Absent => Match::No,
            Test::Unknown => Match::Maybe,
        }
    }
}

impl PodLabels {
    /// Adds a label, or gives one that is there another value.
    pub fn set(&mut self, key: impl Into<CompactString>, value: Option<CompactString>) {
        let key = key.into();
        match self.known.iter_mut().find(|(known, _)| *known == key) {
            Some(entry) => entry.1 = value,
            None => self.known.push((key, value)),
        }
    }

    /// Whether a label that is not among the known ones is not there, at least not with one of these values.
    fn lacks(&self, key: &str, values: &[CompactString]) -> bool {
        if self.closed || self.absent.iter().any(|absent| absent == key) {
            return true;
        }
        if let Some(other) = family(key)
            && self.known.iter().any(|(known, _)| family(known).is_some_and(|own| own != other))
        {
            return true;
        }
        // Two labels that tell programs apart, with values that have nothing in common, are of two programs.
        let unlike = |value: &str| values.iter().all(|wanted| !akin(wanted, value));
        let named = |(known, value): &(CompactString, Option<CompactString>)| {
            NAMES.contains(&known.as_str()) && value.as_deref().is_some_and(unlike)
        };
        NAMES.contains(&key) && !values.is_empty() && self.known.iter().any(named)
    }
}

/// The labels, as messages name pods.
impl std::fmt::Display for PodLabels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (key, value)) in self.known.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            match value {
                Some(value) => write!(f, "{comma}{key}={value}")?,
                None => write!(f, "{comma}{key}")?,
            }
        }
        Ok(())
    }
}

/// Whether a label tells programs apart.
fn tells_program(key: &str) -> bool {
    NAMES.contains(&key) || family(key).is_some() || matches!(key, "job-name" | "batch.kubernetes.io/job-name")
}

fn family(key: &str) -> Option<&'static str> {
    MADE_BY.iter().find(|(made, _)| *made == key).map(|(_, family)| *family)
}

/// Whether two values may name the same program: they share a word.
fn akin(a: &str, b: &str) -> bool {
    let split = |byte: char| !byte.is_ascii_alphanumeric();
    a.contains(b) || b.contains(a) || a.split(split).any(|word| word.len() > 2 && b.split(split).any(|own| own == word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn query(pairs: &[(&str, &str)]) -> LabelQuery {
        let requirement = |(key, value): &(&str, &str)| Requirement {
            key: (*key).into(),
            test: match *value {
                "*" => Test::Exists,
                "!" => Test::Absent,
                value => Test::In(value.split('|').map(CompactString::from).collect()),
            },
            span: Span::start_of(FileId(0)),
        };
        LabelQuery { requirements: pairs.iter().map(requirement).collect() }
    }

    fn labels(pairs: &[(&str, &str)], closed: bool) -> PodLabels {
        let known = pairs.iter().map(|(key, value)| ((*key).into(), Some((*value).into())));
        PodLabels { known: known.collect(), absent: Vec::new(), closed }
    }

    #[test]
    fn unknown_labels_leave_questions_open() {
        let web = labels(&[("app", "web")], false);
        assert_eq!(query(&[("app", "web")]).matches(&web), Match::Yes);
        assert_eq!(query(&[("app", "api|web")]).matches(&web), Match::Yes);
        assert_eq!(query(&[("app", "api")]).matches(&web), Match::No);
        assert_eq!(query(&[("tier", "front")]).matches(&web), Match::Maybe);
        assert_eq!(query(&[("tier", "!")]).matches(&web), Match::Maybe);
        assert_eq!(query(&[]).matches(&web), Match::Yes);
        let web = labels(&[("app", "web")], true);
        assert_eq!(query(&[("tier", "front")]).matches(&web), Match::No);
        assert_eq!(query(&[("tier", "!")]).matches(&web), Match::Yes);
    }

    #[test]
    fn labels_of_two_programs_are_not_on_one_pod() {
        let sensor = labels(&[("sensor-name", "builds")], false);
        assert_eq!(query(&[("eventsource-name", "builds")]).matches(&sensor), Match::No);
        assert_eq!(query(&[("app", "builds")]).matches(&sensor), Match::Maybe);
        let web = labels(&[("app", "shop-web")], false);
        assert_eq!(query(&[("app.kubernetes.io/name", "web")]).matches(&web), Match::Maybe);
        assert_eq!(query(&[("app.kubernetes.io/name", "grafana")]).matches(&web), Match::No);
        assert_eq!(query(&[("app.kubernetes.io/instance", "grafana")]).matches(&web), Match::Maybe);
    }

    #[test]
    fn a_query_has_an_example_for_each_value() {
        let examples = query(&[("sensor-name", "a|b"), ("zone", "*")]).examples(8);
        let texts: Vec<String> = examples.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["sensor-name=a, zone", "sensor-name=b, zone"]);
        assert_eq!(query(&[("a", "1|2|3"), ("b", "1|2|3")]).examples(4).len(), 4);
    }
}
