//! The engine around the rules: one finding per mistake, levels, panics, suppressions, rules of the repository's own.

// Helpers of tests may stop them.
#![allow(clippy::expect_used)]

use presync::config::Config;
use presync::files::Files;
use presync::finding::{Confidence, Finding, RuleId, Severity};
use presync::lint;
use presync::repository::{BuiltApp, Repository};
use presync::rules::{self, Check, Findings, Rule};
use presync::source::{RepoPath, Sources};

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n";

fn files(contents: &[(&str, &str)]) -> Files {
    let path = |text: &str| RepoPath::new(text).expect("a path");
    Files::new(Sources::memory(contents.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec())).collect()))
}

fn repository(contents: &[(&str, &str)]) -> Repository {
    let files = files(contents);
    let (config, problems) = Config::load(&files);
    assert_eq!(problems, []);
    presync::read(files, config)
}

fn rule(id: &str, check: Check) -> Rule {
    Rule {
        id: RuleId::new(id),
        group: "test".to_owned(),
        title: id.to_owned(),
        severity: Severity::Warning,
        confidence: Confidence::High,
        pedantic: false,
        settings: Vec::new(),
        documentation: String::new(),
        check,
    }
}

/// A rule of the test beside those of the engine.
fn with_engine(rule: Rule) -> Vec<Rule> {
    let mut rules = rules::built_in();
    rules.retain(|rule| matches!(rule.check, Check::Engine));
    rules.push(rule);
    rules
}

fn told(repository: &Repository, findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let place = repository.files.sources.describe(finding.primary.span);
        format!("{place} {}[{}] {}", finding.severity, finding.rule, finding.message)
    };
    findings.iter().map(line).collect()
}

fn replicas(object: &presync::kubernetes::Object, app: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    if let Some(node) = object.root.at(&["spec", "replicas"]) {
        findings.report(node.span, format!("{} of {} has one replica", object.id, app.app.name));
    }
}

#[test]
fn two_mistakes_at_one_place_stay_two() {
    let repository = repository(&[("a.yaml", DEPLOYMENT)]);
    let check = |object: &presync::kubernetes::Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>| {
        findings.report(object.name_span(), "first");
        findings.report(object.name_span(), "second");
        findings.report(object.name_span(), "first");
    };
    let findings = lint::lint(&repository, &[rule("test-two", Check::Object(check))]);
    assert_eq!(told(&repository, &findings), ["a.yaml:3 warning[test-two] first", "a.yaml:3 warning[test-two] second"]);
}

#[test]
fn a_panic_costs_one_place_only_and_is_told() {
    let broken = DEPLOYMENT.replace("web", "broken");
    let repository = repository(&[("a.yaml", &broken), ("b.yaml", DEPLOYMENT)]);
    let check =
        |object: &presync::kubernetes::Object, app: &BuiltApp, all: &Repository, findings: &mut Findings<'_>| {
            assert!(object.id.name != "broken", "it is broken");
            replicas(object, app, all, findings);
        };
    let findings = lint::lint(&repository, &with_engine(rule("test-panics", Check::Object(check))));
    assert_eq!(
        told(&repository, &findings),
        [
            "a.yaml:3 error[presync-rule-failed] the rule `test-panics` stopped here with an internal error: it is broken. \
             What it would have found here is missing",
            "b.yaml:4 warning[test-panics] Deployment web of . has one replica",
        ]
    );
}

#[test]
fn levels_change_severities_and_skip_files() {
    let settings = "rules: {test-replicas: error}\nskip: vendor\npaths: [{match: quiet, rules: {test: off}}]\n";
    let repository = repository(&[
        (".presync.yaml", settings),
        ("a.yaml", DEPLOYMENT),
        ("quiet/a.yaml", DEPLOYMENT),
        ("vendor/a.yaml", DEPLOYMENT),
    ]);
    let findings = lint::lint(&repository, &[rule("test-replicas", Check::Object(replicas))]);
    assert_eq!(told(&repository, &findings), ["a.yaml:4 error[test-replicas] Deployment web of . has one replica"]);
}

#[test]
fn comments_suppress_on_their_line_and_on_the_next() {
    let cases = [
        ("spec: {replicas: 1} # presync: ignore[test-replicas] one is enough\n", 0),
        ("# presync: ignore[test-replicas] one is enough\nspec: {replicas: 1}\n", 0),
        ("# presync: ignore[other-rule, test-replicas] one is enough\n# Another comment.\nspec: {replicas: 1}\n", 0),
        ("spec:\n  # presync: ignore[test-replicas] one is enough\n  replicas: 1\r\n", 0),
        ("# presync: ignore[test-replicas] one is enough\nspec:\n  replicas: 1\n", 1),
        ("spec: {replicas: 1} # presync: ignore[test-other] one is enough\n", 1),
        ("spec: {replicas: 1, x: '# presync: ignore[test-replicas] no comment'}\n", 1),
    ];
    for (text, expected) in cases {
        let text = format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\n{text}");
        let repository = repository(&[("a.yaml", &text)]);
        let run = lint::run(&repository, &[rule("test-replicas", Check::Object(replicas))]);
        assert_eq!((run.findings.len(), run.suppressed), (expected, 1 - expected), "{text}");
    }
}

#[test]
fn suppressions_work_inside_embedded_documents() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sources}\ndata:\n  a.yaml: |\n    # presync: \
                ignore[test-embedded] on purpose\n    a: 1\n";
    let repository = repository(&[("a.yaml", text)]);
    let check = |object: &presync::kubernetes::Object, _: &BuiltApp, all: &Repository, findings: &mut Findings<'_>| {
        let node = object.root.at(&["data", "a.yaml"]).expect("the document");
        let stream = all.files.embedded(node);
        let root = stream.documents.first().and_then(|document| document.root.as_ref()).expect("content");
        findings.report(root.get("a").expect("the key").span, "one");
    };
    let run = lint::run(&repository, &[rule("test-embedded", Check::Object(check))]);
    assert_eq!((run.findings.len(), run.suppressed), (0, 1));
}

const OWN_RULE: &str = "---\ntitle: Deployments have two replicas\nseverity: warning\nconfidence: high\ncheck:\n  each: \
                        Deployment\n  at: spec.replicas\n  deny: value < 2\n  message: \"{object} has {value} replica\"\n\
                        ---\nOne is none.\n\n## Fix\n\nWrite two.\n\n## Bad\n\n## Good\n";

#[test]
fn a_repository_brings_rules_of_its_own() {
    let contents = [(".presync/rules/house-replicas.md", OWN_RULE), ("a.yaml", DEPLOYMENT)];
    let (rules, problems) = rules::load(&files(&contents), &Config::default());
    assert_eq!(problems, []);
    let repository = repository(&contents);
    let findings = lint::lint(&repository, &rules);
    let told = told(&repository, &findings);
    assert_eq!(told, ["a.yaml:4 warning[house-replicas] Deployment web has 1 replica"]);
}

#[test]
fn mistakes_in_own_rules_are_shown_where_they_stand() {
    let cases = [
        ("title: ", "titel: ", "titel: the metadata has no key `titel`; did you mean `title`?"),
        ("severity: warning", "severity: fatal", "fatal: `severity` must be one of error, warning, info, not `fatal`"),
        (
            "each: Deployment",
            "each: deployment",
            "deployment: `each` must be `pod`, `container`, a kind, or `chart NAME`, not `deployment`",
        ),
        ("value < 2", "vale < 2", "vale < 2: there is no variable `vale`; did you mean `value`?"),
        ("value < 2", "value <", "value <: this is no CEL expression"),
        ("{value}", "{valeu}", "\"{object} has {valeu} replica\": there is no placeholder `{valeu}`"),
        ("spec.replicas", "spec..replicas", "spec..replicas: `spec..replicas` is no path"),
        ("  deny: value < 2\n", "", ": `check` needs `deny`"),
        ("## Fix\n", "", "---: a rule file has a section `## Fix`"),
        ("---\ntitle", "title", ": a rule file starts with metadata between two lines `---`"),
    ];
    for (from, to, expected) in cases {
        assert!(OWN_RULE.contains(from), "{from}");
        let files = files(&[(".presync/rules/house-replicas.md", &OWN_RULE.replacen(from, to, 1))]);
        let (_, problems) = rules::load(&files, &Config::default());
        let told = problems.iter().map(|problem| {
            let help = problem.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
            let text = files.sources.file(problem.span.file).slice(problem.span).to_owned();
            format!("{text}: {}{help}", problem.message)
        });
        let told: Vec<String> = told.collect();
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}\n{told:#?}");
    }
}

#[test]
fn names_in_the_settings_exist() {
    let settings = "rules: {yaml-duplicate-keys: off, graphana: off, 'nothing-*': off}\nsettings:\n  \
                    container-cpu-limit-too-low: {minimun: 50m}\n  container-cpu-limit-to-low: {}\n";
    let files = files(&[(".presync.yaml", settings)]);
    let (config, _) = Config::load(&files);
    let (_, problems) = rules::load(&files, &config);
    let told = problems.iter().map(|problem| (problem.message.as_str(), problem.help.as_deref().unwrap_or_default()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("there is no rule or group `yaml-duplicate-keys`", "did you mean `yaml-duplicate-key`?"),
            ("there is no rule or group `graphana`", "did you mean `grafana`?"),
            ("there is no rule or group `nothing-*`", ""),
            ("`container-cpu-limit-too-low` has no setting `minimun`", "did you mean `minimum`?"),
            ("there is no rule or group `container-cpu-limit-to-low`", "did you mean `container-cpu-limit-too-low`?"),
        ]
    );
}
