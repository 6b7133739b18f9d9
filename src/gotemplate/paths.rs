//! Which fields a template asks for, and what it writes whatever it is given, told from its tree alone.

use std::ops::Range;

use compact_str::CompactString;

use super::tree::{Branch, Node, Operand, Pipeline, Template, Term};

impl Template {
    /// The text that stands outside of every action, condition, loop and definition, in order, as ranges of bytes.
    pub fn unconditional(&self) -> impl Iterator<Item = Range<usize>> {
        self.body.iter().filter_map(|node| match node {
            Node::Text(range) => Some(range.clone()),
            _ => None,
        })
    }

    /// The paths of fields behind a field of this name, such as `image.tag` for `.Values.image.tag` and
    /// `index .Values "image" "tag"`. An empty path says that the field is taken as a whole, or that its name stands in a
    /// text, so that nothing can be told.
    pub fn paths_below(&self, field: &str) -> Vec<Vec<CompactString>> {
        let mut search = Search { field, found: Vec::new() };
        search.list(&self.body);
        self.definitions.values().for_each(|body| search.list(body));
        search.found
    }
}

struct Search<'a> {
    field: &'a str,
    found: Vec<Vec<CompactString>>,
}

impl Search<'_> {
    fn list(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Action(pipeline) => self.pipeline(pipeline),
                Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                    let Branch { pipeline, body, otherwise } = branch;
                    self.pipeline(pipeline);
                    self.list(body);
                    self.list(otherwise);
                }
                Node::Template { pipeline, .. } => pipeline.iter().for_each(|pipeline| self.pipeline(pipeline)),
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        for command in &pipeline.commands {
            let indexed = match command.operands.as_slice() {
                [Operand { term: Term::Function(name), .. }, value, keys @ ..] if name == "index" => {
                    self.path(value).map(|path| (path, keys))
                }
                _ => None,
            };
            let Some((mut path, keys)) = indexed else {
                command.operands.iter().for_each(|operand| self.operand(operand));
                continue;
            };
            path.extend(keys.iter().map_while(|key| match &key.term {
                Term::Text(text) => Some(text.clone()),
                _ => None,
            }));
            self.found.push(path);
            keys.iter().for_each(|key| self.operand(key));
        }
    }

    fn operand(&mut self, operand: &Operand) {
        self.found.extend(self.path(operand));
        match &operand.term {
            Term::Pipeline(pipeline) => self.pipeline(pipeline),
            Term::Text(text) if text == self.field || text.contains("{{") => self.found.push(Vec::new()),
            _ => {}
        }
    }

    fn path(&self, operand: &Operand) -> Option<Vec<CompactString>> {
        let at = operand.fields.iter().position(|field| field == self.field)?;
        operand.fields.get(at + 1..).map(<[CompactString]>::to_vec)
    }
}
