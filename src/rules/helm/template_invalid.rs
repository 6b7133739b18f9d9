//! See `rules/helm/helm-template-invalid.md`.

use crate::gitops::Standing;
use crate::gitops::standing;
use crate::helm::template_problems;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

/// Objects that templates have, which are often written without the dot.
const OBJECTS: [&str; 6] = ["Release", "Values", "Chart", "Files", "Capabilities", "Template"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    for directory in &repository.inventory.charts {
        let is_sample = directory.join("Chart.yaml").is_none_or(|path| standing(&path) != Standing::Deployed);
        if is_sample {
            continue;
        }
        for (span, problem) in template_problems(&repository.files, directory) {
            let function = problem.strip_prefix("function \"").and_then(|rest| rest.strip_suffix("\" not defined"));
            let object = function.filter(|name| OBJECTS.contains(name));
            let message = match object {
                Some(name) => format!(
                    "to a template `{name}` is a function, and there is none of this name: Helm renders nothing of the chart \
                     in `{directory}`"
                ),
                None => format!(
                    "Go can't parse this template (`{problem}`), so Helm renders nothing of the chart in `{directory}`"
                ),
            };
            let finding = findings.report(span, message);
            finding.label("not a Go template");
            if let Some(name) = object {
                finding.help(format!("write `.{name}`"));
            }
        }
    }
}
