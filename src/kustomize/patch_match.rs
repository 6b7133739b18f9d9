//! What to say of patches that miss, fail, or do something nobody can want.

use super::accumulate::Accumulator;
use super::id::{ResId, text_of};
use super::json_patch::{OPERATIONS, Operation, Refused};
use super::patch::describe;
use super::problem::{Problem, ProblemKind};
use super::resource::Resource;
use super::selector::Selector;
use crate::finding::Severity;
use crate::source::Span;
use crate::yaml::{Node, Value};

/// The place that says which object a strategic merge patch is for.
pub(super) fn aim(patch: &Node) -> Span {
    patch.at(&["metadata", "name"]).map_or(patch.span, |name| name.span)
}

/// A strategic merge patch whose object is not there.
pub(super) fn no_object(gathered: &Accumulator, patch: &Node, entry: Span, words: String) -> Problem {
    let id = ResId::of(patch);
    let place =
        |namespace: &str| if namespace.is_empty() { String::new() } else { format!(" in namespace {namespace}") };
    let message = format!(
        "the patch is for {} {}{}, which is not here, so the whole kustomization fails to build",
        id.gvk.kind,
        id.name,
        place(&id.namespace)
    );
    let mut problem = Problem::new(ProblemKind::PatchNoMatch, aim(patch), message).upstream(words);
    if entry.file != patch.span.file {
        problem.related.push((entry, "the patch is named here".to_owned()));
    }
    let list = gathered.resources.list();
    let same_name = list.iter().find(|other| other.name() == id.name && other.gvk().kind == id.gvk.kind);
    if let Some(other) = same_name {
        let own = other.id();
        problem.related.push((other.span(), "the object that may be meant".to_owned()));
        problem.help = Some(if own.gvk != id.gvk {
            format!("write `apiVersion: {}`, as the object has it", api_version(&own))
        } else if own.namespace.is_empty() {
            "take `metadata.namespace` out of the patch; the object has none".to_owned()
        } else {
            format!("add `namespace: {}` to the metadata of the patch, as the object has it", own.namespace)
        });
        return problem;
    }
    let of_kind = || list.iter().filter(|other| other.gvk().kind == id.gvk.kind);
    if let Some(nearest) = super::nearest(&id.name, of_kind().map(Resource::name)) {
        let nearest = nearest.to_owned();
        if let Some(other) = of_kind().find(|other| other.name() == nearest) {
            problem.related.push((other.span(), "an object with a name like it".to_owned()));
        }
        problem.help = Some(format!("did you mean `{nearest}`?"));
    } else if let [only] = of_kind().collect::<Vec<_>>().as_slice() {
        problem.related.push((only.span(), format!("the only {} here", id.gvk.kind)));
    }
    problem
}

fn api_version(id: &ResId) -> String {
    if id.gvk.group.is_empty() { id.gvk.version.to_string() } else { format!("{}/{}", id.gvk.group, id.gvk.version) }
}

/// The fields of a `target`, the one that a person would mend first at the front.
const TARGET_FIELDS: [&str; 7] =
    ["name", "kind", "namespace", "group", "version", "labelSelector", "annotationSelector"];

/// The place that stands for a `target`.
pub(super) fn place_of_target(target: &Node) -> Span {
    TARGET_FIELDS.iter().find_map(|field| target.get(field)).map_or(target.span, |node| node.span)
}

/// A `target` that selects nothing.
pub(super) fn no_target(gathered: &Accumulator, target: &Node) -> Problem {
    let list = gathered.resources.list();
    let place = place_of_target(target);
    let text = |field: &str| text_of(target.get(field));
    let wanted: Vec<String> = TARGET_FIELDS
        .iter()
        .filter(|field| !text(field).is_empty())
        .map(|field| format!("{field} `{}`", text(field)))
        .collect();
    let message = format!(
        "the patch selects nothing: no object here has {}; kustomize says nothing and leaves the patch out",
        if wanted.is_empty() { "anything".to_owned() } else { wanted.join(", ") }
    );
    let mut problem = Problem::new(ProblemKind::PatchNoMatch, place, message);
    if text("name").is_empty() {
        // A patch for whatever there is of a kind is a policy as often as a mistake.
        let by_label = !text("labelSelector").is_empty() || !text("annotationSelector").is_empty();
        problem.severity = Some(if by_label { Severity::Info } else { Severity::Warning });
    }
    // One field too many: leaving it out would select something.
    let without: Vec<(&str, &Resource)> = TARGET_FIELDS
        .iter()
        .filter(|field| target.get(field).is_some())
        .filter_map(|field| {
            let mut rest = target.clone();
            rest.as_mapping_mut()?.retain(|entry| entry.key.text != *field);
            if rest.entries().is_empty() {
                return None;
            }
            let selector = Selector::new(&rest).ok()?;
            Some((*field, list.iter().find(|resource| selector.selects(resource))?))
        })
        .collect();
    let others = || without.iter().filter(|(field, _)| *field != "name");
    if let Some((field, resource)) = others().next() {
        let own = resource.id();
        let has = match *field {
            "kind" => own.gvk.kind.to_string(),
            "namespace" => own.namespace.to_string(),
            "group" => own.gvk.group.to_string(),
            "version" => own.gvk.version.to_string(),
            _ => String::new(),
        };
        problem.related.push((resource.span(), "the object that may be meant".to_owned()));
        if let Some(excluding) = target.get(field) {
            problem.related.push((excluding.span, format!("this `{field}` shuts it out")));
        }
        problem.help = Some(match (*field, has.as_str()) {
            ("labelSelector" | "annotationSelector", _) => {
                format!("{} does not have what `{field}` asks for at this point of the build", describe(resource))
            }
            ("namespace", "") => format!(
                "take `namespace: {}` out of the target: {} has none when patches run, because they run before \
                 `namespace:` is set",
                text("namespace"),
                describe(resource)
            ),
            (_, "") => format!("take `{field}` out of the target; {} has none", describe(resource)),
            (_, has) => format!("{} has `{field}: {has}`", describe(resource)),
        });
        return problem;
    }
    let name = text("name");
    let candidates = || {
        let kind = text("kind");
        list.iter().filter(move |resource| kind.is_empty() || resource.gvk().kind == kind)
    };
    if let Some(resource) = list
        .iter()
        .find(|resource| !name.is_empty() && resource.ids().any(|id| id.name != resource.name() && id.name == name))
    {
        problem.related.push((resource.span(), "this object had that name".to_owned()));
        problem.help = Some(format!("patches see `{}` and `{}`", resource.original_id().name, resource.name()));
    } else if let Some(nearest) = super::nearest(name, candidates().map(Resource::name)).filter(|_| !name.is_empty()) {
        let nearest = nearest.to_owned();
        if let Some(resource) = candidates().find(|resource| resource.name() == nearest) {
            problem.related.push((resource.span(), "an object with a name like it".to_owned()));
        }
        problem.help = Some(format!("did you mean `{nearest}`?"));
    } else if let [only] = candidates().collect::<Vec<_>>().as_slice()
        && !text("kind").is_empty()
    {
        problem.related.push((only.span(), format!("the only {} here is called {}", only.gvk().kind, only.name())));
    }
    problem
}

/// An operation that can't be applied.
pub(super) fn refused(operation: &Operation, why: Refused, resource: &Resource) -> Problem {
    let object = describe(resource);
    let there = if why.reached.is_empty() { "nothing of it".to_owned() } else { format!("only `{}`", why.reached) };
    let message = match (operation.name.as_str(), why.kind) {
        (name, ProblemKind::BuildFails) if OPERATIONS.contains(&name) => {
            format!("the operation `{name}` needs a `path`, a text such as `/spec/replicas`")
        }
        ("", ProblemKind::BuildFails) => "an operation of a JSON patch needs an `op`".to_owned(),
        (name, ProblemKind::BuildFails) => format!("`{name}` is no operation of a JSON patch"),
        ("test", _) if why.words.contains("test failed") => format!(
            "the test fails: `{}` of {object} has another value, so the whole kustomization fails to build",
            operation.path
        ),
        ("remove", _) => format!(
            "there is no `{}` in {object} to remove ({there} is there), so the whole kustomization fails to build",
            operation.path
        ),
        (name, _) => format!(
            "`{name}` finds no place for `{}` in {object} ({there} is there), so the whole kustomization fails to build",
            why.path
        ),
    };
    let mut problem = Problem::new(why.kind, why.span, message).upstream(why.words);
    problem.help = near_key(&why.path, &why.reached, &resource.root)
        .map(|near| format!("did you mean `{near}`?"))
        .or_else(|| {
            (operation.name == "remove").then(|| "delete the operation if the field is gone for good".to_owned())
        })
        .or_else(|| {
            (operation.name == "add" && why.reached.len() < operation.path.len()).then(|| {
                let missing = operation.path.get(why.reached.len() + 1..).and_then(|rest| rest.split('/').next());
                format!("add `{}/{}` first", why.reached, missing.unwrap_or_default())
            })
        });
    problem
}

/// The path with its first missing part replaced by the key that is most like it.
fn near_key(path: &str, reached: &str, root: &Node) -> Option<String> {
    let missing = path.get(reached.len() + 1..)?.split('/').next()?;
    let node = reached.split('/').skip(1).try_fold(root, |node, part| match &node.value {
        Value::Mapping(mapping) => mapping.get(&part.replace("~1", "/").replace("~0", "~")),
        Value::Sequence(items) => items.get(part.parse::<usize>().ok()?),
        Value::Scalar(_) => None,
    })?;
    let near = super::nearest(missing, node.entries().iter().map(|entry| entry.key.text.as_str()))?;
    Some(format!("{reached}/{near}{}", path.get(reached.len() + 1 + missing.len()..)?))
}

/// A `replace` that made a key.
pub(super) fn created(operation: &Operation, before: &Node, resource: &Resource) -> Problem {
    let parent = operation.path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let message = format!(
        "`{}` does not exist in {}; kustomize's `replace` adds it without a word, though what was meant to be replaced \
         is somewhere else or gone",
        operation.path,
        describe(resource)
    );
    let mut problem = Problem::new(ProblemKind::PatchReplaceCreates, operation.path_span, message)
        .related(resource.span(), "the object");
    problem.help = Some(match near_key(&operation.path, parent, before) {
        Some(near) => {
            problem.severity = is_slip(&operation.path, &near, &resource.gvk().group).then_some(Severity::Warning);
            format!("did you mean `{near}`?")
        }
        None => "write `op: add` if the field is to be new".to_owned(),
    });
    problem
}

/// Maps in objects of Kubernetes whose keys a person makes up.
const FREE_MAPS: [&str; 16] = [
    "annotations",
    "binaryData",
    "capacity",
    "data",
    "hard",
    "labels",
    "limits",
    "matchLabels",
    "nodeSelector",
    "options",
    "overhead",
    "parameters",
    "requests",
    "selector",
    "stringData",
    "volumeAttributes",
];

/// Whether a path differs by one slip from one that is there, in a kind of Kubernetes, whose fields are not made up: then
/// there is no such field. `clusterIP` and `clusterIPs` are the one pair of fields that stand side by side and are that
/// near.
fn is_slip(path: &str, near: &str, group: &str) -> bool {
    let of_kubernetes = !group.contains('.') || group.ends_with(".k8s.io");
    let holder = path.rsplit('/').nth(1).unwrap_or_default();
    let both_are_fields = path.starts_with("/spec/clusterIP");
    // The paths may be long, and what is compared costs the product of the lengths; a key that is near is short.
    let last = |path: &'_ str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let (own, other) = (last(path), last(near));
    let one_slip = own.eq_ignore_ascii_case(&other) || strsim::damerau_levenshtein(&own, &other) == 1;
    of_kubernetes && one_slip && !both_are_fields && !FREE_MAPS.contains(&holder)
}

/// An element of a list of named elements, addressed by its place.
pub(super) fn by_index(operation: &Operation, name: &str, resource: &Resource) -> Problem {
    let message = format!(
        "`{}` means `{name}` in {} today; when the order changes, the patch silently changes another one",
        operation.path,
        describe(resource)
    );
    Problem::new(ProblemKind::PatchIndexUnguarded, operation.path_span, message)
        .help("put a `test` of the element's name before it, or use a strategic merge patch, which goes by name")
}
