//! See `rules/grafana/grafana-datasource-template-broken.md`.

use crate::helm::Release;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Release(check);

/// Values that kube-prometheus-stack runs through `tpl`. Source: its template
/// `grafana/configmaps-datasources.yaml`.
const TEMPLATED: [&str; 2] = ["additionalDataSources", "additionalDataSourcesString"];

fn check(release: &Release, _: &BuiltApp, repository: &Repository, findings: &mut Findings<'_>) {
    if release.chart.name != "kube-prometheus-stack" {
        return;
    }
    for value in TEMPLATED.iter().filter_map(|key| release.values.at(&["grafana", key])) {
        let mut open = vec![value];
        while let Some(node) = open.pop() {
            open.extend(node.entries().iter().map(|entry| &entry.value));
            open.extend(node.items());
            let Some(text) = node.as_str() else { continue };
            let Some((range, name)) = broken(text) else { continue };
            let what = match name.starts_with('$') {
                true => format!("variable \"{name}\""),
                false => format!("function \"{name}\""),
            };
            let written = text.get(range.clone()).unwrap_or_default();
            let message = format!(
                "the chart reads this as a template of Helm, and `{written}` is none: Helm fails, `{what} not defined`, and no \
                 manifest of `{}` is made",
                release.name
            );
            let span = repository.files.part(node, range.clone()).unwrap_or(node.span);
            findings
                .report(span, message)
                .help(format!("write ``{{{{ `{written}` }}}}``, which Helm turns into that text"));
        }
    }
}

/// The first action of a text that Helm can't read: a variable that nothing defines, or a name that begins with two
/// underscores, which no function has.
fn broken(text: &str) -> Option<(std::ops::Range<usize>, &str)> {
    // What a template defines, it may use; who writes definitions knows that it is one.
    if text.contains(":=") {
        return None;
    }
    let mut at = 0;
    while let Some(start) = text.get(at..)?.find("{{").map(|found| at + found) {
        let end = start + text.get(start..)?.find("}}")? + 2;
        let inner = text.get(start + 2..end - 2)?.trim_matches('-').trim();
        let name = inner.split([' ', '.', '|', ')', '(']).next().unwrap_or_default();
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.strip_prefix('$').is_some_and(is_name) || name.starts_with("__") && is_name(name) {
            return Some((start..end, name));
        }
        at = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn actions_are_told_apart() {
        for (text, name) in [("a {{ $labels.pod }}", "$labels"), ("{{__tags}}", "__tags"), ("{{ .a }}{{- $x }}", "$x")]
        {
            assert_eq!(broken(text).map(|(_, name)| name), Some(name), "{text}");
        }
        for text in [
            "",
            "{{",
            "{{ .Values.a }}",
            "{{ `{{ $labels.pod }}` }}",
            "{{ $ }}",
            "{{ $.Values.a }}",
            "{{ $a := 1 }}{{ $a }}",
        ] {
            assert_eq!(broken(text), None, "{text}");
        }
    }
}
