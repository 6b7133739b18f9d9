//! Declarations of apps that name themselves, multiply, or hold what no controller evaluates: each is visible, bounded and
//! placed, and nothing else in the run is lost.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// More than any of these may take, even in a debug build on a busy machine.
const LONG: Duration = Duration::from_secs(60);

const OWN: &str = "https://git.example.org/ops.git";

/// A manifest with a mistake that must be found whatever the apps are.
const GOOD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: good\ndata:\n  twice: a\n  twice: b\n";
const GOOD_FINDING: &str = "the key `twice` stands twice";

fn repository(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, text) in [(".git/HEAD", "ref: refs/heads/main\n"), ("shop/good.yaml", GOOD)].iter().chain(files) {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    directory
}

fn run(verb: &str, directory: &Path) -> String {
    let (mut out, mut error) = (Vec::new(), Vec::new());
    let start = Instant::now();
    presync::cli::run(["presync", verb, directory.to_str().expect("a path in UTF-8")], &mut out, &mut error);
    assert!(start.elapsed() < LONG, "{verb} took {:?}", start.elapsed());
    out.extend(error);
    String::from_utf8(out).expect("UTF-8").replace("\n    ", " ").replace("│ ", "")
}

/// Lints the repository and lists its apps, and looks for words in the output of each.
fn check(files: &[(&str, &str)], found: &[&str], listed: &[&str]) {
    let directory = repository(files);
    for (verb, words) in [("lint", [&[GOOD_FINDING], found].concat()), ("apps", listed.to_vec())] {
        let all = run(verb, directory.path());
        for words in words {
            let end = all.lines().rev().take(20).collect::<Vec<_>>().join("\n");
            assert!(all.contains(words), "{words:?} is not in what `{verb}` says; its last lines, backwards:\n{end}");
        }
    }
}

/// An ApplicationSet with these generators, whose apps are all the same directory.
fn set(generators: &str, name: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: set, namespace: argocd}}\nspec:\n  \
         goTemplate: true\n  goTemplateOptions: [missingkey=error]\n  generators: {generators}\n  template:\n    metadata: \
         {{name: '{name}'}}\n    spec:\n      project: default\n      destination: {{name: in-cluster, namespace: \
         shop}}\n      source: {{repoURL: {OWN}, path: '{path}', targetRevision: HEAD}}\n"
    )
}

/// A list generator with as many elements.
fn list(key: &str, count: usize) -> String {
    let elements: Vec<String> = (0..count).map(|at| format!("{{{key}: '{at}'}}")).collect();
    format!("{{list: {{elements: [{}]}}}}", elements.join(", "))
}

#[test]
fn a_thousand_generated_apps_are_built() {
    let generators = format!("[{{matrix: {{generators: [{}, {}]}}}}]", list("a", 40), list("b", 30));
    let apps = set(&generators, "shop-{{.a}}-{{.b}}", "shop");
    check(&[("apps.yaml", &apps)], &["1201 apps"], &["shop-39-29", "1200 apps declared"]);
}

#[test]
fn more_apps_than_anybody_has_are_cut() {
    let generators = format!("[{{matrix: {{generators: [{}, {}]}}}}]", list("a", 2_000), list("b", 2_000));
    let apps = set(&generators, "shop-{{.a}}-{{.b}}", "shop");
    check(&[("apps.yaml", &apps)], &["1 app not built whole"], &["presync looks at the first 5000", "apps.yaml:7)"]);
}

#[test]
fn globs_without_end_end() {
    let nested = "{a,b}".repeat(12);
    let globs = [
        &format!("{}*", "**/".repeat(30)),
        &"[".repeat(200),
        &"{a,b,".repeat(200),
        &"*".repeat(3_000),
        &"?".repeat(500),
        &format!("{{{nested},{nested},{nested}}}"),
        "../**",
        "/**",
    ];
    let mut files = Vec::new();
    let (mut generators, mut directories) = (String::from("["), String::new());
    for (at, glob) in globs.iter().enumerate() {
        let git = format!("git: {{repoURL: {OWN}, revision: HEAD");
        let _ =
            write!(generators, "{{{git}, directories: [{{path: '{glob}'}}, {{path: '{glob}', exclude: true}}]}}}}, ");
        let _ = write!(generators, "{{{git}, files: [{{path: '{glob}'}}]}}}}, ");
        let _ = write!(
            directories,
            "---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: all-{at}, namespace: argocd}}\nspec:\n  \
             project: default\n  destination: {{name: in-cluster, namespace: shop}}\n  source: {{repoURL: {OWN}, path: ., \
             directory: {{recurse: true, include: '{glob}'}}}}\n"
        );
    }
    let apps = set(&format!("{generators}]"), "x-{{.path.basename}}", "{{.path.path}}");
    let deep = format!("{}/x.yaml", ["deep"; 60].join("/"));
    files.extend([("sets/apps.yaml", apps.as_str()), ("sets/all.yaml", &directories), (&deep, "a: 1\n")]);
    check(&files, &["not built whole"], &["all-7"]);
}

#[test]
fn apps_that_hold_themselves_end() {
    let own = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: self, namespace: argocd}}\nspec:\n  project: \
         default\n  destination: {{name: in-cluster, namespace: argocd}}\n  source: {{repoURL: {OWN}, path: apps, \
         targetRevision: HEAD}}\n"
    );
    let every = format!("[{{git: {{repoURL: {OWN}, revision: HEAD, directories: [{{path: '*'}}]}}}}]");
    let sets = set(&every, "in-{{.path.basename}}", "{{.path.path}}");
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: loop, namespace: \
                flux-system}\nspec:\n  path: ./clusters/home\n  sourceRef: {kind: GitRepository, name: flux-system}\n  \
                postBuild: {substitute: {A: '${A}${A}'}}\n  patches:\n    - target: {kind: Kustomization}\n      patch: \
                '[{op: add, path: /metadata/labels, value: {a: \"${A}${A}\"}}]'\n";
    let files = [("apps/self.yaml", own.as_str()), ("apps/sets.yaml", &sets), ("clusters/home/loop.yaml", flux)];
    check(&files, &[], &["self ", "in-apps", "in-shop", "loop "]);
}

#[test]
fn templates_that_do_not_evaluate_are_placed() {
    let one = list("a", 1);
    let missing = set(&format!("[{one}]"), "x-{{ .nope }}", "shop");
    check(&[("apps.yaml", &missing)], &["apps.yaml:9:"], &["apps.yaml:9"]);
    let broken = set(&format!("[{one}]"), "x-{{ if }}", "shop");
    check(&[("apps.yaml", &broken)], &["not a Go template", "apps.yaml:9:"], &[]);
    let endless =
        set(&format!("[{one}]"), "{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}", "shop");
    check(&[("apps.yaml", &endless)], &[], &["apps.yaml"]);
    let large = set(&format!("[{one}]"), "{{ repeat 100000 (repeat 100000 .a) }}", "shop");
    check(&[("apps.yaml", &large)], &[], &["apps.yaml"]);
    let shapeless = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: set, namespace: \
                     argocd}\nspec: {generators: {list: 7}, template: []}\n";
    check(&[("apps.yaml", shapeless)], &["not built whole"], &["apps.yaml"]);
}
