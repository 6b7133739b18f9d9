//! The Markdown of rule files, as a terminal shows it.
//!
//! Headings, paragraphs, lists, code blocks, code in a line and emphasis: what rule files use. Anything else is shown as
//! it is written.

use owo_colors::Style;
use textwrap::{Options, WordSeparator, WordSplitter};

/// How text is shown.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) colour: bool,
    pub(super) width: usize,
}

impl Look {
    /// `style`, or none without colour.
    pub(super) fn style(self, style: Style) -> Style {
        if self.colour { style } else { Style::new() }
    }
}

/// Renders a Markdown text.
pub(super) fn render(text: &str, look: Look) -> String {
    let mut page = Page { look, out: String::new(), paragraph: Vec::new(), after_item: false };
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        let heading = line.trim_start_matches('#');
        let level = line.len() - heading.len();
        if ticks >= 3 {
            let (fence, info) = line.split_at(ticks);
            let body: Vec<&str> = lines.by_ref().take_while(|line| line.trim_end() != fence).collect();
            page.end_paragraph();
            page.code(info, &body);
        } else if level > 0 && heading.starts_with(' ') {
            page.end_paragraph();
            page.heading(level, heading.trim());
        } else if line.trim().is_empty() {
            page.end_paragraph();
            page.after_item = false;
        } else {
            if item_mark(line).is_some() || line.starts_with('|') {
                page.end_paragraph();
            }
            page.paragraph.push(line);
        }
    }
    page.end_paragraph();
    page.out
}

/// The mark of a list item, with the blanks around it.
fn item_mark(line: &str) -> Option<&str> {
    let text = line.trim_start();
    let mark = text.split_once(' ')?.0;
    let number = mark.strip_suffix('.').is_some_and(|digits| digits.parse::<u8>().is_ok());
    let length = line.len() - text.len() + mark.len() + 1;
    if number || matches!(mark, "-" | "*") { line.get(..length) } else { None }
}

struct Page<'a> {
    look: Look,
    out: String,
    /// Lines of the paragraph or list item that is being read.
    paragraph: Vec<&'a str>,
    /// Whether a list item stands right above: items of a list are not set apart.
    after_item: bool,
}

impl Page<'_> {
    fn heading(&mut self, level: usize, text: &str) {
        let style = if level < 3 { Style::new().bold().underline() } else { Style::new().bold() };
        self.out.push_str(&format!("\n{}\n", self.look.style(style).style(text)));
        self.after_item = false;
    }

    fn end_paragraph(&mut self) {
        let Some(first) = self.paragraph.first() else { return };
        let mark = item_mark(first).unwrap_or_default();
        if mark.is_empty() || !self.after_item {
            self.out.push('\n');
        }
        let joined = self.paragraph.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let text = joined.get(mark.trim().len()..).unwrap_or_default().trim();
        let text = wrap(&inline(text, self.look), mark, &" ".repeat(mark.len()), self.look.width);
        self.after_item = !mark.is_empty();
        self.out.push_str(&text);
        self.paragraph.clear();
    }

    /// A code block; its info string names a file, or says that the lines are what the rule finds.
    fn code(&mut self, info: &str, body: &[&str]) {
        self.after_item = false;
        self.out.push('\n');
        if info == "findings" {
            for line in body {
                self.out.push_str(&wrap(&inline(line, self.look), "  → ", "    ", self.look.width));
            }
            return;
        }
        let dim = self.look.style(Style::new().dimmed());
        if let Some((_, path)) = info.split_once(' ') {
            self.out.push_str(&format!("  {}\n", dim.style(path)));
        }
        for line in body {
            self.out.push_str(format!("  {} {line}", dim.style("│")).trim_end());
            self.out.push('\n');
        }
    }
}

/// Breaks lines between words only: names and paths stay whole, so that they can be copied.
fn wrap(text: &str, first: &str, rest: &str, width: usize) -> String {
    let options = Options::new(width)
        .initial_indent(first)
        .subsequent_indent(rest)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    let mut text = textwrap::fill(text, options);
    text.push('\n');
    text
}

/// Code between backticks and words between double asterisks, in colour; without colour as written.
fn inline(text: &str, look: Look) -> String {
    if !look.colour {
        return text.to_owned();
    }
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out.push_str(&words(part, Style::new().cyan()));
        } else {
            let parts = part.split("**").enumerate();
            out.extend(
                parts.map(|(at, part)| if at % 2 == 1 { words(part, Style::new().bold()) } else { part.to_owned() }),
            );
        }
    }
    out
}

/// Styles each word for itself, because lines break between words.
fn words(text: &str, style: Style) -> String {
    text.split(' ').map(|word| style.style(word).to_string()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "A paragraph of `some code` that is\nlong enough for two lines of **text**.\n\n## Fix\n\n\
        - first item that goes on and on and on\n  and on\n- second\n\n1. one\n2. two\n\n\
        ```yaml a.yaml\nkey:\n\n  - `x` ## no heading\n```\n\n```findings\na.yaml:1:1 no good\n```\n";

    #[test]
    fn text_is_laid_out_for_a_terminal() {
        insta::assert_snapshot!(render(TEXT, Look { colour: false, width: 40 }));
    }

    #[test]
    fn colour_changes_no_layout() {
        let plain = render(TEXT, Look { colour: false, width: 40 }).replace(['`', '*'], "");
        let regex = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("a pattern");
        let coloured = render(TEXT, Look { colour: true, width: 40 });
        let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&regex.replace_all(&coloured, "").replace(['`', '*'], "")), lines(&plain));
    }
}
