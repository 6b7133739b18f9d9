//! See `rules/networkpolicy/networkpolicy-dns-udp-only.md`.

use super::destinations;
use crate::kubernetes::network_policy::{Direction, Match, Port};
use crate::repository::Repository;
use crate::repository::network::{Group, PlacedPolicy, Verdict};
use crate::rules::{Check, Findings};

pub(crate) const CHECK: Check = Check::Repository(check);

const DNS: u16 = 53;

/// The port on which the pods of OpenShift's DNS listen, behind port 53 of its Service.
const OPENSHIFT_DNS: u16 = 5353;

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    let network = repository.network();
    for policy in &network.policies {
        let Some(port) = udp_only(policy) else { continue };
        let subject = &policy.policy.subject;
        let wanted = Port { protocol: Some("TCP".into()), ..port.clone() };
        let refused = |group: Group<'_>| {
            let verdict = network.judge_by(Direction::Egress, group, Some(&wanted), destinations::name_server);
            matches!(verdict, Verdict::Denied(_))
        };
        let known = network.pods_in(&policy.namespace);
        let known = known.filter(|pods| !pods.host_network && subject.labels.matches(&pods.labels) == Match::Yes);
        let mut known: Vec<Group<'_>> = known.map(|pods| pods.group()).collect();
        let examples = subject.labels.examples(1);
        if known.is_empty() {
            let (cluster, namespace) = (policy.cluster.as_deref(), policy.namespace.as_str());
            known.extend(examples.iter().map(|labels| Group { cluster, namespace, labels }));
        }
        if policy.namespace.is_empty() || !known.into_iter().all(refused) {
            continue;
        }
        findings.about(repository.apps.get(policy.app), policy.object(repository));
        let message = format!(
            "{} lets its pods ask a DNS server over UDP only: an answer of more than 512 bytes is asked for again over TCP, \
             which is dropped, and the program hangs at that name",
            policy.name(repository)
        );
        findings.report(port.span, message).label("UDP only").help("allow port 53 for TCP beside UDP");
    }
}

/// The port by which a policy lets its pods ask a DNS server, if it names UDP and no rule of the policy names TCP.
fn udp_only(policy: &PlacedPolicy) -> Option<&Port> {
    let egress = &policy.policy.egress;
    let ports = || egress.allow.iter().filter(|_| egress.enforced).flat_map(|rule| rule.ports.iter().flatten());
    let over = |port: &&Port, protocol: &str| port.protocol.as_deref().is_none_or(|own| own == protocol);
    let udp = ports().find(|port| port.number == Ok(DNS) && over(port, "UDP"))?;
    // A protocol that is filled in elsewhere may be TCP.
    let may_be_tcp =
        |port: &Port| over(&port, "TCP") || port.protocol.as_deref().is_some_and(|own| own.contains(['$', '{']));
    let is_dns = |port: &Port| port.number == Ok(DNS) || port.number == Ok(OPENSHIFT_DNS);
    (!ports().any(|port| is_dns(port) && may_be_tcp(port))).then_some(udp)
}
