//! Fields of the declarations of Argo CD and Flux that do not exist, where it is plain which one was meant: the table
//! `rules/data/declaration-fields.tsv`.
//!
//! A field that is merely not in the table is let pass: the next release may have it. One that is nearly another, or that
//! belongs a level higher, a level deeper or to what stands beside it, is a mistake in any release.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

use crate::finding::nearest;
use crate::kubernetes::Object;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// Declarations nest no deeper than this; it bounds the way down.
const DEEPEST: usize = 40;

type Fields = Vec<(&'static str, Option<&'static str>)>;

static TABLE: LazyLock<HashMap<&'static str, Fields>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    let text = include_str!("../../rules/data/declaration-fields.tsv");
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let Some((name, fields)) = line.split_once('\t') else { continue };
        let field = |field: &'static str| match field.split_once(':') {
            Some((name, held)) => (name, Some(held)),
            None => (field, None),
        };
        table.insert(name, fields.split_whitespace().map(field).collect());
    }
    table
});

/// A field that does not exist where it stands.
pub(super) struct Unknown {
    /// The key.
    pub(super) span: Span,
    /// Its path from the object's root.
    pub(super) path: String,
    /// What to write in its place.
    pub(super) help: String,
}

/// The fields of a declaration that do not exist, in the order of the text.
pub(super) fn unknown(object: &Object) -> Vec<Unknown> {
    let mut found = Vec::new();
    let kind = object.id.kind.as_str();
    let Some((kind, top)) = TABLE.get_key_value(kind) else { return found };
    let above = Level { name: kind, path: "", above: None };
    for (field, held) in top {
        if let (Some(node), Some(held)) = (object.root.get(field), held) {
            walk(node, &Level { name: held, path: field, above: Some(&above) }, 0, &mut found);
        }
    }
    found
}

/// A part of a declaration, and the way to it.
struct Level<'a> {
    name: &'static str,
    path: &'a str,
    above: Option<&'a Level<'a>>,
}

impl Level<'_> {
    fn fields(&self) -> &'static [(&'static str, Option<&'static str>)] {
        TABLE.get(self.name).map(Vec::as_slice).unwrap_or_default()
    }

    /// What to do with a field of this name and value: it may be written a level deeper, a level higher, or beside this
    /// one.
    fn help_with(&self, key: &str, value: &Node) -> Option<String> {
        let is_plain = matches!(value.value, Value::Scalar(_)) && !value.is_null();
        if is_plain && self.name.ends_with(".kustomize") && matches!(key, "helm" | "enableHelm") {
            let help = "remove it; Argo CD renders the charts of kustomizations where `kustomize.buildOptions` in the \
                        ConfigMap argocd-cm holds `--enable-helm`";
            return Some(help.to_owned());
        }
        // A plain value is not meant for a field that holds others.
        let fits = |(name, held): &(&'static str, Option<&'static str>)| *name == key && !(is_plain && held.is_some());
        let below = |level: &Level<'_>| {
            let mut holders =
                level.fields().iter().filter_map(|(field, held)| Some((field, TABLE.get(held.as_ref()?)?)));
            let holds = |fields: &Fields| fields.iter().any(fits);
            holders.find(|(_, fields)| holds(fields)).map(|(field, _)| format!("{}.{field}.{key}", level.path))
        };
        let higher = self.above.filter(|above| above.fields().iter().any(fits));
        let higher = higher.map(|above| format!("{}.{key}", above.path).trim_start_matches('.').to_owned());
        if let Some(place) = below(self).or(higher) {
            return Some(format!("it belongs to `{place}`"));
        }
        let place = below(self.above.filter(|above| !above.path.is_empty())?)?;
        let own: Vec<String> = self.fields().iter().map(|(name, _)| format!("`{name}`")).collect();
        Some(format!("it belongs to `{place}`; `{}` has {}", self.path, own.join(", ")))
    }
}

fn walk(node: &Node, level: &Level<'_>, depth: usize, found: &mut Vec<Unknown>) {
    if depth > DEEPEST {
        return;
    }
    node.items().iter().for_each(|item| walk(item, level, depth + 1, found));
    let fields = level.fields();
    for entry in node.entries() {
        let key = entry.key.text.as_str();
        let path = format!("{}.{key}", level.path);
        match fields.iter().find(|(name, _)| *name == key) {
            Some((_, Some(held))) => {
                walk(&entry.value, &Level { name: held, path: &path, above: Some(level) }, depth + 1, found);
            }
            Some((_, None)) => {}
            None if fields.is_empty() || key.contains("{{") => {}
            None => {
                let own = fields.iter().map(|(name, _)| *name);
                let unwritten = own.filter(|name| node.get(name).is_none());
                let mut unwritten = unwritten.collect::<Vec<_>>().into_iter();
                let near =
                    nearest(key, unwritten.clone()).or_else(|| unwritten.find(|name| singular(name) == singular(key)));
                let slip = || near.map(|name| format!("did you mean `{}.{name}`?", level.path));
                // The very name elsewhere says more than a name that is nearly it.
                if let Some(help) = level.help_with(key, &entry.value).or_else(slip) {
                    found.push(Unknown { span: entry.key.span, path, help });
                }
            }
        }
    }
}

/// `retry` for `retries`, `source` for `sources`.
fn singular(name: &str) -> String {
    match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => name.strip_suffix('s').unwrap_or(name).to_owned(),
    }
}
