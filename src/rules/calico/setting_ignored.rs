//! See `rules/calico/calico-setting-ignored.md`.

use std::sync::LazyLock;

use crate::finding::is_slip;
use crate::kubernetes::{Object, Pod, Version};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Object(check);

/// A parameter of Felix.
struct Parameter {
    name: String,
    written: &'static str,
    /// Minor releases of Calico 3 that know it.
    since: Option<Version>,
    until: Option<Version>,
    /// The words that it takes; empty where it takes others.
    values: Vec<&'static str>,
}

static PARAMETERS: LazyLock<Vec<Parameter>> = LazyLock::new(|| {
    let lines = include_str!("../../../rules/data/felix-parameters.tsv").lines();
    // The first line that is no comment names the columns.
    lines.filter(|line| !line.starts_with('#')).skip(1).filter_map(parameter).collect()
});

fn parameter(line: &'static str) -> Option<Parameter> {
    let cells: Vec<&'static str> = line.split('\t').collect();
    let [written, since, until, values] = cells[..] else { return None };
    let values = values.split(',').filter(|value| !value.is_empty()).collect();
    let (since, until) = (Version::parse(since), Version::parse(until));
    Some(Parameter { name: written.to_ascii_lowercase(), written, since, until, values })
}

fn check(object: &Object, _: &BuiltApp, _: &Repository, findings: &mut Findings<'_>) {
    for container in Pod::of(object).into_iter().flat_map(Pod::containers) {
        let Some(image) = container.image().filter(|image| image.contains("calico/node:")) else { continue };
        let release = Version::of_image(image);
        for variable in container.node.get("env").map(Node::items).unwrap_or_default() {
            if let Some(name) = variable.get("name") {
                judge(object, name, variable.get("value"), release, findings);
            }
        }
    }
}

fn judge(object: &Object, node: &Node, value: Option<&Node>, release: Option<Version>, findings: &mut Findings<'_>) {
    let Some(text) = node.as_text() else { return };
    let lower = text.to_ascii_lowercase();
    let Some(name) = lower.strip_prefix("felix_") else { return };
    let Some(parameter) = PARAMETERS.iter().find(|parameter| parameter.name == name) else {
        let Some(near) = PARAMETERS.iter().find(|parameter| is_slip(name, &parameter.name)) else { return };
        let message = format!(
            "{} sets `{text}`, which no release of Calico knows. Felix logs \"Ignoring unknown config param\" and goes on \
             without: nothing has changed",
            object.id
        );
        let meant = format!("did you mean `FELIX_{}`?", near.written.to_ascii_uppercase());
        findings.report(node.span, message).label("not known").help(meant);
        return;
    };
    let known = match (release, parameter.since, parameter.until) {
        (Some(release), Some(since), _) if release < since => format!("since {since} only"),
        (Some(release), _, Some(until)) if release > until => format!("until {until} only"),
        _ => {
            let taken = |text: &str| parameter.values.iter().any(|value| value.eq_ignore_ascii_case(text));
            let Some((value, text)) = value.and_then(|value| Some((value, value.as_text()?))) else { return };
            let is_open = parameter.values.is_empty() || text.contains(['$', '{']);
            if is_open || text.is_empty() || text.eq_ignore_ascii_case("none") || taken(text) {
                return;
            }
            let message = format!(
                "{} sets {} to {text}, which it does not take: Felix logs the mistake and goes on with the default, and nothing \
                 has changed",
                object.id, parameter.written
            );
            let help = format!("it takes {}", parameter.values.join(", "));
            findings.report(value.span, message).label("not taken").help(help);
            return;
        }
    };
    let message = format!(
        "{} sets `{text}`, which Calico knows {known}. Felix logs \"Ignoring unknown config param\" and goes on without: nothing \
         has changed",
        object.id
    );
    findings.report(node.span, message).label("not known to this release").help(
        "use a release of Calico that knows it, or remove it; before 3.27, FELIX_BPFCONNECTTIMELOADBALANCINGENABLED was all there \
         was for load balancing at connect time",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_parameter() {
        let lines = include_str!("../../../rules/data/felix-parameters.tsv").lines();
        assert_eq!(PARAMETERS.len(), lines.filter(|line| !line.starts_with('#')).skip(1).count());
        assert!(PARAMETERS.iter().any(|parameter| parameter.since.is_some()));
    }
}
