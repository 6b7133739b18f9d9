//! What a rule is.

use crate::finding::{Confidence, Finding, Label, RuleId, Severity};
use crate::helm::Release;
use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::source::{SourceFile, Span};
use crate::yaml::Stream;

/// A rule: the facts from its file, and its check.
pub struct Rule {
    /// The id, which is the file's stem.
    pub id: RuleId,
    /// The id's first word: the system it is about.
    pub group: String,
    /// One line.
    pub title: String,
    /// How bad a finding is, unless it says otherwise.
    pub severity: Severity,
    /// How sure a finding is, unless it says otherwise.
    pub confidence: Confidence,
    /// Whether it runs only where the user asks for it.
    pub pedantic: bool,
    /// The text below the metadata, in Markdown.
    pub documentation: String,
    /// How it looks for findings.
    pub check: Check,
}

/// How a rule looks for findings. Checks are functions without state.
#[derive(Clone, Copy)]
pub enum Check {
    /// Looks at one built object.
    Object(fn(&Object, &BuiltApp, &Repository, &mut Findings<'_>)),
    /// Looks at one chart installation.
    Release(fn(&Release, &BuiltApp, &Repository, &mut Findings<'_>)),
    /// Looks at one app.
    App(for<'a> fn(&'a BuiltApp, &'a Repository, &mut Findings<'a>)),
    /// Looks at everything at once.
    Repository(for<'a> fn(&'a Repository, &mut Findings<'a>)),
    /// Looks at one YAML file as it is written.
    File(fn(&SourceFile, &Stream, &Repository, &mut Findings<'_>)),
}

/// Collects findings and stamps them with the rule, the object and the app that are being looked at.
pub struct Findings<'a> {
    rule: &'a Rule,
    app: Option<&'a BuiltApp>,
    object: Option<&'a Object>,
    list: Vec<Finding>,
}

impl<'a> Findings<'a> {
    /// An empty collection for one rule.
    pub fn new(rule: &'a Rule) -> Self {
        Self { rule, app: None, object: None, list: Vec::new() }
    }

    /// Says which app and object the next findings are about.
    pub fn about(&mut self, app: Option<&'a BuiltApp>, object: Option<&'a Object>) {
        self.app = app;
        self.object = object;
    }

    /// Adds a finding. `span` is the text to mend.
    pub fn report(&mut self, span: Span, message: impl Into<String>) -> &mut Finding {
        let at = self.list.len();
        self.list.push(Finding {
            rule: self.rule.id.clone(),
            severity: self.rule.severity,
            confidence: self.rule.confidence,
            message: message.into(),
            primary: Label { span, message: String::new() },
            related: Vec::new(),
            help: None,
            fix: None,
            object: self.object.map(|object| object.id.to_string()),
            apps: self.app.map(|app| app.app.name.clone()).into_iter().collect(),
        });
        &mut self.list[at]
    }

    /// The findings so far.
    pub fn into_list(self) -> Vec<Finding> {
        self.list
    }
}

/// One line of the table that the build script makes.
struct BuiltIn {
    id: &'static str,
    group: &'static str,
    text: &'static str,
    check: Option<Check>,
}

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Every built-in rule, sorted by id.
pub fn built_in() -> Vec<Rule> {
    BUILT_IN.iter().filter_map(|rule| Rule::parse(rule.id, rule.group, rule.text, rule.check)).collect()
}

impl Rule {
    fn parse(id: &str, group: &str, text: &str, check: Option<Check>) -> Option<Self> {
        let (metadata, documentation) = text.strip_prefix("---\n")?.split_once("\n---\n")?;
        let stream = crate::yaml::parse(crate::source::FileId(0), metadata.as_bytes());
        let root = stream.documents.first()?.root.as_ref()?;
        Some(Self {
            id: RuleId::new(id),
            group: group.to_owned(),
            title: root.str_at(&["title"])?.to_owned(),
            severity: match root.str_at(&["severity"])? {
                "error" => Severity::Error,
                "warning" => Severity::Warning,
                _ => Severity::Info,
            },
            confidence: match root.str_at(&["confidence"])? {
                "high" => Confidence::High,
                "medium" => Confidence::Medium,
                _ => Confidence::Low,
            },
            pedantic: root.get("pedantic").and_then(crate::yaml::Node::as_bool).unwrap_or(false),
            documentation: documentation.trim().to_owned(),
            check: check?,
        })
    }
}
