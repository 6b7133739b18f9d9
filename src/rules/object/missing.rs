//! See `rules/object/object-missing.md`.

use crate::repository::Repository;
use crate::repository::graph::{Broken, Fault, Nearness};
use crate::rules::{Check, Findings, references};

pub(crate) const CHECK: Check = Check::Repository(check);

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    references::missing(repository, findings, |broken| match (broken.group.as_str(), broken.kind.as_str()) {
        (
            _,
            "AnalysisTemplate"
            | "Broker"
            | "Cluster"
            | "ClusterAnalysisTemplate"
            | "DeploymentRuntimeConfig"
            | "EventSource"
            | "IPAddressPool"
            | "KafkaConnect"
            | "Middleware"
            | "MiddlewareTCP"
            | "ObjectStore"
            | "VolumeSnapshotClass",
        ) => true,
        // Strimzi's operators may be told to look after the topics and users of other namespaces.
        (_, "Kafka") => !is_elsewhere(broken),
        (group, _) => group == "generators.external-secrets.io" || group.ends_with("cluster.x-k8s.io"),
    });
}

fn is_elsewhere(broken: &Broken) -> bool {
    let Fault::Missing { near: Some(near), .. } = &broken.fault else { return false };
    near.nearness == Nearness::OtherNamespace
}
