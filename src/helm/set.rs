//! `--set` texts, as Helm's `strvals` reads them: `a.b=c,d[0].e={x,y}`.
//!
//! Argo CD's `parameters` become such texts too, so both share this parser. Nothing here fails: a text that Helm would
//! refuse is handed back in words, and the values stay as they were up to there.

use compact_str::CompactString;

use super::values::empty_values;
use crate::source::Span;
use crate::yaml::{Action, Key, Node, Value};

/// Largest list index that Helm accepts (`MaxIndex` in strvals).
const MAX_INDEX: usize = 65_536;

/// Deepest nesting of keys that Helm accepts (`MaxNestedNameLevel` in strvals).
const MAX_DEPTH: usize = 30;

/// One step of a path into values.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Key(CompactString),
    Index(usize),
}

/// Applies a text such as `a.b=1,c={x,y}` to `values`. `as_string` keeps every value text, as `--set-string` does.
/// `by` is where the text is written; the values it writes are placed there.
///
/// # Errors
/// Says what Helm would refuse. Assignments before that place are in effect.
pub fn set(values: &mut Node, text: &str, as_string: bool, by: Span) -> Result<(), String> {
    let mut rest = text;
    while !rest.is_empty() {
        let (path, after) = read_path(rest)?;
        let (value, after) = read_value(after, as_string, by);
        write(values, &path, value, by);
        rest = after;
    }
    Ok(())
}

/// Writes one value at a path such as `a.b[0]\.c`, whatever characters the value holds: `--set-file`,
/// `--set-literal`, and an Argo CD parameter, whose commas Argo CD escapes itself.
///
/// # Errors
/// Says what Helm would refuse in the path.
pub fn set_parameter(values: &mut Node, path: &str, value: Node, by: Span) -> Result<(), String> {
    let text = format!("{path}=");
    let (steps, rest) = read_path(&text)?;
    if !rest.is_empty() {
        return Err(format!("`{path}` is not one path"));
    }
    write(values, &steps, value, by);
    Ok(())
}

/// The value of a parameter as `--set` types it: `true`, `null` and whole numbers are themselves, the rest is text.
pub(super) fn typed(text: &str, by: Span) -> Node {
    let number = text == "0" || !text.starts_with('0') && text.parse::<i64>().is_ok_and(|_| !text.starts_with('+'));
    match text {
        _ if text.eq_ignore_ascii_case("true") => Node::plain("true", by),
        _ if text.eq_ignore_ascii_case("false") => Node::plain("false", by),
        _ if text.eq_ignore_ascii_case("null") => Node::plain("null", by),
        _ if number => Node::plain(text, by),
        _ => Node::string(text, by),
    }
}

/// A parameter's value: `{a,b}` is a list, everything else [`typed`] or, with `as_string`, text.
pub(super) fn parameter_value(text: &str, as_string: bool, by: Span) -> Node {
    if text.starts_with('{') && text.ends_with('}') {
        return read_value(text, as_string, by).0;
    }
    if as_string { Node::string(text, by) } else { typed(text, by) }
}

/// Reads up to and over the `=`.
fn read_path(text: &str) -> Result<(Vec<Step>, &str), String> {
    let mut steps = Vec::new();
    let mut key = String::new();
    let mut characters = text.char_indices();
    let finish = |key: &mut String, steps: &mut Vec<Step>| {
        if !key.is_empty() {
            steps.push(Step::Key(std::mem::take(key).into()));
        }
    };
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => key.extend(characters.next().map(|(_, escaped)| escaped)),
            '.' => finish(&mut key, &mut steps),
            '[' => {
                finish(&mut key, &mut steps);
                let inside = text.get(at + 1..).unwrap_or_default();
                let (digits, _) = inside.split_once(']').ok_or_else(|| format!("`[` is never closed in `{text}`"))?;
                let index: usize = digits.parse().map_err(|_| format!("`{digits}` is no list index"))?;
                if index > MAX_INDEX {
                    return Err(format!("the index {index} is above Helm's limit of {MAX_INDEX}"));
                }
                steps.push(Step::Index(index));
                characters = text.char_indices();
                let after = at + 1 + digits.len() + 1;
                while characters.clone().next().is_some_and(|(next, _)| next < after) {
                    characters.next();
                }
            }
            '=' => {
                finish(&mut key, &mut steps);
                if steps.is_empty() || matches!(steps.first(), Some(Step::Index(_))) {
                    return Err(format!("`{text}` names no key"));
                }
                if steps.len() > MAX_DEPTH {
                    return Err(format!("`{text}` is nested deeper than Helm's limit of {MAX_DEPTH}"));
                }
                return Ok((steps, text.get(at + 1..).unwrap_or_default()));
            }
            ',' => return Err(format!("the key `{}` has no value", text.get(..at).unwrap_or_default())),
            other => key.push(other),
        }
    }
    Err(format!("the key `{text}` has no value"))
}

/// Reads a value and the comma behind it.
fn read_value(text: &str, as_string: bool, by: Span) -> (Node, &str) {
    let scalar = |text: &str| if as_string { Node::string(text, by) } else { typed(text, by) };
    if let Some(inside) = text.strip_prefix('{') {
        let mut items = Vec::new();
        let mut rest = inside;
        loop {
            let (item, end, after) = read_until(rest, &[',', '}']);
            if end != Some('}') || !item.is_empty() || !items.is_empty() {
                items.push(scalar(&item));
            }
            rest = after;
            if end != Some(',') {
                return (Node::sequence(items, by), rest.strip_prefix(',').unwrap_or(rest));
            }
        }
    }
    let (value, _, rest) = read_until(text, &[',']);
    (scalar(&value), rest)
}

/// The unescaped text before one of `ends`, the one that was found, and what stands behind it.
fn read_until<'a>(text: &'a str, ends: &[char]) -> (String, Option<char>, &'a str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            value.extend(characters.next().map(|(_, escaped)| escaped));
        } else if ends.contains(&character) {
            return (value, Some(character), text.get(at + character.len_utf8()..).unwrap_or_default());
        } else {
            value.push(character);
        }
    }
    (value, None, "")
}

fn write(node: &mut Node, path: &[Step], mut value: Node, by: Span) {
    let Some((step, rest)) = path.split_first() else {
        if !matches!(value.value, Value::Scalar(_)) || !node.is_null() {
            value.changed(Action::Replaced, by, Some(node.clone()));
        }
        *node = value;
        return;
    };
    let null = || Node::plain("null", by);
    match step {
        Step::Key(key) => {
            if node.as_mapping().is_none() {
                *node = empty_values(by);
            }
            let Some(mapping) = node.as_mapping_mut() else { return };
            match mapping.get_mut(key) {
                Some(child) => write(child, rest, value, by),
                None => {
                    let mut child = null();
                    write(&mut child, rest, value, by);
                    mapping.insert(Key::new(key.clone(), by), child);
                }
            }
        }
        Step::Index(index) => {
            if node.as_sequence().is_none() {
                *node = Node::sequence(Vec::new(), by);
            }
            let Some(items) = node.as_sequence_mut() else { return };
            while items.len() <= *index {
                items.push(null());
            }
            if let Some(child) = items.get_mut(*index) {
                write(child, rest, value, by);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::yaml::parse;

    fn node(text: &str) -> Node {
        parse(FileId(0), text.as_bytes()).documents.remove(0).root.expect("content")
    }

    fn after(base: &str, text: &str) -> Node {
        let mut values = node(base);
        set(&mut values, text, false, Span::start_of(FileId(0))).expect("a text that Helm accepts");
        values
    }

    #[test]
    fn texts_are_read_as_helm_reads_them() {
        let cases = [
            ("a=1", "{a: 1}"),
            ("a.b=c,d=True", "{a: {b: c}, d: true}"),
            ("a=010,b=1.5,c=0", "{a: '010', b: '1.5', c: 0}"),
            (r"nodeSelector.kubernetes\.io/role=x\,y", "{nodeSelector: {kubernetes.io/role: 'x,y'}}"),
            ("a[1].b=x", "{a: [~, {b: x}]}"),
            ("a={x,2},b=z", "{a: [x, 2], b: z}"),
            ("a={},b=1", "{a: [], b: 1}"),
            ("a=,b=null", "{a: '', b: ~}"),
            ("a=b=c", "{a: b=c}"),
        ];
        for (text, expected) in cases {
            assert!(after("{}", text).same_value(&node(expected)), "{text}: {:?}", after("{}", text));
        }
        assert!(after("{a: [{b: 1}, 2]}", "a[0].c=3").same_value(&node("{a: [{b: 1, c: 3}, 2]}")));
    }

    #[test]
    fn what_helm_refuses_is_said() {
        let mut values = node("{}");
        for text in ["a", "=1", "a[x]=1", "a[70000]=1", "a[1=2", "[0]=1", &format!("{}a=1", "a.".repeat(40))] {
            assert!(set(&mut values, text, false, Span::start_of(FileId(0))).is_err(), "{text}");
        }
    }

    #[test]
    fn parameters_keep_their_commas() {
        let by = Span::start_of(FileId(0));
        let mut values = node("{}");
        set_parameter(&mut values, r"a.b\.c", parameter_value("x,y", false, by), by).expect("a path");
        set_parameter(&mut values, "d", parameter_value("{x,z}", false, by), by).expect("a path");
        set_parameter(&mut values, "e", parameter_value("12", true, by), by).expect("a path");
        assert!(values.same_value(&node("{a: {b.c: 'x,y'}, d: [x, z], e: '12'}")));
    }
}
