//! See `rules/cilium/cilium-pattern-misses-apex.md`.

use crate::kubernetes::network_policy::{Direction, Peer, Port, Rule, Who};
use crate::repository::Repository;
use crate::repository::network::{Group, Verdict};
use crate::rules::networkpolicy::destinations;
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let domains = findings.texts("domains");
    let network = repository.network();
    for policy in &network.policies {
        // One set of labels is enough: those of a list have the same rules.
        let examples = policy.policy.subject.labels.examples(1);
        let Some(labels) = examples.first() else { continue };
        for rule in &policy.policy.egress.allow {
            for (peer, apex) in rule.peers.iter().flatten().filter_map(apex) {
                if !domains.contains(&apex) {
                    continue;
                }
                let group = Group { cluster: policy.cluster.as_deref(), namespace: &policy.namespace, labels };
                let port = rule.ports.as_deref().and_then(<[Port]>::first);
                let takes = |_: &_, rule: &Rule| destinations::host(rule, apex);
                if network.judge_by(Direction::Egress, group, port, takes) == Verdict::Open {
                    continue;
                }
                findings.about(repository.apps.get(policy.app), policy.object(repository));
                findings
                    .report(
                        peer.span,
                        format!(
                            "`*.{apex}` does not match `{apex}` itself, which serves requests too, and no other egress rule \
                             of these pods lets them reach it: its connections are dropped"
                        ),
                    )
                    .label(format!("not `{apex}`"))
                    .help(format!("add `- matchName: {apex}`"));
            }
        }
    }
}

/// The domain of a pattern for all its subdomains.
fn apex(peer: &Peer) -> Option<(&Peer, &str)> {
    let Who::Host(pattern) = &peer.who else { return None };
    let apex = pattern.strip_prefix("**.").or_else(|| pattern.strip_prefix("*."))?;
    (!destinations::matches_host(pattern, apex)).then_some((peer, apex))
}
