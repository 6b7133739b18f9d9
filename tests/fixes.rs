//! Every safe fix of every `Bad` example is true: the fixed text parses, the finding is gone, and nothing else of the text
//! has changed, whatever its line breaks.

mod common;

use common::{Example, examples, found};
use presync::fix::{self, Fixed};
use presync::kustomize::{self, Options};
use presync::repository::Repository;
use presync::rules::{self, Rule};
use presync::source::RepoPath;

type Contents = Vec<(RepoPath, Vec<u8>)>;

fn with_fix() -> Vec<(Rule, Example, usize)> {
    let mut list = Vec::new();
    for rule in rules::built_in() {
        for example in examples(&rule.documentation, "Bad") {
            let (_, findings) = found(&rule, example.files.clone());
            let safe = findings.iter().filter(|finding| finding.fix.as_ref().is_some_and(|fix| fix.safe)).count();
            if safe > 0 {
                list.push((rule.clone(), example, safe));
            }
        }
    }
    list
}

fn fixed(rule: &Rule, contents: Contents) -> Fixed {
    let (repository, _) = found(rule, contents);
    fix::fix(repository, std::slice::from_ref(rule), &|_, _| true)
}

fn texts(fixed: &Fixed) -> Vec<String> {
    let files = fixed.repository.files.sources.files();
    files.iter().map(|file| file.text().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_safe_fix_takes_its_finding_away() {
    let list = with_fix();
    assert!(!list.is_empty(), "no example has a fix");
    for (rule, example, safe) in list {
        let fixed = fixed(&rule, example.files.clone());
        let name = format!("{}, {}", rule.id, example.title);
        assert!(fixed.mended >= safe, "{name}: {} of {safe} findings were mended", fixed.mended);
        let left = fixed.run.findings.iter().filter(|finding| finding.fix.as_ref().is_some_and(|fix| fix.safe));
        assert_eq!(left.count(), 0, "{name}: fixes are left");
    }
}

#[test]
fn line_breaks_and_byte_order_marks_stay() {
    for (rule, example, _) in with_fix() {
        let expected = texts(&fixed(&rule, example.files.clone()));
        let windows = |bytes: &Vec<u8>| format!("\u{feff}{}", String::from_utf8_lossy(bytes).replace('\n', "\r\n"));
        let contents = example.files.iter().map(|(path, bytes)| (path.clone(), windows(bytes).into_bytes()));
        let fixed = texts(&fixed(&rule, contents.collect()));
        for (expected, text) in expected.iter().zip(&fixed) {
            let expected = format!("\u{feff}{}", expected.replace('\n', "\r\n"));
            assert_eq!(*text, expected, "{}, {}", rule.id, example.title);
        }
    }
}

/// What every kustomization of the repository builds to.
fn builds(repository: &Repository) -> Vec<String> {
    let directories = repository.inventory.kustomizations.keys();
    let build = |directory| {
        let built = kustomize::build(&repository.files, directory, &Options::default());
        format!("{directory}\n{:?}\n{}", built.failure(), built.to_yaml())
    };
    directories.map(build).collect()
}

#[test]
fn deprecated_fields_are_replaced_without_a_change_of_the_build() {
    let rule = rules::built_in().into_iter().find(|rule| rule.id.as_str() == "kustomize-field-deprecated");
    let rule = rule.expect("the rule");
    let mut mended = 0;
    for example in examples(&rule.documentation, "Bad") {
        let before = builds(&found(&rule, example.files.clone()).0);
        let fixed = fixed(&rule, example.files.clone());
        assert_eq!(builds(&fixed.repository), before, "{}", example.title);
        mended += fixed.mended;
    }
    assert_eq!(mended, 9);
}

#[cfg(unix)]
#[test]
fn files_are_written_in_place() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("agent.yaml");
    let elsewhere = directory.path().join("elsewhere.yaml");
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: agent}\nspec:\n  # Needs the node's addresses.\n  hostNetwork: \
                true # for now\n  containers: [{name: agent, args: [\"http://db.shop.svc\"]}]\n";
    fs::write(&path, text).expect("a file");
    fs::write(&elsewhere, text.replace("agent", "other")).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("permissions");
    let surroundings = presync::cli::Surroundings { directory: directory.path().to_owned(), ..Default::default() };
    let (mut out, mut error) = (Vec::new(), Vec::new());
    let code = presync::cli::run_in(&surroundings, ["presync", "lint", "--fix", "agent.yaml"], &mut out, &mut error);
    assert_eq!(code, presync::cli::CLEAN, "{}", String::from_utf8_lossy(&out));
    assert_eq!(String::from_utf8_lossy(&error), "presync: fixed 1 finding in 1 file\n");
    let fixed = fs::read_to_string(&path).expect("the file");
    let line = "  dnsPolicy: ClusterFirstWithHostNet\n  hostNetwork: true";
    assert_eq!(fixed, text.replace("  hostNetwork: true", line));
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let names = fs::read_dir(directory.path()).expect("the directory").count();
    assert_eq!(names, 2, "no temporary file is left");
    let untouched = fs::read_to_string(&elsewhere).expect("the other file");
    assert_eq!(untouched, text.replace("agent", "other"), "only what is named is written to");
}
