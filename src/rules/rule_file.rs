//! Rule files: metadata between two lines `---`, then Markdown. Built-in ones come with the program, users' own ones lie
//! under `.presync/rules`; both are read by the same strict reader.

use std::sync::Arc;

use super::matcher::Matcher;
use super::rule::{Check, Rule};
use super::setting;
use crate::config::{Config, ConfigProblem, Reader};
use crate::files::Files;
use crate::finding::{Confidence, RuleId, Severity};
use crate::source::{FileId, SourceFile, Span};

/// One line of the table that the build script makes.
struct BuiltIn {
    id: &'static str,
    group: &'static str,
    text: &'static str,
    /// The check in Rust; `None` if the file declares it.
    check: Option<Check>,
}

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The longest title, in characters: it stands in one line of `presync rules`.
const MAX_TITLE: usize = 90;

const SEVERITIES: [(&str, Severity); 3] =
    [("error", Severity::Error), ("warning", Severity::Warning), ("info", Severity::Info)];

const CONFIDENCES: [(&str, Confidence); 3] =
    [("high", Confidence::High), ("medium", Confidence::Medium), ("low", Confidence::Low)];

/// Every built-in rule, sorted by id.
pub fn built_in() -> Vec<Rule> {
    BUILT_IN.iter().filter_map(|rule| read_built_in(rule, &mut Reader::default())).collect()
}

/// What is wrong with the built-in rule files, each with the rule's id; a test holds this empty.
pub fn built_in_problems() -> Vec<(&'static str, ConfigProblem)> {
    let problems = BUILT_IN.iter().map(|rule| {
        let mut reader = Reader::default();
        read_built_in(rule, &mut reader);
        reader.problems.into_iter().map(|problem| (rule.id, problem))
    });
    problems.flatten().collect()
}

/// The built-in rules and the user's own, sorted by id; and what is wrong with the user's files, or with the rule ids and
/// settings in the configuration.
pub fn load(files: &Files, config: &Config) -> (Vec<Rule>, Vec<ConfigProblem>) {
    let mut rules = built_in();
    let mut reader = Reader::default();
    for file in files.sources.files() {
        if file.path.extension() == Some("md") && file.path.is_within(&config.custom_rules) {
            load_own(&file, &mut rules, &mut reader);
        }
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    check_config(config, &rules, &mut reader);
    reader.problems.sort();
    (rules, reader.problems)
}

fn read_built_in(rule: &BuiltIn, reader: &mut Reader) -> Option<Rule> {
    read(FileId(0), rule.id, rule.group, rule.text, rule.check.clone(), reader)
}

fn load_own(file: &SourceFile, rules: &mut Vec<Rule>, reader: &mut Reader) {
    let start = Span::start_of(file.id);
    let Some(text) = file.text() else {
        reader.problem(start, "this rule file can't be read as UTF-8 text");
        return;
    };
    let id = file.path.file_name().trim_end_matches(".md");
    if id.eq_ignore_ascii_case("readme") {
        return;
    }
    if rules.iter().any(|rule| rule.id.as_str() == id) {
        reader.problem(start, format!("there is a rule `{id}` already; give this one another name"));
        return;
    }
    let group = id.split('-').next().unwrap_or(id);
    rules.extend(read(file.id, id, group, text, None, reader));
}

/// Reads one file. `check` is the check in Rust that belongs to it, if there is one.
fn read(file: FileId, id: &str, group: &str, text: &str, check: Option<Check>, reader: &mut Reader) -> Option<Rule> {
    let start = Span::start_of(file);
    let well_formed = |id: &str| id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !well_formed(id) || !id.starts_with(&format!("{group}-")) || id.ends_with('-') {
        reader.problem(start, format!("`{id}` is no rule id: small letters and hyphens, first the system it is about"));
    }
    let Some((metadata, documentation)) = split(text) else {
        reader.problem(start, "a rule file starts with metadata between two lines `---`");
        return None;
    };
    check_sections(documentation, Span::new(file, metadata.len(), metadata.len() + 3), reader);
    let stream = crate::yaml::parse(file, metadata.as_bytes());
    let root = reader.document(&stream, "the metadata")?;
    let keys = ["title", "severity", "confidence", "pedantic", "settings", "check"];
    let fields = reader.fields(root, "the metadata", &keys)?;
    for key in ["title", "severity", "confidence"] {
        if fields.get(key).is_none() {
            reader.problem(root.span, format!("the metadata needs `{key}`"));
        }
    }
    let title = fields.get("title")?;
    let title_span = title.span;
    let title = reader.text(title, "`title`")?.to_owned();
    if title.chars().count() > MAX_TITLE || title.ends_with('.') || title.contains('\n') {
        reader.problem(
            title_span,
            format!("a title must be one line of at most {MAX_TITLE} characters without a full stop"),
        );
    }
    let severity = fields.get("severity").and_then(|node| reader.word(node, "`severity`", &SEVERITIES))?;
    let confidence = fields.get("confidence").and_then(|node| reader.word(node, "`confidence`", &CONFIDENCES))?;
    let pedantic = fields.get("pedantic");
    if let Some(node) = pedantic.filter(|node| node.as_bool().is_none()) {
        reader.problem(node.span, "`pedantic` must be `true` or `false`");
    }
    let settings = fields.get("settings").map(|node| setting::read(node, reader)).unwrap_or_default();
    let check = match (check, fields.get("check")) {
        (Some(check), _) => check,
        (None, Some(node)) => Check::Match(Arc::new(Matcher::read(node, reader)?)),
        (None, None) => {
            reader.problem(root.span, "the metadata needs `check`");
            return None;
        }
    };
    Some(Rule {
        id: RuleId::new(id),
        group: group.to_owned(),
        title,
        severity,
        confidence,
        pedantic: pedantic.and_then(crate::yaml::Node::as_bool).unwrap_or(false),
        settings,
        documentation: documentation.replace("\r\n", "\n").trim().to_owned(),
        check,
    })
}

/// The metadata with the line `---` before it, and what follows the second line `---`.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let is_mark = line.trim_end() == "---" || index == 0 && line.trim_end() == "\u{feff}---";
        match (index, is_mark) {
            (0, false) => return None,
            (1.., true) => return Some((text.get(..end)?, text.get(end + line.len()..)?)),
            _ => end += line.len(),
        }
    }
    None
}

/// A rule says why, how to mend it, and shows both sides.
fn check_sections(documentation: &str, span: Span, reader: &mut Reader) {
    let before_sections = documentation.split("\n## ").next().unwrap_or_default();
    if before_sections.trim().is_empty() || before_sections.trim_start().starts_with("## ") {
        reader.problem(span, "a rule file says what goes wrong before its first section");
    }
    for section in ["Fix", "Bad", "Good"] {
        if !documentation.lines().any(|line| line.trim_end() == format!("## {section}")) {
            reader.problem(span, format!("a rule file has a section `## {section}`"));
        }
    }
}

fn check_config(config: &Config, rules: &[Rule], reader: &mut Reader) {
    for selector in config.levels.selectors() {
        if !rules.iter().any(|rule| selector.selects(rule.id.as_str(), &rule.group)) {
            unknown_rule(&selector.pattern, selector.span, rules, reader);
        }
    }
    for (id, settings) in &config.settings {
        let Some(rule) = rules.iter().find(|rule| rule.id.as_str() == id) else {
            unknown_rule(id, settings.span, rules, reader);
            continue;
        };
        for entry in settings.values.iter() {
            let name = entry.key.text.as_str();
            match rule.settings.iter().find(|setting| setting.name == name) {
                None => {
                    let known = rule.settings.iter().map(|setting| setting.name.as_str());
                    reader.unknown_name(entry.key.span, format!("`{id}` has no setting `{name}`"), name, known);
                }
                Some(setting) if !setting.kind.accepts(&entry.value) => {
                    let message = format!("`{name}` of `{id}` must be {}", setting.kind.describe());
                    reader.problem(entry.value.span, message);
                }
                Some(_) => {}
            }
        }
    }
}

fn unknown_rule(name: &str, span: Span, rules: &[Rule], reader: &mut Reader) {
    let known = rules.iter().flat_map(|rule| [rule.id.as_str(), rule.group.as_str()]);
    reader.unknown_name(span, format!("there is no rule or group `{name}`"), name, known);
}
