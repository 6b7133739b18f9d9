//! `namePrefix` and `nameSuffix`.

use super::accumulate::{Accumulator, Engine};
use super::field_spec::{FieldSpec, Leaf, visit};
use super::id::Gvk;
use super::kustomization::Kustomization;
use super::problem::Problem;
use super::resource::Resource;
use crate::source::Span;
use crate::yaml::{Action, Node, Tag, Value};

/// Which end of a name is written at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Prefix,
    Suffix,
}

impl Engine<'_> {
    pub(super) fn prefix_and_suffix(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        for (field, end) in [("namePrefix", End::Prefix), ("nameSuffix", End::Suffix)] {
            let Some((text, by)) = kustomization.text(field) else { continue };
            let specs = match end {
                End::Prefix => gathered.fields.name_prefix.clone(),
                End::Suffix => gathered.fields.name_suffix.clone(),
            };
            self.rename(gathered, text, by, end, &specs);
            self.ran(
                kustomization,
                gathered,
                if end == End::Prefix { "PrefixTransformer" } else { "SuffixTransformer" },
            );
        }
    }

    pub(super) fn rename(&mut self, gathered: &mut Accumulator, text: &str, by: Span, end: End, specs: &[FieldSpec]) {
        for resource in gathered.resources.all_mut() {
            if let Err(words) = rename(resource, text, by, end, specs) {
                self.report(Problem::fails(by, words));
            }
        }
    }
}

fn rename(resource: &mut Resource, text: &str, by: Span, end: End, specs: &[FieldSpec]) -> Result<(), String> {
    let original = resource.original_id();
    let kept = [
        Gvk::new("", "", "CustomResourceDefinition"),
        Gvk::new("apiregistration.k8s.io", "", "APIService"),
        Gvk::new("", "", "Namespace"),
    ];
    if kept.iter().any(|kept| original.gvk.is_selected_by(kept)) {
        return Ok(());
    }
    for spec in specs.iter().filter(|spec| original.gvk.is_selected_by(&spec.gvk)) {
        if spec.path == "metadata/name" && !text.is_empty() {
            match end {
                End::Prefix => resource.prefixes.push(text.into()),
                End::Suffix => resource.suffixes.push(text.into()),
            }
            resource.remember_id();
        }
        if !resource.gvk().is_selected_by(&spec.gvk) {
            continue;
        }
        visit(&mut resource.root, spec, Some(Leaf::Scalar), by, &mut |node| {
            let old = node.value_text().ok_or("expected ScalarNode")?;
            let (new, action) = match end {
                End::Prefix => (format!("{text}{old}"), Action::Prefixed),
                End::Suffix => (format!("{old}{text}"), Action::Suffixed),
            };
            rewrite(node, new, action, by);
            Ok(())
        })?;
    }
    Ok(())
}

/// Writes a new text over a scalar that stays where it is written, with the step in its history.
pub(super) fn rewrite(node: &mut Node, text: String, action: Action, by: Span) {
    let before = node.clone();
    node.value = Value::Scalar(text.into());
    node.tag = Tag::None;
    node.changed(action, by, Some(before));
}
