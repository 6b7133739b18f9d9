//! What to say of strategic merge patches that lose something: elements of lists, or their own directives.

use super::merge::Lost;
use super::patch::describe;
use super::patch_match::aim;
use super::problem::{Problem, ProblemKind};
use super::resource::Resource;
use crate::finding::Severity;
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// An element of a list merged by key that is not in the result.
pub(super) fn element(lost: &Lost, patch: &Node, resource: &Resource) -> Problem {
    let (list, object) = (&lost.list, describe(resource));
    let keys = lost.keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ");
    let because = match &lost.missing {
        Some(missing) => format!("kustomize tells them apart by {keys}, and not all of them have `{missing}`"),
        None => format!("kustomize tells them apart by {keys}, and two have the same"),
    };
    let problem = if lost.of_patch {
        let message = format!("this element does not reach `{list}` of {object}, without a word: {because}");
        Problem::new(ProblemKind::MergeLosesElement, lost.element, message)
    } else {
        let message = format!("with this patch {object} silently loses an element of `{list}`: {because}");
        let place = list_of(patch, list, lost.element).unwrap_or_else(|| aim(patch));
        Problem::new(ProblemKind::MergeLosesElement, place, message).related(lost.element, "the element that is lost")
    };
    problem.help(match &lost.missing {
        Some(missing) => format!("write `{missing}` in the manifest and in the patch, or use a JSON patch"),
        None => "use a JSON patch, which leaves the list as it is".to_owned(),
    })
}

/// The list of a patch with this name, if there is one only.
fn list_of(patch: &Node, name: &str, element: Span) -> Option<Span> {
    let mut found = Vec::new();
    walk(patch, &mut |entry| {
        if entry.key.text == name && entry.value.as_sequence().is_some() && !entry.value.span.holds(element) {
            found.push(entry.key.span);
        }
    });
    if let [only] = found.as_slice() { Some(*only) } else { None }
}

/// Directives that do nothing, and those that are left in the object.
pub(super) fn directives(idle: &[Span], patch: &Node, resource: &Resource) -> Vec<Problem> {
    let object = describe(resource);
    let new = |span: Span, message: String| Problem::new(ProblemKind::DirectiveIgnored, span, message);
    let of_idle = idle.iter().map(|span| {
        let message = format!(
            "`$patch: replace` in an element that is found by its key does nothing in kustomize: the element of {object} \
             stays as it was"
        );
        let problem = new(*span, message);
        Problem { severity: Some(Severity::Warning), ..problem }
            .help("remove single fields with `null`, or use a JSON patch")
    });
    let mut problems: Vec<Problem> = of_idle.collect();
    let mut given = Vec::new();
    walk(patch, &mut |entry| given.extend(is_directive(&entry.key.text).then_some(entry.key.span)));
    if given.is_empty() {
        return problems;
    }
    walk(&resource.root, &mut |entry| {
        let name = entry.key.text.as_str();
        if !given.contains(&entry.key.span) {
            return;
        }
        let (why, help) = if name == "$patch" {
            let why = "kustomize knows no keys for this list in this kind of object, and replaces it as a whole";
            (why, "write the list as it is to be, or use a JSON patch")
        } else {
            ("kustomize does not know it", "use a JSON patch")
        };
        let message = format!("`{name}` ends up in {object} as data, which the API server refuses or drops: {why}");
        problems.push(new(entry.key.span, message).help(help));
    });
    problems
}

/// What strategic merge patches of the API server may say besides data.
fn is_directive(key: &str) -> bool {
    key == "$patch"
        || key == "$retainKeys"
        || key.starts_with("$setElementOrder/")
        || key.starts_with("$deleteFromPrimitiveList/")
}

/// Goes through all entries of all maps.
fn walk(node: &Node, visit: &mut impl FnMut(&Entry)) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Mapping(mapping) => {
            for entry in mapping.iter() {
                visit(entry);
                walk(&entry.value, visit);
            }
        }
    }
}
