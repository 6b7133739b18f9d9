//! Says in plain words why a text is not YAML, and where the cause is, which is often above the line at which the
//! parser stops.
//!
//! What is said follows from the parser's kind of error and the lines around it; nothing here decides whether a text is
//! valid. The work is bounded by the length of the document up to the error.

use std::ops::Range;

use granit_parser::ErrorKind;

use super::problem::SyntaxError;
use crate::source::Span;

/// What is to be said about an error at `at`, in a document that starts at or behind `from`. The range is the place to
/// mend; `span` makes spans of ranges.
pub(super) fn explain(
    kind: &ErrorKind,
    text: &str,
    from: usize,
    at: usize,
    span: impl Fn(usize, usize) -> Span,
) -> (SyntaxError, Range<usize>) {
    let context = Context { text, from: from.min(at), at };
    let explained = conflict_marker(&context).unwrap_or_else(|| by_kind(kind, &context));
    let range = context.visible(explained.range);
    let related = explained.related.map(|(range, words)| {
        let range = context.visible(range);
        (span(range.start, range.end), words)
    });
    let error = SyntaxError {
        message: explained.message,
        label: explained.label.to_owned(),
        help: (!explained.help.is_empty()).then_some(explained.help),
        related,
    };
    (error, range)
}

struct Explained {
    message: String,
    label: &'static str,
    help: String,
    range: Range<usize>,
    related: Option<(Range<usize>, String)>,
}

impl Explained {
    fn new(range: Range<usize>, message: impl Into<String>, label: &'static str, help: impl Into<String>) -> Self {
        Self { message: message.into(), label, help: help.into(), range, related: None }
    }
}

/// What YAML calls white space and line breaks. Others, such as the no-break space, are ordinary characters.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// The text around an error.
struct Context<'a> {
    text: &'a str,
    from: usize,
    at: usize,
}

impl<'a> Context<'a> {
    fn line_of(&self, at: usize) -> Range<usize> {
        let start = self.text[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let end = self.text[at..].find(['\n', '\r']).map_or(self.text.len(), |length| at + length);
        start..end
    }

    /// The first such character from the error on; the parser may have stopped at the start of a longer text.
    fn find(&self, character: char) -> Range<usize> {
        let offset = self.text[self.at..].find(character).unwrap_or(0);
        let length = self.text[self.at + offset..].chars().next().map_or(0, char::len_utf8);
        self.at + offset..self.at + offset + length
    }

    /// From the error to the end of its line.
    fn rest(&self) -> Range<usize> {
        self.at..self.line_of(self.at).end
    }

    /// The last line above the error's line that holds more than blanks and comments.
    fn line_above(&self) -> Option<Range<usize>> {
        let mut end = self.line_of(self.at).start;
        while end > self.from {
            let line = self.line_of(end - 1);
            if !is_empty(&self.text[line.clone()]) {
                return Some(line);
            }
            end = line.start;
        }
        None
    }

    /// A range without blanks at its ends, never empty unless the text is.
    fn visible(&self, range: Range<usize>) -> Range<usize> {
        let text = &self.text[range.clone()];
        let start = range.start + text.len() - text.trim_start_matches(BLANKS).len();
        let end = range.start + text.trim_end_matches(BLANKS).len();
        if start < end {
            return start..end;
        }
        // At the text's end the last visible character is where it broke off.
        let before = self.text[..range.start].trim_end_matches(BLANKS);
        let last = before.chars().next_back().map_or(0, char::len_utf8);
        match self.text[range.start..].chars().next() {
            Some(next) if !BLANKS.contains(&next) => range.start..range.start + next.len_utf8(),
            _ => before.len() - last..before.len(),
        }
    }

    /// The bracket that is open at the error, as far as brackets can be counted without regard to quotes.
    fn open_bracket(&self) -> Option<usize> {
        let mut depth = 0usize;
        for (offset, byte) in self.text.as_bytes()[self.from..self.at].iter().enumerate().rev() {
            match byte {
                b']' | b'}' => depth += 1,
                b'[' | b'{' if depth == 0 => return Some(self.from + offset),
                b'[' | b'{' => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// The quote before the error that looks like the start of a value.
    fn open_quote(&self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let opens = |at: &usize| {
            matches!(bytes[*at], b'"' | b'\'')
                && (*at == self.from || matches!(bytes[*at - 1], b' ' | b'\t' | b'\n' | b'[' | b'{' | b','))
        };
        (self.from..self.at).rev().find(opens)
    }
}

fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Where a line's first `: ` stands, or a colon at its end.
fn key_end(line: &str) -> Option<usize> {
    line.find(": ").or_else(|| line.trim_end().strip_suffix(':').map(str::len))
}

/// A merge that Git left half done.
fn conflict_marker(context: &Context<'_>) -> Option<Explained> {
    let region = context.from..context.line_of(context.at).end;
    let mut at = region.start;
    for line in context.text[region].split_inclusive(['\n', '\r']) {
        if ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|marker| line.starts_with(marker))
            || line.trim_end() == "======="
        {
            return Some(Explained::new(
                at..at + line.len(),
                "a merge conflict stands unresolved in the file",
                "Git left this marker",
                "keep one of the two sides and remove the lines that start with `<<<<<<<`, `=======` and `>>>>>>>`",
            ));
        }
        at += line.len();
    }
    None
}

fn by_kind(kind: &ErrorKind, context: &Context<'_>) -> Explained {
    use ErrorKind as K;
    let rest = context.rest();
    match kind {
        K::TabNotAllowed
        | K::TabInBlockIndentation
        | K::TabInIndentation
        | K::TabInPlainScalar
        | K::TabAtBlockScalarStart
        | K::InvalidBlockEntryWhitespace
        | K::InvalidMappingValueWhitespace => tab(context),
        K::UnclosedQuotedScalar | K::InvalidQuotedScalarIndent | K::DocumentIndicatorInQuotedScalar => quote(context),
        K::InvalidTrailingSingleQuotedScalar => trailing(
            context,
            '\'',
            "put the whole value in quotes; inside single quotes, a quote is written twice: `''`",
        ),
        K::InvalidTrailingDoubleQuotedScalar => {
            trailing(context, '"', "put the whole value in quotes; inside double quotes, a quote is written `\\\"`")
        }
        K::UnknownQuotedScalarEscape
        | K::InvalidQuotedScalarHexEscape
        | K::InvalidLowSurrogateHexEscape
        | K::InvalidLowSurrogate
        | K::MissingLowSurrogate
        | K::UnpairedLowSurrogate
        | K::InvalidUnicodeEscape => escape(context),
        K::UnclosedFlowCollection { .. }
        | K::UnexpectedEofFlowSequence
        | K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping => unclosed(context, context.at, None),
        K::MismatchedFlowCollectionEnd { open, close } => Explained::new(
            rest,
            format!("the bracket `{open}` is closed by `{close}`"),
            "opened here",
            format!("write `{}` where it ends", closing(*open)),
        ),
        K::MisplacedFlowCollectionEnd => {
            let bracket = context.text[rest].chars().next().unwrap_or(']');
            Explained::new(
                context.find(bracket),
                format!("`{bracket}` closes no bracket"),
                "nothing is open here",
                "remove it, add the opening bracket, or quote the value",
            )
        }
        K::InvalidColonPlacement
        | K::ExpectedFlowMappingSeparator
        | K::ExpectedFlowSequenceSeparator
        | K::InvalidFlowScalarIndent
        | K::FlowMappingValueAdjacentCollection
        | K::PlainScalarStartsWithDashFlowIndicator => in_brackets(context),
        K::BlockEntryInFlowCollection => {
            let mut explained = Explained::new(
                rest,
                "a `- ` item stands inside brackets",
                "brackets take entries separated by `,`",
                "close the bracket above, or write the entries without `- `",
            );
            let open = context.open_bracket();
            explained.related = open.map(|open| (open..open + 1, "the bracket is opened here".to_owned()));
            explained
        }
        K::MappingValueNotAllowed | K::MappingKeyNotAllowed => second_colon(context),
        K::SimpleKeyExpected | K::InvalidSimpleKey => no_key(context, context.line_of(context.at)),
        K::ExpectedBlockMappingKey | K::ExpectedBlockSequenceEntry | K::InvalidIndentation => misplaced(kind, context),
        K::BlockSequenceEntryNotAllowed => Explained::new(
            rest,
            "a list can't start on the line of its key",
            "this is read as a list item",
            "put each `- ` item on a line of its own; quote the value if text is meant",
        ),
        K::UnexpectedCharacter { character } if character.is_control() => Explained::new(
            context.find(*character),
            format!("the control character U+{:04X} is not allowed in YAML", u32::from(*character)),
            "",
            "remove it, or write it as an escape inside double quotes",
        ),
        K::UnexpectedCharacter { character } => Explained::new(
            rest,
            match character {
                '`' => "a value can't start with a backtick".to_owned(),
                character => format!("a value can't start with `{character}`"),
            },
            "YAML reserves this character",
            "put the value in quotes",
        ),
        K::MissingAnchorOrAliasName => Explained::new(
            rest,
            "`*` starts an alias and `&` an anchor; both need a name",
            "",
            "put the value in quotes if text is meant",
        ),
        K::UndeclaredTagHandle => Explained::new(
            rest,
            "this tag uses a prefix that no `%TAG` line declares",
            "",
            "put the value in quotes if text is meant",
        ),
        K::CommentInterceptedScalar => Explained::new(
            rest,
            "a comment stands inside a text that goes on in the next line",
            "the text can't go on behind this",
            "move the comment, or put the text in quotes or a block (`|`)",
        ),
        K::CommentNotSeparated => Explained::new(
            rest,
            "a comment needs a blank before its `#`",
            "",
            "add a blank, or put the value in quotes",
        ),
        K::ExpectedDocumentStart => Explained::new(
            rest,
            "the document ended before this line",
            "this belongs to no document",
            "start another document with a line `---`, or remove what is too much",
        ),
        K::RecursionLimitExceeded => Explained::new(
            rest,
            "lists and maps are nested deeper than 255 levels",
            "",
            "no manifest needs this; the file is damaged or generated wrongly",
        ),
        K::BomInsideDocument => Explained::new(
            context.find('\u{feff}'),
            "a byte order mark stands inside the file",
            "an invisible character",
            "remove it; it comes from joining files",
        ),
        K::InvalidBlockScalarHeader | K::ZeroBlockScalarIndent => Explained::new(
            rest,
            "behind `|` or `>` only `+`, `-` and a digit from 1 to 9 may stand",
            "",
            "start the text on the next line, or put the value in quotes",
        ),
        K::InvalidBlockScalarIndent => Explained::new(
            rest,
            "this line is indented less than the blank lines before it",
            "",
            "remove the blanks from the empty lines at the start of the block",
        ),
        K::InvalidDocumentEnd => Explained::new(rest, "`...` ends a document; nothing may follow on its line", "", ""),
        other => Explained::new(rest, format!("this is not YAML: {other}"), "", ""),
    }
}

fn closing(open: char) -> char {
    if open == '{' { '}' } else { ']' }
}

fn tab(context: &Context<'_>) -> Explained {
    let first_line = context.line_of(context.at).start;
    let mut at = first_line;
    for line in context.text[first_line..].split_inclusive(['\n', '\r']) {
        let blanks = line.len() - line.trim_start_matches([' ', '\t', '-', '?', ':']).len();
        if let Some(tab) = line[..blanks].find('\t') {
            let tabs = line[tab..].len() - line[tab..].trim_start_matches('\t').len();
            // A tab is blank, so the range must not be trimmed: it goes on to the text behind it.
            let end = at + line.trim_end().len();
            return Explained::new(
                at + tab..end.max(at + tab + tabs),
                "a tab indents this line; YAML knows only spaces",
                "a tab stands before this",
                "replace the tab with spaces, as many as the lines beside it have",
            );
        }
        at += line.len();
    }
    Explained::new(context.rest(), "a tab stands where YAML knows only spaces", "", "replace the tab with spaces")
}

fn quote(context: &Context<'_>) -> Explained {
    let Some(open) = context.open_quote() else {
        return Explained::new(context.rest(), "a quoted text is never closed", "", "add the closing quote");
    };
    if let Some(explained) = quote_within(context, open) {
        return explained;
    }
    let end = context.line_of(open).end;
    let mut explained = Explained::new(
        open..end,
        "this quoted text is never closed",
        "the quote opens here",
        "add the closing quote; lines that continue a quoted text are indented deeper than its key",
    );
    if context.at > end && !context.text[context.at..].trim().is_empty() {
        explained.related = Some((context.rest(), "this line can't belong to it".to_owned()));
    }
    explained
}

/// Text behind a closing quote. What was taken for the opening one may have been meant to close.
fn trailing(context: &Context<'_>, quote: char, help: &str) -> Explained {
    let last = |range: Range<usize>| Some(range.start + context.text[range].rfind(quote)?);
    let meant = || {
        let opening = last(context.from..last(context.from..context.at)?)?;
        quote_within(context, last(context.line_of(opening).start..opening)?)
    };
    meant().unwrap_or_else(|| {
        Explained::new(context.rest(), "text follows the closing quote", "the quoted text ended before this", help)
    })
}

/// A quoted part of an entry in brackets that does not start with the quote: there quotes are ordinary characters, and a
/// bracket between them is none of theirs.
fn quote_within(context: &Context<'_>, open: usize) -> Option<Explained> {
    const STARTS: [char; 3] = ['[', '{', ','];
    let line = context.line_of(open);
    let before = &context.text[line.start..open];
    let in_brackets = Context { at: open, ..*context }.open_bracket().is_some_and(|bracket| bracket >= line.start);
    let after_start = before.rfind(STARTS).map_or(0, |at| at + 1);
    let after_key = before.rfind(": ").map_or(0, |at| at + 2);
    let start = line.start + after_start.max(after_key);
    if !in_brackets || context.text[start..open].trim().is_empty() {
        return None;
    }
    let quote = &context.text[open..=open];
    let closing = open + 1 + context.text[open + 1..line.end].find(quote)?;
    let bracket = context.text[open + 1..closing].chars().find(|character| matches!(character, '{' | '['))?;
    let other = if quote == "\"" { "'" } else { "\"" };
    let entry = context.text[start..=closing].trim();
    let help = if entry.contains(other) || entry.contains('\\') || entry.len() > 80 {
        "put quotes around the whole text".to_owned()
    } else {
        format!("put quotes around the whole text: `{other}{entry}{other}`")
    };
    Some(Explained::new(
        start..closing + 1,
        format!(
            "this text does not start with a quote, so the `{bracket}` in it opens a bracket, in spite of the quotes"
        ),
        "not quoted as a whole",
        help,
    ))
}

fn escape(context: &Context<'_>) -> Explained {
    let help = "inside double quotes a backslash is written `\\\\`; or use single quotes, which know no escapes";
    let mut characters = context.text[context.at..].char_indices().skip(1).peekable();
    while let Some((offset, character)) = characters.next() {
        match character {
            '"' => break,
            '\\' => {}
            _ => continue,
        }
        let Some((behind, escaped)) = characters.next() else { break };
        let digits = match escaped {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0' | 'a' | 'b' | 't' | '\t' | 'n' | 'v' | 'f' | 'r' | 'e' | ' ' | '"' | '/' | '\\' | 'N' | '_' | 'L'
            | 'P' | '\n' | '\r' => continue,
            _ => 0,
        };
        let number: String = context.text[context.at + behind + escaped.len_utf8()..]
            .chars()
            .take(digits)
            .take_while(char::is_ascii_hexdigit)
            .collect();
        let value = u32::from_str_radix(&number, 16).ok().filter(|_| number.len() == digits);
        if digits == 0 || value.and_then(char::from_u32).is_none() {
            let end = behind + escaped.len_utf8() + number.len();
            let range = context.at + offset..context.at + end;
            let written = &context.text[range.clone()];
            let message = match value {
                Some(0xD800..=0xDFFF) => format!("`{written}` is half of a pair of escapes and no character alone"),
                _ => format!("`{written}` is no escape that YAML knows"),
            };
            return Explained::new(range, message, "", help);
        }
    }
    Explained::new(context.rest(), "an escape in this quoted text is not one that YAML knows", "", help)
}

fn unclosed(context: &Context<'_>, open: usize, broke: Option<Range<usize>>) -> Explained {
    let bracket = context.text[open..].chars().next().filter(|c| matches!(c, '[' | '{')).unwrap_or('[');
    let mut explained = Explained::new(
        open..context.line_of(open).end,
        format!("the bracket `{bracket}` is never closed"),
        "opened here",
        format!("add `{}` where the {} ends", closing(bracket), if bracket == '[' { "list" } else { "map" }),
    );
    explained.related = broke.map(|range| (range, "this can't stand inside it".to_owned()));
    explained
}

fn in_brackets(context: &Context<'_>) -> Explained {
    let line = context.line_of(context.at);
    match context.open_bracket() {
        Some(open) if open < line.start => {
            let broke = line.start.max(open)..line.end;
            unclosed(context, open, Some(broke))
        }
        open => {
            let close = open.and_then(|open| context.text[open..].chars().next()).map_or(']', closing);
            Explained::new(
                context.rest(),
                format!("`,` or `{close}` is missing before this"),
                "the brackets' entry ended before this",
                "separate entries by `,`; quote a value that holds `: `, `{`, `[` or `,`",
            )
        }
    }
}

/// A colon that would start a second value.
fn second_colon(context: &Context<'_>) -> Explained {
    let line = context.line_of(context.at);
    let before = &context.text[line.start..context.at];
    let content = before.trim_start_matches([' ', '-']);
    if let Some(colon) = content.find(": ") {
        let value = context.at - content.len() + colon + 2;
        let key = content[..colon].trim_matches(['"', '\'']);
        return Explained::new(
            value..line.end,
            format!("the value of `{}` holds `: `, which starts a key of its own", short(key)),
            "not quoted",
            "put the value in quotes",
        );
    }
    if let Some(above) = context.line_above() {
        let text = &context.text[above.clone()];
        let deeper = indentation(&context.text[line.clone()]) > indentation(text);
        if let (Some(end), true) = (key_end(text), deeper) {
            let key = text[..end].trim_start_matches([' ', '-']);
            let mut explained = Explained::new(
                line.start..context.at + 1,
                format!("this key is indented below `{}`, which already has a value", short(key)),
                "indented too far, or below the wrong key",
                "indent both lines alike, or remove the value above",
            );
            explained.related = Some((above, "the value is here".to_owned()));
            return explained;
        }
        if key_end(text).is_none() && !deeper {
            return no_key(context, above);
        }
    }
    Explained::new(
        context.rest(),
        "a `: ` stands where no key can be",
        "",
        "check the indentation of this line and the one above; quote a value that holds `: `",
    )
}

/// A line among keys that is none.
fn no_key(context: &Context<'_>, line: Range<usize>) -> Explained {
    let text = context.text[line.clone()].trim();
    if let Some((key, _)) = text.split_once(':').filter(|(key, rest)| !rest.is_empty() && !key.contains(' ')) {
        return Explained::new(
            line,
            format!("a blank is missing behind `{}:`", short(key)),
            "read as one text, not as key and value",
            "a colon makes a key only if a blank or the line's end follows",
        );
    }
    Explained::new(
        line,
        "this line is neither a key with its value nor a list item",
        "a `: ` is missing",
        "a text that goes on over several lines must be indented deeper than its key",
    )
}

/// A line whose indentation or kind does not fit what stands above.
fn misplaced(kind: &ErrorKind, context: &Context<'_>) -> Explained {
    let line = context.line_of(context.at);
    let text = &context.text[line.clone()];
    let own = indentation(text);
    let mut levels: Vec<(usize, &str)> = Vec::new();
    let mut end = line.start;
    while end > context.from {
        let above = context.line_of(end - 1);
        end = above.start;
        let text = &context.text[above];
        if is_empty(text) || text.starts_with("---") {
            continue;
        }
        let indent = indentation(text);
        if levels.last().is_none_or(|(lowest, _)| indent < *lowest) {
            levels.push((indent, text.trim()));
        }
        if indent == 0 || indent <= own {
            break;
        }
    }
    let range = line.start..line.end;
    if context.text[line.start..context.at].trim().is_empty() && !levels.is_empty() && levels.iter().all(|l| l.0 != own)
    {
        let places: Vec<String> = levels
            .iter()
            .rev()
            .take(3)
            .map(|(indent, text)| format!("by {indent} to stand beside `{}`", short(text)))
            .collect();
        return Explained::new(
            range,
            "the indentation of this line fits no line above",
            "indented differently",
            format!("indent it {}", places.join(", or ")),
        );
    }
    let is_item = text.trim_start().starts_with("- ") || text.trim() == "-";
    match (kind, is_item) {
        (ErrorKind::ExpectedBlockSequenceEntry, false) => Explained::new(
            range,
            "this line stands among the items of a list and is none",
            "no `- `",
            "start it with `- `, or indent it as part of the item above",
        ),
        (_, true) => Explained::new(
            range,
            "a list item stands among the keys of a map",
            "",
            "remove the `- `, or put the list below a key of its own",
        ),
        _ => Explained::new(
            context.rest(),
            "a key is expected here",
            "",
            "check the indentation of this line and the one above",
        ),
    }
}

/// A piece of the file as it can stand in a sentence.
fn short(text: &str) -> String {
    const LENGTH: usize = 40;
    let long = text.chars().nth(LENGTH).is_some();
    let shown = text.chars().take(if long { LENGTH - 1 } else { LENGTH }).filter(|character| !character.is_control());
    shown.chain(long.then_some('…')).collect()
}
