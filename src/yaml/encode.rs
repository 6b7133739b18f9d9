//! A tree to YAML text, byte for byte as `sigs.k8s.io/yaml` writes it: kustomize, kubectl and Helm all print with it.
//!
//! Keys are sorted in go-yaml v2's natural order, sequences stand at their key's column, and long strings are folded
//! after column 80. Sources of the rules: go-yaml v2's `encode.go`, `emitterc.go` and `sorter.go`. Left out: comments,
//! anchors, the notation of the input.

use std::cmp::Ordering;

use super::node::{Entry, Node, Value};
use super::scalar::{Scalar, resolve_plain};

/// Column after which a string is folded at its next blank.
const BEST_WIDTH: usize = 80;
/// Columns per level.
const INDENT: usize = 2;
/// Longest key, in bytes, that is written without `?`.
const LONGEST_SIMPLE_KEY: usize = 128;

/// The text of a document, with a line break at its end.
pub fn encode(root: &Node) -> String {
    let mut writer = Writer { out: String::new(), column: 0 };
    match &root.value {
        Value::Mapping(mapping) if !mapping.is_empty() => writer.mapping(mapping.entries(), 0, true),
        Value::Sequence(items) if !items.is_empty() => writer.sequence(items, 0, true),
        _ => writer.leaf(root, 0),
    }
    writer.end_line();
    writer.out
}

/// Compares two keys as go-yaml v2 sorts them: letters by code point, digits by the number they spell.
pub fn compare_keys(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len().cmp(&b.len()) };
    let (own, other) = (a[at], b[at]);
    match (own.is_alphabetic(), other.is_alphabetic()) {
        (true, true) => return own.cmp(&other),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Inside a number, a zero is a digit like any other; at its start it is padding.
    let before = || a[..at].iter().rev().take_while(|character| character.is_numeric());
    let start = i64::from((own == '0' || other == '0') && before().any(|digit| *digit != '0'));
    let number = |text: &[char]| {
        let digits = text[at..].iter().take_while(|character| character.is_numeric());
        digits.fold((start, 0), |(number, length), digit| {
            let digit = i64::from(u32::from(*digit)) - i64::from(u32::from('0'));
            (number.wrapping_mul(10).wrapping_add(digit), length + 1)
        })
    };
    number(&a).cmp(&number(&b)).then(own.cmp(&other))
}

/// Merge sort. The order of keys is not transitive in rare cases, where the standard library's sort may panic.
fn sorted<'a>(entries: Vec<(&'a Entry, std::borrow::Cow<'a, str>)>) -> Vec<(&'a Entry, std::borrow::Cow<'a, str>)> {
    if entries.len() < 2 || entries.windows(2).all(|pair| compare_keys(&pair[0].1, &pair[1].1) != Ordering::Greater) {
        return entries;
    }
    let mut left = entries;
    let right = sorted(left.split_off(left.len() / 2));
    let mut left = sorted(left).into_iter().peekable();
    let mut right = right.into_iter().peekable();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare_keys(&a.1, &b.1) == Ordering::Greater { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

struct Writer {
    out: String,
    /// Characters since the last line break.
    column: usize,
}

impl Writer {
    fn put(&mut self, character: char) {
        self.out.push(character);
        self.column = if character == '\n' { 0 } else { self.column + 1 };
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn end_line(&mut self) {
        if self.column > 0 {
            self.put('\n');
        }
    }

    fn start_line(&mut self, indent: usize) {
        self.end_line();
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// `here`: the first entry goes on the current line.
    fn mapping(&mut self, entries: &[Entry], indent: usize, mut here: bool) {
        let named: Vec<_> = entries.iter().map(|entry| (entry, entry.key.json_name())).collect();
        for (entry, key) in sorted(named) {
            if !std::mem::take(&mut here) {
                self.start_line(indent);
            }
            let simple = key.len() <= LONGEST_SIMPLE_KEY && !key.contains(is_break);
            if simple {
                self.string(&key, indent, true);
                self.put(':');
            } else {
                self.text("? ");
                self.string(&key, indent + INDENT, false);
                self.start_line(indent);
                self.put(':');
            }
            match &entry.value.value {
                Value::Mapping(mapping) if !mapping.is_empty() => {
                    if !simple {
                        self.put(' ');
                    }
                    self.mapping(mapping.entries(), indent + INDENT, !simple);
                }
                Value::Sequence(items) if !items.is_empty() => {
                    let indent = if simple { indent } else { indent + INDENT };
                    if !simple {
                        self.put(' ');
                    }
                    self.sequence(items, indent, !simple);
                }
                _ => {
                    self.put(' ');
                    self.leaf(&entry.value, indent + INDENT);
                }
            }
        }
    }

    fn sequence(&mut self, items: &[Node], indent: usize, mut here: bool) {
        for item in items {
            if !std::mem::take(&mut here) {
                self.start_line(indent);
            }
            self.text("- ");
            match &item.value {
                Value::Mapping(mapping) if !mapping.is_empty() => {
                    self.mapping(mapping.entries(), indent + INDENT, true);
                }
                Value::Sequence(items) if !items.is_empty() => self.sequence(items, indent + INDENT, true),
                _ => self.leaf(item, indent + INDENT),
            }
        }
    }

    /// A scalar or an empty list or map. Further lines of it start at `indent`.
    fn leaf(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Mapping(_) => self.text("{}"),
            Value::Sequence(_) => self.text("[]"),
            Value::Scalar(text) => match node.resolve() {
                None | Some(Scalar::Null) => self.text("null"),
                Some(Scalar::Bool(value)) => self.text(if value { "true" } else { "false" }),
                Some(Scalar::Int(value)) => self.text(&value.to_string()),
                Some(Scalar::UInt(value)) => self.text(&value.to_string()),
                Some(Scalar::Float(value)) => self.text(&float(value)),
                Some(Scalar::String(text)) => self.string(text, indent, false),
                Some(Scalar::Unknown) => self.string(text, indent, false),
            },
        }
    }

    fn string(&mut self, text: &str, indent: usize, key: bool) {
        if text.contains('\u{85}') {
            return self.string(&fold_next_line(text), indent, key);
        }
        let facts = Facts::of(text);
        let plain = reads_as_string(text);
        if text.contains('\n') && !key {
            return if facts.block_allowed {
                self.literal(text, indent)
            } else {
                self.double_quoted(text, indent, key)
            };
        }
        if !plain || text.contains('\n') {
            return self.double_quoted(text, indent, key);
        }
        if facts.plain_allowed && !(text.is_empty() && key) {
            self.plain(text, indent, key);
        } else if facts.single_allowed && !(key && facts.multiline) {
            self.single_quoted(text, indent, key);
        } else {
            self.double_quoted(text, indent, key);
        }
    }

    fn plain(&mut self, text: &str, indent: usize, key: bool) {
        let mut after_space = false;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let folds = character == ' ' && !key && !after_space && self.column > BEST_WIDTH;
            if folds && characters.peek() != Some(&' ') {
                self.start_line(indent);
            } else {
                self.put(character);
            }
            after_space = character == ' ';
        }
    }

    fn single_quoted(&mut self, text: &str, indent: usize, key: bool) {
        self.put('\'');
        let mut after_space = false;
        let mut after_break = false;
        let mut first = true;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if character == ' ' {
                let inner = !first && characters.peek().is_some_and(|next| *next != ' ');
                if !key && !after_space && self.column > BEST_WIDTH && inner {
                    self.start_line(indent);
                } else {
                    self.put(' ');
                }
                after_space = true;
                after_break = false;
            } else if is_break(character) {
                self.put(character);
                self.column = 0;
                after_break = true;
            } else {
                if after_break {
                    self.start_line(indent);
                }
                self.put(character);
                if character == '\'' {
                    self.put('\'');
                }
                after_space = false;
                after_break = false;
            }
            first = false;
        }
        self.put('\'');
    }

    fn double_quoted(&mut self, text: &str, indent: usize, key: bool) {
        self.put('"');
        let mut after_space = false;
        let mut first = true;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if !is_printable(character) || is_break(character) || matches!(character, '"' | '\\') {
                self.escape(character);
                after_space = false;
            } else if character == ' ' {
                let inner = !first && characters.peek().is_some();
                if !key && !after_space && self.column > BEST_WIDTH && inner {
                    self.start_line(indent);
                    if characters.peek() == Some(&' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                after_space = true;
            } else {
                self.put(character);
                after_space = false;
            }
            first = false;
        }
        self.put('"');
    }

    fn escape(&mut self, character: char) {
        let short = match character {
            '\0' => "\\0",
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{b}' => "\\v",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\u{1b}' => "\\e",
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{85}' => "\\N",
            '\u{a0}' => "\\_",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            _ => "",
        };
        if !short.is_empty() {
            return self.text(short);
        }
        let code = u32::from(character);
        let text = match code {
            0..=0xFF => format!("\\x{code:02X}"),
            0x100..=0xFFFF => format!("\\u{code:04X}"),
            _ => format!("\\U{code:08X}"),
        };
        self.text(&text);
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put('|');
        if text.starts_with(|first| first == ' ' || is_break(first)) {
            self.text("2");
        }
        let mut from_end = text.chars().rev();
        match (from_end.next(), from_end.next()) {
            (Some(last), _) if !is_break(last) => self.put('-'),
            (Some(_), None) => self.put('+'),
            (Some(_), Some(before)) if is_break(before) => self.put('+'),
            _ => {}
        }
        self.put('\n');
        let mut line_starts = true;
        for character in text.chars() {
            if is_break(character) {
                self.out.push(character);
                self.column = 0;
                line_starts = true;
            } else {
                if line_starts {
                    self.start_line(indent);
                }
                self.put(character);
                line_starts = false;
            }
        }
    }
}

/// What the characters of a string allow.
struct Facts {
    plain_allowed: bool,
    single_allowed: bool,
    block_allowed: bool,
    multiline: bool,
}

impl Facts {
    fn of(text: &str) -> Self {
        let mut indicator = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut space_break, mut break_space, mut multiline) = (false, false, false, false);
        let mut previous: Option<char> = None;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let blank_follows = characters.peek().is_none_or(|next| matches!(next, ' ' | '\t') || is_break(*next));
            match (previous, character) {
                (
                    None,
                    '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`',
                ) => indicator = true,
                (None, '?' | ':' | '-') | (Some(_), ':') if blank_follows => indicator = true,
                (Some(before), '#') if matches!(before, ' ' | '\t') || is_break(before) => indicator = true,
                _ => {}
            }
            special |= !is_printable(character);
            break_space |= character == ' ' && previous.is_some_and(is_break);
            if is_break(character) {
                multiline = true;
                space_break |= previous == Some(' ');
            }
            previous = Some(character);
        }
        let outer =
            |character: Option<char>| character.is_some_and(|character| character == ' ' || is_break(character));
        let ragged = outer(text.chars().next()) || outer(previous);
        Self {
            plain_allowed: !(indicator || ragged || break_space || space_break || special || multiline),
            single_allowed: !(break_space || space_break || special),
            block_allowed: !(space_break || special || previous == Some(' ')),
            multiline,
        }
    }
}

/// On its way through JSON, go-yaml v2 takes U+0085 for a line break inside quotes and folds it.
fn fold_next_line(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut breaks = 0;
    for (at, part) in text.split('\u{85}').enumerate() {
        breaks += usize::from(at > 0);
        let last = at == text.matches('\u{85}').count();
        let part = if at > 0 { part.trim_start_matches(' ') } else { part };
        let part = if last { part } else { part.trim_end_matches(' ') };
        if part.is_empty() && !last && at > 0 {
            continue;
        }
        match breaks {
            0 => {}
            1 => folded.push(' '),
            more => folded.extend(std::iter::repeat_n('\n', more - 1)),
        }
        breaks = 0;
        folded.push_str(part);
    }
    folded
}

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// As go-yaml v2 sees it: no tab, nothing beyond the basic plane.
fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Whether the text without quotes would be read back as this string.
fn reads_as_string(text: &str) -> bool {
    matches!(resolve_plain(text), Scalar::String(_)) && !is_timestamp(text) && !is_base_60(text)
}

/// `190:20:30` is a number in YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if !first.starts_with(|first: char| first.is_ascii_digit()) || !digits(first) {
        return false;
    }
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    let sixty = |part: &str| match part.as_bytes() {
        [unit] => unit.is_ascii_digit(),
        [tens, unit] => matches!(tens, b'0'..=b'5') && unit.is_ascii_digit(),
        _ => false,
    };
    middle.iter().all(|part| sixty(part)) && sixty(last) && digits(fraction)
}

/// Whether YAML 1.1 reads the text as a date or a time: `2001-12-14`, `2001-12-14T21:59:43.10-05:00`.
pub fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = text.find(['T', 't', ' ']).map_or(Some((text, None)), |at| {
        text.get(at + 1..).map(|time| (&text[..at], Some((time, text.as_bytes()[at] != b' '))))
    }) else {
        return false;
    };
    let number = |text: &str, range: std::ops::RangeInclusive<u32>| {
        let valid = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
        valid && text.parse().is_ok_and(|number| range.contains(&number))
    };
    let mut parts = date.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) || !number(month, 1..=12) {
        return false;
    }
    let year: u32 = year.parse().unwrap_or(0);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month.parse().unwrap_or(0) {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !number(day, 1..=days) {
        return false;
    }
    let Some((time, zoned)) = time else { return true };
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let zone_is_valid = match zone.as_bytes() {
        [] => !zoned,
        [b'Z'] => zoned,
        [_, a, b, b':', c, d] => zoned && [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    let mut parts = clock.split(':');
    let (Some(hour), Some(minute), Some(second), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let fraction_is_valid = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    zone_is_valid && number(hour, 0..=23) && number(minute, 0..=59) && number(second, 0..=59) && fraction_is_valid
}

/// Go's `%g` with the fewest digits that give the number back; whole numbers that fit 64 bits stay whole, because they
/// have come through JSON.
fn float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // JSON has the fewest digits too, filled up with zeros.
    let whole = format!("{value}");
    if whole.parse::<i64>().is_ok() || whole.parse::<u64>().is_ok() {
        return whole;
    }
    // Rust's `{:e}` gives the fewest digits too: `1.2345675e6`.
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn through(text: &str) -> String {
        let stream = super::super::parse(FileId(0), text.as_bytes());
        stream.documents[0].root.as_ref().map(encode).expect("a document")
    }

    #[test]
    fn scalars_are_quoted_where_yaml_1_1_would_misread_them() {
        let cases = [
            ("'yes'", "\"yes\"\n"),
            ("'1'", "\"1\"\n"),
            ("'1e3'", "\"1e3\"\n"),
            ("'12:30:45'", "\"12:30:45\"\n"),
            ("'2020-01-02'", "\"2020-01-02\"\n"),
            ("'2020-13-02'", "2020-13-02\n"),
            ("''", "\"\"\n"),
            ("'*x'", "'*x'\n"),
            ("'a: b'", "'a: b'\n"),
            ("' x'", "' x'\n"),
            ("a:b", "a:b\n"),
            ("\"a\\tb\"", "\"a\\tb\"\n"),
            ("\"\\U0001F600\"", "\"\\U0001F600\"\n"),
            ("1.0", "1\n"),
            ("1e20", "1e+20\n"),
            ("0.00001", "1e-05\n"),
            ("1234567.5", "1.2345675e+06\n"),
            ("0.25", "0.25\n"),
            ("~", "null\n"),
            ("0777", "511\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(through(text), expected, "{text}");
        }
    }

    #[test]
    fn keys_are_sorted_by_their_numbers() {
        let text = "b: 1\na10: 1\na2: 1\nB: 1\nv01: 1\nv1: 1\n-x: 1\n";
        assert_eq!(through(text), "-x: 1\nB: 1\na2: 1\na10: 1\nb: 1\nv1: 1\nv01: 1\n");
    }

    #[test]
    fn blocks_keep_their_ends() {
        assert_eq!(through("a: \"x\\ny\\n\"\n"), "a: |\n  x\n  y\n");
        assert_eq!(through("a: \"x\\ny\"\n"), "a: |-\n  x\n  y\n");
        assert_eq!(through("a: \" x\\ny\\n\\n\"\n"), "a: |2+\n   x\n  y\n\n");
        assert_eq!(through("- - a\n  - b: {}\n    c: []\n"), "- - a\n  - b: {}\n    c: []\n");
        assert_eq!(through("a:\n    - b\n"), "a:\n- b\n");
    }

    #[test]
    fn long_strings_are_folded_at_blanks() {
        let words = "word ".repeat(30);
        let encoded = through(&format!("a: {words}\n"));
        assert!(encoded.lines().count() > 1 && encoded.lines().nth(1).is_some_and(|line| line.starts_with("  word")));
    }
}
