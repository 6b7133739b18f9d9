//! See `rules/object/object-pruned-in-use.md`.

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::Object;
use crate::repository::{BuiltApp, Cluster, Placed, Repository, Since};
use crate::rules::pruning::{Pruning, defines, is_protected, lost_from};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Since(check);

fn check<'a>(since: &'a Since, repository: &'a Repository, findings: &mut Findings<'a>) {
    let gone: Vec<Placed<'a>> = since.gone(repository).filter(|gone| holds_others(gone.object)).collect();
    if gone.is_empty() {
        return;
    }
    let mut homes: HashMap<(Cluster, &str), (&BuiltApp, &Object)> = HashMap::new();
    let mut kinds: HashMap<(Cluster, &str, &str), (&BuiltApp, &Object)> = HashMap::new();
    for app in &repository.apps {
        let cluster = Cluster::of(app);
        for object in &app.objects {
            let home = (cluster.clone(), repository.home_of(app, object));
            homes.entry(home).or_insert((app, object));
            kinds.entry((cluster.clone(), &object.id.group, &object.id.kind)).or_insert((app, object));
        }
    }
    for gone in gone {
        let Some(app) = since.app_of_now(gone.app, repository).filter(|_| !is_protected(gone)) else { continue };
        let Some(Pruning::Deletes(prune)) = Pruning::of(app, repository) else { continue };
        let cluster = Cluster::of(app);
        let id = &gone.object.id;
        let (user, what) = match defines(gone.object) {
            Some((group, kind)) => (kinds.get(&(cluster, group, kind)), format!("every {kind} of the cluster")),
            None => (homes.get(&(cluster, id.name.as_str())), "everything in it, volumes included".to_owned()),
        };
        let Some((user_app, user)) = user else { continue };
        let message = format!(
            "{id} leaves Git, and app `{}` prunes: the controller deletes it, and the cluster with it {what}, though {} of app \
             `{}` is still wanted here",
            app.app.name, user.id, user_app.app.name
        );
        let place = lost_from(gone, &since.repository, repository);
        findings.about(Some(app), None);
        let help = "put it back. To give it to another app, or to stop deploying it without loss, first write \
                    `argocd.argoproj.io/sync-options: Prune=false` (Flux: `kustomize.toolkit.fluxcd.io/prune: disabled`) on it, \
                    let that be synced, and take it out with the next change";
        let finding = findings.report(place.unwrap_or(prune), message);
        finding.label(format!("not here any more, since {}", since.revision)).help(help);
        finding.related(user.name_span(), "still here");
        if place.is_some() {
            finding.related(prune, "what leaves Git is deleted");
        }
    }
}

/// Whether other objects vanish with the object.
fn holds_others(object: &Object) -> bool {
    object.id.is("", "Namespace") || defines(object).is_some()
}
