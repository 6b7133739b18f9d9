//! See `rules/helm/helm-values-schema-violated.md`.

use foldhash::{HashMap, HashMapExt};
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::schema::{Schema, json};
use crate::finding::nearest;
use crate::gitops::{Declared, Standing};
use crate::helm::{Binding, Chart, Release};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::{RepoPath, Span};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut charts: HashMap<&RepoPath, Option<Judged>> = HashMap::new();
    for app in &repository.apps {
        let found = matches!(app.app.declared, Declared::Chart | Declared::ValuesFile | Declared::Directory);
        if found || app.app.standing != Standing::Deployed || app.releases.is_empty() {
            continue;
        }
        let mut skips = None;
        for release in &app.releases {
            let Some(directory) = release.chart.directory.as_ref().filter(|_| release.binding == Binding::Declared)
            else {
                continue;
            };
            let chart = charts.entry(directory).or_insert_with(|| Judged::of(repository, directory));
            let Some(chart) = chart.as_ref().filter(|_| !release.incomplete) else { continue };
            if !*skips.get_or_insert_with(|| skips_schemas(app, repository)) {
                findings.about(Some(app), None);
                judge(chart, release, repository, findings);
            }
        }
    }
}

/// More of the words that a schema allows are not listed.
const MOST_OPTIONS: usize = 10;

/// A chart with a schema.
struct Judged {
    schema: Schema,
    /// Keys at the top of its values that its charts complete.
    subcharts: Vec<String>,
}

impl Judged {
    fn of(repository: &Repository, directory: &RepoPath) -> Option<Self> {
        let files = &repository.files;
        let schema = Schema::of(files, directory)?;
        let chart = Chart::read(files, directory)?;
        let definition = files.file_at(&directory.join("Chart.yaml")?)?;
        let stream = files.stream(definition.id);
        let root = stream.documents.first().and_then(|document| document.root.as_ref())?;
        // Values that a chart takes over from its charts come from their defaults.
        if root
            .get("dependencies")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .any(|one| one.get("import-values").is_some())
        {
            return None;
        }
        let vendored = directory.join("charts").map(|charts| files.sources.children(&charts)).unwrap_or_default();
        let vendored = vendored.iter().map(|chart| chart.file_name().to_owned());
        let subcharts = chart.dependencies.into_iter().map(|dependency| dependency.key).chain(vendored).collect();
        Some(Self { schema, subcharts })
    }
}

/// Whether the app's controller is told not to ask schemas.
fn skips_schemas(app: &BuiltApp, repository: &Repository) -> bool {
    let is_set = |node: Option<&Node>| node.is_some_and(|node| node.as_bool() != Some(false));
    if let Some(application) = &app.app.application {
        return application.sources().iter().any(|source| is_set(source.at(&["helm", "skipSchemaValidation"])));
    }
    let Declared::FluxHelmRelease(place) = app.app.declared else { return false };
    let built = repository.objects_of("helm.toolkit.fluxcd.io", "HelmRelease").map(|(_, object)| object);
    let written = repository.inventory.declarations.iter();
    let written = written.filter(|object| object.id.is("helm.toolkit.fluxcd.io", "HelmRelease"));
    let mut declared = built.chain(written).filter(|object| object.name_span() == place);
    declared.any(|object| {
        let spec = |action: &str| object.root.at(&["spec", action, "disableSchemaValidation"]);
        is_set(spec("install")) || is_set(spec("upgrade"))
    })
}

fn judge(chart: &Judged, release: &Release, repository: &Repository, findings: &mut Findings<'_>) {
    let Ok(values) = json(&release.values, 0) else { return };
    let all_known = is_known(&release.values);
    for fault in chart.schema.faults(&values) {
        if may_be_right(&fault, chart, release, all_known) {
            continue;
        }
        let path = Path::of(fault.instance_path().as_str());
        let Some(told) = told(&fault, &chart.schema, &path, release) else { continue };
        let message = format!(
            "chart `{}` refuses these values: {}. Nothing of it is rendered, \"values don't meet the specifications of the \
             schema(s)\"",
            release.chart.name, told.what
        );
        let finding = findings.report(told.place, message);
        finding.label("refused by the chart's schema").help(told.help);
        if let Some(place) = place_in_schema(&chart.schema, &fault, repository) {
            finding.related(place, format!("the schema of the chart `{}` wants it so", release.chart.name));
        }
    }
}

/// Whether what a fault is about is not known whole, or is completed by others.
fn may_be_right(fault: &ValidationError<'_>, chart: &Judged, release: &Release, all_known: bool) -> bool {
    let path = Path::of(fault.instance_path().as_str());
    let Some(node) = path.find(&release.values) else { return true };
    let depends = |step: &str| {
        matches!(step, "anyOf" | "oneOf" | "not" | "if" | "then" | "else" | "dependentSchemas" | "dependencies")
    };
    let schema_path = fault.evaluation_path().as_str();
    let conditional = schema_path.split('/').any(depends);
    if node.is_null() || !is_known(node) || conditional && !all_known {
        return true;
    }
    // Subcharts complete their part of the values, and judge it by their own schemas.
    let of_subchart = |key: &str| key == "global" || chart.subcharts.iter().any(|subchart| subchart == key);
    match path.0.first() {
        Some(key) => of_subchart(key),
        None if conditional => !chart.subcharts.is_empty(),
        None => match fault.kind() {
            Kind::Required { property } => property.as_str().is_some_and(of_subchart),
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                unexpected.iter().all(|key| of_subchart(key))
            }
            _ => false,
        },
    }
}

/// Whether nothing in a value has to be filled in by somebody else.
fn is_known(node: &Node) -> bool {
    let is_text_of_others = |text: &str| text.contains("${") || text.contains("{{") || text.contains("<path:");
    !node.is_unknown()
        && !node.as_str().is_some_and(is_text_of_others)
        && node.entries().iter().all(|entry| is_known(&entry.value))
        && node.items().iter().all(is_known)
}

/// A place in values.
struct Path(Vec<String>);

impl Path {
    /// Reads a JSON pointer.
    fn of(pointer: &str) -> Self {
        Self(pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
    }

    fn find<'n>(&self, values: &'n Node) -> Option<&'n Node> {
        self.0.iter().try_fold(values, |node, step| match node.as_sequence() {
            Some(items) => items.get(step.parse::<usize>().ok()?),
            None => node.get(step),
        })
    }

    /// `service.ports[0].name`
    fn text(&self, values: &Node) -> String {
        let (mut text, mut node) = (String::new(), Some(values));
        for step in &self.0 {
            let is_list = node.is_some_and(|node| node.as_sequence().is_some());
            match is_list {
                true => text.push_str(&format!("[{step}]")),
                false if text.is_empty() => text.push_str(step),
                false => text.push_str(&format!(".{step}")),
            }
            node = node.and_then(|node| Self(vec![step.clone()]).find(node));
        }
        text
    }

    /// Where the value is written: the value itself if it fits on a line, else its key.
    fn place(&self, release: &Release) -> Span {
        let Some((last, above)) = self.0.split_last() else { return release.chart_span };
        let above = Self(above.to_vec()).find(&release.values);
        let entry = above.and_then(|node| node.as_mapping()?.entry(last));
        match (self.find(&release.values), entry) {
            (Some(node), Some(entry)) if node.as_mapping().is_some() || node.as_sequence().is_some() => entry.key.span,
            (Some(node), _) => node.span,
            (None, _) => release.chart_span,
        }
    }
}

/// What is told of a fault.
struct Told {
    what: String,
    help: String,
    place: Span,
}

fn told(fault: &ValidationError<'_>, schema: &Schema, path: &Path, release: &Release) -> Option<Told> {
    let node = path.find(&release.values)?;
    let at = path.text(&release.values);
    let name = if at.is_empty() { "the whole".to_owned() } else { format!("`{at}`") };
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    let text = if matches!(fault.kind(), Kind::Type { .. }) { "a text" } else { "another text" };
    let wants = |wanted: String| {
        (format!("{name} must be {wanted}, and is {}", shown(fault.instance(), text)), format!("write {wanted}"))
    };
    let mut place = path.place(release);
    let (what, help) = match fault.kind() {
        Kind::Type { kind } => wants(types(kind)),
        Kind::Enum { options } => wants(match options.as_array().map(Vec::as_slice).unwrap_or_default() {
            [only] => literal(only),
            options => {
                let named: Vec<String> = options.iter().take(MOST_OPTIONS).map(literal).collect();
                format!("one of {}{}", named.join(", "), if options.len() > MOST_OPTIONS { ", …" } else { "" })
            }
        }),
        Kind::Constant { expected_value } => wants(literal(expected_value)),
        Kind::Minimum { limit } => wants(format!("{limit} or more")),
        Kind::Maximum { limit } => wants(format!("{limit} or less")),
        Kind::ExclusiveMinimum { limit } => wants(format!("more than {limit}")),
        Kind::ExclusiveMaximum { limit } => wants(format!("less than {limit}")),
        Kind::MultipleOf { multiple_of } => wants(format!("a multiple of {multiple_of}")),
        Kind::MinLength { limit } => wants(format!("a text of at least {}", counted(*limit, "character"))),
        Kind::MaxLength { limit } => wants(format!("a text of at most {}", counted(*limit, "character"))),
        Kind::Pattern { pattern } => wants(format!("a text that matches `{pattern}`")),
        Kind::MinItems { limit } => wants(format!("a list of at least {}", counted(*limit, "item"))),
        Kind::MaxItems { limit } => wants(format!("a list of at most {}", counted(*limit, "item"))),
        Kind::MinProperties { limit } => wants(format!("a map of at least {}", counted(*limit, "key"))),
        Kind::MaxProperties { limit } => wants(format!("a map of at most {}", counted(*limit, "key"))),
        Kind::UniqueItems => wants("a list without repetitions".to_owned()),
        Kind::Required { property } => {
            let property = property.as_str()?;
            // A null takes a default away; whether it stays as a null depends on Helm's release.
            if node.as_mapping().is_some_and(|map| map.removed().iter().any(|gone| gone.key.text == property)) {
                return None;
            }
            (format!("`{}` must be given, and nothing gives it", below(property)), format!("write `{property}`"))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let map = node.as_mapping()?;
            let key = unexpected.iter().filter(|key| *key != "global").find_map(|key| map.entry(key))?;
            place = key.key.span;
            let free = schema.keys_beside(fault.schema_path().as_str()).filter(|known| map.entry(known).is_none());
            let help = match nearest(&key.key.text, free) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "remove it, or look up how the chart calls it".to_owned(),
            };
            (format!("there is no `{}`", below(&key.key.text)), help)
        }
        Kind::FalseSchema => (format!("`{at}` must not be given"), "remove it".to_owned()),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            (format!("{name} has none of the forms that its schema allows"), "compare it with the schema".to_owned())
        }
        Kind::OneOfMultipleValid { .. } => (
            format!("{name} has several of the forms of which its schema allows one"),
            "compare it with the schema".to_owned(),
        ),
        Kind::Not { .. } => {
            (format!("{name} has a form that its schema excludes"), "compare it with the schema".to_owned())
        }
        Kind::PropertyNames { .. } => {
            (format!("{name} has a key that its schema does not allow"), "compare it with the schema".to_owned())
        }
        _ => return None,
    };
    Some(Told { what, help, place })
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn types(kind: &TypeKind) -> String {
    let named = |kind: JsonType| match kind {
        JsonType::Null => "nothing",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "an integer",
        JsonType::Number => "a number",
        JsonType::String => "a text",
        JsonType::Array => "a list",
        JsonType::Object => "a map",
    };
    match kind {
        TypeKind::Single(kind) => named(*kind).to_owned(),
        TypeKind::Multiple(kinds) => {
            let kinds = kinds.iter().filter(|kind| *kind != JsonType::Null);
            kinds.map(named).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// What a value is. Texts are shown only where they look like another type, since any other could be a secret; `text`
/// stands for those.
fn shown(value: &Value, text: &str) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(own) if own.is_empty() => "an empty text".to_owned(),
        Value::String(own) if own.parse::<f64>().is_ok() || matches!(own.as_str(), "true" | "false") => {
            format!("the text \"{own}\"")
        }
        Value::String(_) => text.to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

/// Where the schema says so.
fn place_in_schema(schema: &Schema, fault: &ValidationError<'_>, repository: &Repository) -> Option<Span> {
    let stream = repository.files.stream(schema.file);
    let root = stream.documents.first()?.root.as_ref()?;
    let node = Path::of(fault.schema_path().as_str()).find(root)?;
    Some(node.span)
}
