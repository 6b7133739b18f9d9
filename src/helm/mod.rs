//! Charts and their values.
//!
//! [`Layers`] lays what a user gives one over the other, in Helm's order and with spans kept; [`expand`] adds what the
//! repository knows of the chart. A [`Release`] exists even where the chart is not at hand: rules that know the chart
//! judge its values. Charts are not rendered yet.

mod chart;
mod layers;
mod set;
mod templates;
mod values;

pub use chart::{Chart, Dependency, expand, is_chart};
pub use layers::Layers;
pub use set::{set, set_parameter};
pub use templates::{Reads, literal_kinds, template_problems};
pub use values::{coalesce, empty_values, merge_values};

use crate::source::Span;
use crate::yaml::Node;

/// A chart, as far as the repository names it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChartRef {
    /// Chart name, the last part of an OCI reference or path.
    pub name: String,
    /// Repository URL; `None` for a chart in this repository or where it can't be known.
    pub repository: Option<String>,
    /// Version or range as written; `None` where none is.
    pub version: Option<String>,
    /// Directory of the chart, if it lies in this repository.
    pub directory: Option<crate::source::RepoPath>,
}

/// One installation of a chart: the chart and the values it gets.
#[derive(Clone, Debug)]
pub struct Release {
    /// The chart.
    pub chart: ChartRef,
    /// Where the chart is named: the place to point at when the values lack something.
    pub chart_span: Span,
    /// Where the version is written, if it is.
    pub version_span: Option<Span>,
    /// Release name.
    pub name: String,
    /// Namespace it is installed to; empty if unknown.
    pub namespace: String,
    /// The values that the user gives, merged in order. The chart's own defaults are not in it unless the chart lies
    /// in this repository.
    pub values: Node,
    /// Whether some values could not be known: a Secret, a remote file, an encrypted one. Then an absent key is not
    /// known to be absent.
    pub incomplete: bool,
    /// How the values were tied to the chart.
    pub binding: Binding,
    /// The values files that took part, in order.
    pub files: Vec<crate::source::FileId>,
}

/// How sure it is that these values belong to this chart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Binding {
    /// Only the file's place or name says so.
    Convention,
    /// The repository says so.
    Declared,
}
