//! Several files through everything: discovery, builds, every rule.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use presync::config::Config;
use presync::files::Files;
use presync::lint;
use presync::rules::{self, Rule};
use presync::source::{RepoPath, Sources};

fuzz_target!(|text: &str| {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    let mut files: Vec<(RepoPath, Vec<u8>)> = Vec::new();
    for (number, part) in text.split("=== ").enumerate() {
        let (path, content) = part.split_once('\n').unwrap_or(("kustomization.yaml", part));
        let path = if number == 0 { None } else { RepoPath::new(path.trim()) };
        let path = path.filter(|path| !path.as_str().is_empty());
        files.push((path.unwrap_or_else(|| RepoPath::new("app.yaml").expect("a path")), content.as_bytes().to_vec()));
    }
    let repository = presync::read(Files::new(Sources::memory(files)), Config::default());
    let run = lint::run(&repository, RULES.get_or_init(rules::built_in));
    for finding in &run.findings {
        // A panic inside a rule is caught and reported; here it must not go unseen.
        assert_ne!(finding.rule.as_str(), "presync-rule-failed", "{}", finding.message);
        for label in std::iter::once(&finding.primary).chain(&finding.related) {
            let file = repository.files.sources.file(label.span.file);
            assert!(file.bytes().is_ok_and(|bytes| label.span.end as usize <= bytes.len()), "{}", finding.message);
        }
    }
});
