//! See `rules/yaml/yaml-syntax.md`.

use super::consumer::{Consumer, consumer};
use crate::gitops::Declared;
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::source::{SourceFile, Span};
use crate::yaml::{ProblemKind, Stream};

pub(crate) const CHECK: Check = Check::File(check);

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    let problems = stream.problems.iter().filter(|problem| {
        matches!(
            problem.kind,
            ProblemKind::Syntax(_)
                | ProblemKind::KeyNotScalar
                | ProblemKind::KeyNull
                | ProblemKind::MergeNotMap
                | ProblemKind::TooManyProblems
        )
    });
    let mut problems = problems.peekable();
    if problems.peek().is_none() {
        return;
    }
    let consequence = match consumer(file.id, repository) {
        Some(Consumer::Helm) => "Helm refuses the file",
        Some(Consumer::Kustomize) => "kustomize refuses the file",
        Some(Consumer::Apply) => "the document can't be applied",
        None => return,
    };
    for problem in problems {
        if consumer(file.id, repository) == Some(Consumer::Helm) && is_substituted(problem.span, file, repository) {
            continue;
        }
        let finding = findings.report(problem.span, format!("{}; {consequence}", problem.kind.message()));
        if let ProblemKind::Syntax(error) = &problem.kind {
            finding.label(&error.label);
        }
        if let Some((span, words)) = problem.kind.related() {
            finding.related(span, words);
        }
        finding.help = problem.kind.help();
    }
}

/// Whether the line holds a variable that Flux replaces before Helm gets the values, through a generated ConfigMap. What
/// Helm reads is then not what stands here; the app that uses the values says that they are not known.
fn is_substituted(span: Span, file: &SourceFile, repository: &Repository) -> bool {
    let by_flux = |app: &BuiltApp| matches!(app.app.declared, Declared::FluxKustomization(_));
    file.line(file.line_index(span.start)).contains("${") && repository.apps.iter().any(by_flux)
}
