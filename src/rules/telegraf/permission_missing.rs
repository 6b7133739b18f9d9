//! See `rules/telegraf/telegraf-permission-missing.md`.

use toml_edit::{Item, Table};

use super::configuration::{Configuration, all};
use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::permissions::Permissions;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

/// A request that a plugin makes: resource, verb. All of them are in the core group.
type Request = (&'static str, &'static str);

const PODS: [Request; 3] = [("pods", "get"), ("pods", "list"), ("pods", "watch")];
const KUBELET: [Request; 2] = [("nodes/stats", "get"), ("nodes/proxy", "get")];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for configuration in all(repository) {
        let needs = needs(&configuration);
        if needs.is_empty() {
            continue;
        }
        let Configuration { app, object, .. } = configuration;
        let namespace = repository.home_of(app, object);
        let pods = app.objects.iter().filter(|workload| repository.home_of(app, workload) == namespace);
        for (workload, pod) in pods.filter_map(|workload| Some((workload, Pod::of(workload)?))) {
            if !mounts(pod, &object.id.name) {
                continue;
            }
            let name = pod.spec.get("serviceAccountName").and_then(Node::as_text).unwrap_or("default");
            let Some(permissions) = Permissions::of(repository, namespace, name) else { continue };
            for (table, plugin, requests) in &needs {
                let missing: Vec<Request> = requests
                    .iter()
                    .copied()
                    .filter(|(resource, verb)| !permissions.allow("", resource, verb))
                    .collect();
                if !missing.is_empty() {
                    let told = Told { app, workload, plugin, name, missing };
                    tell(told, &permissions, configuration.place(table, None, repository), findings);
                }
            }
        }
    }
}

/// What the plugins of a configuration ask for in the whole cluster.
fn needs<'c>(configuration: &'c Configuration<'_>) -> Vec<(&'c Table, &'static str, Vec<Request>)> {
    let watches = |table: &&Table| {
        let on = table.get("monitor_kubernetes_pods").and_then(Item::as_bool) == Some(true);
        // With one namespace, or through the kubelet of the node, it asks for less.
        let narrow =
            ["monitor_kubernetes_pods_namespace", "pod_scrape_scope"].iter().any(|key| table.contains_key(key));
        on && !narrow
    };
    let prometheus = configuration.inputs("prometheus").filter(watches);
    let prometheus = prometheus.map(|table| (table, "inputs.prometheus", PODS.to_vec()));
    let kubelet = configuration.inputs("kubernetes").map(|table| (table, "inputs.kubernetes", KUBELET.to_vec()));
    prometheus.chain(kubelet).collect()
}

fn mounts(pod: Pod<'_>, config_map: &str) -> bool {
    pod.spec
        .get("volumes")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .any(|volume| volume.str_at(&["configMap", "name"]) == Some(config_map))
}

/// What a finding says.
struct Told<'a, 'n> {
    app: &'a BuiltApp,
    workload: &'a Object,
    plugin: &'static str,
    name: &'n str,
    missing: Vec<Request>,
}

fn tell<'a>(
    told: Told<'a, '_>,
    permissions: &Permissions<'a>,
    plugin: crate::source::Span,
    findings: &mut Findings<'a>,
) {
    let Told { app, workload, plugin: name, missing, .. } = told;
    let Some((resource, first)) = missing.first().copied() else { return };
    let verbs: Vec<&str> = missing.iter().filter(|(other, _)| *other == resource).map(|(_, verb)| *verb).collect();
    let message = format!(
        "`{name}` of {} asks to {} `{resource}`, and the ServiceAccount `{}` may not: telegraf logs \"forbidden\" \"at the \
         cluster scope\" again and again, and collects nothing",
        workload.id,
        verbs.join(" and "),
        told.name
    );
    findings.about(Some(app), Some(workload));
    // A rule that grants listing but not watching is the place to mend; else the binding, else the plugin.
    let beside = ["list", "get"].iter().find_map(|verb| permissions.verbs("", resource, verb));
    let bound = permissions.binding.or(permissions.narrow).map(Object::name_span);
    let finding = findings.report(beside.or(bound).unwrap_or(plugin), message);
    finding.label(if beside.is_some() { format!("no `{first}`") } else { "grants too little".to_owned() });
    finding.related(plugin, "asked for by this plugin");
    finding.help(match (permissions.binding, permissions.narrow) {
        (None, Some(_)) => format!(
            "a RoleBinding grants in its own namespace only: bind a ClusterRole with {} on `{resource}` by a \
             ClusterRoleBinding",
            verbs.join(", ")
        ),
        _ => format!("grant {} on `{resource}` in a ClusterRole of this ServiceAccount", verbs.join(", ")),
    });
}
