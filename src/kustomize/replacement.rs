//! `replacements`: values copied from one object into others.

use super::accumulate::{Accumulator, Engine};
use super::field_spec::split_path;
use super::id::{Gvk, ResId, text_of};
use super::kustomization::Kustomization;
use super::patch::{describe, with_annotations, without_blank_annotations};
use super::problem::{Problem, ProblemKind};
use super::replacement_write::copy;
use super::resource::Resource;
use super::scalar::set_text;
use super::schema;
use super::selector::{Pattern, Selector, anchored, fits};
use crate::config::KustomizeRelease;
use crate::finding::Severity;
use crate::source::Span;
use crate::yaml::{Mapping, Node, Style};

impl Engine<'_> {
    pub(super) fn replace(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        let entries = kustomization.list("replacements").to_vec();
        if entries.is_empty() {
            return;
        }
        for entry in &entries {
            self.replacement(kustomization, gathered, entry);
        }
        self.ran(kustomization, gathered, "ReplacementTransformer");
    }

    /// One entry: inline, or a file with one or a list of them.
    pub(super) fn replacement(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator, entry: &Node) {
        let Some(path) = entry.get("path").filter(|path| !text_of(Some(path)).is_empty()) else {
            return self.replacement_entry(gathered, entry);
        };
        if entry.get("source").is_some() || entry.get("targets").is_some() {
            let words = "cannot specify both path and inline replacement";
            return self.report(Problem::fails(entry.span, words));
        }
        let file = match self.load(kustomization, text_of(Some(path)), path.span) {
            Ok(file) => file,
            Err(problem) => return self.report(*problem),
        };
        let stream = self.files.stream(file.id);
        let root = stream.documents.first().and_then(|document| document.root.clone());
        let Some(root) = root.filter(|_| !stream.problems.iter().any(|problem| problem.kind.loses_content())) else {
            return self
                .report(Problem::fails(path.span, format!("unsupported replacement type in {}", text_of(Some(path)))));
        };
        let list = if root.as_sequence().is_some() { root.items().to_vec() } else { vec![root] };
        for node in list {
            let mut misfits = Vec::new();
            let fitted = schema::fit(&node, schema::REPLACEMENT, "Replacement", &mut misfits);
            for misfit in misfits {
                self.report(Problem::fails(misfit.span, misfit.why).related(path.span, "named here"));
            }
            if let Some(node) = fitted {
                self.replacement_entry(gathered, &node);
            }
        }
    }

    fn replacement_entry(&mut self, gathered: &mut Accumulator, entry: &Node) {
        let mut targets = Vec::new();
        if let Err(problem) = apply(gathered, entry, self.options.release, &mut targets) {
            self.report(*problem);
        }
        for (select, found) in targets {
            if found {
                self.applied.insert(aim(select));
            } else if !gathered.incomplete {
                self.problems.push(no_target(gathered, select));
            }
        }
    }
}

pub(super) fn fails(span: Span, words: String, message: String) -> Box<Problem> {
    Box::new(Problem::new(ProblemKind::BuildFails, span, message).upstream(words))
}

pub(super) fn no_match(span: Span, words: String, message: String) -> Box<Problem> {
    let problem = Problem::new(ProblemKind::TransformerNoMatch, span, message).upstream(words);
    Box::new(Problem { severity: Some(Severity::Error), ..problem })
}

/// The place that says which objects a replacement writes to.
fn aim(select: &Node) -> Span {
    const FIELDS: [&str; 5] = ["name", "kind", "namespace", "group", "version"];
    FIELDS.iter().find_map(|field| select.get(field)).map_or(select.span, |field| field.span)
}

/// A target of a replacement that selects nothing.
fn no_target(gathered: &Accumulator, select: &Node) -> Problem {
    let text = |field: &str| text_of(select.get(field));
    let (kind, name) = (text("kind"), text("name"));
    let wanted = [kind, name].join(" ");
    let message = format!(
        "the replacement finds no {} to write to, so kustomize changes nothing and says nothing",
        if wanted.trim().is_empty() { "object" } else { wanted.trim() }
    );
    let mut problem = Problem::new(ProblemKind::TransformerNoMatch, aim(select), message);
    let of_kind = || gathered.resources.list().iter().filter(|other| kind.is_empty() || other.gvk().kind == kind);
    let near = super::nearest(name, of_kind().map(Resource::name));
    if let Some(other) = of_kind().find(|other| Some(other.name()) == near) {
        let help = format!("did you mean `{}`?", other.name());
        problem = problem.related(other.span(), "an object with a name like it").help(help);
    }
    problem
}

/// Applies one replacement. `targets` gets what each target selects by, and whether that found anything.
fn apply<'a>(
    gathered: &mut Accumulator,
    entry: &'a Node,
    release: KustomizeRelease,
    found: &mut Vec<(&'a Node, bool)>,
) -> Result<(), Box<Problem>> {
    let targets = entry.get("targets");
    let (source, constant) = (entry.get("source"), entry.get("sourceValue"));
    let Some(targets) = targets.filter(|_| source.is_some() || constant.is_some()) else {
        let words = "replacements must specify a source and at least one target".to_owned();
        return Err(fails(entry.span, words.clone(), words));
    };
    let (mut value, live) = match (source, constant) {
        (Some(source), None) => match source_value(gathered, source)? {
            Some(value) => value,
            None => return Ok(()),
        },
        (None, Some(constant)) => (Node { style: Style::Plain, ..constant.clone() }, None),
        _ => {
            let words = "either source or sourceValue must be set, but not both".to_owned();
            return Err(fails(entry.span, words.clone(), words));
        }
    };
    for target in targets.items() {
        let Some(select) = target.get("select") else {
            let words = "target must specify resources to select".to_owned();
            return Err(fails(target.span, words.clone(), words));
        };
        let selector = Target::new(select, release)?;
        let rejects = target.get("reject").map(Node::items).unwrap_or_default();
        let rejects: Vec<Target> =
            rejects.iter().map(|reject| Target::new(reject, release)).collect::<Result<_, _>>()?;
        let default = Node::string("metadata.name", target.span);
        let paths = target.get("fieldPaths").map(Node::items).filter(|paths| !paths.is_empty());
        let paths = paths.unwrap_or(std::slice::from_ref(&default));
        let (mut renames, mut selected) = (false, false);
        let called: Vec<usize> = gathered.resources.called(selector.name.as_ref()).collect();
        for at in called {
            let Some(resource) = gathered.resources.list_mut().get_mut(at) else { continue };
            if !selector.selects(resource) {
                continue;
            }
            selected = true;
            if rejects.iter().any(|reject| reject.rejects(resource)) {
                continue;
            }
            let shares = !resource.shared.is_empty();
            let booked = resource.has_books()
                && paths.iter().any(|path| text_of(Some(path)).starts_with("metadata.annotations"));
            if booked {
                with_annotations(&mut resource.root);
            }
            for path in paths {
                renames |= text_of(Some(path)).starts_with("metadata") || text_of(Some(path)) == "kind";
                copy(resource, &value, path, target.get("options"), release)?;
                // The source is no copy: what is written to it is what the next place gets.
                if let Some((_, parts)) = live.as_ref().filter(|(source, _)| *source == at)
                    && let Some(now) = lookup(&resource.root, parts)
                {
                    value = now.clone();
                }
            }
            if booked {
                without_blank_annotations(&mut resource.root);
            }
            if shares {
                resource.spread_labels();
            }
        }
        found.push((select, selected));
        if renames {
            gathered.resources.ids_changed();
        }
    }
    Ok(())
}

/// Which objects a replacement writes to.
struct Target {
    /// Whether an object without namespace counts as one in `default`.
    defaults: bool,
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Selector,
    has_id: bool,
}

impl Target {
    /// Before kustomize 5.8 every field is compared letter by letter, since then it is an anchored pattern.
    fn new(node: &Node, release: KustomizeRelease) -> Result<Self, Box<Problem>> {
        let wrong = |words: String| fails(node.span, words.clone(), words);
        let pattern = |field: &str| match text_of(node.get(field)) {
            "" => Ok(None),
            text if release.selects_by_pattern() => anchored(text).map(Some).map_err(wrong),
            text => Ok(Some(Pattern::Word(text.to_owned()))),
        };
        let mut labels = node.clone();
        if let Some(mapping) = labels.as_mapping_mut() {
            mapping.retain(|entry| entry.key.text.ends_with("Selector"));
        }
        let labels = Selector::new(&labels).map_err(wrong)?;
        let has_id =
            ["group", "version", "kind", "name", "namespace"].iter().any(|field| !text_of(node.get(field)).is_empty());
        Ok(Self {
            defaults: !release.selects_by_pattern(),
            group: pattern("group")?,
            version: pattern("version")?,
            kind: pattern("kind")?,
            name: pattern("name")?,
            namespace: pattern("namespace")?,
            labels,
            has_id,
        })
    }

    fn has_id_of(&self, resource: &Resource) -> bool {
        resource.ids().any(|id| {
            fits(self.group.as_ref(), &id.gvk.group)
                && fits(self.version.as_ref(), &id.gvk.version)
                && fits(self.kind.as_ref(), &id.gvk.kind)
                && fits(self.name.as_ref(), &id.name)
                && fits(self.namespace.as_ref(), if self.defaults { namespace_of(&id) } else { &id.namespace })
        })
    }

    fn selects(&self, resource: &Resource) -> bool {
        self.has_id_of(resource) && self.labels.fits_labels(resource)
    }

    fn rejects(&self, resource: &Resource) -> bool {
        self.has_id && self.has_id_of(resource) || self.labels.has_labels() && self.labels.fits_labels(resource)
    }
}

/// The namespace as replacements compare it: they do not know that some types have none.
fn namespace_of(id: &ResId) -> &str {
    if id.namespace.is_empty() { "default" } else { &id.namespace }
}

fn is_selected(id: &ResId, wanted: &ResId) -> bool {
    (wanted.name.is_empty() || wanted.name == id.name)
        && (wanted.namespace.is_empty() || namespace_of(wanted) == namespace_of(id))
        && id.gvk.is_selected_by(&wanted.gvk)
}

/// The value, and where it stands unless a part was cut out of it: the resource's place in the list and the path.
type Source = (Node, Option<(usize, Vec<String>)>);

/// The value to copy; `None` if it may come from an object that could not be had.
fn source_value(gathered: &Accumulator, source: &Node) -> Result<Option<Source>, Box<Problem>> {
    let text = |field: &str| text_of(source.get(field));
    let wanted = ResId {
        gvk: Gvk::new(text("group"), text("version"), text("kind")),
        name: text("name").into(),
        namespace: text("namespace").into(),
    };
    let list = gathered.resources.list();
    let name = Some(text("name")).filter(|name| !name.is_empty()).map(|name| Pattern::Word(name.to_owned()));
    let called = gathered.resources.called(name.as_ref()).filter_map(|at| Some((at, list.get(at)?)));
    let is_meant = |resource: &Resource| resource.ids().any(|id| is_selected(&id, &wanted));
    let found: Vec<(usize, &Resource)> = called.filter(|(_, resource)| is_meant(resource)).take(2).collect();
    let path = match text("fieldPath") {
        "" => "metadata.name",
        path => path,
    };
    let name = source.get("name").map_or(source.span, |name| name.span);
    let shown = source.get("fieldPath").map(|path| format!(":{}", text_of(Some(path)))).unwrap_or_default();
    let (at, resource) = match found.as_slice() {
        [(at, resource)] => (*at, *resource),
        [] if gathered.incomplete => return Ok(None),
        [] => {
            let words = format!("nothing selected by {wanted}{shown}");
            let message = format!(
                "the replacement takes its value from {} {}, which is not here, so the whole kustomization fails to build",
                wanted.gvk.kind, wanted.name
            );
            let mut problem = no_match(name, words, message);
            let of_kind = list.iter().filter(|resource| resource.gvk().is_selected_by(&wanted.gvk)).map(Resource::name);
            problem.help = super::nearest(&wanted.name, of_kind).map(|near| format!("did you mean `{near}`?"));
            return Err(problem);
        }
        [(_, first), (_, second), ..] => {
            let words = format!("multiple matches for selector {wanted}{shown}");
            let message = format!(
                "the replacement's source is not clear: {} and {} both fit, so the whole kustomization fails to build",
                describe(first),
                describe(second)
            );
            return Err(fails(source.span, words, message));
        }
    };
    let parts = smart_parts(path);
    let span = source.get("fieldPath").map_or(source.span, |path| path.span);
    let found = lookup(&resource.root, &parts).filter(|node| {
        !node.is_null()
            && !node.as_mapping().is_some_and(Mapping::is_empty)
            && node.as_sequence().is_none_or(|items| !items.is_empty())
    });
    let Some(found) = found else {
        if gathered.incomplete {
            return Ok(None);
        }
        let words = format!("fieldPath `{path}` is missing for replacement source {wanted}");
        let message = format!("{} has no `{path}`, so the whole kustomization fails to build", describe(resource));
        return Err(Box::new(no_match(span, words, message).related(resource.span(), "the source")));
    };
    let options = source.get("options");
    let delimiter = text_of(options.and_then(|options| options.get("delimiter")));
    if delimiter.is_empty() {
        return Ok(Some((found.clone(), Some((at, parts)))));
    }
    let Some(text) = found.value_text() else {
        let words = "delimiter option can only be used with scalar nodes".to_owned();
        return Err(fails(source.span, words.clone(), words));
    };
    let index = options.and_then(|options| options.get("index")?.as_i64()).unwrap_or(0);
    let part = usize::try_from(index).ok().and_then(|index| text.split(delimiter).nth(index));
    let Some(part) = part else {
        let words = format!("options.index {index} is out of bounds for value {text}");
        return Err(fails(source.span, words.clone(), words));
    };
    let mut value = found.clone();
    set_text(&mut value, part);
    Ok(Some((value, None)))
}

/// Splits a field path; `[a.b/c]` is one key, `[name=x.y]` one match.
pub(super) fn smart_parts(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut split = split_path(path, '.').into_iter();
    while let Some(mut part) = split.next() {
        if part.starts_with('[') && !part.ends_with(']') {
            for next in split.by_ref() {
                part.push('.');
                part.push_str(&next);
                if next.ends_with(']') {
                    break;
                }
            }
            if !part.contains('=') {
                part = part.trim_matches(['[', ']']).to_owned();
            }
        }
        parts.push(part);
    }
    parts
}

pub(super) fn list_match(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

fn lookup<'a>(root: &'a Node, parts: &[String]) -> Option<&'a Node> {
    parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).try_fold(root, |node, part| {
        if let Ok(index) = part.parse::<usize>()
            && node.as_sequence().is_some()
        {
            return node.items().get(index);
        }
        if part == "-" {
            return node.items().last();
        }
        match list_match(part) {
            Some(("", value)) => node.items().iter().find(|item| item.value_text() == Some(value)),
            Some((key, value)) => {
                node.items().iter().find(|item| item.get(key).and_then(Node::value_text) == Some(value))
            }
            None => node.get(part),
        }
    })
}
