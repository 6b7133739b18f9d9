//! `presync lint --since`: real object stores, made by the tests themselves, and what is said of those that can't be read.

#![allow(clippy::expect_used)] // A test that can't go on should panic.

use std::fs;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::objs::Tree;
use gix::objs::tree::{Entry, EntryKind};
use presync::cli::{self, Surroundings};
use tempfile::TempDir;

/// A repository with a working tree.
struct Checkout {
    directory: TempDir,
    git: gix::Repository,
}

const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: shop}\nspec:\n  \
                     storageClassName: CLASS\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n";

const RULE: &str = "object-immutable-field-changed";

fn claim(class: &str) -> String {
    CLAIM.replace("CLASS", class)
}

impl Checkout {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let git = gix::init(directory.path()).expect("a repository");
        Self { directory, git }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().canonicalize().expect("a path")
    }

    /// Writes the files into the working tree only.
    fn write(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.directory.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
    }

    fn blob(&self, text: &str) -> ObjectId {
        self.git.write_blob(text).expect("a blob").detach()
    }

    fn tree(&self, mut entries: Vec<(&str, EntryKind, ObjectId)>) -> ObjectId {
        entries.sort();
        let entry =
            |(name, kind, oid): (&str, EntryKind, ObjectId)| Entry { mode: kind.into(), filename: name.into(), oid };
        self.git.write_object(Tree { entries: entries.into_iter().map(entry).collect() }).expect("a tree").detach()
    }

    /// Commits a tree to a branch.
    fn commit(&self, branch: &str, tree: ObjectId, parents: &[ObjectId]) -> ObjectId {
        let author =
            gix::actor::SignatureRef { name: "A".into(), email: "a@example.org".into(), time: "1700000000 +0000" };
        let name = format!("refs/heads/{branch}");
        let commit = self.git.commit_as(author, author, name, "change", tree, parents.iter().copied());
        commit.expect("a commit").detach()
    }

    /// A first commit on `main` with one claim; the working tree says another class.
    fn with_changed_claim() -> Self {
        let checkout = Self::new();
        let blob = checkout.blob(&claim("fast"));
        let tree = checkout.tree(vec![("claim.yaml", EntryKind::Blob, blob)]);
        checkout.commit("main", tree, &[]);
        checkout.write(&[("claim.yaml", &claim("slow"))]);
        checkout
    }

    fn lint(&self, arguments: &[&str]) -> (u8, String, String) {
        lint(&self.path(), arguments)
    }
}

fn lint(directory: &Path, arguments: &[&str]) -> (u8, String, String) {
    let surroundings = Surroundings { directory: directory.to_owned(), ..Surroundings::default() };
    let (mut out, mut error) = (Vec::new(), Vec::new());
    let all = ["presync", "lint"].iter().chain(arguments);
    let code = cli::run_in(&surroundings, all, &mut out, &mut error);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (code, text(out), text(error))
}

#[test]
fn a_change_is_seen_against_every_way_to_name_the_revision() {
    let checkout = Checkout::with_changed_claim();
    let first = checkout.git.head_id().expect("a commit").to_string();
    checkout
        .git
        .reference(
            "refs/tags/v1",
            checkout.git.head_id().expect("a commit"),
            gix::refs::transaction::PreviousValue::Any,
            "tag",
        )
        .expect("a tag");
    for revision in ["HEAD", "main", "refs/heads/main", "v1", &first, first.get(..9).expect("a prefix")] {
        let (code, out, error) = checkout.lint(&["--since", revision]);
        assert_eq!((code, error.as_str()), (1, ""), "{revision}");
        assert!(out.contains(RULE) && out.contains(&format!("changed since {revision}")), "{out}");
    }
    let (code, out, _) = checkout.lint(&[]);
    assert_eq!(code, 0, "without --since the rule is silent: {out}");
}

#[test]
fn the_program_says_which_rules_compare() {
    let run = |arguments: &[&str]| {
        let (mut out, mut error) = (Vec::new(), Vec::new());
        cli::run(["presync"].iter().chain(arguments), &mut out, &mut error);
        String::from_utf8(out).expect("text")
    };
    assert!(run(&["rules"]).lines().any(|line| line.starts_with(RULE) && line.ends_with("(with --since)")));
    assert!(run(&["explain", RULE]).contains("needs `presync lint --since REVISION`"));
    assert!(run(&["rules", "--format", "json"]).contains("\"since\": true"));
}

#[test]
fn a_comment_for_such_a_rule_is_not_unused_because_nothing_is_compared() {
    let checkout = Checkout::with_changed_claim();
    let text = claim("slow # presync: ignore[object-immutable-field-changed] the claim is made anew by hand");
    checkout.write(&[("claim.yaml", &text)]);
    for arguments in [&[][..], &["--since", "HEAD"]] {
        let (code, out, _) = checkout.lint(arguments);
        assert_eq!(code, 0, "{out}");
    }
    checkout.write(&[("claim.yaml", &text.replace("slow", "fast"))]);
    let (_, out, _) = checkout.lint(&["--since", "HEAD"]);
    assert!(out.contains("presync-suppression-unused"), "{out}");
}

#[test]
fn what_happened_to_the_branch_in_the_meantime_is_no_change() {
    let checkout = Checkout::new();
    let claims = |class: &str| checkout.tree(vec![("claim.yaml", EntryKind::Blob, checkout.blob(&claim(class)))]);
    let first = checkout.commit("main", claims("fast"), &[]);
    // `other` goes its own way; the work on `main` did not touch the claim.
    checkout.commit("other", claims("slow"), &[first]);
    checkout.commit("main", claims("fast"), &[first]);
    checkout.write(&[("claim.yaml", &claim("fast"))]);
    let (code, out, error) = checkout.lint(&["--since", "other"]);
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    checkout.write(&[("claim.yaml", &claim("slow"))]);
    let (code, out, _) = checkout.lint(&["--since", "HEAD~1"]);
    assert_eq!(code, 1, "{out}");
}

#[test]
fn a_directory_of_the_checkout_is_compared_with_the_same_directory() {
    let checkout = Checkout::new();
    let inner = checkout.tree(vec![("claim.yaml", EntryKind::Blob, checkout.blob(&claim("fast")))]);
    let ignored = checkout.tree(vec![("claim.yaml", EntryKind::Blob, checkout.blob(&claim("fast")))]);
    let cluster = checkout.tree(vec![
        (".gitignore", EntryKind::Blob, checkout.blob("rendered/\n")),
        ("claims", EntryKind::Tree, inner),
        ("module", EntryKind::Commit, ObjectId::null(gix::hash::Kind::Sha1)),
        ("rendered", EntryKind::Tree, ignored),
    ]);
    let tree = checkout.tree(vec![("cluster", EntryKind::Tree, cluster)]);
    checkout.commit("main", tree, &[]);
    checkout.write(&[("cluster/.presync.yaml", "{}\n"), ("cluster/claims/claim.yaml", &claim("slow"))]);
    let (code, out, error) = lint(&checkout.path().join("cluster"), &["--since", "main"]);
    assert_eq!(code, 1);
    assert!(out.contains("claims/claim.yaml"), "{out}");
    assert_eq!(error, "presync: not compared: module: a submodule, whose files are in another repository\n");
}

#[test]
fn a_worktree_reads_the_store_of_its_repository() {
    let checkout = Checkout::with_changed_claim();
    let place = tempfile::tempdir().expect("a directory");
    let place = place.path().canonicalize().expect("a path");
    let own = checkout.path().join(".git/worktrees/second");
    fs::create_dir_all(&own).expect("a folder");
    fs::write(own.join("HEAD"), "ref: refs/heads/main\n").expect("a file");
    fs::write(own.join("commondir"), "../..\n").expect("a file");
    fs::write(own.join("gitdir"), format!("{}/.git\n", place.display())).expect("a file");
    fs::write(place.join(".git"), format!("gitdir: {}\n", own.display())).expect("a file");
    fs::write(place.join("claim.yaml"), claim("slow")).expect("a file");
    let (code, out, error) = lint(&place, &["--since", "HEAD"]);
    assert_eq!((code, error.as_str()), (1, ""), "{out}");
    assert!(out.contains(RULE), "{out}");
}

#[test]
fn objects_of_an_alternate_and_packed_references_are_read() {
    let checkout = Checkout::with_changed_claim();
    let head = checkout.git.head_id().expect("a commit").to_string();
    let git = checkout.path().join(".git");
    fs::remove_file(git.join("refs/heads/main")).expect("a reference");
    fs::write(
        git.join("packed-refs"),
        format!("# pack-refs with: peeled fully-peeled sorted \n{head} refs/heads/main\n"),
    )
    .expect("a file");
    let (code, out, _) = checkout.lint(&["--since", "main"]);
    assert_eq!(code, 1, "{out}");
    let other = Checkout::new();
    fs::create_dir_all(other.path().join(".git/objects/info")).expect("a folder");
    let alternate = format!("{}\n", git.join("objects").display());
    fs::write(other.path().join(".git/objects/info/alternates"), alternate).expect("a file");
    other.write(&[("claim.yaml", &claim("slow"))]);
    let (code, out, _) = other.lint(&["--since", &head]);
    assert_eq!(code, 1, "{out}");
}

#[test]
fn what_can_not_be_read_is_said_and_ends_the_run() {
    let checkout = Checkout::with_changed_claim();
    for (revision, reason) in [
        ("origin/main", "no such revision is in this repository"),
        ("HEAD~7", "no such revision is in this repository"),
        ("", "no such revision is in this repository"),
        ("HEAD:claim.yaml", "this names no commit"),
        ("main..HEAD", "no such revision is in this repository"),
    ] {
        let (code, out, error) = checkout.lint(&["--since", revision]);
        assert_eq!((code, out.as_str()), (2, ""), "{revision}");
        assert!(error.contains(reason), "{revision}: {error}");
    }
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("claim.yaml"), claim("slow")).expect("a file");
    let (code, _, error) = lint(place.path(), &["--since", "HEAD"]);
    assert_eq!(code, 2);
    assert!(error.contains("is in no Git repository"), "{error}");
    fs::create_dir(place.path().join(".git")).expect("a folder");
    let (code, _, error) = lint(place.path(), &["--since", "HEAD"]);
    assert_eq!(code, 2);
    assert!(error.contains("the Git repository can't be opened"), "{error}");
}

#[test]
fn a_shallow_clone_says_that_the_history_must_be_fetched() {
    let checkout = Checkout::new();
    let tree = checkout.tree(vec![("claim.yaml", EntryKind::Blob, checkout.blob(&claim("fast")))]);
    let absent = ObjectId::from_hex(&[b'1'; 40]).expect("a hash");
    let head = checkout.commit("main", tree, &[absent]);
    fs::write(checkout.path().join(".git/shallow"), format!("{head}\n")).expect("a file");
    checkout.write(&[("claim.yaml", &claim("slow"))]);
    for revision in ["HEAD~1", "origin/main"] {
        let (code, _, error) = checkout.lint(&["--since", revision]);
        assert_eq!(code, 2);
        assert!(error.contains("fetch-depth: 0"), "{error}");
    }
    let (code, out, _) = checkout.lint(&["--since", "HEAD"]);
    assert_eq!(code, 1, "{out}");
}

/// The store of `fixtures/packed-store`: three commits in one pack, two of the blobs as deltas, made with
/// `git repack -adf && git pack-refs --all`. The claim's class was fast, medium, slow.
fn packed() -> Checkout {
    let checkout = Checkout::new();
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/packed-store");
    let git = checkout.path().join(".git");
    for file in fs::read_dir(store).expect("the fixture").filter_map(Result::ok) {
        let name = file.file_name();
        let place = if name == "packed-refs" { git.join(name) } else { git.join("objects/pack").join(name) };
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::copy(file.path(), place).expect("a copy");
    }
    checkout.write(&[("shop/all.yaml", &claim("slow"))]);
    checkout
}

#[test]
fn packs_with_deltas_are_read() {
    let checkout = packed();
    for (revision, was) in [("main~2", "fast"), ("HEAD~1", "medium")] {
        let (code, out, error) = checkout.lint(&["--since", revision]);
        assert_eq!((code, error.as_str()), (1, ""), "{out}");
        assert!(out.contains(&format!("was `{was}` and is `slow` now")), "{out}");
    }
}

#[test]
fn a_damaged_pack_makes_no_panic() {
    let checkout = packed();
    let packs = fs::read_dir(checkout.path().join(".git/objects/pack")).expect("a folder");
    for path in packs.filter_map(Result::ok).map(|file| file.path()) {
        let whole = fs::read(&path).expect("a pack");
        for at in (0..whole.len()).step_by(step()) {
            let mut damaged = whole.clone();
            if let Some(byte) = damaged.get_mut(at) {
                *byte ^= 0xff;
            }
            fs::write(&path, damaged).expect("a pack");
            let (code, _, error) = checkout.lint(&["--since", "main~2"]);
            assert!(code < 2 || !error.is_empty(), "byte {at} of {}", path.display());
        }
        fs::write(&path, whole).expect("a pack");
    }
}

/// `STEP=1` damages every byte in turn.
fn step() -> usize {
    std::env::var("STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(101)
}

/// Every object file emptied, replaced or cut, one after the other: an error or a note, never a panic.
#[test]
fn a_damaged_store_is_told() {
    let checkout = Checkout::with_changed_claim();
    let objects = checkout.path().join(".git/objects");
    let mut tried = 0;
    for folder in fs::read_dir(&objects).expect("a folder").filter_map(Result::ok) {
        if folder.file_name().len() != 2 {
            continue;
        }
        for file in fs::read_dir(folder.path()).expect("a folder").filter_map(Result::ok) {
            let path = file.path();
            let whole = fs::read(&path).expect("an object");
            for damaged in [Vec::new(), b"garbage".to_vec(), whole.get(..whole.len() / 2).expect("a half").to_vec()] {
                fs::remove_file(&path).expect("an object");
                fs::write(&path, damaged).expect("an object");
                let (code, out, error) = checkout.lint(&["--since", "HEAD"]);
                let told = code == 2 && !error.is_empty() || error.contains("not read at");
                assert!(told, "{}: {code}\n{out}\n{error}", path.display());
                tried += 1;
            }
            fs::remove_file(&path).expect("an object");
            fs::write(&path, whole).expect("an object");
        }
    }
    assert_eq!(tried, 9, "a commit, a tree and a blob");
}
