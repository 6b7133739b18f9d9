//! A second opinion on what a YAML text holds: yaml-rust2's events, as a plain tree to compare with ours.
//!
//! Compared are documents, structure, keys, the text of scalars and whether they are quoted. Not compared: spans and
//! comments, which yaml-rust2 does not have.

use std::collections::HashMap;

use presync::source::FileId;
use presync::yaml::{self, Node, Style, Value};
use yaml_rust2::parser::{Event, EventReceiver, Parser};
use yaml_rust2::scanner::TScalarStyle;

/// What a document holds.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Tree {
    /// Text, and whether it is plain.
    Scalar(String, bool),
    /// A list.
    Sequence(Vec<Tree>),
    /// Keys and values, in order; of equal keys the last, in the place of the first.
    Mapping(Vec<(String, Tree)>),
}

/// The outcome of comparing one text.
#[derive(PartialEq, Debug)]
pub(crate) enum Outcome {
    /// Both read the same.
    Same,
    /// Both refuse it.
    BothRefuse,
    /// We refuse it, yaml-rust2 does not.
    OnlyWeRefuse(String),
    /// yaml-rust2 refuses it, we do not.
    OnlyTheyRefuse(String),
    /// Both accept it and read different things: ours, theirs.
    Different(String, String),
    /// Outside of what can be compared: the reason.
    NotCompared(&'static str),
}

/// Compares what both make of a text.
pub(crate) fn compare(text: &str) -> Outcome {
    let stream = yaml::parse(FileId(0), text.as_bytes());
    let refused = stream.problems.iter().find(|problem| problem.kind.loses_content());
    if let Some(problem) = refused
        && !matches!(problem.kind, yaml::ProblemKind::Syntax(_))
    {
        return Outcome::NotCompared("read, but without meaning for Kubernetes");
    }
    match (refused, theirs(text)) {
        (_, Err(Refusal::NotCompared(reason))) => Outcome::NotCompared(reason),
        (Some(_), Err(_)) => Outcome::BothRefuse,
        (Some(problem), Ok(_)) => Outcome::OnlyWeRefuse(problem.kind.message()),
        (None, Err(Refusal::Syntax(error))) => Outcome::OnlyTheyRefuse(error),
        (None, Ok(theirs)) => {
            let ours: Vec<Tree> = stream.documents.iter().map(|document| ours(document.root.as_ref())).collect();
            match ours == theirs {
                true => Outcome::Same,
                false => Outcome::Different(format!("{ours:?}"), format!("{theirs:?}")),
            }
        }
    }
}

fn ours(node: Option<&Node>) -> Tree {
    let Some(node) = node else { return Tree::Scalar(String::new(), true) };
    match &node.value {
        Value::Scalar(text) => {
            let plain = node.style == Style::Plain;
            Tree::Scalar(if plain && text == "~" { String::new() } else { text.to_string() }, plain)
        }
        Value::Sequence(items) => Tree::Sequence(items.iter().map(|item| ours(Some(item))).collect()),
        Value::Mapping(mapping) => Tree::Mapping(
            mapping.iter().map(|entry| (entry.key.json_name().into_owned(), ours(Some(&entry.value)))).collect(),
        ),
    }
}

enum Refusal {
    Syntax(String),
    NotCompared(&'static str),
}

fn theirs(text: &str) -> Result<Vec<Tree>, Refusal> {
    let mut builder = Builder::default();
    let loaded = Parser::new_from_str(text).load(&mut builder, true);
    if let Some(reason) = builder.not_compared {
        return Err(Refusal::NotCompared(reason));
    }
    loaded.map(|()| builder.documents).map_err(|error| Refusal::Syntax(error.to_string()))
}

/// Makes trees of events.
#[derive(Default)]
struct Builder {
    documents: Vec<Tree>,
    open: Vec<Open>,
    anchors: HashMap<usize, Tree>,
    not_compared: Option<&'static str>,
}

struct Open {
    anchor: usize,
    is_mapping: bool,
    nodes: Vec<Tree>,
}

impl EventReceiver for Builder {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::DocumentStart => self.anchors.clear(),
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == TScalarStyle::Plain;
                // An absent value comes as "~"; both mean null.
                let text = if plain && text == "~" { String::new() } else { text };
                self.add(anchor, Tree::Scalar(text, plain));
            }
            Event::SequenceStart(anchor, _) => self.open.push(Open { anchor, is_mapping: false, nodes: Vec::new() }),
            Event::MappingStart(anchor, _) => self.open.push(Open { anchor, is_mapping: true, nodes: Vec::new() }),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let tree = if open.is_mapping { self.mapping(open.nodes) } else { Tree::Sequence(open.nodes) };
                    self.add(open.anchor, tree);
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(tree) => self.add(0, tree),
                None => self.not_compared = Some("an alias inside its anchor"),
            },
            _ => {}
        }
    }
}

impl Builder {
    fn add(&mut self, anchor: usize, tree: Tree) {
        if anchor != 0 {
            self.anchors.insert(anchor, tree.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.nodes.push(tree),
            None => self.documents.push(tree),
        }
    }

    fn mapping(&mut self, nodes: Vec<Tree>) -> Tree {
        let mut entries: Vec<(String, Tree)> = Vec::new();
        let mut merged = Vec::new();
        let mut nodes = nodes.into_iter();
        while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
            match key {
                Tree::Scalar(key, true) if key == "<<" => match value {
                    Tree::Sequence(maps) => merged.extend(maps),
                    map => merged.push(map),
                },
                Tree::Scalar(key, plain) => {
                    let mut name = yaml::Key::new(&*key, presync::source::Span::start_of(FileId(0)));
                    name.style = if plain { Style::Plain } else { Style::DoubleQuoted };
                    let name = name.json_name().into_owned();
                    match entries.iter_mut().find(|(known, _)| *known == name) {
                        Some(entry) => entry.1 = value,
                        None => entries.push((name, value)),
                    }
                }
                _ => self.not_compared = Some("a map or list as key"),
            }
        }
        for map in merged {
            let Tree::Mapping(map) = map else { continue };
            for (key, value) in map {
                if entries.iter().all(|(known, _)| *known != key) {
                    entries.push((key, value));
                }
            }
        }
        Tree::Mapping(entries)
    }
}
