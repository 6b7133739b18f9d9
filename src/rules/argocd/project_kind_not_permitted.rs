//! See `rules/argocd/argocd-project-kind-not-permitted.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::projects::{Projects, applications, is_listed, lists, permits_kind, place, scope_of};
use crate::finding::Severity;
use crate::gitops::{Application, Standing};
use crate::helm::Release;
use crate::kubernetes::{Object, Scope};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::Span;
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let projects = Projects::of(repository);
    let mut told: Told<'a> = BTreeSet::new();
    for (app, application) in applications(repository).filter(|(app, _)| app.app.standing == Standing::Deployed) {
        for object in &app.objects {
            let (group, kind, name) = (object.id.group.as_str(), object.id.kind.as_str(), object.id.name.as_str());
            let Some(scope) = scope_of(repository, group, kind) else { continue };
            let permits = |spec: &_| permits_kind(spec, scope, group, kind, name);
            let Some(project) = projects.refusing(application, permits) else { continue };
            // One line of the project mends all objects of the kind.
            if !told.insert((project.root.span, group, kind)) {
                continue;
            }
            let Some(spec) = project.root.get("spec") else { continue };
            let (permitted, forbidden) = lists(scope);
            let other = lists(if scope == Scope::Cluster { Scope::Namespaced } else { Scope::Cluster }).0;
            let is_forbidden = is_listed(spec, forbidden, group, kind, name);
            let project_name = &project.id.name;
            let words = if scope == Scope::Cluster { "cluster-scoped" } else { "namespaced" };
            let message = format!(
                "AppProject `{project_name}` does not permit the {words} kind {kind}, so each sync of `{}` fails: resource \
                 {group}:{kind} is not permitted in project {project_name}",
                app.app.name
            );
            let entry = format!("{{group: '{group}', kind: {kind}}}");
            let help = if is_forbidden {
                format!("take {kind} out of `{forbidden}`, or the object out of the app")
            } else if is_listed(spec, other, group, kind, name) && spec.get(other).is_some() {
                format!("move `{entry}` from `{other}` to `{permitted}`: {kind} is {words}")
            } else {
                format!("add `{entry}` to `{permitted}` of AppProject `{project_name}`")
            };
            findings.about(None, Some(project));
            findings
                .report(place(project, if is_forbidden { forbidden } else { permitted }), message)
                .label(if is_forbidden { format!("forbids {kind}") } else { format!("lacks {kind}") })
                .related(object.name_span(), format!("{} of app {}", object.id, app.app.name))
                .help(help);
        }
    }
    for (app, application) in applications(repository).filter(|(app, _)| app.app.standing == Standing::Deployed) {
        for release in &app.releases {
            of_chart(release, app, application, &projects, &mut told, findings);
        }
    }
}

/// Groups and kinds.
type Kinds<'a> = Vec<(&'a str, &'a str)>;

/// Projects by their place, with the group and kind of what was told of them.
type Told<'a> = BTreeSet<(Span, &'a str, &'a str)>;

/// The cluster-scoped kinds that a chart is known to make with its defaults.
fn of_chart<'a>(
    release: &'a Release,
    app: &'a BuiltApp,
    application: &Application,
    projects: &Projects<'a>,
    told: &mut Told<'a>,
    findings: &mut Findings<'a>,
) {
    // A chart in the repository may be another one of the same name.
    if release.incomplete || release.chart.directory.is_some() {
        return;
    }
    let (permitted, forbidden) = lists(Scope::Cluster);
    let mut refused: BTreeMap<Span, (&Object, Kinds<'_>)> = BTreeMap::new();
    // The first line that is no comment names the columns.
    let lines = include_str!("../../../rules/data/chart-cluster-kinds.tsv").lines();
    for line in lines.filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&'static str> = line.split('\t').collect();
        let [chart, group, kinds, unless, _] = cells[..] else { continue };
        let is_off = |path: &str| {
            let (path, switch) = path.strip_prefix('!').map_or((path, false), |path| (path, true));
            let value = path.split('.').try_fold(&release.values, |node, key| node.get(key));
            value.is_some_and(|value| value.is_unknown() || value.as_bool() == Some(switch))
        };
        if chart != release.chart.name || unless.split(',').any(is_off) {
            continue;
        }
        for kind in kinds.split(',') {
            let permits = |spec: &_| permits_kind(spec, Scope::Cluster, group, kind, "*");
            let Some(project) = projects.refusing(application, permits) else { continue };
            // A list that names single objects of the kind can't be held against names that are not known.
            let entries = [permitted, forbidden].into_iter().filter_map(|list| project.root.get("spec")?.get(list));
            let names_some = |entry: &Node| entry.str_at(&["kind"]) == Some(kind) && entry.get("name").is_some();
            let is_partly = entries.flat_map(Node::items).any(names_some);
            if !is_partly && told.insert((project.root.span, group, kind)) {
                refused.entry(project.root.span).or_insert((project, Vec::new())).1.push((group, kind));
            }
        }
    }
    for (project, kinds) in refused.into_values() {
        let (name, chart) = (&project.id.name, &release.chart.name);
        let list = |each: fn(&(&str, &str)) -> String| kinds.iter().map(each).collect::<Vec<_>>().join(", ");
        let is_forbidden = kinds.iter().any(|(group, kind)| {
            project.root.get("spec").is_some_and(|spec| is_listed(spec, forbidden, group, kind, "*"))
        });
        let message = format!(
            "the chart {chart} makes objects of the cluster-scoped {} {}, which AppProject `{name}` does not permit, so each \
             sync of `{}` fails with \"is not permitted in project {name}\"",
            if kinds.len() == 1 { "kind" } else { "kinds" },
            list(|(_, kind)| (*kind).to_owned()),
            app.app.name
        );
        let entries = list(|(group, kind)| format!("{{group: '{group}', kind: {kind}}}"));
        findings.about(None, Some(project));
        findings
            .report(place(project, if is_forbidden { forbidden } else { permitted }), message)
            .severity(Severity::Warning)
            .label("stands in the way of the chart")
            .related(release.chart_span, format!("{chart} is deployed by app {}", app.app.name))
            .help(match is_forbidden {
                true => format!("take the kinds out of `{forbidden}`, or deploy the chart with another project"),
                false => format!("add to `{permitted}` of AppProject `{name}`: {entries}"),
            });
    }
}
