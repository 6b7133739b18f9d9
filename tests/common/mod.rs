//! Examples in rule files, for the tests that run them.
//!
//! An example is a `###` section, or the whole `## Bad` or `## Good` section if it has none. Each code block whose info
//! string names a path is a file of the example, in the language `base64` if it is no text; a `findings` block lists what
//! the rule must find, one a line: `path:line:column message`. A path that starts with `since/` is a file as it was
//! earlier; an example that has one is compared with that state, as `--since` does.

#![allow(clippy::expect_used, dead_code, reason = "each test uses a part of this file")]

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use presync::config::{Config, Day};
use presync::files::Files;
use presync::finding::Finding;
use presync::lint;
use presync::repository::Repository;
use presync::rules::{self, Check, Rule};
use presync::source::{RepoPath, Sources};

/// One example of a rule file.
#[derive(Default)]
pub(crate) struct Example {
    /// Its heading.
    pub(crate) title: String,
    /// Its files.
    pub(crate) files: Vec<(RepoPath, Vec<u8>)>,
    /// What must be found; `None` if the file does not say.
    pub(crate) findings: Option<Vec<String>>,
}

/// The code blocks of a Markdown text: what stands behind each fence, and the block's lines.
pub(crate) fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next().map(|line| (line, line.trim_start_matches('`'))) {
        let (line, info) = line;
        if line.starts_with("```") {
            let fence = line.strip_suffix(info).unwrap_or(line);
            let body: String =
                lines.by_ref().take_while(|line| *line != fence).map(|line| format!("{line}\n")).collect();
            blocks.push((info.to_owned(), body));
        }
    }
    blocks
}

/// The examples in a section of a rule's documentation.
///
/// # Panics
/// If a path leaves the example, or one example has two blocks of findings.
pub(crate) fn examples(documentation: &str, section: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    let mut lines = documentation.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            inside = title == section;
            if inside {
                examples.push(Example { title: title.to_owned(), ..Example::default() });
            }
        } else if let (true, Some(title)) = (inside, line.strip_prefix("### ")) {
            if examples.last().is_some_and(|example| example.files.is_empty()) {
                examples.pop();
            }
            examples.push(Example { title: title.to_owned(), ..Example::default() });
        } else if line.starts_with("```") {
            let info = line.trim_start_matches('`');
            let fence = line.strip_suffix(info).unwrap_or(line);
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != fence).collect();
            let Some(example) = examples.last_mut().filter(|_| inside) else { continue };
            if info == "findings" {
                let texts = body.iter().filter(|line| !line.is_empty()).map(|line| (*line).to_owned());
                let before = example.findings.replace(texts.collect());
                assert!(before.is_none(), "two findings blocks in {}", example.title);
            } else if let Some((language, path)) = info.split_once(' ') {
                let mut bytes = body.join("\n").into_bytes();
                bytes.push(b'\n');
                if language == "base64" {
                    bytes = BASE64_STANDARD.decode(body.concat()).expect("base64");
                }
                example.files.push((RepoPath::new(path).expect("a path inside the example"), bytes));
            }
        }
    }
    examples
}

/// Files with the paths from their repository's root.
type Contents = Vec<(RepoPath, Vec<u8>)>;

/// The files of the earlier state, without the folder that marks them, and those of now.
fn split(contents: Contents) -> (Contents, Contents) {
    let folder = RepoPath::new("since").expect("a path");
    let (earlier, now): (Contents, Contents) = contents.into_iter().partition(|(path, _)| path.is_within(&folder));
    let moved = earlier.into_iter().map(|(path, bytes)| {
        let path = RepoPath::new(&path.relative_to(&folder)).expect("a path below the folder");
        (path, bytes)
    });
    (moved.collect(), now)
}

/// What a rule finds in files that exist in memory only, with the settings among them.
///
/// # Panics
/// If the settings are wrong.
pub(crate) fn found(rule: &Rule, contents: Vec<(RepoPath, Vec<u8>)>) -> (Repository, Vec<Finding>) {
    let (earlier, contents) = split(contents);
    let files = Files::new(Sources::memory(contents));
    let (mut config, problems) = Config::load(&files);
    assert!(problems.is_empty(), "{}: {problems:?}", rule.id);
    // Examples with dates are judged on this day, whenever the tests run.
    config.at = Day::parse("2026-06-01");
    let (mut rules, problems) = rules::load(&files, &config);
    assert!(problems.is_empty(), "{}: {problems:?}", rule.id);
    // A rule of the engine speaks about other rules; any other stands alone, beside those of the engine.
    if !matches!(rule.check, Check::Engine) {
        rules.retain(|other| other.id == rule.id || matches!(other.check, Check::Engine));
    }
    let since = (!earlier.is_empty()).then(|| {
        let files = Files::new(Sources::memory(earlier));
        Arc::new(presync::read_earlier(files, &config, "main"))
    });
    let repository = presync::read(files, config).compared(since);
    let mut findings = lint::lint(&repository, &rules);
    if matches!(rule.check, Check::Engine) {
        findings.retain(|finding| finding.rule == rule.id);
    }
    (repository, findings)
}
