//! Workflows and their templates among the repository's objects.

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Repository};
use crate::yaml::Node;

/// The group of Argo Workflows' kinds.
pub(super) const GROUP: &str = "argoproj.io";

/// An object that runs as a workflow, or that workflows are made of.
#[derive(Clone, Copy)]
pub(super) struct Workflow<'a> {
    pub(super) app: &'a BuiltApp,
    pub(super) object: &'a Object,
    /// The workflow's spec.
    pub(super) spec: &'a Node,
    /// Namespace it is in; empty if that is not known or it has none.
    pub(super) namespace: &'a str,
}

/// Every workflow, template and schedule of the repository.
pub(super) fn all(repository: &Repository) -> impl Iterator<Item = Workflow<'_>> {
    repository.apps.iter().flat_map(move |app| {
        app.objects.iter().filter(|object| object.id.group == GROUP).filter_map(move |object| {
            let spec = match object.id.kind.as_str() {
                "Workflow" | "WorkflowTemplate" | "ClusterWorkflowTemplate" => object.root.get("spec"),
                "CronWorkflow" => object.root.at(&["spec", "workflowSpec"]),
                _ => None,
            }?;
            Some(Workflow { app, object, spec, namespace: repository.home_of(app, object) })
        })
    })
}

impl<'a> Workflow<'a> {
    /// The names of ServiceAccounts that its pods run as, where they are written.
    pub(super) fn accounts(self) -> impl Iterator<Item = &'a Node> {
        let templates = self.spec.get("templates").map(Node::items).unwrap_or_default();
        let own = self.spec.get("serviceAccountName");
        own.into_iter().chain(templates.iter().filter_map(|template| template.get("serviceAccountName")))
    }
}
