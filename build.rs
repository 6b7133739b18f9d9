//! Makes the table of built-in rules from `rules/<group>/<id>.md`.
//!
//! A rule whose metadata has no `check:` is a check in Rust at `src/rules/<group>/<id without group>.rs`. If that file or
//! its `mod` line is missing, the build stops.

// A build script that can't go on has nobody to hand an error to but cargo, which prints the panic.
#![allow(clippy::expect_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=rules");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo names the package's directory");
    let root = Path::new(&root);
    let mut rules: Vec<(String, String)> = Vec::new();
    for group in directories(&root.join("rules")) {
        if group == "data" {
            continue;
        }
        for file in fs::read_dir(root.join("rules").join(&group)).expect("a readable folder of rules") {
            let name = file.expect("a readable entry").file_name().into_string().expect("a name in UTF-8");
            if let Some(id) = name.strip_suffix(".md") {
                rules.push((id.to_owned(), group.clone()));
            }
        }
    }
    rules.sort();
    let mut table = String::from("static BUILT_IN: &[BuiltIn] = &[\n");
    for (id, group) in rules {
        let path = root.join("rules").join(&group).join(format!("{id}.md"));
        let text = fs::read_to_string(&path).expect("a readable rule file");
        let metadata = text.split("\n---\n").next().unwrap_or_default();
        let check = if metadata.lines().any(|line| line == "check: engine") {
            "Some(Check::Engine)".to_owned()
        } else if metadata.lines().any(|line| line.starts_with("check:")) {
            "None".to_owned()
        } else {
            let stem = id.strip_prefix(&format!("{group}-")).unwrap_or(&id).replace('-', "_");
            let folder = group.replace('-', "_");
            let source = root.join("src/rules").join(&folder).join(format!("{stem}.rs"));
            assert!(source.exists(), "{} has no `check:` and {} does not exist", path.display(), source.display());
            format!("Some(crate::rules::{folder}::{stem}::CHECK)")
        };
        let path = path.to_str().expect("a path in UTF-8");
        writeln!(table, "BuiltIn {{ id: {id:?}, group: {group:?}, text: include_str!({path:?}), check: {check} }},")
            .expect("writing to a string");
    }
    table.push_str("];\n");
    let out = env::var("OUT_DIR").expect("cargo names the output directory");
    fs::write(Path::new(&out).join("rules.rs"), table).expect("a writable output directory");
}

fn directories(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("a readable folder");
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
    folders.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
