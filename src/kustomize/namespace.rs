//! `namespace`.

use super::accumulate::{Accumulator, Engine};
use super::field_spec::{FieldSpec, Leaf, visit};
use super::id::{Gvk, text_of};
use super::kustomization::Kustomization;
use super::problem::{Problem, ProblemKind};
use super::resource::Resource;
use super::scalar::is_nothing;
use crate::source::Span;
use crate::yaml::{Action, Key, Node};

/// Which subjects of role bindings get the namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Subjects {
    NamedDefault,
    ServiceAccounts,
    None,
}

/// How a namespace is set.
pub(super) struct Namespace<'a> {
    pub(super) name: &'a str,
    pub(super) by: Span,
    pub(super) specs: &'a [FieldSpec],
    pub(super) unset_only: bool,
    pub(super) subjects: Subjects,
}

impl Engine<'_> {
    pub(super) fn set_namespace(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        let Some((name, by)) = kustomization.text("namespace") else { return };
        let specs = gathered.fields.namespace.clone();
        let namespace = Namespace { name, by, specs: &specs, unset_only: false, subjects: Subjects::NamedDefault };
        self.namespace(gathered, &namespace);
        self.ran(kustomization, gathered, "NamespaceTransformer");
    }

    pub(super) fn namespace(&mut self, gathered: &mut Accumulator, namespace: &Namespace<'_>) {
        for resource in gathered.resources.all_mut() {
            resource.remember_id();
            if let Err(words) = namespace.set(resource) {
                self.report(Problem::fails(namespace.by, format!("namespace transformation failed: {words}")));
            }
        }
        // The first pair is enough: kustomize stops there.
        if let Some((id, first, second)) = gathered.resources.twice() {
            let words = format!("namespace transformation produces ID conflict: [{id} {id}]");
            let message = format!(
                "with `namespace: {}` two objects become {} {}, and kustomize refuses to build",
                namespace.name, id.gvk.kind, id.name
            );
            let problem = Problem::new(ProblemKind::ObjectDuplicate, namespace.by, message).upstream(words);
            self.report(
                problem.related(first.written_span(), "one of them").related(second.written_span(), "the other one"),
            );
        }
    }
}

impl Namespace<'_> {
    fn write(&self, node: &mut Node) -> Result<(), String> {
        if node.value_text().is_none() {
            return Err("namespace field specs must target scalar nodes".to_owned());
        }
        if self.unset_only && !text_of(Some(node)).is_empty() {
            return Ok(());
        }
        let history = node.history.clone();
        let before = (!text_of(Some(node)).is_empty()).then(|| node.clone());
        *node = Node { history, ..Node::string(self.name, self.by) };
        node.changed(Action::Namespaced, self.by, before);
        Ok(())
    }

    fn set(&self, resource: &mut Resource) -> Result<(), String> {
        let gvk = resource.gvk();
        if !gvk.is_cluster_scoped() {
            let own = FieldSpec { gvk: Gvk::default(), path: "metadata/namespace".into(), create: true };
            visit(&mut resource.root, &own, Some(Leaf::Scalar), self.by, &mut |node| self.write(node))?;
        }
        let binds = matches!(gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
        if binds {
            self.set_subjects(&mut resource.root)?;
        }
        for spec in self.specs {
            let own_name = spec.path == "metadata/name" && !(gvk.group.is_empty() && gvk.version == "v1");
            let subjects = binds && spec.path == "subjects/namespace";
            if spec.path == "metadata/namespace" || own_name || subjects || !gvk.is_selected_by(&spec.gvk) {
                continue;
            }
            visit(&mut resource.root, spec, Some(Leaf::Scalar), self.by, &mut |node| self.write(node))?;
        }
        Ok(())
    }

    fn set_subjects(&self, root: &mut Node) -> Result<(), String> {
        let wanted = |subject: &Node| match self.subjects {
            Subjects::NamedDefault => text_of(subject.get("name")) == "default",
            Subjects::ServiceAccounts => text_of(subject.get("kind")) == "ServiceAccount",
            Subjects::None => false,
        };
        if is_nothing(root.get("subjects")) {
            return Ok(());
        }
        let Some(subjects) = root.as_mapping_mut().and_then(|root| root.get_mut("subjects")) else { return Ok(()) };
        if subjects.as_sequence().is_none() {
            return Err("setting namespace on (cluster)role binding subjects: wrong node kind: expected SequenceNode"
                .to_owned());
        }
        if !subjects.items().iter().any(wanted) {
            return Ok(());
        }
        for subject in subjects.as_sequence_mut().into_iter().flatten().filter(|subject| wanted(subject)) {
            let Some(mapping) = subject.as_mapping_mut() else { continue };
            if mapping.get("namespace").is_none() {
                mapping.insert(Key::new("namespace", self.by), Node::string("", self.by));
            }
            if let Some(node) = mapping.get_mut("namespace") {
                self.write(node)?;
            }
        }
        Ok(())
    }
}
