//! What a rule has to say: a message, places, a mend.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It breaks under a known condition.
    Warning,
    /// It will break.
    Error,
}

/// How sure the rule is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A hint.
    Low,
    /// True in most repositories.
    Medium,
    /// Follows from the text alone.
    High,
}

/// A rule's id, such as `kustomize-patch-no-match`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct RuleId(Arc<str>);

/// A place and what is to be said there. The text may be empty for a primary label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A few words.
    pub message: String,
}

/// A change of text that mends a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// What the fix does, as an order: `write policy/v1`.
    pub title: String,
    /// Whether `--fix` applies it; an unsafe fix is shown only.
    pub safe: bool,
    /// The changes; they do not overlap.
    pub edits: Vec<Edit>,
}

/// Replaces the bytes of a span.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// The new text.
    pub text: String,
}

/// One mistake, told once.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// What is wrong and what comes of it, in one sentence or two.
    pub message: String,
    /// The text to mend.
    pub primary: Label,
    /// Other places that belong to the story.
    pub related: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// The mend, where it can be written down.
    pub fix: Option<Fix>,
    /// The object it is about, as `Kind namespace/name`.
    pub object: Option<String>,
    /// Names of the apps that have it, sorted.
    pub apps: Vec<String>,
}

impl RuleId {
    /// The id with this text.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Severity {
    /// One step less bad.
    pub fn lowered(self) -> Self {
        match self {
            Self::Error => Self::Warning,
            Self::Warning | Self::Info => Self::Info,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

impl Finding {
    /// Says a few words at the primary place.
    pub fn label(&mut self, message: impl Into<String>) -> &mut Self {
        self.primary.message = message.into();
        self
    }

    /// Adds another place.
    pub fn related(&mut self, span: Span, message: impl Into<String>) -> &mut Self {
        self.related.push(Label { span, message: message.into() });
        self
    }

    /// Says what to do.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Gives another severity than the rule's own, where the case at hand is worse or milder.
    pub fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }

    /// Gives another confidence than the rule's own.
    pub fn confidence(&mut self, confidence: Confidence) -> &mut Self {
        self.confidence = confidence;
        self
    }

    /// Adds a mend that keeps the meaning of everything else.
    pub fn fix(&mut self, title: impl Into<String>, edits: Vec<Edit>) -> &mut Self {
        self.fix = Some(Fix { title: title.into(), safe: true, edits });
        self
    }

    /// Adds a mend that somebody should look at first; `--fix` leaves it alone.
    pub fn unsafe_fix(&mut self, title: impl Into<String>, edits: Vec<Edit>) -> &mut Self {
        self.fix = Some(Fix { title: title.into(), safe: false, edits });
        self
    }
}

/// The candidate that `name` was probably meant to be: for "did you mean". `None` if none is near.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance of two texts costs the product of their lengths; names are short.
    let short = |text: &str| text.len() <= 256;
    if !short(name) {
        return None;
    }
    // One slip in every three characters is still a slip; more is another word.
    let limit = (name.chars().count() / 3).max(1);
    let distance = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    let measured =
        candidates.into_iter().filter(|candidate| short(candidate)).map(|candidate| (distance(candidate), candidate));
    measured.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
}

/// Whether one name is so near to the other that it can hardly be a name of its own: not another number, and a long
/// word for its slips.
pub fn is_slip(name: &str, other: &str) -> bool {
    // The distance of two texts costs the product of their lengths.
    if name.len().max(other.len()) > 256 {
        return false;
    }
    let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let words = |text: &str| text.split(['-', '.']).map(str::to_owned).collect::<Vec<_>>();
    let (own_words, other_words) = (words(name), words(other));
    // A word more or less, or another short word, is a name of its own: `app-ro` and `app-rw`.
    let same_count = own_words.len() == other_words.len();
    let short = |a: &String, b: &String| a != b && a.len().min(b.len()) < 4;
    let short_word = own_words.iter().zip(&other_words).any(|(a, b)| short(a, b));
    let distance = strsim::damerau_levenshtein(name, other);
    letters(name) != letters(other) && same_count && !short_word && distance <= if name.len() < 10 { 1 } else { 2 }
}
