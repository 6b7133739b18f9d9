//! See `rules/object/object-placeholder-left.md`.

use std::sync::LazyLock;

use regex::Regex;

use crate::finding::Severity;
use crate::gitops::Standing;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

/// Objects nest no deeper than this in practice; it bounds the way down.
const DEEPEST: usize = 60;

/// Longer texts are prose, scripts, configurations of other programs.
const LONGEST: usize = 200;

/// Keys whose texts are for people.
const PROSE: [&str; 8] =
    ["annotations", "description", "summary", "message", "title", "comment", "displayName", "labels"];

/// Kinds whose texts are patterns, examples or documentation.
const PATTERNS: [&str; 5] =
    ["CustomResourceDefinition", "ConsoleYAMLSample", "ConsoleQuickStart", "ClusterServiceVersion", "PrometheusRule"];

/// `<bucket name>`: the whole value in angle brackets. Programs that fill in secrets write `<path:…>` and `<secret:…>`.
static BRACKETS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^<[^<>:#/\n]{2,60}>$").ok());

/// What stands between angle brackets and asks for nothing: words for an absent value, tags of HTML.
const WORDS_OF_OTHERS: [&str; 24] = [
    "none", "nil", "null", "empty", "unknown", "unset", "default", "any", "all", "self", "nothing", "br", "html",
    "body", "head", "title", "div", "span", "table", "pre", "code", "script", "style", "hr",
];

/// Words that ask to be replaced.
static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x) ^(?i:change[-_]?me|replace[-_]?me|fixme)$
        | (^|[^A-Za-z])(CHANGE[-_]?ME|REPLACE[-_]?(ME|THIS)|YOUR[-_][A-Z]+([-_][A-Z]+)*[-_]HERE)([^A-Za-z]|$)
        | (^|[/@.=])your[-_](registry|domain|org|organization|username|bucket|account|project|cluster)([-_./:@]|$)",
    )
    .ok()
});

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    // A sample is there to be filled in.
    if app.app.standing != Standing::Deployed {
        return;
    }
    for object in &app.objects {
        if PATTERNS.contains(&object.id.kind.as_str()) {
            continue;
        }
        // The vault plugin of Argo CD fills in what stands between angle brackets.
        let annotations = object.root.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
        let is_annotated = annotations.iter().any(|entry| entry.key.text.starts_with("avp.kubernetes.io/"));
        let filled = || is_annotated || has_path(&object.root, 0);
        findings.about(Some(app), Some(object));
        walk(&object.root, &object.id.to_string(), &filled, 0, findings);
    }
    findings.about(Some(app), None);
    for release in &app.releases {
        walk(&release.values, &format!("the chart {}", release.chart.name), &|| false, 0, findings);
    }
}

/// Whether a text names a path of a vault, as the plugin reads it.
fn has_path(node: &Node, depth: usize) -> bool {
    let children = node.entries().iter().map(|entry| &entry.value).chain(node.items());
    node.as_str().is_some_and(|text| text.starts_with("<path:"))
        || depth < DEEPEST && children.into_iter().any(|child| has_path(child, depth + 1))
}

fn walk(node: &Node, whose: &str, filled: &dyn Fn() -> bool, depth: usize, findings: &mut Findings<'_>) {
    if depth > DEEPEST {
        return;
    }
    node.items().iter().for_each(|item| walk(item, whose, filled, depth + 1, findings));
    // What belongs to something that is switched off is not used.
    if node.get("enabled").and_then(Node::as_bool) == Some(false) {
        return;
    }
    for entry in node.entries() {
        if !PROSE.contains(&entry.key.text.as_str()) {
            walk(&entry.value, whose, filled, depth + 1, findings);
        }
    }
    let Some(text) = node.as_text().filter(|text| text.len() <= LONGEST && !text.contains('\n')) else { return };
    let fits = |pattern: &LazyLock<Option<Regex>>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(text));
    let brackets = text.starts_with('<') && fits(&BRACKETS) && !is_of_others(text) && !filled();
    // Most texts hold none of these; the expression need not run on them.
    let asks = ["me", "ME", "HERE", "your", "THIS"].iter().any(|part| text.contains(part)) && fits(&WORDS);
    if !brackets && !asks {
        return;
    }
    let message = format!("{whose} still has the placeholder `{text}`, and it is used as it stands");
    let finding = findings.report(node.span, message);
    finding.severity(if brackets { Severity::Error } else { Severity::Warning });
    finding.label("to be replaced").help("write the value that is meant");
}

/// Whether a text in angle brackets is a word for an absent value, a tag of HTML, or a pattern.
fn is_of_others(text: &str) -> bool {
    let inner = text.trim_matches(['<', '>']).trim();
    let word = inner.to_ascii_lowercase();
    WORDS_OF_OTHERS.contains(&word.as_str()) || inner.contains(['*', '+', '?', '[', '(', '|', '\\', '^', '$', '=', '!'])
}
