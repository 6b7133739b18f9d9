//! Several files as a kustomization: what is built can be printed and read again, and every place lies in its file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use presync::files::Files;
use presync::kustomize::{self, Options};
use presync::source::{FileId, RepoPath, Sources, Span};
use presync::yaml::{self, Node, Value};

fn check(node: &Node, files: &Files) {
    check_span(node.span, files);
    for change in node.history.changes() {
        check_span(change.by, files);
        change.before.iter().for_each(|before| check_span(before.span, files));
    }
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().for_each(|item| check(item, files)),
        Value::Mapping(mapping) => {
            mapping.removed().iter().for_each(|removed| check_span(removed.by, files));
            mapping.iter().for_each(|entry| check(&entry.value, files));
        }
    }
}

fn check_span(span: Span, files: &Files) {
    let file = files.sources.file(span.file);
    assert!(file.bytes().is_ok_and(|bytes| span.start <= span.end && span.end as usize <= bytes.len()));
}

fuzz_target!(|text: &str| {
    let mut list: Vec<(RepoPath, Vec<u8>)> = Vec::new();
    for (number, part) in text.split("=== ").enumerate() {
        let (path, content) = part.split_once('\n').unwrap_or(("kustomization.yaml", part));
        let path = if number == 0 { None } else { RepoPath::new(path.trim()) };
        let path = path.filter(|path| !path.as_str().is_empty());
        list.push((path.unwrap_or_else(|| RepoPath::new("kustomization.yaml").expect("a path")), content.into()));
    }
    let files = Files::new(Sources::memory(list));
    for directory in ["", "overlay"] {
        let directory = RepoPath::new(directory).expect("a path");
        for keep_order in [false, true] {
            let options = Options { keep_order, load_anywhere: keep_order, ..Options::default() };
            let build = kustomize::build(&files, &directory, &options);
            for problem in &build.problems {
                assert!(!problem.message.is_empty());
                check_span(problem.span, &files);
                problem.related.iter().for_each(|(span, _)| check_span(*span, &files));
            }
            build.objects.iter().for_each(|object| check(&object.root, &files));
            if build.failure().is_none() {
                let stream = yaml::parse(FileId(0), build.to_yaml().as_bytes());
                assert!(stream.problems.iter().all(|problem| !problem.kind.loses_content()), "{}", build.to_yaml());
                assert_eq!(stream.documents.len(), build.objects.len().max(stream.documents.len().min(1)));
            }
        }
    }
});
