//! `# presync: ignore[rule-id] reason`: comments that accept a finding.
//!
//! A comment accepts findings whose primary place starts on its own line or, if it has a line for itself, on the next
//! line that is no comment. Comments inside a block scalar count too: that is where embedded documents have theirs.

use foldhash::HashMap;
use rayon::prelude::*;

use crate::finding::{Edit, Finding, nearest};
use crate::repository::Repository;
use crate::rules::{Check, Findings, Rule};
use crate::source::{FileId, RepoPath, SourceFile, Span};
use crate::yaml::{Node, Style};

/// What such a comment starts with, behind the `#`.
const MARK: &str = "presync:";

/// What to write.
const FORM: &str = "write `# presync: ignore[rule-id] reason`";

/// Every suppression of a repository.
pub(super) struct Suppressions {
    list: Vec<Suppression>,
    by_line: HashMap<(FileId, usize), Vec<usize>>,
}

/// One comment.
struct Suppression {
    /// From the `#` to the end of the comment.
    span: Span,
    /// The ids it names, and whether a finding was there for each.
    ids: Vec<Id>,
    /// What is wrong with the comment.
    malformed: Option<&'static str>,
    /// The line whose findings it accepts, besides its own; from 0.
    line: usize,
    /// Whether nothing else stands on its line.
    alone: bool,
}

struct Id {
    text: String,
    span: Span,
    used: bool,
}

impl Suppressions {
    pub(super) fn read(repository: &Repository) -> Self {
        let files = repository.files.sources.files();
        let found: Vec<Vec<Suppression>> = files.par_iter().map(|file| in_file(file, repository)).collect();
        let list: Vec<Suppression> = found.into_iter().flatten().collect();
        let mut by_line: HashMap<_, Vec<usize>> = HashMap::default();
        for (at, suppression) in list.iter().enumerate() {
            by_line.entry((suppression.span.file, suppression.line)).or_default().push(at);
        }
        Self { list, by_line }
    }

    /// Whether a comment accepts the finding.
    pub(super) fn suppress(&mut self, finding: &Finding, repository: &Repository) -> bool {
        if self.list.is_empty() {
            return false;
        }
        let span = finding.primary.span;
        let line = repository.files.sources.file(span.file).line_index(span.start);
        let mut accepted = false;
        for at in self.by_line.get(&(span.file, line)).into_iter().flatten() {
            let ids = self.list.get_mut(*at).map(|suppression| suppression.ids.as_mut_slice()).unwrap_or_default();
            for id in ids.iter_mut().filter(|id| id.text == finding.rule.as_str()) {
                id.used = true;
                accepted = true;
            }
        }
        accepted
    }

    /// Comments that can't be read, give no reason, or name no rule.
    pub(super) fn invalid(&self, rule: &Rule, rules: &[Rule], repository: &Repository) -> Vec<Finding> {
        let mut findings = Findings::new(rule, &repository.config);
        for suppression in &self.list {
            if let Some(message) = suppression.malformed {
                findings.report(suppression.span, message).help(FORM);
            }
            for id in &suppression.ids {
                match rules.iter().find(|rule| rule.id.as_str() == id.text) {
                    Some(rule) if matches!(rule.check, Check::Engine) => {
                        let message = format!("`{}` can't be suppressed by a comment", id.text);
                        findings.report(id.span, message);
                    }
                    Some(_) => {}
                    None => {
                        let nearest = nearest(&id.text, rules.iter().map(|rule| rule.id.as_str()));
                        let finding = findings.report(id.span, format!("there is no rule `{}`", id.text));
                        finding.help(match nearest {
                            Some(nearest) => format!("did you mean `{nearest}`?"),
                            None => "`presync rules` lists the rules".to_owned(),
                        });
                    }
                }
            }
        }
        findings.into_list()
    }

    /// Comments that accept what nobody finds any more, as far as their rules ran.
    pub(super) fn unused(
        &self,
        rule: &Rule,
        repository: &Repository,
        ran: &dyn Fn(&str, &RepoPath) -> bool,
    ) -> Vec<Finding> {
        let mut findings = Findings::new(rule, &repository.config);
        for suppression in &self.list {
            let file = repository.files.sources.file(suppression.span.file);
            let unused: Vec<&Id> = suppression.ids.iter().filter(|id| !id.used && ran(&id.text, &file.path)).collect();
            for id in &unused {
                let message = format!("there is no finding of `{}` here to suppress", id.text);
                let finding = findings.report(id.span, message);
                finding.help("remove the comment, or move it to the line of the finding or the one above");
                if unused.len() == suppression.ids.len() {
                    // Which findings there are depends on the target version and on what could be built, and a reason
                    // that is gone can't be written again by a program.
                    finding.unsafe_fix("remove the comment", vec![suppression.removal(&file)]);
                }
            }
        }
        findings.into_list()
    }
}

impl Suppression {
    /// Takes the comment away, with its line if it has one for itself, else with the blanks before it.
    fn removal(&self, file: &SourceFile) -> Edit {
        let line = file.line_index(self.span.start);
        let starts = file.line_starts();
        let start = starts.get(line).copied().unwrap_or(self.span.start);
        let span = if self.alone {
            Span { start, end: starts.get(line + 1).copied().unwrap_or(self.span.end), ..self.span }
        } else {
            let before = file.slice(Span { start, end: self.span.start, ..self.span });
            let blanks = before.len() - before.trim_end().len();
            Span { start: self.span.start - u32::try_from(blanks).unwrap_or(0), ..self.span }
        };
        Edit { span, text: String::new() }
    }
}

fn in_file(file: &SourceFile, repository: &Repository) -> Vec<Suppression> {
    if !crate::is_yaml(&file.path) {
        return Vec::new();
    }
    let Some(text) = file.text() else { return Vec::new() };
    if !text.contains(MARK) {
        return Vec::new();
    }
    let stream = repository.files.stream(file.id);
    let lines = file.line_starts().len();
    let mut comments: Vec<Span> = stream.comments.iter().copied().filter(|span| is_marked(file.slice(*span))).collect();
    // Inside block scalars, and behind a syntax error, the parser sees no comments: there, a line that starts with `#`
    // is one. Inside block scalars, so is what stands behind a blank at the end of a line.
    let mut inside_block = vec![false; lines];
    for document in &stream.documents {
        mark_block_lines(document.root.as_ref(), file, &mut inside_block);
    }
    for (line, inside_block) in inside_block.into_iter().enumerate() {
        let content = file.line(line);
        let mut hashes = content.match_indices('#').map(|(at, _)| content.split_at(at));
        let comment = hashes.find(|(before, comment)| {
            let starts = before.trim().is_empty() || inside_block && before.ends_with([' ', '\t']);
            starts && is_marked(comment)
        });
        if let Some((before, _)) = comment {
            let start = file.line_starts().get(line).copied().unwrap_or_default() as usize;
            comments.push(Span::new(file.id, start + before.len(), start + content.len()));
        }
    }
    comments.sort();
    comments.dedup_by_key(|span| span.start);
    comments.into_iter().map(|span| read(file, span, lines)).collect()
}

/// Marks the lines of the block scalars that hold the mark of a suppression.
fn mark_block_lines(root: Option<&Node>, file: &SourceFile, lines: &mut [bool]) {
    let mut open: Vec<&Node> = root.into_iter().collect();
    while let Some(node) = open.pop() {
        open.extend(node.items());
        open.extend(node.entries().iter().map(|entry| &entry.value));
        let Some(text) = node.as_str() else { continue };
        if matches!(node.style, Style::Literal | Style::Folded) && text.contains(MARK) {
            let (first, last) = (file.line_index(node.span.start), file.line_index(node.span.end.saturating_sub(1)));
            lines.get_mut(first..=last).unwrap_or_default().fill(true);
        }
    }
}

fn is_marked(comment: &str) -> bool {
    comment.strip_prefix('#').is_some_and(|rest| rest.trim_start().starts_with(MARK))
}

fn read(file: &SourceFile, span: Span, lines: usize) -> Suppression {
    let own = file.line_index(span.start);
    let is_comment = |line: usize| file.line(line).trim_start().starts_with('#');
    let alone = is_comment(own);
    let line = if alone { (own + 1..lines).find(|line| !is_comment(*line)).unwrap_or(own) } else { own };
    let text = file.slice(span).trim_end();
    let order = text.trim_start_matches('#').trim_start();
    let order = order.strip_prefix(MARK).unwrap_or(order).trim_start();
    let mut suppression = Suppression {
        span: Span::new(file.id, span.start as usize, span.start as usize + text.len()),
        ids: Vec::new(),
        malformed: None,
        line,
        alone,
    };
    let mut start = span.start as usize + text.len() - order.len() + "ignore[".len();
    let Some((ids, reason)) = order.strip_prefix("ignore[").and_then(|rest| rest.split_once(']')) else {
        suppression.malformed = Some("this comment speaks to presync, but is no suppression");
        return suppression;
    };
    for part in ids.split(',') {
        let id = part.trim();
        let at = start + part.len() - part.trim_start().len();
        if !id.is_empty() {
            let span = Span::new(file.id, at, at + id.len());
            suppression.ids.push(Id { text: id.to_owned(), span, used: false });
        }
        start += part.len() + 1;
    }
    if suppression.ids.is_empty() {
        suppression.malformed = Some("this suppression names no rule");
    } else if reason.trim().is_empty() {
        suppression.malformed = Some("this suppression gives no reason");
    }
    suppression
}
