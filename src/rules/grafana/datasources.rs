//! Entries of Grafana datasource provisioning, whoever holds them, and what they refer to.
//!
//! Which Grafana an entry reaches is decided in `instance`.

use compact_str::CompactString;

use crate::source::Span;
use crate::yaml::Node;

/// One datasource.
#[derive(Clone, Debug)]
pub(crate) struct Datasource {
    /// Its name; provisioning finds a datasource that exists already by it.
    pub(crate) name: Field,
    /// Its uid, which everything else refers to.
    pub(crate) uid: Field,
    /// Number of the organisation, 1 unless written.
    pub(crate) organisation: i64,
    /// `isDefault: true`, which Grafana also reads from a text.
    pub(crate) is_default: bool,
    /// The entry as written; `None` for one that a chart makes by itself.
    pub(crate) entry: Option<Node>,
    /// Where to point for the whole entry: its name, or the line that installs the chart.
    pub(crate) place: Span,
    /// What it refers to, by uid.
    pub(crate) references: Vec<Reference>,
    /// The chart that makes it by itself.
    pub(crate) chart: Option<String>,
    /// The type that the chart gives it.
    pub(crate) chart_type: Option<&'static str>,
    /// Names of the apps that bring it.
    pub(crate) app: String,
    /// The object it is in, as messages name it; empty for values.
    pub(crate) object: Option<String>,
}

/// A name or uid.
#[derive(Clone, Debug)]
pub(crate) enum Field {
    /// The text and where it is written; a chart's default has no place.
    Known(CompactString, Option<Span>),
    /// Nothing is written.
    Absent,
    /// A template, a variable, a default of an unknown version.
    Unknown,
}

/// A place in a datasource that names another one by uid.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// The field, as `jsonData.derivedFields[0].datasourceUid`.
    pub(crate) field: String,
    /// The uid.
    pub(crate) uid: CompactString,
    /// The scalar, for its place and notation.
    pub(crate) node: Node,
    /// Whether it is a correlation, which Grafana looks up once every datasource exists.
    pub(crate) correlation: bool,
}

impl Field {
    /// The field as written under `node`.
    pub(crate) fn of(node: Option<&Node>) -> Self {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Field::Absent };
        match node.as_text() {
            Some("") => Field::Absent,
            Some(text) if is_placeholder(text) => Field::Unknown,
            Some(text) => Field::Known(text.into(), Some(node.span)),
            None => Field::Unknown,
        }
    }

    /// The text, if it is known.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Field::Known(text, _) => Some(text),
            Field::Absent | Field::Unknown => None,
        }
    }

    /// Where it is written.
    pub(crate) fn span(&self) -> Option<Span> {
        match self {
            Field::Known(_, span) => *span,
            Field::Absent | Field::Unknown => None,
        }
    }
}

impl Datasource {
    /// An entry of `datasources:`, or a GrafanaDatasource's `spec.datasource`. `None` if it is no map.
    pub(crate) fn of(entry: &Node, app: &str, object: Option<String>) -> Option<Self> {
        entry.as_mapping()?;
        let name = Field::of(entry.get("name"));
        Some(Self {
            place: entry.get("name").map_or(entry.span, |name| name.span),
            uid: Field::of(entry.get("uid")),
            organisation: entry.get("orgId").and_then(Node::as_i64).filter(|id| *id != 0).unwrap_or(1),
            is_default: entry
                .get("isDefault")
                .is_some_and(|value| matches!(value.as_text(), Some("true" | "True" | "1"))),
            references: references(entry),
            entry: Some(entry.clone()),
            chart: None,
            chart_type: None,
            app: app.to_owned(),
            object,
            name,
        })
    }

    /// Its type, if it is known.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.chart_type.or_else(|| self.entry.as_ref()?.str_at(&["type"]))
    }

    /// How messages name it.
    pub(crate) fn title(&self) -> &str {
        self.name.text().or_else(|| self.uid.text()).unwrap_or("without a name")
    }
}

/// Whether a text is filled in by something that presync does not run.
pub(crate) fn is_placeholder(text: &str) -> bool {
    text.contains('$') || crate::kubernetes::secret::is_filled_in(text)
}

/// Every place below `jsonData` and `correlations` that names a datasource by uid. Grafana's own names, such as
/// `-- Mixed --`, and texts with variables are left out.
fn references(entry: &Node) -> Vec<Reference> {
    let mut found = Vec::new();
    for correlation in entry.get("correlations").map(Node::items).unwrap_or_default() {
        if let Some(target) = correlation.get("targetUID") {
            push(&mut found, "correlations[].targetUID".to_owned(), target, true);
        }
    }
    if let Some(data) = entry.get("jsonData") {
        found.extend(references_at("jsonData", data));
    }
    found
}

/// The references below one field, in file order.
pub(crate) fn references_at(field: &str, node: &Node) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut open = vec![(field.to_owned(), node)];
    while let Some((path, node)) = open.pop() {
        for entry in node.entries() {
            let key = entry.key.text.as_str();
            let field = format!("{path}.{key}");
            // As the Loki, Tempo, Prometheus, Jaeger and Zipkin plugins name such fields.
            if key.to_ascii_lowercase().ends_with("datasourceuid") || key == "alertmanagerUid" {
                push(&mut found, field, &entry.value, false);
            } else if !matches!(entry.value.value, crate::yaml::Value::Scalar(_)) {
                open.push((field, &entry.value));
            }
        }
        for (at, item) in node.items().iter().enumerate() {
            open.push((format!("{path}[{at}]"), item));
        }
    }
    found.sort_by_key(|reference| reference.node.span);
    found
}

fn push(found: &mut Vec<Reference>, field: String, node: &Node, correlation: bool) {
    const BUILT_IN: [&str; 6] = ["-- Grafana --", "-- Mixed --", "-- Dashboard --", "grafana", "__expr__", "-100"];
    let Some(uid) = node.as_text() else { return };
    if !uid.is_empty() && !BUILT_IN.contains(&uid) && !is_placeholder(uid) {
        found.push(Reference { field, uid: uid.into(), node: node.clone(), correlation });
    }
}
