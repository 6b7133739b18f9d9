//! Declarative checks: what they look at, what they find, how they mend it. And files that nobody would write.

// Helpers of tests may stop them.
#![allow(clippy::expect_used)]

use presync::config::Config;
use presync::files::Files;
use presync::fix;
use presync::lint;
use presync::repository::Repository;
use presync::rules::{self, Rule};
use presync::source::{RepoPath, Sources};
use proptest::prelude::*;

fn files(contents: &[(&str, &str)]) -> Files {
    let path = |text: &str| RepoPath::new(text).expect("a path");
    Files::new(Sources::memory(contents.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec())).collect()))
}

/// One rule with this check, and a repository.
fn with_check(check: &str, contents: &[(&str, &str)]) -> (Repository, Vec<Rule>) {
    let rule = format!(
        "---\ntitle: A rule\nseverity: warning\nconfidence: high\ncheck:\n{check}---\nWhy.\n\n## Fix\n\n## Bad\n\n## Good\n"
    );
    let mut contents = contents.to_vec();
    contents.push((".presync/rules/house-rule.md", &rule));
    let files = files(&contents);
    let (config, problems) = Config::load(&files);
    assert_eq!(problems, []);
    let (mut rules, problems) = rules::load(&files, &config);
    assert_eq!(problems, []);
    rules.retain(|rule| rule.id.as_str() == "house-rule");
    (presync::read(files, config), rules)
}

fn found(check: &str, contents: &[(&str, &str)]) -> Vec<String> {
    let (repository, rules) = with_check(check, contents);
    let line = |finding: &presync::finding::Finding| {
        let at = repository.files.sources.file(finding.primary.span.file).position(finding.primary.span.start);
        format!("{}:{} {}", at.line, at.column, finding.message)
    };
    lint::lint(&repository, &rules).iter().map(line).collect()
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - name: a\n      image: a\n      \
                   ports:\n        - {containerPort: 80, hostPort: 80}\n        - {containerPort: 81}\n    - name: b\n      image: \
                   b\n      ports: [{containerPort: 82, hostPort: 82}]\n";

#[test]
fn every_item_at_a_path_is_judged() {
    let check = "  each: container\n  at: ports[].hostPort\n  deny: value >= 80 && self.name != 'c'\n  message: \"{object}, {container}: \
                 port {value}\"\n";
    assert_eq!(found(check, &[("pod.yaml", POD)]), ["9:41 Pod web, a: port 80", "13:45 Pod web, b: port 82"]);
    let check = "  each: pod\n  at: containers\n  deny: size(value) == 2 && object.kind == 'Pod'\n  message: two\n";
    assert_eq!(found(check, &[("pod.yaml", POD)]), ["5:3 two"]);
    let check = "  each: core/Pod\n  at: spec.containers[].ports[]\n  deny: has(value.hostPort)\n  message: a port of the node\n";
    assert_eq!(found(check, &[("pod.yaml", POD)]).len(), 2);
    let check =
        "  each: [Pod, Node]\n  at: [metadata.name, spec.nodeName]\n  deny: value == 'web'\n  message: \"{value}\"\n";
    assert_eq!(found(check, &[("pod.yaml", POD)]), ["3:18 web"]);
    let check = "  each: apps/Pod\n  at: spec\n  deny: 'true'\n  message: never\n";
    assert_eq!(found(check, &[("pod.yaml", POD)]), Vec::<String>::new());
}

#[test]
fn values_of_a_chart_are_judged() {
    let check = "  each: chart grafana\n  at: persistence.enabled\n  deny: '!value && release.version == \"8.5.1\" && !has(self.volume)'\n  message: \
                 \"{chart} keeps nothing\"\n";
    let settings = "charts: [{values: grafana.yaml, chart: grafana, version: 8.5.1}]\n";
    let values = "persistence:\n  enabled: false\n";
    assert_eq!(found(check, &[(".presync.yaml", settings), ("grafana.yaml", values)]), ["2:12 grafana keeps nothing"]);
    let values = "persistence:\n  enabled: false\nvolume: !vault x\n";
    assert_eq!(found(check, &[(".presync.yaml", settings), ("grafana.yaml", values)]), Vec::<String>::new());
}

#[test]
fn a_key_is_written_beside_the_field() {
    let check = "  each: pod\n  at: hostNetwork\n  deny: value && (!has(self.dnsPolicy) || self.dnsPolicy == 'Default')\n  message: \
                 wrong\n  set: {dnsPolicy: None}\n";
    let cases = [
        ("spec:\n  hostNetwork: true\n", "spec:\n  dnsPolicy: None\n  hostNetwork: true\n"),
        ("spec: {hostNetwork: true}\n", "spec: {dnsPolicy: None, hostNetwork: true}\n"),
        ("spec: {a: 1, hostNetwork: true}\n", "spec: {a: 1, dnsPolicy: None, hostNetwork: true}\n"),
        (
            "spec:\n  dnsPolicy: Default # yes\n  hostNetwork: true\n",
            "spec:\n  dnsPolicy: None # yes\n  hostNetwork: true\n",
        ),
        // Not where the text is no plain entry, or the value is quoted.
        ("spec:\n  ? hostNetwork\n  : true\n", "spec:\n  ? hostNetwork\n  : true\n"),
        ("spec:\n  'hostNetwork': true\n", "spec:\n  'hostNetwork': true\n"),
    ];
    for (text, expected) in cases {
        let head = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n";
        let (repository, rules) = with_check(check, &[("pod.yaml", &format!("{head}{text}"))]);
        let fixed = fix::fix(repository, &rules, &|_, _| true);
        let file = fixed.repository.files.file_at(&RepoPath::new("pod.yaml").expect("a path")).expect("the file");
        assert_eq!(file.text(), Some(format!("{head}{expected}").as_str()));
    }
}

#[test]
fn a_fix_that_mends_nothing_is_not_applied() {
    let check = "  each: pod\n  at: hostNetwork\n  deny: value\n  message: wrong\n  set: {dnsPolicy: None}\n";
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  hostNetwork: true\n";
    let (repository, rules) = with_check(check, &[("pod.yaml", text)]);
    let fixed = fix::fix(repository, &rules, &|_, _| true);
    assert_eq!((fixed.mended, fixed.changed.len(), fixed.run.findings.len()), (0, 0, 1));
}

#[test]
fn a_file_that_sops_sealed_is_not_written_to() {
    let check = "  each: pod\n  at: hostNetwork\n  deny: value && !has(self.dnsPolicy)\n  message: wrong\n  set: {dnsPolicy: None}\n";
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {hostNetwork: true}\n";
    let sealed = format!("{text}sops: {{mac: \"ENC[AES256_GCM,data:AA==,type:str]\"}}\n");
    for (text, mended) in [(text, 1), (sealed.as_str(), 0)] {
        let (repository, rules) = with_check(check, &[("pod.yaml", text)]);
        let fixed = fix::fix(repository, &rules, &|_, _| true);
        assert_eq!((fixed.mended, fixed.run.findings.len()), (mended, 1 - mended), "{text}");
    }
}

/// Loads settings and a rule, and lints with them if they can be.
fn load(settings: &str, rule: &str) {
    let files = files(&[(".presync.yaml", settings), (".presync/rules/house-rule.md", rule), ("pod.yaml", POD)]);
    let (config, _) = Config::load(&files);
    let (rules, _) = rules::load(&files, &config);
    let house: Vec<Rule> = rules.into_iter().filter(|rule| rule.id.as_str() == "house-rule").collect();
    lint::lint(&presync::read(files, config), &house);
}

/// Words that the files are made of, so that random text gets past the first line.
fn hostile() -> impl Strategy<Value = String> {
    let words = [
        "---\n",
        "title: ",
        "severity: error\n",
        "confidence: high\n",
        "check:\n",
        "  each: pod\n",
        "  at: hostNetwork[].a\n",
        "  deny: ",
        "self.a",
        " == ",
        "value",
        "(",
        ")",
        "[",
        "]",
        "{object}",
        "{",
        "}",
        "'",
        "\"",
        "\n",
        "  message: x\n",
        "- ",
        ": ",
        "&a ",
        "*a",
        "!!str ",
        "| \n",
        "rules:",
        " off\n",
        "paths:\n",
        "skip: ",
        "**/",
        "[!",
        "kubernetes: 1.",
        "é",
        "\t",
        "settings:\n",
        "charts:\n",
        "external:\n",
        "0",
        "\u{0}",
        "\u{feff}",
        "\r\n",
        "# presync: ignore[",
        "set: {a: b}\n",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_settings_and_no_rule_file_bring_presync_down(settings in hostile(), rule in hostile()) {
        load(&settings, &rule);
    }
}
