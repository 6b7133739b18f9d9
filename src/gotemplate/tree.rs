//! A parsed template.

use std::collections::BTreeMap;
use std::ops::Range;

use compact_str::CompactString;

/// A template, ready to be evaluated any number of times.
#[derive(Clone, Debug)]
pub struct Template {
    pub(super) source: String,
    pub(super) body: Vec<Node>,
    /// What `define` and `block` name.
    pub(super) definitions: BTreeMap<CompactString, Vec<Node>>,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Text as it is written, but for what a `-` trims.
    Text(Range<usize>),
    /// Prints the pipeline, unless it sets a variable.
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Break,
    Continue,
    /// Puts a definition in.
    Template {
        name: CompactString,
        pipeline: Option<Pipeline>,
        span: Range<usize>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) pipeline: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    /// Variables that it sets.
    pub(super) variables: Vec<CompactString>,
    /// Whether these are new, as `:=` makes them.
    pub(super) declares: bool,
    pub(super) commands: Vec<Command>,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Command {
    /// The function or value, and the arguments. Never empty.
    pub(super) operands: Vec<Operand>,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) term: Term,
    /// Fields that are reached from the term: `.a.b` behind it.
    pub(super) fields: Vec<CompactString>,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(CompactString),
    Variable(CompactString),
    Function(CompactString),
    Pipeline(Box<Pipeline>),
}
