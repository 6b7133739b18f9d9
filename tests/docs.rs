//! The documentation says what the code does: its examples are loaded, its tables are generated and compared.
//!
//! `UPDATE_DOCS=1 cargo test --test docs` writes what is generated, and fails once for each file that changed.

// A document that can't be read stops the test.
#![allow(clippy::expect_used)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use common::blocks;
use presync::config::{self, Config, Form};
use presync::files::Files;
use presync::rules::{self, Rule};
use presync::source::{RepoPath, Sources};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_default()
}

/// The file must have this text. Where it has not, it is written if that was asked for, and the test fails either way.
fn must_be(name: &str, text: &str) {
    if read(name) == text {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path(name), text).expect("a writable file");
        panic!("{name} was out of date and is written anew: look at the change, then run the test again");
    }
    panic!("{name} is out of date; `UPDATE_DOCS=1 cargo test --test docs` writes it anew");
}

/// The file with the part between `<!-- generated: part -->` and `<!-- end -->` replaced.
fn with_part(text: &str, part: &str, content: &str) -> String {
    let start = format!("<!-- generated: {part} -->");
    let (before, rest) = text.split_once(&start).expect("the mark of a generated part");
    let (_, after) = rest.split_once("<!-- end -->").expect("the end of a generated part");
    format!("{before}{start}{content}<!-- end -->{after}")
}

fn rows(keys: &[config::Key], prefix: &str, table: &mut String) {
    for key in keys {
        let required = if key.required { ", required" } else { "" };
        let _ = writeln!(table, "| `{prefix}{}` | {}{required} | {} |", key.name, key.form.describe(), key.about);
        if let Form::Entries(keys) = key.form {
            rows(keys, &format!("{prefix}{}[].", key.name), table);
        }
    }
}

#[test]
fn the_configuration_reference_is_current() {
    let mut table = String::from("\n\n| key | value | what it decides |\n|---|---|---|\n");
    rows(&config::KEYS, "", &mut table);
    table.push('\n');
    must_be("docs/configuration.md", &with_part(&read("docs/configuration.md"), "keys", &table));
}

#[test]
fn the_configuration_schema_is_current() {
    let schema = config::schema(&rules::settings_schema(&rules::built_in()));
    let text = serde_json::to_string_pretty(&schema).expect("a schema");
    must_be("docs/schema/configuration.json", &format!("{text}\n"));
}

#[test]
fn the_functions_of_expressions_are_current() {
    let list: Vec<String> = rules::FUNCTIONS.iter().map(|name| format!("`{name}`")).collect();
    must_be("docs/writing-rules.md", &with_part(&read("docs/writing-rules.md"), "functions", &list.join(", ")));
}

#[test]
fn the_table_of_rules_is_current() {
    let mut text = String::from(
        "# Rules\n\n<!-- Written by `UPDATE_DOCS=1 cargo test --test docs` from the files in `rules`. -->\n\n`presync explain \
         RULE` prints a rule's page: why, how to mend it, examples.\n",
    );
    let rules = rules::built_in();
    let mut group = "";
    for rule in &rules {
        if rule.group != group {
            group = &rule.group;
            let _ = write!(text, "\n## {group}\n\n| rule | severity | confidence | |\n|---|---|---|---|\n");
        }
        let _ = writeln!(text, "{}", row(rule));
    }
    must_be("docs/rules.md", &text);
}

fn row(rule: &Rule) -> String {
    let off = if rule.pedantic { " *(off by default)*" } else { "" };
    let since = if rule.needs_since() { " *(with `--since`)*" } else { "" };
    let title = rule.title.replace('|', "\\|");
    let link = format!("[{0}](../rules/{1}/{0}.md)", rule.id, rule.group);
    let mut row = format!("| {link} | {} | {} | {title}{off}{since}", rule.severity, rule.confidence);
    for setting in &rule.settings {
        let default = setting.default.as_text().map(|default| format!(" ({default})")).unwrap_or_default();
        let _ = write!(row, "<br>setting `{}`{default}: {}", setting.name, setting.about);
    }
    row + " |"
}

/// Every code block that names a path is a file of one repository, in which the settings and rules must be right.
fn load_blocks(name: &str) -> Vec<Rule> {
    let text = read(name);
    let named = blocks(&text).into_iter().filter_map(|(info, body)| {
        let (_, path) = info.split_once(' ')?;
        Some((RepoPath::new(path)?, body.into_bytes()))
    });
    let mut contents: Vec<_> = named.collect();
    assert!(!contents.is_empty(), "{name} has examples");
    for path in ["values/common.yaml", "values/grafana.yaml"] {
        contents.push((RepoPath::new(path).expect("a path"), b"a: 1\n".to_vec()));
    }
    let files = Files::new(Sources::memory(contents));
    let (config, problems) = Config::load(&files);
    assert_eq!(problems, [], "{name}");
    let (rules, problems) = rules::load(&files, &config);
    assert_eq!(problems, [], "{name}");
    let repository = presync::read(files, Config::default());
    let findings = presync::lint::lint(&repository, &rules);
    let told: Vec<_> = findings.iter().map(|finding| (finding.rule.to_string(), finding.message.clone())).collect();
    assert_eq!(told, [], "{name}");
    rules
}

#[test]
fn examples_of_the_configuration_load() {
    load_blocks("docs/configuration.md");
    let schema = config::schema(&rules::settings_schema(&rules::built_in()));
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let valid =
        serde_json::json!({"kubernetes": "1.34", "rules": {"yaml": "off"}, "charts": [{"values": "a", "chart": "b"}]});
    assert!(validator.is_valid(&valid));
    assert!(!validator.is_valid(&serde_json::json!({"kubernets": "1.34"})));
    assert!(!validator.is_valid(&serde_json::json!({"charts": [{"values": "a"}]})));
}

#[test]
fn the_example_of_a_rule_is_true() {
    let rules = load_blocks("docs/writing-rules.md");
    let rule = rules.iter().find(|rule| rule.id.as_str() == "house-single-replica").expect("the rule of the example");
    for (section, expected) in [("Bad", 1), ("Good", 0)] {
        for example in common::examples(&rule.documentation, section) {
            let repository = presync::read(Files::new(Sources::memory(example.files)), Config::default());
            let findings = presync::lint::lint(&repository, std::slice::from_ref(rule));
            assert_eq!(findings.len(), expected, "{section}");
        }
    }
}
