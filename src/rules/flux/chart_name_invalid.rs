//! See `rules/flux/flux-chart-name-invalid.md`.

use super::world::World;
use crate::finding::Edit;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let world = World::of(repository);
    for (member, app) in world.built("HelmRelease") {
        let Some(spec) = member.object.root.at(&["spec", "chart", "spec"]) else { continue };
        if spec.str_at(&["sourceRef", "kind"]) != Some("HelmRepository") {
            continue;
        }
        let Some(chart) = spec.get("chart") else { continue };
        let Some((prefix, name)) = chart.as_str().and_then(|text| text.rsplit_once('/')) else { continue };
        let source = spec.str_at(&["sourceRef", "name"]).unwrap_or_default();
        let namespace = spec.str_at(&["sourceRef", "namespace"]).unwrap_or(member.namespace);
        let repositories: Vec<_> = world.named("HelmRepository", namespace, source).collect();
        // A registry has a path below its URL; an index has names only.
        let is_registry = |url: Option<&str>| url.is_none_or(|url| url.starts_with("oci://"));
        if repositories.iter().any(|found| is_registry(found.object.root.str_at(&["spec", "url"]))) {
            continue;
        }
        // Without the source, only a prefix that repeats its name is surely the alias of `helm repo add`.
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        if repositories.is_empty() && letters(prefix) != letters(source) || name.is_empty() {
            continue;
        }
        findings.about(Some(app), Some(member.object));
        let message = format!(
            "`{prefix}/` is a name that `helm repo add` gives to a repository; the index of HelmRepository `{source}` \
             has no chart `{prefix}/{name}`, so nothing is installed"
        );
        findings
            .report(chart.span, message)
            .label("a chart's name only")
            .help(format!("write `{name}`"))
            .fix(format!("write {name}"), vec![Edit { span: chart.span, text: name.to_owned() }]);
    }
}
