//! YAML text to a spanned tree and back.
//!
//! [`parse`] never fails: it returns every document it could read and a list of [`Problem`]s. The tree keeps each
//! node's bytes, notation and tag; what a plain scalar *means* is decided when it is asked ([`Node::resolve`]), because
//! Kubernetes, Helm and Kustomize read the same text differently. The parser crate is named in `parse.rs` and `syntax.rs`
//! only, so that it can be replaced.
//!
//! Left out: schemas, Kubernetes, files.

mod embedded;
mod encode;
mod mapping;
mod node;
mod parse;
mod places;
mod problem;
mod scalar;
mod syntax;
mod template;

pub use embedded::{Embedded, embedded, embedded_as, part};
pub use encode::{compare_keys, encode, is_timestamp};
pub use node::{Action, Change, Entry, History, Key, Mapping, Node, Removed, Style, Tag, Value};
pub use parse::{Document, Stream, parse};
pub use places::placed_as;
pub use problem::{Problem, ProblemKind, SyntaxError};
pub use scalar::{Scalar, resolve_plain};
pub use template::template_mark;
