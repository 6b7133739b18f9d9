//! What could not be found out without a cluster, a network or a key, and why. Never an error of its own: rules decide
//! what deserves a finding, and `presync apps` shows all of it.

use crate::source::Span;

/// One thing that could not be found out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Unresolved {
    /// The text that asks for it; `None` for something found on disk.
    pub span: Option<Span>,
    /// Why.
    pub cause: Cause,
    /// In words, for people.
    pub reason: String,
}

/// Why something could not be found out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// A path or file that this repository should have is not there.
    Missing,
    /// It lies in another repository, a registry, or the cluster.
    Elsewhere,
    /// It is encrypted, or a Secret.
    Secret,
    /// A template whose values are known only to the cluster or to another program.
    Template,
    /// The declaration can't be read as what it should be.
    Invalid,
    /// presync does not do this, or not yet.
    Unsupported,
}

impl Unresolved {
    /// Something that the text at `span` asks for.
    pub fn at(span: Span, cause: Cause, reason: impl Into<String>) -> Self {
        Self { span: Some(span), cause, reason: reason.into() }
    }
}
