//! How findings are written, in every format.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::path::Path;
use std::sync::LazyLock;

use presync::config::Config;
use presync::files::Files;
use presync::finding::{Confidence, Edit, Finding, Fix, Label, RuleId, Severity};
use presync::report::{self, Canvas, Format, Paths, Report};
use presync::repository::Repository;
use presync::rules::{self, Rule};
use presync::source::{RepoPath, Sources, Span};

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(rules::built_in);

fn repository(files: &[(&str, &[u8])]) -> Repository {
    let path = |path: &str| RepoPath::new(path).expect("a path inside the repository");
    let files = files.iter().map(|(name, bytes)| (path(name), bytes.to_vec())).collect();
    presync::read(Files::new(Sources::memory(files)), Config::default())
}

/// The first place in `path` where `text` stands.
fn place(repository: &Repository, path: &str, text: &str) -> Span {
    let path = RepoPath::new(path).expect("a path inside the repository");
    let file = repository.files.file_at(&path).expect("a file");
    let bytes = file.bytes().expect("bytes");
    let start = bytes.windows(text.len()).position(|window| window == text.as_bytes()).expect("the text");
    Span::new(file.id, start, start + text.len())
}

fn finding(severity: Severity, span: Span, label: &str) -> Finding {
    Finding {
        rule: RuleId::new("yaml-duplicate-key"),
        severity,
        confidence: Confidence::High,
        message: "the pods are throttled".to_owned(),
        primary: Label { span, message: label.to_owned() },
        related: Vec::new(),
        help: None,
        fix: None,
        object: None,
        apps: Vec::new(),
    }
}

fn written(format: Format, colour: bool, repository: &Repository, findings: &[Finding]) -> String {
    let root = Path::new("/repository");
    let paths = Paths::new(root, root);
    let canvas = Canvas { files: &repository.files, paths: &paths, colour, width: Some(90) };
    let report = Report {
        canvas: &canvas,
        platform_paths: &paths,
        repository,
        findings,
        rules: &RULES,
        asked: &|_| true,
        suppressed: 0,
        unreadable: 0,
        quiet: true,
    };
    let mut out = Vec::new();
    report::write(format, &report, &mut out).expect("a string takes everything");
    String::from_utf8(out).expect("output in UTF-8")
}

fn text(repository: &Repository, findings: &[Finding]) -> String {
    written(Format::Text, false, repository, findings)
}

/// A finding that has everything: places in several files, one of them twice, a fix, help, an object and many apps.
fn story() -> (Repository, Finding) {
    let mut base = "# comment\n".repeat(1200);
    base.push_str("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  limits: {cpu: 20m}\n");
    let patch: &[u8] =
        b"kind: Deployment\nmetadata:\n  name: web\nspec:\n  limits:\n    cpu: null\n# end\n\n\n\nlast: line\n";
    let repository = repository(&[("base/upstream.yaml", base.as_bytes()), ("overlays/home/patch.yaml", patch)]);
    let mut finding =
        finding(Severity::Warning, place(&repository, "overlays/home/patch.yaml", "null"), "removes nothing");
    finding.related = vec![
        Label { span: place(&repository, "base/upstream.yaml", "20m"), message: "the limit stands here".to_owned() },
        Label { span: place(&repository, "overlays/home/patch.yaml", "last"), message: "and a word here".to_owned() },
        Label { span: place(&repository, "base/upstream.yaml", "Deployment"), message: "of this object".to_owned() },
    ];
    finding.help = Some("name the container: a strategic merge patch finds a list element by its key, and the key of containers is their name".to_owned());
    let span = place(&repository, "overlays/home/patch.yaml", "cpu: null");
    finding.fix =
        Some(Fix { title: "remove the line".to_owned(), safe: true, edits: vec![Edit { span, text: String::new() }] });
    finding.object = Some("Deployment shop/web".to_owned());
    finding.apps = (1..=12).map(|number| format!("cluster-{number:02}")).collect();
    (repository, finding)
}

#[test]
fn a_finding_in_several_files_is_one_picture() {
    let (repository, finding) = story();
    insta::assert_snapshot!(text(&repository, &[finding]));
}

#[test]
fn colours_follow_the_severity() {
    let (repository, finding) = story();
    let text = written(Format::Text, true, &repository, &[finding]);
    insta::assert_snapshot!(text.replace('\u{1b}', "␛"));
}

#[test]
fn hostile_text_reaches_no_terminal() {
    let long = format!("a: \u{1b}[2J {} key: bad {}\n", "x".repeat(100_000), "日本".repeat(30_000));
    let files: &[(&str, &[u8])] = &[
        ("bidi.yaml", "\u{feff}user: \u{202e}nimda\u{2066} # \u{7}\r\nname: wide 日本語 bad\r\n".as_bytes()),
        ("broken.yaml", b"first: 1\nlatin: caf\xe9 bad\n"),
        ("long.yaml", long.as_bytes()),
        ("tabs.yaml", b"a:\n\tb:\tbad\n"),
    ];
    let repository = repository(files);
    let findings: Vec<Finding> =
        [("bidi.yaml", "bad"), ("broken.yaml", "bad"), ("long.yaml", "bad"), ("tabs.yaml", "bad")]
            .map(|(path, text)| finding(Severity::Error, place(&repository, path, text), "this \u{1b}[1m\u{202e}one"))
            .to_vec();
    let text = text(&repository, &findings);
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{2066}', '\u{7}', '\r', '\t']), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 92), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn places_at_the_edges_can_be_drawn() {
    let repository = repository(&[("a.yaml", b"a: 1\n\nb: 2"), ("empty.yaml", b"")]);
    let end = place(&repository, "a.yaml", "2");
    let empty = repository.files.file_at(&RepoPath::new("empty.yaml").expect("a path")).expect("a file");
    let spans = [
        Span::new(end.file, 0, 0),
        Span::new(end.file, end.end as usize, end.end as usize),
        Span::new(end.file, 5, 5),
        Span::new(end.file, 0, end.end as usize),
        Span::new(end.file, 4_000_000, 5_000_000),
        Span::start_of(empty.id),
    ];
    let findings = spans.map(|span| finding(Severity::Info, span, "here"));
    insta::assert_snapshot!(text(&repository, &findings));
}

#[test]
fn secret_values_are_hidden() {
    let files: &[(&str, &[u8])] = &[
        (
            "a.yaml",
            b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  user: admin\n  password: hunter2\n",
        ),
        (
            "b.yaml",
            b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  user: admin\n password: [hunter2\n",
        ),
        ("kustomization.yaml", b"secretGenerator:\n- name: a\n  literals:\n  - password=hunter2\n"),
    ];
    let repository = repository(files);
    let findings: Vec<Finding> =
        files.iter().map(|(path, _)| finding(Severity::Error, place(&repository, path, "hunter2"), "")).collect();
    let text = text(&repository, &findings);
    assert!(!text.contains("hunter2") && !text.contains("admin"), "{text}");
    insta::assert_snapshot!(text);
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn json_fits_its_schema() {
    let (repository, story) = story();
    let plain = finding(Severity::Error, story.related[0].span, "");
    let output = json(&written(Format::Json, false, &repository, &[plain, story]));
    let schema = json(include_str!("../docs/schema/findings.json"));
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let problems: Vec<String> =
        validator.iter_errors(&output).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    insta::assert_snapshot!(pretty(&output["findings"]));
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

/// The fingerprint of a finding on `text` in a file.
fn fingerprints(file: &[u8], places: &[&str]) -> Vec<String> {
    let repository = repository(&[("a.yaml", file)]);
    let findings: Vec<Finding> =
        places.iter().map(|text| finding(Severity::Error, place(&repository, "a.yaml", text), "")).collect();
    let output = json(&written(Format::Json, false, &repository, &findings));
    let list = output["findings"].as_array().expect("a list");
    list.iter().map(|finding| finding["fingerprint"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let manifest = |before: &str, containers: &str| {
        format!("{before}kind: Pod\napiVersion: v1\nmetadata: {{name: a}}\nspec:\n  containers:\n{containers}")
    };
    let web = "  - name: web\n    cpu: 20m\n";
    let sidecar = "  - name: sidecar\n    cpu: 1\n";
    let plain = fingerprints(manifest("", web).as_bytes(), &["20m"]);
    let moved = fingerprints(manifest("# a comment\n\n", &format!("{sidecar}{web}")).as_bytes(), &["20m"]);
    assert_eq!(plain, moved);
    let other = fingerprints(manifest("", "  - name: api\n    cpu: 20m\n").as_bytes(), &["20m"]);
    assert_ne!(plain, other);
    let twice = fingerprints(manifest("", web).as_bytes(), &["20m", "20m"]);
    assert_eq!(twice[0], plain[0]);
    assert_ne!(twice[0], twice[1]);
}

#[test]
fn a_secret_leaves_no_trace_in_its_fingerprint() {
    let secret =
        |value: &str| format!("kind: Secret\napiVersion: v1\nmetadata: {{name: a}}\nstringData:\n  key: {value}\n");
    let (one, other) = (secret("hunter2"), secret("letmein"));
    assert_eq!(fingerprints(one.as_bytes(), &["hunter2"]), fingerprints(other.as_bytes(), &["letmein"]));
}

#[test]
fn sarif_has_what_code_scanning_reads() {
    let (repository, story) = story();
    let odd = self::repository(&[("a b/日本#1.yaml", "名前: [1, 2]\n".as_bytes())]);
    let plain = finding(Severity::Info, place(&odd, "a b/日本#1.yaml", "[1, 2]"), "");
    let odd = json(&written(Format::Sarif, false, &odd, &[plain]));
    let physical = &odd["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(physical["artifactLocation"]["uri"], "a%20b/%E6%97%A5%E6%9C%AC%231.yaml");
    let region = serde_json::json!({
        "startLine": 1, "startColumn": 5, "endLine": 1, "endColumn": 11, "byteOffset": 8, "byteLength": 6,
    });
    assert_eq!(physical["region"], region);

    let log = json(&written(Format::Sarif, false, &repository, &[story]));
    let run = &log["runs"][0];
    assert_eq!((log["version"].as_str(), run["columnKind"].as_str()), (Some("2.1.0"), Some("unicodeCodePoints")));
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    for rule in rules {
        for text in ["/id", "/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"] {
            let there = rule.pointer(text).and_then(serde_json::Value::as_str);
            assert!(there.is_some_and(|text| !text.is_empty()), "{text} of {rule}");
        }
    }
    let result = &run["results"][0];
    let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("a small number");
    assert_eq!(rules[index]["id"], result["ruleId"]);
    let mut result = result.clone();
    // The index counts the rules, of which there are more every week.
    result.as_object_mut().expect("an object").remove("ruleIndex");
    insta::assert_snapshot!(pretty(&result));
}

#[test]
fn workflow_commands_are_escaped() {
    let repository = repository(&[("a,b: 100%.yaml", b"a: 1\nb: 2\n")]);
    let mut one = finding(Severity::Warning, place(&repository, "a,b: 100%.yaml", "1"), "");
    one.message = "50% of it\nis: gone, ::error::".to_owned();
    one.help = Some("mend it".to_owned());
    let two = finding(Severity::Info, place(&repository, "a,b: 100%.yaml", "a: 1\nb"), "");
    insta::assert_snapshot!(written(Format::Github, false, &repository, &[one, two]));
}

#[test]
fn gitlab_and_junit_tell_the_same() {
    let (repository, story) = story();
    let mut other = finding(Severity::Error, story.related[0].span, "");
    other.message = "a < b && \u{1b}[1m".to_owned();
    let findings = [other, story];
    insta::assert_snapshot!("gitlab", written(Format::Gitlab, false, &repository, &findings));
    insta::assert_snapshot!("junit", written(Format::Junit, false, &repository, &findings));
    let clean = written(Format::Junit, false, &repository, &[]);
    assert!(clean.contains(r#"tests="1" failures="0""#), "{clean}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Bytes of any kind, labels anywhere, even between the bytes of a character or behind the end.
    #[test]
    fn any_bytes_and_any_place_can_be_written(
        one in proptest::collection::vec(proptest::sample::select(&b"a: \t\n\r-#'\"\\\x00\x1b\xe6\x97\xa5\xef\xbb\xbf\xff"[..]), 0..400),
        other in "\\PC{0,200}",
        spans in proptest::collection::vec((0..2u32, 0..450usize, 0..40usize), 1..9),
    ) {
        let repository = repository(&[("a.yaml", &one), ("b.yaml", other.as_bytes())]);
        let span = |(file, start, length): &(u32, usize, usize)| {
            Span::new(presync::source::FileId(*file), *start, start + length)
        };
        let mut story = finding(Severity::Error, span(&spans[0]), "");
        story.related = spans[1..].iter().map(|at| Label { span: span(at), message: "here".to_owned() }).collect();
        let findings = [story];
        for format in [Format::Text, Format::Json, Format::Sarif, Format::Github, Format::Gitlab, Format::Junit] {
            let text = written(format, false, &repository, &findings);
            proptest::prop_assert!(!text.contains("Failed to read"), "{}", text);
            proptest::prop_assert!(format != Format::Text || !text.contains(['\u{1b}', '\t', '\r', '\0']), "{}", text);
        }
    }
}
