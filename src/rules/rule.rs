//! What a rule is.

use std::sync::Arc;

use super::matcher::Matcher;
use super::setting::Setting;
use crate::config::Config;
use crate::finding::{Confidence, Finding, Label, RuleId, Severity};
use crate::gitops::Standing;
use crate::helm::Release;
use crate::kubernetes::{Object, Quantity};
use crate::repository::{BuiltApp, Repository, Since};
use crate::source::{FileId, SourceFile, Span};
use crate::yaml::{Entry, Key, Node, Stream};

/// A rule: the facts from its file, and its check.
#[derive(Clone)]
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
    /// Values that users may change.
    pub settings: Vec<Setting>,
    /// The text below the metadata, in Markdown.
    pub documentation: String,
    /// How it looks for findings.
    pub check: Check,
}

impl Rule {
    /// Whether it compares with an earlier state, and so runs only with `--since`.
    pub fn needs_since(&self) -> bool {
        matches!(self.check, Check::Since(_))
    }
}

/// How a rule looks for findings. Checks are functions without state.
#[derive(Clone)]
pub enum Check {
    /// Is declared in the rule's file.
    Match(Arc<Matcher>),
    /// Is part of the engine: `lint` itself reports it.
    Engine,
    /// Looks at one built object.
    Object(fn(&Object, &BuiltApp, &Repository, &mut Findings<'_>)),
    /// Looks at one chart installation.
    Release(fn(&Release, &BuiltApp, &Repository, &mut Findings<'_>)),
    /// Looks at one app.
    App(for<'a> fn(&'a BuiltApp, &'a Repository, &mut Findings<'a>)),
    /// Looks at everything at once.
    Repository(for<'a> fn(&'a Repository, &mut Findings<'a>)),
    /// Compares everything with an earlier state; runs only where the user names one.
    Since(for<'a> fn(&'a Since, &'a Repository, &mut Findings<'a>)),
    /// Looks at one YAML file as it is written. Only files that belong to an app or declare one are looked at.
    File(fn(&SourceFile, &Stream, &Repository, &mut Findings<'_>)),
}

/// Collects findings and stamps them with the rule, the object and the app that are being looked at.
pub struct Findings<'a> {
    rule: &'a Rule,
    config: &'a Config,
    app: Option<&'a BuiltApp>,
    object: Option<&'a Object>,
    list: Vec<Finding>,
    /// Which of them are about what nobody deploys.
    undeployed: Vec<(usize, Standing)>,
}

impl<'a> Findings<'a> {
    /// An empty collection for one rule.
    pub fn new(rule: &'a Rule, config: &'a Config) -> Self {
        Self { rule, config, app: None, object: None, list: Vec::new(), undeployed: Vec::new() }
    }

    /// Says which app and object the next findings are about.
    pub fn about(&mut self, app: Option<&'a BuiltApp>, object: Option<&'a Object>) {
        self.app = app;
        self.object = object;
    }

    /// How bad the rule's findings are unless they say otherwise.
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }

    /// Adds a finding. `span` is the text to mend.
    pub fn report(&mut self, span: Span, message: impl Into<String>) -> &mut Finding {
        let at = self.list.len();
        if let Some(app) = self.app.filter(|app| app.app.standing != Standing::Deployed) {
            self.undeployed.push((at, app.app.standing));
        }
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

    /// The value of one of the rule's settings: the user's, if it is of the right kind, else the default. `None` if the
    /// rule's file declares no such setting.
    pub fn setting(&self, name: &str) -> Option<&'a Node> {
        let setting = self.rule.settings.iter().find(|setting| setting.name == name)?;
        let users = self.config.settings.get(self.rule.id.as_str()).and_then(|settings| settings.values.get(name));
        Some(users.filter(|value| setting.kind.accepts(value)).unwrap_or(&setting.default))
    }

    /// All settings as one map.
    pub(super) fn settings(&self) -> Node {
        let span = Span::start_of(FileId(0));
        let entries = self.rule.settings.iter().filter_map(|setting| {
            let value = self.setting(&setting.name)?.clone();
            Some(Entry { key: Key::new(setting.name.as_str(), span), value })
        });
        Node::mapping(entries.collect(), span)
    }

    /// The value of a setting of the type `quantity`.
    pub fn quantity(&self, name: &str) -> Option<Quantity> {
        Quantity::of(self.setting(name)?)?.ok()
    }

    /// The value of a setting of the type `texts`; empty if the rule's file declares no such setting.
    pub fn texts(&self, name: &str) -> Vec<&'a str> {
        self.setting(name).map(Node::items).unwrap_or_default().iter().filter_map(Node::as_text).collect()
    }

    /// The findings so far. What only shows or tests something, and is deployed by nothing, weighs one step less; what
    /// was put away, or is on no list, is only worth knowing.
    pub fn into_list(mut self) -> Vec<Finding> {
        for (at, standing) in self.undeployed {
            let severity = &mut self.list[at].severity;
            *severity = match standing {
                Standing::Retired | Standing::Unlisted => Severity::Info,
                Standing::Sample | Standing::Deployed => severity.lowered(),
            };
        }
        self.list
    }
}
