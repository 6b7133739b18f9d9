//! Which network policies hold for which pods, and whether traffic between two groups of pods gets through.
//!
//! Pods are known by the objects that make them. Of others, such as those of charts that are not rendered, only the labels
//! are known by which policies call them; questions about them may have no answer, and then nothing counts as denied.
//! Clusters are told apart only where both apps name theirs. Left out: services meshes, host policies, and the order of
//! hops through gateways.

use std::hash::BuildHasher as _;

use compact_str::CompactString;
use foldhash::fast::FixedState;
use foldhash::{HashMap, HashSet, HashSetExt};

use super::{BuiltApp, Repository};
use crate::gitops::{Declared, SourceKind};
use crate::kubernetes::Object;
use crate::kubernetes::network_policy::{
    Dialect, Direction, Match, Namespaces, NetworkPolicy, Peer, PodLabels, Port, Rule, Selector, Who,
};
use crate::references;
use crate::source::Span;

/// A namespace with more policies than this is not judged: it bounds the work on hostile input.
const MOST_POLICIES: usize = 1_000;

/// Every policy that is deployed, and all pods that are known.
#[derive(Debug, Default)]
pub struct Network {
    /// The policies, in the order of their objects. One that several apps build alike counts once.
    pub policies: Vec<PlacedPolicy>,
    /// The pods, in the order of their objects. Those that several apps make alike count once.
    pub pods: Vec<PlacedPods>,
    /// Positions by namespace; the empty one stands for all and for unknown ones.
    policies_in: HashMap<CompactString, Vec<usize>>,
    pods_in: HashMap<CompactString, Vec<usize>>,
    /// Namespaces and labels of the programs that have a policy of their own.
    programs: HashSet<(CompactString, String)>,
    /// Labels of namespaces.
    namespaces: HashMap<CompactString, PodLabels>,
    /// Namespaces into which charts that are not rendered, or apps that are not all built, bring objects.
    open: HashSet<CompactString>,
    /// Namespaces into which other repositories bring objects, policies maybe among them.
    foreign: HashSet<CompactString>,
}

/// A policy and where it holds.
#[derive(Debug)]
pub struct PlacedPolicy {
    /// Position of the app in [`Repository::apps`].
    pub app: usize,
    /// Position of the object in the app.
    pub object: usize,
    /// Its cluster; `None` if nobody says.
    pub cluster: Option<CompactString>,
    /// Its namespace; empty if it has none or that is not known.
    pub namespace: CompactString,
    /// What it says.
    pub policy: NetworkPolicy,
}

impl PlacedPolicy {
    /// The object that holds it.
    pub fn object<'a>(&self, repository: &'a Repository) -> Option<&'a Object> {
        repository.apps.get(self.app)?.objects.get(self.object)
    }

    /// What to call it: `CiliumNetworkPolicy shop/web`.
    pub fn name(&self, repository: &Repository) -> String {
        self.object(repository).map(|object| object.id.to_string()).unwrap_or_default()
    }
}

/// Pods and where they run.
#[derive(Debug)]
pub struct PlacedPods {
    /// Position of the app in [`Repository::apps`].
    pub app: usize,
    /// Position of the object that makes them in the app.
    pub object: usize,
    /// Their cluster; `None` if nobody says.
    pub cluster: Option<CompactString>,
    /// Their namespace; empty if that is not known.
    pub namespace: CompactString,
    /// Their labels.
    pub labels: PodLabels,
    /// Where the labels are written, or the name of what makes the pods.
    pub span: Span,
    /// Whether they use the node's own network, where policies for pods do not hold.
    pub host_network: bool,
    /// The workflow's template that they run, if they do.
    pub template: Option<CompactString>,
}

/// Pods that are asked about.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Their cluster; `None` if nobody says.
    pub cluster: Option<&'a str>,
    /// Their namespace.
    pub namespace: &'a str,
    /// Their labels.
    pub labels: &'a PodLabels,
}

/// Whether policies let something through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It gets through, or may.
    Open,
    /// It does not. These policies select the pods and allow something else; never empty.
    Denied(Vec<usize>),
}

impl Network {
    /// Reads policies and pods. Linear in the objects.
    pub(super) fn new(repository: &Repository) -> Self {
        let mut network = Self::default();
        let mut seen: HashSet<(Span, CompactString, Option<CompactString>)> = HashSet::new();
        for (app_at, app) in repository.deployed() {
            for (object_at, object) in app.objects.iter().enumerate() {
                let policies = NetworkPolicy::of(object);
                if policies.is_empty() {
                    continue;
                }
                let namespace = CompactString::from(repository.home_of(app, object));
                let cluster = cluster_of(app);
                if !seen.insert((object.root.span, namespace.clone(), cluster.clone())) {
                    continue;
                }
                for policy in policies {
                    let at = network.policies.len();
                    let labels = &policy.subject.labels;
                    if labels.names_program() {
                        network.programs.insert((namespace.clone(), labels.to_string()));
                    }
                    network.policies_in.entry(namespace.clone()).or_default().push(at);
                    let (namespace, cluster) = (namespace.clone(), cluster.clone());
                    network.policies.push(PlacedPolicy { app: app_at, object: object_at, cluster, namespace, policy });
                }
            }
        }
        // Of all pods that are known, only a digest: there are many.
        let hasher = FixedState::default();
        let mut seen_pods: HashSet<u64> = HashSet::new();
        for (app_at, app) in repository.deployed() {
            let cluster = cluster_of(app);
            network.note_what_is_open(app);
            for (object_at, object) in app.objects.iter().enumerate() {
                let namespace = CompactString::from(repository.home_of(app, object));
                if object.id.is("", "Namespace") {
                    network.add_namespace(object);
                }
                for pods in references::pods(object) {
                    // Overlays of one base may give the same pods labels of their own.
                    let labels = pods.labels.to_string();
                    if !seen_pods.insert(hasher.hash_one((pods.span, &namespace, &cluster, labels))) {
                        continue;
                    }
                    let host_network = pods
                        .pod
                        .and_then(|pod| pod.spec.get("hostNetwork"))
                        .is_some_and(|on| on.as_bool() != Some(false));
                    let at = network.pods.len();
                    network.pods_in.entry(namespace.clone()).or_default().push(at);
                    network.pods.push(PlacedPods {
                        app: app_at,
                        object: object_at,
                        cluster: cluster.clone(),
                        namespace: namespace.clone(),
                        labels: pods.labels,
                        span: pods.span,
                        host_network,
                        template: pods.template.map(CompactString::from),
                    });
                }
            }
        }
        network.pods.shrink_to_fit();
        network
    }

    fn note_what_is_open(&mut self, app: &BuiltApp) {
        let destination = app.app.destination.namespace.as_str();
        if app.problems.iter().any(|problem| problem.loses_objects()) || !app.unresolved.is_empty() {
            self.open.insert(destination.into());
            self.open.extend(app.objects.iter().map(|object| object.id.namespace.clone()));
        }
        if app.app.sources.iter().any(|source| matches!(source.kind, SourceKind::Unresolved)) {
            self.foreign.insert(destination.into());
        }
        for release in &app.releases {
            let own = release.namespace.as_str();
            self.open.insert(if own.is_empty() { destination } else { own }.into());
        }
    }

    fn add_namespace(&mut self, object: &Object) {
        let mut labels = PodLabels::default();
        labels.set("kubernetes.io/metadata.name", Some(object.id.name.clone()));
        let written = object.root.at(&["metadata", "labels"]);
        for entry in written.map(crate::yaml::Node::entries).unwrap_or_default() {
            labels.set(entry.key.text.clone(), entry.value.as_text().map(CompactString::from));
        }
        self.namespaces.insert(object.id.name.clone(), labels);
    }

    /// Whether all objects of a namespace can be seen. An operator may still make pods of some that presync does not know.
    pub fn is_closed(&self, namespace: &str) -> bool {
        let none = |set: &HashSet<CompactString>| !set.contains(namespace) && !set.contains("");
        !namespace.is_empty() && none(&self.open) && none(&self.foreign)
    }

    /// Whether another repository deploys to a namespace.
    pub fn is_foreign(&self, namespace: &str) -> bool {
        !namespace.is_empty() && self.foreign.contains(namespace)
    }

    /// The pods of a namespace that are known.
    pub fn pods_in(&self, namespace: &str) -> impl Iterator<Item = &PlacedPods> {
        let found = self.pods_in.get(namespace).map(Vec::as_slice).unwrap_or_default();
        found.iter().filter_map(|at| self.pods.get(*at))
    }

    /// The policies that select pods, or may, with their positions.
    pub fn selecting<'n>(&'n self, group: Group<'n>) -> impl Iterator<Item = (usize, &'n PlacedPolicy, Match)> {
        let list = |namespace: &str| self.policies_in.get(namespace).map(Vec::as_slice).unwrap_or_default();
        let own = if group.namespace.is_empty() { &[] } else { list(group.namespace) };
        let all = own.iter().chain(list("")).filter_map(|at| Some((*at, self.policies.get(*at)?)));
        all.filter_map(move |(at, policy)| {
            let selected = self.is_in(&policy.policy.subject, policy, group);
            (selected != Match::No).then_some((at, policy, selected))
        })
    }

    /// Whether a selector of a policy means pods.
    pub fn is_in(&self, selector: &Selector, policy: &PlacedPolicy, group: Group<'_>) -> Match {
        if let (Some(own), Some(theirs)) = (&policy.cluster, group.cluster)
            && own != theirs
        {
            return Match::No;
        }
        let in_one = |names: &[CompactString]| match () {
            () if names.iter().any(|name| name.is_empty()) || group.namespace.is_empty() => Match::Maybe,
            () if names.iter().any(|name| name == group.namespace) => Match::Yes,
            () => Match::No,
        };
        let namespace = match &selector.namespaces {
            Namespaces::Any => Match::Yes,
            Namespaces::Own => in_one(std::slice::from_ref(&policy.namespace)),
            Namespaces::Named(names) => in_one(names),
            Namespaces::Labelled(query) => match self.namespaces.get(group.namespace) {
                Some(labels) => query.matches(labels),
                None => {
                    let mut labels = PodLabels::default();
                    if !group.namespace.is_empty() {
                        labels.set("kubernetes.io/metadata.name", Some(group.namespace.into()));
                    }
                    query.matches(&labels)
                }
            },
        };
        let found = namespace.and(selector.labels.matches(group.labels));
        if found == Match::Maybe && self.is_other_program(selector, policy, group) { Match::No } else { found }
    }

    /// Whether a selector means a program that has a policy of its own, by other labels than those of the pods in question:
    /// who writes a policy for each program calls each by the same labels everywhere.
    fn is_other_program(&self, selector: &Selector, policy: &PlacedPolicy, group: Group<'_>) -> bool {
        let named = match &selector.namespaces {
            Namespaces::Own => policy.namespace == group.namespace,
            Namespaces::Named(names) => names.iter().any(|name| name == group.namespace),
            Namespaces::Any | Namespaces::Labelled(_) => false,
        };
        named
            && selector.labels.names_program()
            && selector.labels.is_apart(group.labels)
            && self.programs.contains(&(group.namespace.into(), selector.labels.to_string()))
    }

    /// Whether a peer of a policy is these pods.
    pub fn is_peer(&self, peer: &Peer, policy: &PlacedPolicy, group: Group<'_>) -> Match {
        match &peer.who {
            Who::Pods(selector) => self.is_in(selector, policy, group),
            Who::Entity(entity) => match entity.as_str() {
                "all" | "cluster" => Match::Yes,
                "world" | "world-ipv4" | "world-ipv6" | "host" | "remote-node" | "kube-apiserver" | "ingress"
                | "health" | "init" | "unmanaged" | "none" => Match::No,
                _ => Match::Maybe,
            },
            // Cilium never takes a pod for an address; other plugins may.
            Who::Addresses(_) if policy.policy.dialect == Dialect::Cilium => Match::No,
            Who::Host(_) => Match::No,
            Who::Addresses(_) | Who::Unknown => Match::Maybe,
        }
    }

    /// Whether pods may send to others, or be sent something by them, on a port; `None` for any port.
    pub fn judge(&self, direction: Direction, group: Group<'_>, far: Group<'_>, port: Option<&Port>) -> Verdict {
        self.judge_by(direction, group, port, |policy, rule| match &rule.peers {
            None => Match::Yes,
            Some(peers) => peers.iter().map(|peer| self.is_peer(peer, policy, far)).max().unwrap_or(Match::No),
        })
    }

    /// Whether traffic of pods gets through, as far as `takes` says which rules are about the other end.
    pub fn judge_by(
        &self,
        direction: Direction,
        group: Group<'_>,
        port: Option<&Port>,
        takes: impl Fn(&PlacedPolicy, &Rule) -> Match,
    ) -> Verdict {
        if group.namespace.is_empty() || self.foreign.contains(group.namespace) {
            return Verdict::Open;
        }
        let mut enforcing = Vec::new();
        for (count, (at, policy, selected)) in self.selecting(group).enumerate() {
            let side = policy.policy.side(direction);
            let passes = |rule: &Rule| {
                port.is_none_or(|port| rule.takes_port(port) != Match::No) && takes(policy, rule) != Match::No
            };
            if count > MOST_POLICIES || side.allow.iter().any(passes) {
                return Verdict::Open;
            }
            if selected == Match::Yes && side.enforced {
                enforcing.push(at);
            }
        }
        if enforcing.is_empty() { Verdict::Open } else { Verdict::Denied(enforcing) }
    }
}

impl PlacedPods {
    /// The pods as questions name them.
    pub fn group(&self) -> Group<'_> {
        Group { cluster: self.cluster.as_deref(), namespace: &self.namespace, labels: &self.labels }
    }
}

/// The cluster an app says it is deployed to. What only lies on disk may be for any.
fn cluster_of(app: &BuiltApp) -> Option<CompactString> {
    let Declared::ArgoApplication(_) = app.app.declared else { return None };
    let name = app.app.destination.cluster.as_str();
    // Argo CD knows its own cluster under two names.
    let own = matches!(name, "in-cluster" | "https://kubernetes.default.svc");
    (!name.is_empty()).then(|| if own { "in-cluster" } else { name }.into())
}
