//! Tells text that is yet to become YAML, through Jinja, Go templates, ERB or ytt, from YAML with a mistake.
//!
//! Marks inside quotes, comments and block scalars mean nothing: alert texts and dashboards are full of them. Ask only
//! about text that does not parse; most templates of values parse well, and are then judged as they stand.

use std::ops::Range;

const MARKS: [&str; 5] = ["{{", "{%", "{#", "<%", "[%"];

/// The first place where a template's mark stands where YAML has a key, a value or an item.
pub fn template_mark(text: &str) -> Option<Range<usize>> {
    let mut at = 0;
    // The indentation of the line that opened a block scalar, while that goes on.
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim_start_matches([' ', '\t', '\u{feff}']);
        let indentation = line.len() - content.len();
        let content = content.trim_end();
        if content.is_empty() || block.is_some_and(|opened| indentation > opened) {
            continue;
        }
        block = opens_block(content).then_some(indentation);
        if content.starts_with("#@ ") {
            return Some(start + indentation..start + indentation + content.len());
        }
        if content.starts_with('#') {
            continue;
        }
        let value = content.trim_start_matches("- ").trim_start();
        let is_mark = |text: &str| MARKS.iter().any(|mark| text.starts_with(mark));
        let found = if is_mark(value) {
            Some(value)
        } else {
            let after_key = value.find(": ").map(|colon| value[colon + 2..].trim_start());
            after_key.filter(|value| is_mark(value))
        };
        if let Some(found) = found {
            let end = start + indentation + content.len();
            return Some(end - found.len()..end);
        }
    }
    None
}

/// Whether a line ends in the head of a block scalar, such as `run: |-`.
fn opens_block(content: &str) -> bool {
    let head = content.rsplit([' ', '\t']).next().unwrap_or_default();
    let rest = head.strip_prefix(['|', '>']);
    rest.is_some_and(|rest| rest.len() <= 2 && rest.bytes().all(|byte| matches!(byte, b'+' | b'-' | b'1'..=b'9')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_count_where_yaml_has_structure() {
        let found = |text: &str| template_mark(text).map(|range| text[range].to_owned());
        assert_eq!(found("a: {{ x }}\n").as_deref(), Some("{{ x }}"));
        assert_eq!(found("{% if x %}\na: 1\n").as_deref(), Some("{% if x %}"));
        assert_eq!(found("a:\n  - {{ x }}\n").as_deref(), Some("{{ x }}"));
        assert_eq!(found("{{- range x }}\n").as_deref(), Some("{{- range x }}"));
        assert_eq!(found("#@ load(x)\n").as_deref(), Some("#@ load(x)"));
        assert_eq!(found("a: \"{{ x }}\"\n"), None);
        assert_eq!(found("a: |-\n  {{ x }}\n\n  b: {{ y }}\nc: 1\n"), None);
        assert_eq!(found("# {{ x }}\na: see {{ x }}\n"), None);
        assert_eq!(found("a: |\n  x\nb: {{ x }}\n").as_deref(), Some("{{ x }}"));
    }
}
