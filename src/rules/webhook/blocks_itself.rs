//! See `rules/webhook/webhook-blocks-itself.md`.

use std::collections::BTreeMap;

use semver::Version;

use crate::helm::Release;
use crate::kubernetes::{Object, Pod, selects};
use crate::repository::Cluster;
use crate::repository::{BuiltApp, Repository};
use crate::rules::charts::{self, Values};
use crate::rules::{Check, Findings};
use crate::source::{FileId, Span};
use crate::yaml::{Entry, Key, Mapping, Node};

pub(crate) const CHECK: Check = Check::Repository(check);

/// The label that every namespace has by itself.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let mut namespaces: BTreeMap<(Cluster, &str), &Object> = BTreeMap::new();
    let is_webhook = |object: &&Object| {
        object.id.group == "admissionregistration.k8s.io"
            && matches!(object.id.kind.as_str(), "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration")
    };
    for (app, object) in repository.objects_of("", "Namespace") {
        namespaces.insert((Cluster::of(app), object.id.name.as_str()), object);
    }
    for app in &repository.apps {
        findings.about(Some(app), None);
        for release in app.releases.iter().filter(|release| release.chart.name == "topolvm") {
            if let Some(namespace) = namespaces.get(&(Cluster::of(app), release.namespace.as_str())) {
                of_topolvm(release, namespace, findings);
            }
        }
        for object in app.objects.iter().filter(is_webhook) {
            findings.about(Some(app), Some(object));
            for webhook in object.root.get("webhooks").map(Node::items).unwrap_or_default() {
                judge(webhook, app, &namespaces, findings);
            }
        }
    }
}

/// The first release of TopoLVM's chart whose webhook leaves its own namespace out by name. Source: topolvm/topolvm,
/// `templates/mutatingwebhooks.yaml` at the tags up to topolvm-chart-v13.0.0.
const OWN_NAMESPACE_SINCE: Version = Version::new(13, 0, 0);

/// TopoLVM of a chart that leaves out namespaces by a label only, in a namespace without it.
fn of_topolvm(release: &Release, namespace: &Object, findings: &mut Findings<'_>) -> Option<()> {
    let values = Values::of(release)?;
    let is_old = charts::version(release)? < OWN_NAMESPACE_SINCE;
    let is_on = values.get("webhook.podMutatingWebhook.enabled").bool() == Some(true);
    let labels = namespace.root.at(&["metadata", "labels"]);
    let is_ignored = labels
        .and_then(|labels| labels.get("topolvm.io/webhook"))
        .is_some_and(|label| label.as_text().is_none_or(|text| text == "ignore"));
    if !is_old || !is_on || is_ignored || labels.is_some_and(Node::is_unknown) {
        return None;
    }
    let message = format!(
        "TopoLVM's webhook must admit every pod of `{}`, also its own: once they are all gone, none can be made, \"failed \
         calling webhook\", and no pod of the other namespaces either",
        namespace.id.name
    );
    let finding = findings.report(namespace.name_span(), message);
    finding.related(
        release.version_span.unwrap_or(release.chart_span),
        "the chart leaves out namespaces with a label only",
    );
    finding.help("give the namespace the label `topolvm.io/webhook: ignore`");
    Some(())
}

fn judge(
    webhook: &Node,
    app: &BuiltApp,
    namespaces: &BTreeMap<(Cluster, &str), &Object>,
    findings: &mut Findings<'_>,
) -> Option<()> {
    let fails = webhook.get("failurePolicy").is_none_or(|policy| policy.is_null() || policy.as_str() == Some("Fail"));
    let conditions = webhook.get("matchConditions").is_some_and(|conditions| !conditions.items().is_empty());
    let service = webhook.at(&["clientConfig", "service"])?;
    let (name, namespace) = (service.str_at(&["name"])?, service.str_at(&["namespace"])?);
    if !fails || conditions || !judges_pods(webhook) {
        return None;
    }
    let own = namespaces.get(&(Cluster::of(app), namespace)).and_then(|object| object.root.at(&["metadata", "labels"]));
    let is_defined = namespaces.contains_key(&(Cluster::of(app), namespace));
    let managed = app.app.application.as_ref().and_then(|it| it.spec(&["syncPolicy", "managedNamespaceMetadata"]));
    let labels = labels_of(namespace, own);
    if let Some(selector) = webhook.get("namespaceSelector").filter(|selector| !selector.is_null()) {
        // Which labels a namespace has that is made elsewhere, nobody knows here.
        if (!is_defined || managed.is_some()) && !asks_for_name_only(selector) {
            return None;
        }
        selects(selector, Some(&labels)).filter(|selected| *selected)?;
    }
    let in_namespace = |object: &&Object| app.namespace_of(object) == namespace;
    let service =
        app.objects.iter().filter(in_namespace).find(|object| object.id.is("", "Service") && object.id.name == name)?;
    let wanted = service.root.at(&["spec", "selector"]).filter(|selector| !selector.entries().is_empty())?;
    let (backend, pod) = app.objects.iter().filter(in_namespace).find_map(|object| {
        let pod = Pod::of(object).filter(|_| object.id.group == "apps")?;
        let labels = pod.template.at(&["metadata", "labels"])?;
        let has = |entry: &Entry| labels.get(&entry.key.text).and_then(Node::as_text) == entry.value.as_text();
        wanted.entries().iter().all(has).then_some((object, labels))
    })?;
    if let Some(selector) = webhook.get("objectSelector").filter(|selector| !selector.is_null()) {
        selects(selector, Some(pod)).filter(|selected| *selected)?;
    }
    let place = webhook.get("namespaceSelector").or_else(|| webhook.get("name")).unwrap_or(webhook);
    let message = format!(
        "every pod of namespace `{namespace}` must be admitted by this webhook, also the pods of {} that answer for it: once \
         they are all gone, none can be made, \"failed calling webhook\", and no pod of the other namespaces either",
        backend.id
    );
    let report = findings.report(place.span, message);
    report.related(backend.name_span(), "these pods answer for the webhook");
    report.help(format!(
        "leave the namespace out: `namespaceSelector: {{matchExpressions: [{{key: {NAME_LABEL}, operator: NotIn, values: \
         [{namespace}]}}]}}`"
    ));
    Some(())
}

/// Whether a selector of namespaces looks at nothing but their names.
fn asks_for_name_only(selector: &Node) -> bool {
    let labels = selector.get("matchLabels").map(Node::entries).unwrap_or_default();
    let expressions = selector.get("matchExpressions").map(Node::items).unwrap_or_default();
    labels.iter().all(|entry| entry.key.text == NAME_LABEL)
        && expressions.iter().all(|expression| expression.str_at(&["key"]) == Some(NAME_LABEL))
}

/// Whether the webhook is asked when a pod is made.
fn judges_pods(webhook: &Node) -> bool {
    let has = |rule: &Node, key: &str, wanted: &[&str]| {
        rule.get(key)
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .any(|item| item.as_str().is_some_and(|item| wanted.contains(&item)))
    };
    webhook.get("rules").map(Node::items).unwrap_or_default().iter().any(|rule| {
        has(rule, "operations", &["CREATE", "*"])
            && has(rule, "apiGroups", &["", "*"])
            && has(rule, "resources", &["pods", "*", "*/*"])
            && rule.str_at(&["scope"]) != Some("Cluster")
    })
}

/// The labels of a namespace, with the one that it has by itself.
fn labels_of(namespace: &str, own: Option<&Node>) -> Node {
    let span = Span::start_of(FileId(0));
    let mut labels = Mapping::default();
    for entry in own.map(Node::entries).unwrap_or_default() {
        labels.push(entry.clone());
    }
    labels.push(Entry { key: Key::new(NAME_LABEL, span), value: Node::string(namespace, span) });
    Node::mapping(labels, span)
}
