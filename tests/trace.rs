//! `presync trace` as a user meets it: whether every step is told, in order, at its line.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::path::Path;

use presync::cli::{self, Surroundings};

struct Outcome {
    code: u8,
    out: String,
    error: String,
}

fn trace(directory: &Path, arguments: &[&str]) -> Outcome {
    let surroundings = Surroundings { directory: directory.to_path_buf(), colour: false, width: None };
    let (mut out, mut error) = (Vec::new(), Vec::new());
    let arguments = ["presync", "trace"].into_iter().chain(arguments.iter().copied());
    let code = cli::run_in(&surroundings, arguments, &mut out, &mut error);
    let text = |bytes| String::from_utf8(bytes).expect("output in UTF-8");
    Outcome { code, out: text(out), error: text(error) }
}

/// What is found; fails if nothing is.
fn found(directory: &Path, arguments: &[&str]) -> String {
    let outcome = trace(directory, arguments);
    assert_eq!((outcome.code, outcome.error.as_str()), (0, ""), "{}", outcome.out);
    outcome.out
}

/// What is said on standard error; fails if something is found.
fn refused(directory: &Path, arguments: &[&str]) -> String {
    let outcome = trace(directory, arguments);
    assert_eq!((outcome.code, outcome.out.as_str()), (2, ""));
    outcome.error
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

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A shop with everything that changes a value: two layers, patches of both kinds, every transformer.
fn shop() -> tempfile::TempDir {
    repository(&[
        ("docs/notes.md", "# Notes\n"),
        (
            "base/deployment.yaml",
            "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  template:
    metadata:
      annotations: {prometheus.io/port: \"80\"}
    spec:
      nodeSelector: &nodes {disk: ssd}
      overhead: *nodes
      containers:
        - name: web
          image: web:1
          envFrom:
            - configMapRef: {name: settings}
            - secretRef: {name: token}
          resources:
            requests: {cpu: 10m}
            limits: {cpu: 20m, memory: 64Mi}
",
        ),
        (
            "base/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: login\nstringData:\n  password: hunter2\n  old: letmein\n",
        ),
        (
            "base/kustomization.yaml",
            "resources:
  - deployment.yaml
  - secret.yaml
namePrefix: shop-
configMapGenerator:
  - name: settings
    literals:
      - colour=blue
secretGenerator:
  - name: token
    literals:
      - key=opensesame
",
        ),
        (
            "production/kustomization.yaml",
            "resources:
  - ../base
namespace: shop
nameSuffix: -live
images:
  - name: web
    newTag: \"2\"
replicas:
  - name: web
    count: 5
labels:
  - pairs:
      tier: front
patches:
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: web
      spec:
        template:
          spec:
            containers:
              - name: web
                resources:
                  limits:
                    cpu: null
                    memory: 128Mi
                    ephemeral-storage: null
  - target: {kind: Deployment}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/resources/limits/memory
        value: 256Mi
      - op: replace
        path: /spec/template/spec/containers/0/resources/requests
        value: {cpu: 50m}
  - target: {kind: Secret, name: login}
    patch: |-
      - op: replace
        path: /stringData/password
        value: correcthorse
      - op: remove
        path: /stringData/old
",
        ),
    ])
}

const LIMITS: &str = "spec.template.spec.containers[name=web].resources";

#[test]
fn an_object_is_a_tree_with_the_past_of_every_field() {
    insta::assert_snapshot!(found(shop().path(), &["deployment/shop/shop-web-live"]));
}

#[test]
fn a_generated_object_comes_from_its_generator() {
    insta::assert_snapshot!(found(shop().path(), &["ConfigMap settings"]));
}

#[test]
fn a_removed_field_is_answered_with_its_removal() {
    let fixture = fixture("qnap-csi/02-limit-removed-by-patch/kustomize/qnap-csi");
    let read = |name: &str| std::fs::read_to_string(fixture.join(name)).expect("a file of the fixture");
    let (upstream, kustomization) = (read("upstream.yaml"), read("kustomization.yaml"));
    let repository = repository(&[("upstream.yaml", &upstream), ("kustomization.yaml", &kustomization)]);
    let path = "spec.template.spec.containers[0].resources.limits.cpu";
    insta::assert_snapshot!(found(repository.path(), &["Deployment trident/trident-operator", path]));
}

#[test]
fn an_item_that_was_taken_out_of_a_list_is_answered_with_its_removal() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - {name: web, image: web:1}\n    \
               - {name: log, image: log:1}\n    - {name: old, image: old:1}\n";
    let kustomization = "resources: [pod.yaml]\npatches:\n  - target: {kind: Pod}\n    patch: |-\n      - op: remove\n        \
                         path: /spec/containers/1\n  - path: patch.yaml\n";
    let patch = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - name: old\n      $patch: delete\n";
    let files = [("pod.yaml", pod), ("kustomization.yaml", kustomization), ("patch.yaml", patch)];
    let repository = repository(&files);
    insta::assert_snapshot!(found(repository.path(), &["Pod/web", "spec.containers"]));
    insta::assert_snapshot!(found(repository.path(), &["Pod/web", "spec.containers[name=log].image"]));
}

#[test]
fn a_variable_of_flux_names_the_line_of_its_value() {
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: web, namespace: flux-system}\nspec:\n  \
                path: ./app\n  interval: 1h\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n  postBuild:\n    \
                substitute:\n      HOST: web.example.org\n";
    let map =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {host: \"${HOST}\", mode: \"${MODE:=fast}\"}\n";
    let repository = repository(&[
        ("flux.yaml", flux),
        ("app/kustomization.yaml", "resources: [map.yaml]\n"),
        ("app/map.yaml", map),
    ]);
    insta::assert_snapshot!(found(repository.path(), &["ConfigMap/web", "data"]));
}

#[test]
fn a_field_of_what_was_replaced_as_a_whole_keeps_its_past() {
    let shop = shop();
    insta::assert_snapshot!(found(shop.path(), &["shop-web-live", &format!("{LIMITS}.requests.cpu")]));
}

#[test]
fn a_field_behind_an_alias_names_the_alias() {
    insta::assert_snapshot!(found(shop().path(), &["shop-web-live", "spec.template.spec.overhead.disk"]));
}

#[test]
fn json_holds_the_same() {
    insta::assert_snapshot!(found(shop().path(), &["shop-web-live", &format!("{LIMITS}.limits"), "--format", "json"]));
}

#[test]
fn secret_values_are_told_to_nobody() {
    let shop = shop();
    let text = found(shop.path(), &["Secret/login"]);
    insta::assert_snapshot!(text);
    for arguments in [["Secret/login", "--format=json"], ["Secret/token", "--format=text"], ["token", "--format=json"]]
    {
        let told = found(shop.path(), &arguments);
        assert!(told.contains("********"), "{told}");
        let secrets = ["hunter2", "letmein", "correcthorse", "opensesame", "b3BlbnNlc2FtZQ"];
        assert!(!secrets.iter().any(|secret| told.contains(secret)), "{told}");
    }
}

#[test]
fn values_of_a_release_know_their_layers() {
    let application = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: grafana
spec:
  destination: {namespace: monitoring}
  source:
    repoURL: https://charts.example.org
    chart: grafana
    targetRevision: 1.2.3
    helm:
      values: |
        persistence:
          enabled: false
          size: 1Gi
      parameters:
        - name: persistence.enabled
          value: true
";
    let repository = repository(&[("apps/grafana.yaml", application)]);
    insta::assert_snapshot!(found(repository.path(), &["release/grafana"]));
    let patch = "apps/grafana.yaml";
    let told = found(repository.path(), &["release/grafana", "persistence.enabled", "--path", patch]);
    assert!(told.contains("persistence.enabled: true"), "{told}");
}

#[test]
fn home_cluster_is_traced_from_where_the_user_stands() {
    let told = found(&fixture("home-cluster/web"), &["Deployment web/web", "spec.replicas"]);
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_not_there_is_told_with_what_is_near() {
    let shop = shop();
    let refused = |arguments: &[&str]| refused(shop.path(), arguments);
    insta::assert_snapshot!(
        [
            refused(&["Deployment/shop-wep-live"]),
            refused(&["Deploiment/shop-web-live"]),
            refused(&["nothing-like-it"]),
            refused(&["shop-web-live", "spec.replica"]),
            refused(&["shop-web-live", &format!("{LIMITS}.limits.disk")]),
            refused(&["shop-web-live", "--app", "produktion"]),
            refused(&["shop-web-live", "--path", "docs"]),
        ]
        .join("---\n")
    );
}

#[test]
fn many_matches_are_listed_and_few_are_shown() {
    let config_map = |app: usize| {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: same\ndata: {{app: \"{app}\"}}\n");
        (format!("app{app}/a.yaml"), text)
    };
    let files: Vec<(String, String)> = (1..=5).map(config_map).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let many = repository(&files);
    insta::assert_snapshot!("many_are_listed", found(many.path(), &["same"]));
    let few = repository(&files[..2]);
    insta::assert_snapshot!("few_are_shown", found(few.path(), &["same", "data.app"]));
    assert!(found(shop().path(), &["shop-web-live", "kind", "--path", "base"]).contains("app production"));
    assert!(found(many.path(), &["same", "data.app", "--app", "app3"]).contains("data.app: \"3\"  app3/a.yaml:5"));
    assert!(found(many.path(), &["same", "data.app", "--path", "app4"]).contains("data.app: \"4\"  app4/a.yaml:5"));
}
