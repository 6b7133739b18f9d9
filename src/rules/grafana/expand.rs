//! Variables in provisioning files, as Grafana expands them when it reads one.
//!
//! Grafana splits a text at `$$`, replaces `${name}`, `$__env{name}` and `$__file{path}` in the parts, hands what is left
//! to Go's `os.ExpandEnv`, and joins the parts with `$`. Sources: Grafana, `pkg/services/provisioning/values/values.go`
//! and `pkg/setting/expanders.go`; Go, `os/env.go`.

use std::ops::Range;

/// A variable in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Variable<'a> {
    /// Its name; empty if Grafana eats the characters.
    pub(super) name: &'a str,
    /// The bytes that Grafana replaces, the dollar included.
    pub(super) range: Range<usize>,
}

/// The environment variables that Grafana would put into a text. Files and vaults are left out.
pub(super) fn variables(text: &str) -> Vec<Variable<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in text.split("$$") {
        in_part(part, start, &mut found);
        start += part.len() + 2;
    }
    found
}

fn in_part<'a>(part: &'a str, offset: usize, found: &mut Vec<Variable<'a>>) {
    let bytes = part.as_bytes();
    let mut at = 0;
    while let Some(dollar) = part.get(at..).and_then(|rest| rest.find('$')).map(|found| at + found) {
        let after = part.get(dollar + 1..).unwrap_or_default();
        if let Some((prefix, name, length)) = expander(after) {
            if matches!(prefix, "" | "__env") {
                found.push(Variable { name, range: offset + dollar..offset + dollar + 1 + length });
            }
            at = dollar + 1 + length;
            continue;
        }
        let length = shell_name(&bytes[dollar + 1..]);
        if length > 0 {
            let name = after.get(..length).unwrap_or_default().trim_matches(['{', '}']);
            found.push(Variable { name, range: offset + dollar..offset + dollar + 1 + length });
        }
        at = dollar + 1 + length;
    }
}

/// `$name{argument}` of Grafana's own, given what stands after the dollar: prefix, argument and length.
fn expander(after: &str) -> Option<(&str, &str, usize)> {
    let open = after.find('{')?;
    let prefix = &after[..open];
    let word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !(prefix.is_empty() || prefix.len() > 2 && prefix.starts_with("__") && word(prefix)) {
        return None;
    }
    let close = open + after[open..].find('}')?;
    let argument = &after[open + 1..close];
    (!argument.is_empty()).then_some((prefix, argument, close + 1))
}

/// How many bytes after a dollar Go takes for a name; 0 if the dollar stays.
fn shell_name(after: &[u8]) -> usize {
    match after.first() {
        // A brace without its partner, or an empty pair: eaten.
        Some(b'{') => after.iter().position(|byte| *byte == b'}').map_or(1, |close| close + 1),
        Some(b'*' | b'#' | b'$' | b'@' | b'!' | b'?' | b'-' | b'0'..=b'9') => 1,
        _ => after.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_those_that_grafana_replaces() {
        let cases: [(&str, &[&str]); 12] = [
            ("${__value.raw}", &["__value.raw"]),
            ("$${__value.raw}", &[]),
            ("a $${__span.traceId} ${TOKEN}", &["TOKEN"]),
            ("$__env{TOKEN}", &["TOKEN"]),
            ("$__file{/etc/token}", &[]),
            ("rate(x{$__tags}[5m])", &["__tags"]),
            ("^foo$", &[]),
            ("^(foo$|bar)", &[]),
            ("price $5", &["5"]),
            ("$HOME/x", &["HOME"]),
            ("日本 ${X}", &["X"]),
            ("$$$X", &["X"]),
        ];
        for (text, expected) in cases {
            let found: Vec<&str> = variables(text).iter().map(|variable| variable.name).collect();
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(variables("日本 ${X}")[0].range, 7..11);
    }
}
