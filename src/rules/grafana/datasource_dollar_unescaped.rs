//! See `rules/grafana/grafana-datasource-dollar-unescaped.md`.

use std::collections::BTreeSet;

use super::about;
use super::datasources::Datasource;
use super::expand::{Variable, variables};
use super::instance::{Instance, instances};
use crate::finding::{Edit, Severity};
use crate::repository::Repository;
use crate::rules::flux::substituted_apps;
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check(repository: &Repository, findings: &mut Findings<'_>) {
    let substituted = substituted_apps(repository);
    for instance in instances(repository) {
        // The operator sends its objects through Grafana's API, which expands nothing.
        if instance.operator {
            continue;
        }
        for datasource in &instance.datasources {
            let Some(entry) = datasource.entry.as_ref().filter(|_| !substituted.contains(datasource.app.as_str()))
            else {
                continue;
            };
            let mut open = vec![entry];
            while let Some(node) = open.pop() {
                open.extend(node.entries().iter().map(|entry| &entry.value));
                open.extend(node.items());
                if let Some(text) = node.as_str() {
                    for variable in variables(text) {
                        report(repository, &instance, datasource, node, text, &variable, findings);
                    }
                }
            }
        }
    }
}

fn report(
    repository: &Repository,
    instance: &Instance,
    datasource: &Datasource,
    node: &Node,
    text: &str,
    variable: &Variable<'_>,
    findings: &mut Findings<'_>,
) {
    let written = text.get(variable.range.clone()).unwrap_or_default();
    let own = variable.name.starts_with("__");
    let never_set = own || variable.name.is_empty() || variable.name.bytes().all(|byte| byte.is_ascii_digit());
    if !never_set && instance.environment.as_ref().is_none_or(|environment| is_set(variable.name, environment)) {
        return;
    }
    let place = repository.files.part(node, variable.range.clone());
    let span = place.unwrap_or(node.span);
    let name = datasource.title();
    if own {
        let message = format!(
            "Grafana takes `{written}` for an environment variable when it provisions {name} and puts nothing in its \
             place, so the variable never reaches the datasource"
        );
        let report = about(findings.report(span, message), datasource);
        report.help(format!("write `${written}`: a doubled dollar stands for one"));
        if let Some(place) = place {
            let start = Span { end: place.start, ..place };
            report.fix("double the dollar", vec![Edit { span: start, text: "$".to_owned() }]);
        }
        return;
    }
    if never_set {
        let message = format!(
            "Grafana takes `{written}` for an environment variable when it provisions {name} and puts nothing in its \
             place, so the text arrives without it"
        );
        let report = about(findings.report(span, message), datasource);
        report.help(format!("write `${written}` if the dollar is meant: a doubled dollar stands for one"));
        return;
    }
    let message = format!(
        "nothing sets the environment variable {} for Grafana's container, so provisioning puts nothing in the place of \
         `{written}` in {name}",
        variable.name
    );
    let report = about(findings.report(span, message), datasource);
    report.help("set it under `env` or `envValueFrom`, or double the dollar if it is meant as one");
    report.severity(Severity::Warning);
}

/// Whether the container has this variable: from the chart, the image or Kubernetes.
fn is_set(name: &str, environment: &BTreeSet<String>) -> bool {
    let from_services = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"];
    let from_image = ["PATH", "HOME", "HOSTNAME", "POD_IP"];
    environment.contains(name)
        || name.starts_with("GF_")
        || name.starts_with("KUBERNETES_")
        || from_image.contains(&name)
        || from_services.into_iter().any(|end| name.ends_with(end))
}
