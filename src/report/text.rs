//! Findings for people: drawn by miette, with everything that comes from files made safe first.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters, ThemeStyles,
};
use owo_colors::Style;
use textwrap::{WordSeparator, WordSplitter};

use super::excerpt::{Excerpt, Place};
use super::secrets::Secrets;
use super::{Canvas, Report, visible};
use crate::finding::{Finding, Label, Severity};
use crate::source::FileId;

/// Columns of text that no terminal shows.
const DEFAULT_WIDTH: usize = 100;
/// Places besides the primary one that are drawn; the rest is counted.
const MAX_RELATED: usize = 6;
/// Apps that are named; the rest is counted.
const MAX_APPS: usize = 3;

/// Stands for a blank at which no line may break, while a text is laid out: the last character of private use.
const TIED: char = '\u{10fffd}';
/// Columns of code in a line up to which it is kept on one line.
const MAX_TIED: usize = 48;

/// Writes every finding, then the summary.
pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::new(report.canvas);
    for finding in report.findings.iter().filter(|finding| (report.asked)(finding)) {
        writeln!(out, "{}", writer.finding(finding))?;
    }
    if !report.quiet {
        let summary = report.summary();
        let style = summary.worst().map_or_else(|| writer.style(Style::new().green()), |worst| writer.severity(worst));
        writeln!(out, "{}", style.style(summary.findings_in_words()))?;
        writeln!(out, "{}", summary.coverage_in_words())?;
    }
    Ok(())
}

/// Writes findings and nothing else.
pub(super) fn draw(canvas: &Canvas<'_>, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::new(canvas);
    findings.iter().try_for_each(|finding| writeln!(out, "{}", writer.finding(finding)))
}

/// The colour of a severity.
pub(crate) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Error => Style::new().red().bold(),
        Severity::Warning => Style::new().yellow().bold(),
        Severity::Info => Style::new().cyan().bold(),
    }
}

struct Writer<'a> {
    canvas: &'a Canvas<'a>,
    width: usize,
    secrets: HashMap<FileId, Arc<Secrets>>,
}

impl<'a> Writer<'a> {
    fn new(canvas: &'a Canvas<'a>) -> Self {
        Self { canvas, width: canvas.width.unwrap_or(DEFAULT_WIDTH).clamp(40, 160), secrets: HashMap::new() }
    }

    fn finding(&mut self, finding: &Finding) -> String {
        // A place that is said twice is drawn once.
        let mut related: Vec<&Label> = Vec::new();
        for label in &finding.related {
            let silent = label.span == finding.primary.span && label.message.is_empty();
            if !silent && !related.contains(&label) {
                related.push(label);
            }
        }
        let unseen = related.len().saturating_sub(MAX_RELATED);
        related.truncate(MAX_RELATED);
        let labels: Vec<&Label> = std::iter::once(&finding.primary).chain(related).collect();
        let places: Vec<Place> = labels.iter().map(|label| self.place(label)).collect();
        // What miette puts before the text of a line: its number, the frame, blanks.
        let lines = places.iter().map(|place| place.file.line_index(place.span.start)).max().unwrap_or(0);
        let margin = (lines + 2).to_string().len() + 6;
        let excerpt = Excerpt::new(&places, self.width.saturating_sub(margin));
        let drawing = Drawing { finding, labels: &labels, excerpt: &excerpt };

        let mut text = String::new();
        let handler = GraphicalReportHandler::new_themed(self.theme(finding, &drawing))
            .with_width(self.width)
            .with_context_lines(1)
            // Names and paths must survive wrapping whole, so that they can be copied.
            .with_word_separator(WordSeparator::AsciiSpace)
            .with_word_splitter(WordSplitter::NoHyphenation)
            .with_break_words(false)
            .without_syntax_highlighting();
        // Formatting into a string fails only if the drawing itself does; then the bare facts must do.
        if handler.render_report(&mut text, &drawing).is_err() {
            text = format!("{}\n\n{}\n", drawing.heading(), visible::prose(&finding.message));
        }
        let mut text = one_frame(&text, &excerpt).replace(TIED, " ");
        for (word, rest) in self.notes(finding, unseen) {
            let first = format!("  {} ", self.style(Style::new().cyan()).style(word));
            let behind = " ".repeat(word.len() + 3);
            let options = textwrap::Options::new(self.width.saturating_sub(2))
                .initial_indent(&first)
                .subsequent_indent(&behind)
                .word_separator(WordSeparator::AsciiSpace)
                .word_splitter(WordSplitter::NoHyphenation)
                .break_words(false);
            text.push_str(&textwrap::fill(&unbroken(&rest), options).replace(TIED, " "));
            text.push('\n');
        }
        text
    }

    fn place(&mut self, label: &Label) -> Place {
        let files = self.canvas.files;
        let file = files.sources.file(label.span.file);
        let secrets = self.secrets.entry(file.id);
        let secrets = secrets.or_insert_with(|| Arc::new(Secrets::of(&file, &files.stream(file.id))));
        let path = visible::line(&self.canvas.paths.display(&file.path)).into_owned();
        Place { secrets: Arc::clone(secrets), path, span: label.span, file }
    }

    /// Lines below the frame: how many more places, the fix, the apps.
    fn notes(&self, finding: &Finding, unseen: usize) -> Vec<(&'static str, String)> {
        let mut notes = Vec::new();
        if unseen > 0 {
            notes.push(("also:", format!("{unseen} more {}", if unseen == 1 { "place" } else { "places" })));
        }
        if let Some(fix) = &finding.fix {
            let how = if fix.safe { "`--fix` does it" } else { "look at it first; `--fix` leaves it alone" };
            let told = finding.help.as_deref().is_some_and(|help| help.starts_with(&fix.title));
            notes.push(("fix:", if told { how.to_owned() } else { format!("{} ({how})", visible::line(&fix.title)) }));
        }
        let object = finding.object.as_deref().map(visible::line);
        let apps = apps_in_words(&finding.apps);
        match (object, apps) {
            (Some(object), Some(apps)) => notes.push(("in:", format!("{object}, {apps}"))),
            (Some(object), None) => notes.push(("in:", object.into_owned())),
            (None, Some(apps)) => notes.push(("in:", apps)),
            (None, None) => {}
        }
        notes
    }

    fn style(&self, style: Style) -> Style {
        if self.canvas.colour { style } else { Style::new() }
    }

    fn severity(&self, severity: Severity) -> Style {
        self.style(severity_style(severity))
    }

    fn theme(&self, finding: &Finding, drawing: &Drawing<'_>) -> GraphicalTheme {
        let severity = self.severity(finding.severity);
        let other = self.style(Style::new().blue().bold());
        // miette gives styles to labels in the order of their places.
        let mut labels: Vec<(usize, bool)> =
            drawing.excerpt.marks().iter().enumerate().map(|(at, mark)| (mark.text.start, at == 0)).collect();
        labels.sort_unstable();
        let highlights = labels.into_iter().map(|(_, primary)| if primary { severity } else { other }).collect();
        GraphicalTheme {
            characters: ThemeCharacters { advice: "ℹ".to_owned(), ..ThemeCharacters::unicode() },
            styles: ThemeStyles {
                error: severity,
                warning: severity,
                advice: severity,
                help: self.style(Style::new().cyan()),
                link: self.style(Style::new().bold()),
                linum: self.style(Style::new().dimmed()),
                highlights,
            },
        }
    }
}

/// `in apps a, b, c and 9 more`, without the `in`.
fn apps_in_words(apps: &[String]) -> Option<String> {
    let named: Vec<_> = apps.iter().take(MAX_APPS).map(|app| visible::line(app)).collect();
    let named = named.join(", ");
    match apps.len() {
        0 => None,
        1 => Some(format!("app {named}")),
        count if count <= MAX_APPS => Some(format!("apps {named}")),
        count => Some(format!("apps {named} and {} more", count - MAX_APPS)),
    }
}

/// Ties the words between two backticks together, so that what is meant to be copied can be.
fn unbroken(text: &str) -> String {
    let tie = |(at, part): (usize, &str)| {
        if at % 2 == 1 && part.len() <= MAX_TIED { tied(part) } else { part.to_owned() }
    };
    text.split('`').enumerate().map(tie).collect::<Vec<_>>().join("`")
}

/// Keeps wrapping away from a text.
fn tied(text: &str) -> String {
    text.replace(' ', TIED.encode_utf8(&mut [0; 4]))
}

/// miette draws a frame for each page. This joins them: equally indented, and each standing on the one before it.
fn one_frame(drawn: &str, excerpt: &Excerpt) -> String {
    let digits: Vec<usize> = excerpt.digits().collect();
    let widest = digits.iter().copied().max().unwrap_or(0);
    let mut text = String::with_capacity(drawn.len());
    let mut frame = 0;
    let mut inside = false;
    // The heading and the message are two paragraphs to miette.
    for line in drawn.replacen("\n\n", "\n", 1).lines() {
        let Some(own) = digits.get(frame) else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let indentation = " ".repeat(own + 2);
        let after = line.strip_prefix(&indentation);
        if !inside && after.is_some_and(|rest| rest.starts_with("╭─[")) {
            inside = true;
            let rest = after.and_then(|rest| rest.strip_prefix('╭')).unwrap_or_default();
            text.push_str(&" ".repeat(widest + 2));
            text.push(if frame == 0 { '╭' } else { '├' });
            text.push_str(rest);
        } else if inside && after == Some("╰────") {
            inside = false;
            frame += 1;
            if frame < digits.len() {
                continue;
            }
            text.push_str(&" ".repeat(widest + 2));
            text.push_str("╰────");
        } else {
            if inside {
                text.push_str(&" ".repeat(widest - own));
            }
            text.push_str(line.trim_end());
        }
        text.push('\n');
    }
    text
}

/// A finding as miette asks for it.
struct Drawing<'a> {
    finding: &'a Finding,
    labels: &'a [&'a Label],
    excerpt: &'a Excerpt,
}

impl Drawing<'_> {
    fn heading(&self) -> String {
        format!("{}[{}]", self.finding.severity, self.finding.rule)
    }
}

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&unbroken(&visible::prose(&self.finding.message)))
    }
}

impl fmt::Debug for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Drawing<'_> {}

impl Diagnostic for Drawing<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.heading()))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.finding.help.as_deref()?;
        let help = visible::prose(help);
        // What stands on lines of its own is meant to be copied as it is.
        Some(Box::new(match help.split_once('\n') {
            Some((words, code)) => format!("{}\n{}", unbroken(words), tied(code)),
            None => unbroken(&help),
        }))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.labels.iter().zip(self.excerpt.marks()).enumerate();
        Some(Box::new(labels.map(|(at, (label, mark))| {
            let message = Some(visible::line(&label.message).into_owned()).filter(|message| !message.is_empty());
            let span = (mark.text.start, mark.text.len());
            if at == 0 {
                LabeledSpan::new_primary_with_span(message, span)
            } else {
                LabeledSpan::new_with_span(message, span)
            }
        })))
    }
}
