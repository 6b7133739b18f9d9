//! Go's `text/template`: parsed into a tree, evaluated over values that know where they are written.
//!
//! Whoever uses it brings the functions ([`Library`]); Go's own and the part of Sprig that needs neither clock, chance nor
//! network are here. What comes out is text in pieces: each knows the action it comes from and, where a value was printed
//! as it is, the place of that value. A value that can't be known offline makes everything that depends on it unknown;
//! it is never guessed.
//!
//! Sources of the rules: `text/template` (`lex.go`, `parse.go`, `exec.go`, `funcs.go`) and Sprig. Left out: complex
//! numbers, channels, methods, and custom delimiters, which data read from YAML does not have.

mod builtins;
mod evaluate;
mod lex;
mod parse;
mod paths;
mod print;
mod sprig;
mod tree;
mod value;

use std::ops::Range;

pub use builtins::{Builtins, is_builtin};
pub use evaluate::{MissingKey, Origin, Output, Piece, Stop};
pub use print::to_yaml;
pub use sprig::Sprig;
pub use tree::Template;
pub use value::{Kind, Map, Value};

/// Why a text is no template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The offending bytes of the text.
    pub at: Range<usize>,
    /// In Go's words.
    pub message: String,
}

/// Why a template or a function gives nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It depends on something that can't be known offline.
    Unknown,
    /// Go would stop with this message.
    Error(String),
}

/// The functions that a template may call.
pub trait Library {
    /// Whether there is a function of this name. A template that names another can't be parsed.
    fn has(&self, name: &str) -> bool;

    /// Calls a function that is there. No argument is [`Kind::Unknown`] itself, though one may hold such a value.
    ///
    /// # Errors
    /// What Go would say, or that the result can't be known.
    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, Failure>;
}

#[cfg(test)]
mod tests;
