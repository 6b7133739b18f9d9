//! The program as a user meets it: arguments in, streams and exit code out.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::path::Path;

use presync::cli::{self, Surroundings};

struct Outcome {
    code: u8,
    out: String,
    error: String,
}

fn presync_in(directory: &Path, arguments: &[&str]) -> Outcome {
    let surroundings = Surroundings { directory: directory.to_path_buf(), colour: false, width: None };
    let (mut out, mut error) = (Vec::new(), Vec::new());
    let arguments = std::iter::once("presync").chain(arguments.iter().copied());
    let code = cli::run_in(&surroundings, arguments, &mut out, &mut error);
    let text = |bytes| String::from_utf8(bytes).expect("output in UTF-8");
    Outcome { code, out: text(out), error: text(error) }
}

/// A repository with these files.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join(".git")).expect("a directory");
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }
    directory
}

const TWICE: &str = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n  name: b\n";
const CLEAN: &str = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n";

#[test]
fn exit_codes_tell_clean_from_findings_from_failure() {
    let clean = repository(&[("a.yaml", CLEAN)]);
    assert_eq!(presync_in(clean.path(), &["lint"]).code, 0);
    let twice = repository(&[("a.yaml", TWICE)]);
    assert_eq!(presync_in(twice.path(), &["lint"]).code, 1);
    assert_eq!(presync_in(twice.path(), &["lint", "--fail-on", "never"]).code, 0);
    assert_eq!(presync_in(twice.path(), &["lint", "--no-such-flag"]).code, 2);
    assert_eq!(presync_in(twice.path(), &["--version"]).code, 0);
    let missing = presync_in(twice.path(), &["lint", "nowhere"]);
    assert_eq!((missing.code, missing.error.as_str()), (2, "presync: nowhere: no such file or directory\n"));
    let empty = repository(&[]);
    let nothing = presync_in(empty.path(), &["lint"]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.error.contains("nothing to lint"), "{}", nothing.error);
    // No controller reads these, but rules do.
    let talos = "machine: {kubelet: {image: 'ghcr.io/siderolabs/kubelet:v1.34.1'}}\ncluster: {}\n";
    for (path, text) in [("talos.yaml", talos), ("group_vars/nodes.yaml", "kubelet_version: 1.34.1\n")] {
        let cluster = repository(&[(path, text)]);
        let run = presync_in(cluster.path(), &["lint"]);
        assert!(run.code == 0 && run.out.contains("from 1 file"), "{} {}", run.out, run.error);
    }
}

#[test]
fn paths_choose_whose_findings_are_shown() {
    let repository = repository(&[("apps/a.yaml", TWICE), ("infra/b.yaml", TWICE), ("infra/c.yaml", CLEAN)]);
    let all = presync_in(repository.path(), &["lint"]);
    assert!(all.out.contains("apps/a.yaml:5:3") && all.out.contains("infra/b.yaml:5:3"), "{}", all.out);
    let one = presync_in(&repository.path().join("infra"), &["lint", "."]);
    assert!(one.out.contains("b.yaml:5:3") && !one.out.contains("a.yaml"), "{}", one.out);
    let clean = presync_in(repository.path(), &["lint", "infra/c.yaml", "infra/c.yaml"]);
    assert_eq!(clean.code, 0, "{}", clean.out);
}

#[test]
fn a_hook_may_name_files_that_hold_nothing() {
    let repository = repository(&[("a.yaml", CLEAN), ("docs/readme.md", "# a\n"), ("docs/ci.yaml", "on: push\n")]);
    let file = presync_in(repository.path(), &["lint", "docs/ci.yaml"]);
    assert_eq!(file.code, 0, "{}", file.error);
    assert!(file.error.contains("nothing to lint"), "{}", file.error);
    assert_eq!(presync_in(repository.path(), &["lint", "docs"]).code, 2);
    assert_eq!(presync_in(repository.path(), &["lint", "docs", "a.yaml"]).code, 0);
}

#[test]
fn paths_of_two_repositories_are_refused() {
    let (one, other) = (repository(&[("a.yaml", CLEAN)]), repository(&[("a.yaml", CLEAN)]));
    let other = other.path().to_str().expect("a path in UTF-8");
    let outcome = presync_in(one.path(), &["lint", ".", other]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.error.contains("two repositories"), "{}", outcome.error);
}

#[test]
fn without_a_repository_the_nearest_directory_counts_that_holds_all_paths() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["a", "b"] {
        std::fs::create_dir(directory.path().join(name)).expect("a directory");
        std::fs::write(directory.path().join(name).join("x.yaml"), TWICE).expect("a file");
    }
    let outcome = presync_in(directory.path(), &["lint", "a", "b/x.yaml"]);
    assert!(outcome.out.contains("[a/x.yaml:5:3]") && outcome.out.contains("[b/x.yaml:5:3]"), "{}", outcome.out);
}

#[cfg(unix)]
#[test]
fn what_was_not_read_is_said_and_counted() {
    use std::os::unix::ffi::OsStrExt;

    let repository = repository(&[("a.yaml", CLEAN)]);
    let odd = std::ffi::OsStr::from_bytes(b"b\xff\x1b[2J.yaml");
    std::fs::write(repository.path().join(odd), TWICE).expect("a file");
    std::os::unix::fs::symlink("loop.yaml", repository.path().join("loop.yaml")).expect("a link");
    std::os::unix::fs::symlink("/", repository.path().join("out")).expect("a link");
    let outcome = presync_in(repository.path(), &["lint"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.out.contains("3 not read"), "{}", outcome.out);
    for said in
        ["the name is not UTF-8", "loop.yaml: the symbolic link points nowhere", "out: the symbolic link leaves"]
    {
        assert!(outcome.error.contains(said), "{}", outcome.error);
    }
    assert!(!outcome.error.contains('\u{1b}'), "{}", outcome.error);
}

#[test]
fn an_unknown_rule_is_answered_with_the_nearest() {
    let directory = repository(&[]);
    let outcome = presync_in(directory.path(), &["explain", "yaml-duplicate-keys"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.error.contains("did you mean `yaml-duplicate-key`?"), "{}", outcome.error);
}

#[test]
fn every_rule_is_listed_and_explained() {
    let directory = repository(&[]);
    let table = presync_in(directory.path(), &["rules"]).out;
    let list = presync_in(directory.path(), &["rules", "--format", "json"]).out;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    for (rule, json) in presync::rules::built_in().iter().zip(list.as_array().expect("a list")) {
        let id = rule.id.as_str();
        assert_eq!(json["id"], id);
        assert!(table.lines().any(|line| line.starts_with(&format!("{id} ")) && line.contains(&rule.title)), "{table}");
        let explained = presync_in(directory.path(), &["explain", id, "--examples"]);
        assert_eq!(explained.code, 0);
        assert!(explained.out.starts_with(&format!("{}[{id}]\n{}\n", rule.severity, rule.title)), "{}", explained.out);
        assert!(explained.out.contains("\nBad\n") && !explained.out.contains("```"), "{}", explained.out);
    }
}

#[test]
fn mistakes_in_settings_end_the_run() {
    let repository = repository(&[("a.yaml", TWICE), (".presync.yaml", "kubernets: \"1.34\"\n"), ("ci.yaml", "{}\n")]);
    let wrong = presync_in(repository.path(), &["lint"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert!(wrong.error.contains(".presync.yaml:1:1"), "{}", wrong.error);
    assert_eq!(presync_in(repository.path(), &["lint", "--config", "ci.yaml"]).code, 1);
    assert_eq!(presync_in(repository.path(), &["lint", "--config", "nowhere.yaml"]).code, 2);
    let version = presync_in(repository.path(), &["lint", "--config", "ci.yaml", "--kubernetes-version", "new"]);
    assert_eq!(version.code, 2);
    assert!(version.error.contains("write it as 1.34"), "{}", version.error);
}

struct Closed;

impl std::io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    assert_eq!(cli::run(["presync", "rules"], &mut Closed, &mut Vec::new()), 0);
    assert_eq!(cli::run(["presync", "--help"], &mut Closed, &mut Vec::new()), 0);
}

/// A repository like `fixtures/report`, in a place of its own.
fn report_fixture() -> tempfile::TempDir {
    let files = [".presync.yaml", "apps/secret.yaml", "apps/web.yaml", "clusters/本部/予算.yaml"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/report");
    let texts = files.map(|file| std::fs::read_to_string(folder.join(file)).expect("a file of the fixture"));
    let files: Vec<(&str, &str)> = files.into_iter().zip(texts.iter().map(String::as_str)).collect();
    repository(&files)
}

#[test]
fn a_run_reads_like_this() {
    let repository = report_fixture();
    let text = presync_in(repository.path(), &["lint", "--color", "never"]);
    assert_eq!((text.code, text.error.as_str()), (1, ""));
    insta::assert_snapshot!("text", text.out);
    insta::assert_snapshot!("json", presync_in(repository.path(), &["lint", "--format", "json"]).out);
    insta::assert_snapshot!(
        "github",
        presync_in(&repository.path().join("apps"), &["lint", ".", "--format", "github"]).out
    );
    for format in ["text", "json", "sarif", "github", "gitlab", "junit"] {
        let first = presync_in(repository.path(), &["lint", "--format", format]);
        let second = presync_in(repository.path(), &["lint", "--format", format]);
        assert_eq!((first.code, &first.out), (1, &second.out));
        assert!(!first.out.contains("battery") && !first.out.contains("horse"), "{}", first.out);
    }
}

#[test]
fn platforms_get_paths_from_the_top_of_the_checkout() {
    // The settings make `apps/web` a repository of its own to presync, but not to GitHub.
    let repository = repository(&[("apps/web/.presync.yaml", ""), ("apps/web/a.yaml", TWICE)]);
    let below = repository.path().join("apps/web");
    for format in ["github", "gitlab", "sarif"] {
        let out = presync_in(&below, &["lint", "--format", format]).out;
        assert!(out.contains("apps/web/a.yaml"), "{out}");
    }
    assert!(presync_in(&below, &["lint"]).out.contains("[a.yaml:5:3]"));
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      \
                          containers: [{name: web, image: 'example.org/web:1'}]\n";
const ARGO_APP: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\nspec:\n  \
                        project: default\n  destination: {name: in-cluster, namespace: shop}\n";

#[test]
fn an_app_is_built_with_the_options_of_its_application() {
    let application = format!(
        "{ARGO_APP}  source:\n    repoURL: .\n    path: web\n    kustomize: {{namePrefix: eu-, images: ['example.org/web:2']}}\n"
    );
    let kustomization = ("web/kustomization.yaml", "resources: [web.yaml]\n");
    let repository = repository(&[("app.yaml", &application), ("web/web.yaml", DEPLOYMENT), kustomization]);
    let directory = presync_in(repository.path(), &["build", "web"]);
    assert!(directory.code == 0 && directory.out.contains("image: example.org/web:1\n"), "{}", directory.out);
    // The directory has the app's name; `--path` says that the app is meant.
    let app = presync_in(repository.path(), &["build", "web", "--path", "app.yaml"]);
    assert_eq!((app.code, app.error.as_str()), (0, ""));
    assert!(app.out.contains("image: example.org/web:2\n") && app.out.contains("name: eu-web\n"), "{}", app.out);
    let by_kind = presync_in(repository.path(), &["build", "Application/web"]);
    assert_eq!(by_kind.out, app.out);
}

#[test]
fn an_app_is_built_with_the_files_that_its_directory_options_choose() {
    let application = format!(
        "{ARGO_APP}  source:\n    repoURL: .\n    path: all\n    directory: {{include: '*.yaml', exclude: 'b*'}}\n"
    );
    let files = [("app.yaml", application.as_str()), ("all/a.yaml", CLEAN), ("all/b.yaml", DEPLOYMENT)];
    let app = presync_in(repository(&files).path(), &["build", "web"]);
    assert_eq!((app.code, app.out.as_str()), (0, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"));
}

#[test]
fn an_app_is_built_with_the_patches_and_variables_of_flux() {
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: shop, namespace: flux-system}\n\
                spec:\n  path: ./web\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n  targetNamespace: shop\n  \
                postBuild: {substitute: {TAG: '7'}}\n  \
                patches: [{target: {kind: Deployment}, patch: '[{\"op\": \"add\", \"path\": \"/spec/replicas\", \"value\": 3}]'}]\n";
    let deployment = DEPLOYMENT.replace("web:1", "web:${TAG}");
    let gotk = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\n";
    let files = [("flux/shop.yaml", flux), ("flux/source.yaml", gotk), ("web/web.yaml", deployment.as_str())];
    let app = presync_in(repository(&files).path(), &["build", "shop"]);
    assert_eq!((app.code, app.error.as_str()), (0, ""), "{}", app.out);
    for line in ["image: example.org/web:7\n", "  namespace: shop\n", "  replicas: 3\n"] {
        assert!(app.out.contains(line), "{}", app.out);
    }
}

#[test]
fn what_an_app_lacks_is_named_and_the_exit_code_says_so() {
    let application = format!(
        "{ARGO_APP}  sources:\n    - {{repoURL: ., path: all}}\n    - {{repoURL: 'https://charts.example.org', chart: cache, \
         targetRevision: 1.2.3}}\n"
    );
    let repository = repository(&[("app.yaml", &application), ("all/a.yaml", CLEAN)]);
    let app = presync_in(repository.path(), &["build", "web"]);
    assert!(app.code == 2 && app.out.contains("kind: ConfigMap"), "{}", app.out);
    assert_eq!(
        app.error,
        "left out: app.yaml:9: the objects of the chart cache 1.2.3: it is in https://charts.example.org\n"
    );
}

#[test]
fn an_app_that_its_controller_can_not_build_prints_nothing() {
    let application = format!("{ARGO_APP}  source: {{repoURL: ., path: web}}\n");
    let kustomization = ("web/kustomization.yaml", "resources: [nothing.yaml]\n");
    let app =
        presync_in(repository(&[("app.yaml", &application), kustomization]).path(), &["build", "Application/web"]);
    assert_eq!((app.code, app.out.as_str()), (2, ""));
    assert!(app.error.starts_with("Error: web/kustomization.yaml:1: accumulating resources"), "{}", app.error);
}

#[test]
fn apps_of_one_name_are_listed_and_near_names_suggested() {
    let application = |path: &str| format!("{ARGO_APP}  source: {{repoURL: ., path: {path}}}\n");
    let (one, other) = (application("one"), application("other"));
    let files =
        [("apps/a.yaml", one.as_str()), ("apps/b.yaml", &other), ("one/a.yaml", CLEAN), ("other/b.yaml", DEPLOYMENT)];
    let repository = repository(&files);
    let several = presync_in(repository.path(), &["build", "web"]);
    assert_eq!(
        several.error,
        "presync: 2 apps are called `web`; name its kind too, or --path:\n  Application/web into shop, 1 object, \
         apps/a.yaml:3\n  Application/web into shop, 1 object, apps/b.yaml:3\n"
    );
    assert_eq!(several.code, 2);
    let one = presync_in(repository.path(), &["build", "web", "--path", "apps/b.yaml"]);
    assert!(one.code == 0 && one.out.contains("kind: Deployment"), "{}{}", one.out, one.error);
    let near = presync_in(repository.path(), &["build", "wbe"]);
    assert!(near.code == 2 && near.error.contains("there is no app `wbe`; did you mean `web`?"), "{}", near.error);
    let order = presync_in(repository.path(), &["build", "web", "--reorder", "none"]);
    assert!(order.code == 2 && order.error.contains("--reorder is for a directory"), "{}", order.error);
}
