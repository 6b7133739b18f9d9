//! See `rules/argocd/argocd-hook-needs-later-object.md`.

use super::needs::late;
use super::turn::Phase;
use crate::repository::Repository;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let found = late(repository, |_, turn| turn.phase == Phase::PreSync);
    for late in found.into_iter().filter(|late| late.source_turn.phase > Phase::PreSync) {
        findings.about(Some(late.app), Some(late.object));
        let brought = match late.source.id.kind == late.kind && late.source.id.name == late.name {
            true => "it is".to_owned(),
            false => format!("it comes from {}, which is", late.source.id),
        };
        let phase = late.source_turn.phase.name();
        let message = format!(
            "{} runs before the sync and needs {} `{}`, but {brought} applied only in the {phase} phase: the first sync \
             never gets past this hook, and later ones run it with what the last sync left",
            late.object.id, late.kind, late.name
        );
        findings
            .report(late.span, message)
            .label("not there yet when the hook runs")
            .related(late.source.name_span(), format!("applied in the {phase} phase"))
            .help(format!(
                "make {} a PreSync hook of an earlier wave too, or run the Job as a Sync hook",
                if late.source.id.kind == late.kind { "it" } else { "what brings it" }
            ));
    }
}
