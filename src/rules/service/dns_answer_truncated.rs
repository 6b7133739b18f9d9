//! See `rules/service/service-dns-answer-truncated.md`.

use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::{Object, Pod};
use crate::repository::{BuiltApp, Repository};
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::App(check);

/// The longest answer over UDP for a client that does not ask for more. Source: RFC 1035, 4.2.1.
const LONGEST: usize = 512;
/// A header, and the end of a question: type and class.
const HEADER: usize = 12;
const QUESTION: usize = 4;
/// What an SRV record has beside the name it leads to: a pointer to the question, type, class, time to live, length; then
/// priority, weight, port. Source: RFC 2782.
const SRV: usize = 2 + 10 + 6;
/// An address of IPv4, with a pointer to its name.
const ADDRESS: usize = 16;

/// Marks of programs that look for their peers by SRV records.
const PEER_FINDERS: [&str; 4] = ["peer-finder", "dnssrv+", "dnssrvnoa+", "mongodb+srv"];

fn check<'a>(app: &'a BuiltApp, _: &'a Repository, findings: &mut Findings<'a>) {
    let headless =
        |object: &&Object| object.id.is("", "Service") && object.root.str_at(&["spec", "clusterIP"]) == Some("None");
    let mut services: HashMap<(&str, &str), &Object> = HashMap::new();
    for object in app.objects.iter().filter(headless) {
        services.insert((app.namespace_of(object), object.id.name.as_str()), object);
    }
    if services.is_empty() {
        return;
    }
    for object in app.objects.iter().filter(|object| object.id.is("apps", "StatefulSet")) {
        let namespace = app.namespace_of(object);
        let Some(service) =
            object.root.str_at(&["spec", "serviceName"]).and_then(|name| services.get(&(namespace, name)))
        else {
            continue;
        };
        let replicas = object.root.at(&["spec", "replicas"]);
        let Some(members) = replicas.and_then(Node::as_i64).and_then(|count| usize::try_from(count).ok()) else {
            continue;
        };
        let ports = service.root.at(&["spec", "ports"]).map_or(0, |ports| ports.items().len());
        if namespace.is_empty() || !(1..=1_000).contains(&members) || !finds_peers(object) {
            continue;
        }
        let length = answer(object, service, namespace, members, ports);
        if length <= LONGEST {
            continue;
        }
        findings.about(Some(app), Some(object));
        let message = format!(
            "the answer that tells the {members} members of {} of each other has about {length} bytes, more than the 512 of \
             an answer over UDP: the last to come asks again over TCP, and hangs where TCP to port 53 of the cluster's DNS is closed",
            object.id
        );
        let finding = findings.report(replicas.map_or(object.name_span(), |node| node.span), message);
        finding.related(service.name_span(), format!("its name and {ports} ports stand in each record"));
        finding.help(
            "allow TCP to port 53 beside UDP in network policies and firewalls; a shorter name of the Service, or fewer ports \
             with names, make the answer shorter",
        );
    }
}

/// Whether a container looks for its peers by SRV records.
fn finds_peers(object: &Object) -> bool {
    let texts = Pod::of(object).into_iter().flat_map(Pod::containers).flat_map(|container| {
        let lists = ["command", "args"].into_iter().filter_map(|key| container.node.get(key));
        lists.flat_map(Node::items).filter_map(Node::as_text)
    });
    texts.into_iter().any(|text| PEER_FINDERS.iter().any(|mark| text.contains(mark)))
}

/// How many bytes the answer to a question for SRV records has, with an address for each member.
fn answer(object: &Object, service: &Object, namespace: &str, members: usize, ports: usize) -> usize {
    // Each label has its length before it, and the root ends the name.
    let wire = |name: &str| name.len() + 2;
    let question = format!("{}.{namespace}.svc.cluster.local", service.id.name);
    let records = |member: usize| {
        let target = format!("{}-{member}.{question}", object.id.name);
        ports.max(1) * (SRV + wire(&target)) + ADDRESS
    };
    HEADER + wire(&question) + QUESTION + (0..members).map(records).sum::<usize>()
}
