//! Evaluates a tree over data, as `text/template/exec.go` does.

use std::ops::Range;

use compact_str::CompactString;

use super::builtins::Builtins;
use super::tree::{Branch, Command, Node, Operand, Pipeline, Template, Term};
use super::value::{Kind, Value};
use super::{Failure, Library, is_builtin, print};
use crate::source::Span;

/// How deep templates and blocks may be inside each other while they are evaluated.
const MAX_DEPTH: usize = 120;

/// How many nodes one evaluation may visit, and how long its text may get: templates that multiply stay unknown.
const MAX_STEPS: usize = 200_000;
const MAX_OUTPUT: usize = 4 << 20;

/// What a key that is not there gives: Go's option `missingkey`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MissingKey {
    /// An invalid value, which prints `<no value>`: `default` and `invalid`.
    Invalid,
    /// Nothing: `zero`.
    Zero,
    /// An end with an error: `error`.
    Error,
}

/// What an evaluation prints.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The text.
    pub text: String,
    /// Where its parts come from, in order.
    pub pieces: Vec<Piece>,
    /// Whether a value that was to be printed can't be known; then its action stands in the text.
    pub unknown: bool,
}

/// A part of the output, up to the start of the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Where in the output it starts.
    pub start: usize,
    /// The text or action of the template that printed it.
    pub from: Range<usize>,
    /// What was printed.
    pub origin: Origin,
}

/// What a part of the output is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The template's text as it stands.
    Template,
    /// A value that a function made.
    Made,
    /// A value as it is written here.
    Value(Span),
}

/// Why an evaluation ended early.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stop {
    /// The part of the template that was being evaluated.
    pub at: Range<usize>,
    /// Why.
    pub failure: Failure,
}

impl Template {
    /// Evaluates the template over `data`.
    ///
    /// # Errors
    /// Where and why Go would stop, or that the text can't be known.
    pub fn evaluate(&self, data: &Value, library: &dyn Library, missing_key: MissingKey) -> Result<Output, Stop> {
        let mut evaluation = Evaluation {
            template: self,
            library,
            missing_key,
            variables: vec![("$".into(), data.clone())],
            output: Output::default(),
            steps: 0,
            depth: 0,
        };
        evaluation.list(&self.body, data)?;
        Ok(evaluation.output)
    }
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Evaluation<'a> {
    template: &'a Template,
    library: &'a dyn Library,
    missing_key: MissingKey,
    variables: Vec<(CompactString, Value)>,
    output: Output,
    steps: usize,
    depth: usize,
}

fn stop(at: &Range<usize>, failure: Failure) -> Stop {
    Stop { at: at.clone(), failure }
}

fn error(at: &Range<usize>, message: impl Into<String>) -> Stop {
    stop(at, Failure::Error(message.into()))
}

impl Evaluation<'_> {
    fn list(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, Stop> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn step(&mut self, at: &Range<usize>) -> Result<(), Stop> {
        self.steps += 1;
        let is_over = self.steps > MAX_STEPS || self.output.text.len() > MAX_OUTPUT || self.depth > MAX_DEPTH;
        if is_over { Err(stop(at, Failure::Unknown)) } else { Ok(()) }
    }

    fn print(&mut self, text: &str, from: &Range<usize>, origin: Origin) {
        self.output.pieces.push(Piece { start: self.output.text.len(), from: from.clone(), origin });
        self.output.text.push_str(text);
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, Stop> {
        match node {
            Node::Text(span) => {
                self.step(span)?;
                let template = self.template;
                self.print(template.source.get(span.clone()).unwrap_or_default(), span, Origin::Template);
            }
            Node::Action(pipeline) => self.action(pipeline, dot)?,
            Node::If(branch) | Node::With(branch) => {
                let in_sight = self.variables.len();
                let value = self.pipeline(&branch.pipeline, dot)?;
                let inner = if matches!(node, Node::With(_)) { value.clone() } else { dot.clone() };
                let flow = self.deeper(|evaluation| match value.is_true() {
                    true => evaluation.list(&branch.body, &inner),
                    false => evaluation.list(&branch.otherwise, dot),
                });
                self.variables.truncate(in_sight);
                return flow;
            }
            Node::Range(branch) => {
                let in_sight = self.variables.len();
                let flow = self.deeper(|evaluation| evaluation.range(branch, dot));
                self.variables.truncate(in_sight);
                return flow;
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::Template { name, pipeline, span } => {
                let template = self.template;
                let Some(body) = template.definitions.get(name) else {
                    return Err(error(span, format!("template \"{name}\" not defined")));
                };
                let data = match pipeline {
                    Some(pipeline) => self.pipeline(pipeline, dot)?,
                    None => Kind::Nil.into(),
                };
                self.step(span)?;
                let outer = std::mem::replace(&mut self.variables, vec![("$".into(), data.clone())]);
                let flow = self.deeper(|evaluation| evaluation.list(body, &data));
                self.variables = outer;
                flow?;
            }
        }
        Ok(Flow::On)
    }

    /// Prints a pipeline, unless it only sets variables.
    fn action(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<(), Stop> {
        let span = &pipeline.span;
        let value = match self.pipeline(pipeline, dot) {
            Err(Stop { failure: Failure::Unknown, .. }) if pipeline.variables.is_empty() => Kind::Unknown.into(),
            value => value?,
        };
        if !pipeline.variables.is_empty() {
            return Ok(());
        }
        match print::text(&value) {
            Ok(text) => self.print(&text, span, value.origin.map_or(Origin::Made, Origin::Value)),
            Err(Failure::Unknown) => {
                let template = self.template;
                let written = template.source.get(span.clone()).unwrap_or_default();
                self.print(&format!("{{{{ {written} }}}}"), span, Origin::Made);
                self.output.unknown = true;
            }
            Err(failure) => return Err(stop(span, failure)),
        }
        Ok(())
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow, Stop> {
        let Branch { pipeline, body, otherwise } = branch;
        let value = self.commands(pipeline, dot)?;
        let pairs: Vec<(Value, Value)> = match &value.kind {
            Kind::List(items) => (0i64..).map(|at| Kind::Int(at).into()).zip(items.iter().cloned()).collect(),
            Kind::Map(map) if map.is_open() => return Err(stop(&pipeline.span, Failure::Unknown)),
            Kind::Map(map) => map.entries().into_iter().map(|(key, value)| (Value::text(key), value)).collect(),
            Kind::Int(count) => {
                let most = i64::try_from(MAX_STEPS).unwrap_or(i64::MAX);
                (0..(*count).min(most)).map(|at| (Kind::Int(at).into(), Kind::Int(at).into())).collect()
            }
            Kind::Missing | Kind::Nil => Vec::new(),
            _ => return Err(error(&pipeline.span, format!("range can't iterate over a {}", value.type_name()))),
        };
        if pairs.is_empty() {
            return self.list(otherwise, dot);
        }
        for (key, value) in pairs {
            self.step(&pipeline.span)?;
            let in_sight = self.variables.len();
            let given = match pipeline.variables.len() {
                0 | 1 => vec![value.clone()],
                _ => vec![key, value.clone()],
            };
            for (name, given) in pipeline.variables.iter().zip(given) {
                self.set(name, given, pipeline.declares);
            }
            let flow = self.list(body, &value)?;
            self.variables.truncate(in_sight);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn set(&mut self, name: &CompactString, value: Value, declares: bool) {
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name).filter(|_| !declares);
        match known {
            Some((_, known)) => *known = value,
            None => self.variables.push((name.clone(), value)),
        }
    }

    /// The value of a pipeline, which is also given to the variables it sets.
    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, Stop> {
        let value = self.commands(pipeline, dot)?;
        for name in &pipeline.variables {
            self.set(name, value.clone(), pipeline.declares);
        }
        Ok(value)
    }

    fn commands(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, Stop> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(command, dot, value)?);
        }
        let value = value.unwrap_or(Kind::Missing.into());
        // A variable may hold what is not known; only what is asked of it can't be answered.
        match value.kind {
            Kind::Unknown if pipeline.variables.is_empty() => Err(stop(&pipeline.span, Failure::Unknown)),
            _ => Ok(value),
        }
    }

    fn command(&mut self, command: &Command, dot: &Value, piped: Option<Value>) -> Result<Value, Stop> {
        self.step(&command.span)?;
        let Some((first, rest)) = command.operands.split_first() else { return Ok(Kind::Missing.into()) };
        let Term::Function(name) = &first.term else {
            if !rest.is_empty() || piped.is_some() {
                let text = self.template.source.get(first.span.clone()).unwrap_or_default();
                return Err(error(&first.span, format!("can't give argument to non-function {text}")));
            }
            return self.operand(first, dot);
        };
        let result = self.call(name, &first.span, rest, dot, piped)?;
        self.fields(result, first)
    }

    fn call(
        &mut self,
        name: &str,
        at: &Range<usize>,
        operands: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value, Stop> {
        // These two look at no more of their arguments than they need.
        if matches!(name, "and" | "or") {
            let mut last = None;
            for operand in operands {
                let value = self.operand(operand, dot)?;
                if matches!(value.kind, Kind::Unknown) {
                    return Ok(Kind::Unknown.into());
                }
                if value.is_true() == (name == "or") {
                    return Ok(value);
                }
                last = Some(value);
            }
            let last = piped.or(last);
            return last.ok_or_else(|| error(at, format!("wrong number of args for {name}: want at least 1 got 0")));
        }
        let mut arguments = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            arguments.push(self.operand(operand, dot)?);
        }
        arguments.extend(piped);
        if arguments.iter().any(|argument| matches!(argument.kind, Kind::Unknown)) {
            return Ok(Kind::Unknown.into());
        }
        let called = match is_builtin(name) {
            true => Builtins.call(name, &arguments),
            false => self.library.call(name, &arguments),
        };
        match called {
            Err(Failure::Error(message)) => Err(error(at, format!("error calling {name}: {message}"))),
            Err(Failure::Unknown) => Ok(Kind::Unknown.into()),
            Ok(value) => Ok(value),
        }
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, Stop> {
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil => Kind::Nil.into(),
            Term::Bool(value) => Kind::Bool(*value).into(),
            Term::Int(value) => Kind::Int(*value).into(),
            Term::Float(value) => Kind::Float(*value).into(),
            Term::Text(text) => Value::text(text.clone()),
            Term::Variable(name) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                known.map_or(Kind::Missing.into(), |(_, value)| value.clone())
            }
            Term::Function(name) => self.call(name, &operand.span, &[], dot, None)?,
            Term::Pipeline(pipeline) => match self.deeper(|evaluation| evaluation.pipeline(pipeline, dot)) {
                // What is around it may not need it.
                Err(Stop { failure: Failure::Unknown, .. }) => Kind::Unknown.into(),
                value => value?,
            },
        };
        self.fields(value, operand)
    }

    fn fields(&self, mut value: Value, operand: &Operand) -> Result<Value, Stop> {
        for name in &operand.fields {
            value = match &value.kind {
                Kind::Unknown => return Ok(Kind::Unknown.into()),
                Kind::Map(map) => match (map.get(name), self.missing_key) {
                    (Some(found), _) => found,
                    (None, MissingKey::Invalid) => Kind::Missing.into(),
                    (None, MissingKey::Zero) => Kind::Nil.into(),
                    (None, MissingKey::Error) => {
                        return Err(error(&operand.span, format!("map has no entry for key \"{name}\"")));
                    }
                },
                Kind::Missing => Kind::Missing.into(),
                Kind::Nil => {
                    return Err(error(&operand.span, format!("nil pointer evaluating interface {{}}.{name}")));
                }
                _ => {
                    let message = format!("can't evaluate field {name} in type {}", value.type_name());
                    return Err(error(&operand.span, message));
                }
            };
        }
        Ok(value)
    }
}
