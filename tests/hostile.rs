//! Bad input: a clear finding or a clear error, within bounded time, and nothing else in the run is lost.
//!
//! Every repository here also holds a good kustomization with one mistake of its own, and that must still be found.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use presync::files::Files;
use presync::kustomize;
use presync::source::{FileId, MAX_FILE_BYTES, RepoPath, Sources};
use presync::yaml;
use tempfile::TempDir;

/// What a run gave.
struct Run {
    code: u8,
    out: String,
    error: String,
}

/// More than any of these may take, even in a debug build on a busy machine. What is not linear takes hours.
const LONG: Duration = Duration::from_secs(60);

fn lint(directory: &Path) -> Run {
    let (mut out, mut error) = (Vec::new(), Vec::new());
    let start = Instant::now();
    let directory = directory.to_str().expect("a path in UTF-8");
    let code = presync::cli::run(["presync", "lint", directory], &mut out, &mut error);
    assert!(start.elapsed() < LONG, "{directory} took {:?}", start.elapsed());
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { code, out: text(out), error: text(error) }
}

const GOOD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: good\ndata:\n  twice: a\n  twice: b\n";
const GOOD_FINDING: &str = "the key `twice` stands twice";

/// A repository with one file that must be judged whatever the others are.
fn repository() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join(".git")).expect("a directory");
    fs::write(directory.path().join("good.yaml"), GOOD).expect("a file");
    directory
}

/// Writes a file beside the good one, lints, and looks for each of `expected` in the output.
fn check(name: &str, content: impl AsRef<[u8]>, expected: &[&str]) {
    let directory = repository();
    fs::write(directory.path().join(name), content).expect("a file");
    check_directory(directory.path(), expected);
}

fn check_directory(directory: &Path, expected: &[&str]) {
    let run = lint(directory);
    let all = format!("{}{}", run.out, run.error).replace("\n    ", " ").replace("│ ", "");
    assert_eq!(run.code, 1, "{all}");
    for words in expected.iter().chain(&[GOOD_FINDING]) {
        assert!(all.contains(words), "{words:?} is not in:\n{all}");
    }
}

#[test]
fn a_path_that_does_not_exist_is_an_error() {
    let run = lint(Path::new("/nowhere/at/all"));
    assert_eq!(run.code, 2);
    assert!(run.error.contains("/nowhere/at/all: no such file or directory"), "{}", run.error);
}

#[test]
fn an_empty_repository_is_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = lint(directory.path());
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(run.error.contains("nothing to lint"), "{}", run.error);
}

#[test]
fn encodings_are_named() {
    check("values.yaml", b"\xFF\xFEa\0:\0 \0b\0", &["the file is UTF-16"]);
    check("values.yaml", b"\0\0\xFE\xFF\0\0\0a", &["the file is UTF-32"]);
    check("values.yaml", b"a\0:\0 \0b\0", &["the file is UTF-16"]);
    check("values.yaml", b"a: \xFF\xFE\n", &["these bytes are not UTF-8"]);
    check("values.yaml", b"a: b\0c\n", &["control character U+0000"]);
    check("values.yaml", b"a: \x1B[31mred\n", &["control character U+001B"]);
}

#[test]
fn marks_and_line_ends_do_no_harm() {
    check("values.yaml", "\u{feff}a: 1\r\nb:\r\n  c: 1\r\n  c: 2\r\n", &["the key `c` stands twice"]);
    check("values.yaml", "a: 1\rb: 1\rb: 2\r", &["the key `b` stands twice"]);
    check("values.yaml", "", &[]);
    check("values.yaml", "\n\n\n", &[]);
    check("values.yaml", "---\n---\n...\n", &[]);
}

#[test]
fn tabs_are_named() {
    check("values.yaml", "a:\n\tb: 1\n", &["a tab indents this line"]);
}

#[test]
fn a_broken_document_hides_no_other() {
    let text = "a: [\n---\nb: 1\nb: 2\n---\nc: 'x\n---\nd: 1\nd: 2\n";
    check(
        "values.yaml",
        text,
        &["the bracket `[` is never closed", "the key `b` stands twice", "quoted text is never", "the key `d` stands"],
    );
}

#[test]
fn a_large_file_is_named_and_not_read() {
    let directory = repository();
    let file = fs::File::create(directory.path().join("large.yaml")).expect("a file");
    file.set_len(100 << 20).expect("a sparse file");
    check_directory(directory.path(), &["the file has 100 MiB; presync reads files up to 16 MiB"]);
}

#[test]
fn a_directory_with_a_files_name_is_a_directory() {
    let directory = repository();
    fs::create_dir(directory.path().join("values.yaml")).expect("a directory");
    fs::write(directory.path().join("values.yaml/values.yaml"), "a: 1\na: 2\n").expect("a file");
    check_directory(directory.path(), &["the key `a` stands twice"]);
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn links_that_lead_nowhere_or_around_are_named() {
        let directory = repository();
        symlink("missing.yaml", directory.path().join("dangling.yaml")).expect("a link");
        symlink("loop-b", directory.path().join("loop-a")).expect("a link");
        symlink("loop-a", directory.path().join("loop-b")).expect("a link");
        symlink(".", directory.path().join("self")).expect("a link");
        check_directory(directory.path(), &["dangling.yaml: ", "loop-a: ", "points nowhere or to itself"]);
    }

    #[test]
    fn links_out_of_the_repository_are_named_and_not_followed() {
        let outside = tempfile::tempdir().expect("a directory");
        fs::write(outside.path().join("values.yaml"), "a: 1\na: 2\n").expect("a file");
        let directory = repository();
        symlink(outside.path(), directory.path().join("outside")).expect("a link");
        symlink(outside.path().join("values.yaml"), directory.path().join("values.yaml")).expect("a link");
        check_directory(directory.path(), &["outside: ", "values.yaml: ", "leaves the repository"]);
        let all = lint(directory.path()).out;
        assert!(!all.contains("the key `a`"), "{all}");
    }

    #[test]
    fn paths_out_of_the_repository_are_not_read() {
        let directory = repository();
        let text = "resources:\n  - ../../../../../../etc/hostname\n  - /etc/hostname\n  - good.yaml\n";
        fs::create_dir(directory.path().join("app")).expect("a directory");
        fs::write(directory.path().join("app/kustomization.yaml"), text).expect("a file");
        check_directory(directory.path(), &["/etc/hostname"]);
    }

    #[test]
    fn a_pipe_is_named_and_not_waited_for() {
        let directory = repository();
        let pipe = directory.path().join("pipe.yaml");
        let made = Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success());
        if made {
            check_directory(directory.path(), &["a pipe, a socket or a device"]);
        }
    }

    #[test]
    fn names_that_are_no_text_are_named() {
        use std::os::unix::ffi::OsStrExt as _;
        let directory = repository();
        let name = std::ffi::OsStr::from_bytes(b"caf\xE9.yaml");
        // Some file systems take names in UTF-8 only.
        if fs::write(directory.path().join(name), "a: 1\n").is_ok() {
            check_directory(directory.path(), &["the name is not UTF-8"]);
        }
    }
}

#[test]
fn alias_bombs_are_cut() {
    let mut bomb = String::from("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..40 {
        let below = format!("*l{},", level - 1).repeat(10);
        bomb.push_str(&format!("l{level}: &l{level} [{}]\n", below.trim_end_matches(',')));
    }
    check("values.yaml", bomb, &["multiply it beyond"]);
    let mut merges = String::from("m0: &m0 {a: 1, b: 2}\n");
    for level in 1..40 {
        merges.push_str(&format!("m{level}: &m{level}\n  <<: *m{}\n  x: [*m{0}, *m{0}, *m{0}]\n", level - 1));
    }
    check("values.yaml", merges, &["multiply it beyond"]);
}

#[test]
fn kustomizations_that_name_each_other_end() {
    let directory = repository();
    for (own, other) in [("a", "b"), ("b", "a"), ("c", "c")] {
        let path = directory.path().join(own);
        fs::create_dir(&path).expect("a directory");
        fs::write(path.join("kustomization.yaml"), format!("resources:\n  - ../{other}\n")).expect("a file");
    }
    check_directory(directory.path(), &[]);
}

/// Builds kustomizations in memory; returns the first words that kustomize refuses them with.
fn build(files: &[(&str, String)]) -> Option<String> {
    let path = |path: &str| RepoPath::new(path).expect("a path inside the repository");
    let contents = files.iter().map(|(name, text)| (path(name), text.clone().into_bytes())).collect();
    let files = Files::new(Sources::memory(contents));
    let start = Instant::now();
    let build = kustomize::build(&files, &RepoPath::root(), &kustomize::Options::default());
    assert!(start.elapsed() < LONG, "it took {:?}", start.elapsed());
    build.failure().map(str::to_owned)
}

#[test]
fn kustomizations_with_long_lists_take_time_in_proportion() {
    let numbered = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let object = |kind: &str, rest: String| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: one}}\n{rest}");
    let list = "resources: [one.yaml]\npatches: [{path: patch.yaml}]\nlabels: [{pairs: {a: b}}]\n".to_owned();
    let json = "resources: [one.yaml]\npatches: [{path: patch.yaml, target: {kind: ConfigMap}}]\n".to_owned();

    // A million elements, in an object that is patched, in the patch itself, and in the kustomization.
    let million = object("Thing", format!("list: [{}]\n", "1,".repeat(1_000_000)));
    let small = object("Thing", "other: 1\n".to_owned());
    for (one, patch) in [(&million, &small), (&small, &million)] {
        let files = [("kustomization.yaml", list.clone()), ("one.yaml", one.clone()), ("patch.yaml", patch.clone())];
        assert_eq!(build(&files), None);
    }
    let files = [("kustomization.yaml", format!("resources: [{}]\n", "a,".repeat(100_000)))];
    assert!(build(&files).is_some_and(|words| words.contains("no such file or directory")));

    // As many elements with keys, keys, and operations as a careless builder would go through for each of them.
    let pod = |count, image: &'static str| {
        let containers = numbered(count, &|at| format!("  - {{name: c{at}, image: {image}}}\n"));
        object("Pod", format!("spec:\n  containers:\n{containers}"))
    };
    let data = |value: &'static str| {
        object("ConfigMap", format!("data:\n{}", numbered(10_000, &|at| format!("  k{at}: {value}\n"))))
    };
    let operations =
        |name: &'static str| numbered(10_000, &|at| format!("- {{op: {name}, path: /data/k{at}, value: z}}\n"));
    for (kustomization, one, patch) in [
        (&list, pod(20_000, "a"), pod(20_000, "b")),
        (&list, data("a"), data("b")),
        (&list, data("a"), data("null")),
        (&json, data("a"), operations("replace")),
        (&json, data("a"), operations("remove")),
    ] {
        let files = [("kustomization.yaml", kustomization.clone()), ("one.yaml", one), ("patch.yaml", patch)];
        assert_eq!(build(&files), None);
    }
}

#[test]
fn components_that_include_themselves_end() {
    let component =
        |of: &str| format!("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncomponents: [{of}]\n");
    let files = [
        ("kustomization.yaml", "components: [a]\n".to_owned()),
        ("a/kustomization.yaml", component("../b")),
        ("b/kustomization.yaml", component("../a")),
    ];
    assert!(build(&files).is_some_and(|words| words.contains("cycle detected: candidate root")));
    // A line of bases without end in sight is cut.
    let chain = |at: usize| (format!("d{at}/kustomization.yaml"), format!("resources: [../d{}]\n", at + 1));
    let chain: Vec<(String, String)> = (0..5_000).map(chain).collect();
    let mut files: Vec<(&str, String)> = chain.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    files.push(("kustomization.yaml", "resources: [d0]\n".to_owned()));
    assert_eq!(build(&files), None);
}

#[test]
fn a_file_that_vanishes_during_the_run_is_named() {
    let directory = repository();
    fs::write(directory.path().join("kustomization.yaml"), "resources: [gone.yaml]\n").expect("a file");
    let gone = directory.path().join("gone.yaml");
    fs::write(&gone, GOOD).expect("a file");
    let root = directory.path().canonicalize().expect("a path");
    let files = Files::new(Sources::open(root));
    // The file is known, but nobody has read it yet.
    assert!(files.sources.entry(&RepoPath::new("gone.yaml").expect("a path")).is_some());
    fs::remove_file(gone).expect("a file");
    let build = kustomize::build(&files, &RepoPath::root(), &kustomize::Options::default());
    let problem = build.problems.first().expect("a problem");
    assert_eq!(files.sources.describe(problem.span), "kustomization.yaml:1");
    assert!(problem.message.contains("`gone.yaml`"), "{}", problem.message);
}

/// Texts of about a megabyte, each of which a careless reader would take hours, gigabytes or the whole stack for.
fn large_texts() -> Vec<(&'static str, String)> {
    let repeat = |text: &str, bytes: usize| text.repeat(bytes / text.len());
    let mega = 1 << 20;
    let numbered = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let keys = numbered(10_000, &|at| format!("  k{at}: v\n"));
    vec![
        ("brackets", repeat("[", mega)),
        ("braces", repeat("{", mega)),
        ("entries", format!("[{}]", repeat("[],", mega / 4))),
        ("dashes", repeat("- ", mega)),
        ("questions", repeat("? ", mega)),
        ("keys on a line", repeat("a: ", mega)),
        ("double quotes", repeat("\"", mega)),
        ("single quotes", repeat("'", mega)),
        ("escapes", format!("a: \"{}\"", repeat("\\n", mega))),
        ("one long line", format!("a: {}", repeat("x", 5 * mega))),
        ("words", format!("a: {}", repeat("x ", mega))),
        ("nested deeply", numbered(1_400, &|at| format!("{}a:\n", " ".repeat(at)))),
        ("many keys", numbered(100_000, &|at| format!("key{at}: v\n"))),
        ("numbers as keys", numbered(50_000, &|at| format!("{at}: v\n"))),
        ("one key again and again", repeat("a: 1\n", mega / 4)),
        ("two large maps under one key", format!("a:\n{keys}a:\n{keys}")),
        ("every key twice", keys.replace("  ", "").repeat(2)),
        ("many anchors", numbered(50_000, &|at| format!("- &a{at} x\n"))),
        ("many aliases", format!("- &a x\n{}", "- *a\n".repeat(100_000))),
        ("many aliases of nothing", repeat("- *a\n", mega / 4)),
        ("a large value repeated", format!("x: &a\n{keys}{}", numbered(20_000, &|at| format!("y{at}: *a\n")))),
        ("a large map merged often", format!("x: &a\n{keys}y:\n  <<: [{}]\n", "*a,".repeat(20_000))),
        ("many merges", format!("x: &a {{b: 1}}\ny:\n{keys}{}", "  <<: *a\n".repeat(20_000))),
        ("many documents", repeat("---\na: 1\n", mega / 4)),
        ("many broken documents", repeat("---\n[\n", mega / 4)),
        ("comments", repeat("# x\n", mega)),
        ("comments before a value", format!("a:\n{}  b: 1\n", "  # x\n".repeat(100_000))),
        ("block scalars", repeat("- |\n x\n", mega)),
        ("a long folded text", format!("a: >\n{}", repeat("  x\n\n", mega))),
        ("tags", repeat("!a ", mega)),
        ("blanks", repeat(" ", mega)),
        ("tabs", repeat("\t", mega)),
        ("line feeds", repeat("\n", mega)),
        ("carriage returns", repeat("\r", mega)),
        ("zeros", repeat("\0", mega)),
    ]
}

#[test]
fn large_texts_take_time_in_proportion() {
    for (name, text) in large_texts() {
        let start = Instant::now();
        let stream = yaml::parse(FileId(0), text.as_bytes());
        assert!(start.elapsed() < LONG, "{name} took {:?}", start.elapsed());
        // A problem is told a bounded number of times.
        assert!(stream.problems.len() <= 1_001, "{name}: {} problems", stream.problems.len());
    }
}

#[test]
fn large_texts_go_through_the_whole_program() {
    let directory = repository();
    for (name, text) in large_texts() {
        let path = directory.path().join(name.replace(' ', "-"));
        fs::create_dir(&path).expect("a directory");
        // Once as values of a chart, once as a patch, once inside a manifest.
        let text = &text[..text.len().min(200_000)];
        fs::write(path.join("values.yaml"), text).expect("a file");
        fs::write(path.join("kustomization.yaml"), "resources: [app.yaml]\npatches: [{path: values.yaml}]\n")
            .expect("a file");
        let head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: embedded}\ndata:\n  datasources.yaml: |\n";
        let body: String = text.lines().map(|line| format!("    {line}\n")).collect();
        fs::write(path.join("app.yaml"), format!("{head}{body}")).expect("a file");
    }
    check_directory(directory.path(), &[]);
}

#[test]
fn values_beyond_any_use_are_not_kept() {
    let text = format!("[{}]", "1,".repeat(3_000_000));
    assert!((text.len() as u64) < MAX_FILE_BYTES);
    let stream = yaml::parse(FileId(0), text.as_bytes());
    assert!(matches!(stream.problems.as_slice(), [problem] if problem.kind == yaml::ProblemKind::TooManyValues));
}
