//! The modules of `src/lib.rs` form a ladder: each uses only those listed above it. And only four of them touch the world.

// A source that can't be read stops the test.
#![allow(clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Modules that may read files and the environment, and print.
const WORLDLY: [&str; 4] = ["source", "discover", "git", "cli"];

/// What only those may name.
const WORLD: [&str; 10] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::net",
    "io::stdout",
    "io::stderr",
    "io::stdin",
    "println!",
    "SystemTime",
    "gix::",
];

/// The code of a file with its module's name: comments and tests left out.
struct Source {
    path: PathBuf,
    module: String,
    code: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules, uppermost first.
fn ladder() -> Vec<String> {
    let text = fs::read_to_string(root().join("lib.rs")).expect("the library's root");
    let name = |line: &str| line.strip_prefix("pub mod ").and_then(|line| line.strip_suffix(';')).map(str::to_owned);
    text.lines().filter_map(name).collect()
}

fn sources(directory: &Path, list: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, list);
            continue;
        }
        let below = path.strip_prefix(root()).expect("a path below src");
        let first = below.components().next().expect("a name").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        list.push(Source { path: below.to_owned(), module, code });
    }
}

fn all() -> Vec<Source> {
    let mut list = Vec::new();
    sources(&root(), &mut list);
    list.sort_by(|a, b| a.path.cmp(&b.path));
    list
}

/// The names that follow `crate::`, grouped imports included.
fn used(code: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => {
                group.split('}').next().unwrap_or_default().split(',').map(|part| name(part.trim())).collect()
            }
            None => vec![name(rest)],
        })
        .collect()
}

#[test]
fn no_module_uses_one_below_it() {
    let ladder = ladder();
    assert!(ladder.len() > 10, "src/lib.rs lists its modules one a line");
    let rung = |name: &str| ladder.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    for source in all() {
        let own = rung(&source.module);
        assert!(own.is_some(), "{} belongs to no module of src/lib.rs", source.path.display());
        for name in used(&source.code) {
            if rung(&name) > own {
                wrong.push(format!("{} uses `{name}`, which is below `{}`", source.path.display(), source.module));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_four_modules_touch_the_world() {
    let mut wrong = Vec::new();
    for source in all().iter().filter(|source| !WORLDLY.contains(&source.module.as_str())) {
        for name in WORLD.iter().filter(|name| source.code.contains(*name)) {
            wrong.push(format!("{} names `{name}`", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
