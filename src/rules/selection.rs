//! Selectors that take nothing, and what they were probably meant to take: for Services, budgets and monitors alike.
//!
//! A selector may wait for pods that somebody else brings. So it is a mistake only where something is there that it was
//! meant for: spelled nearly so, labelled with the same value under another key, or of the same name, and taken by no other
//! selector either; and where everything of its namespace can be seen. What its own app has under nearly that label was
//! meant wherever nothing out of sight is called so. Left out: selectors with expressions, and labels that
//! programs put on their own pods while they run, such as that of a leader.

use std::borrow::Cow;
use std::collections::BTreeSet;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use crate::finding::is_slip;
use crate::kubernetes::Object;
use crate::kubernetes::network_policy::{LabelQuery, Match, PodLabels, Requirement, Test};
use crate::references;
use crate::repository::Repository;
use crate::rules::Findings;
use crate::source::Span;
use crate::yaml::Node;

/// More comparisons than these are not made: it bounds the work on hostile input.
const MOST_COMPARISONS: usize = 4_000_000;

/// Words of labels that programs set while they run, or that tell releases of one program apart: pods that lack them are
/// not there yet, or not now.
const CHANGING: [&str; 19] = [
    "role", "leader", "master", "primary", "replica", "standby", "active", "state", "status", "version", "color",
    "colour", "slot", "track", "revision", "hash", "stage", "canary", "preview",
];

/// Ends that people give the names of objects beside the name of the program.
const ENDS: [&str; 7] = ["service", "svc", "headless", "metrics", "monitor", "servicemonitor", "pdb"];

/// The rank of what only has the selector's own name; what is nearer is below.
const NAMESAKE: u8 = 2;

/// API groups whose objects make no pods, or none that anybody selects, beside those of Kubernetes itself.
const PASSIVE: [&str; 29] = [
    "argoproj.io",
    "barmancloud.cnpg.io",
    "bitnami.com",
    "cert-manager.io",
    "cilium.io",
    "external-secrets.io",
    "externaldns.k8s.io",
    "gateway.envoyproxy.io",
    "generators.external-secrets.io",
    "grafana.integreatly.org",
    "helm.cattle.io",
    "helm.toolkit.fluxcd.io",
    "image.toolkit.fluxcd.io",
    "k8s.cni.cncf.io",
    "keda.sh",
    "kustomize.toolkit.fluxcd.io",
    "kyverno.io",
    "metallb.io",
    "monitoring.coreos.com",
    "networking.istio.io",
    "notification.toolkit.fluxcd.io",
    "policies.kyverno.io",
    "projectcalico.org",
    "security.istio.io",
    "source.toolkit.fluxcd.io",
    "telemetry.istio.io",
    "traefik.io",
    "velero.io",
    "volsync.backube",
];

/// Something with labels.
pub(crate) struct Target<'a> {
    /// Position of its app in the repository.
    pub(crate) app: usize,
    /// The object that is it, or makes it.
    pub(crate) object: &'a Object,
    /// Its namespace; empty if that is not known.
    pub(crate) namespace: &'a str,
    /// Its labels.
    pub(crate) labels: Cow<'a, PodLabels>,
    /// Where they are written.
    pub(crate) span: Span,
    /// What it selects itself, if it is a Service: people take that for its labels.
    pub(crate) selector: Option<&'a Node>,
}

/// Something that selects.
pub(crate) struct Selecting<'a> {
    /// Position of its app in the repository.
    pub(crate) app: usize,
    /// The object.
    pub(crate) object: &'a Object,
    /// The namespaces in which it selects; one empty one for that which is not known, none for all.
    pub(crate) namespaces: Vec<&'a str>,
    /// What it selects.
    pub(crate) query: LabelQuery,
}

/// A selector that takes nothing, and what it was probably meant for.
pub(crate) struct Missed<'s, 'a> {
    /// The selector.
    pub(crate) by: &'s Selecting<'a>,
    /// What it was meant for.
    pub(crate) target: &'s Target<'a>,
    /// The condition that keeps the target out.
    pub(crate) requirement: &'s Requirement,
    /// The label that the target has instead, if it has one that is near.
    pub(crate) instead: Option<String>,
}

/// How much can be seen of the namespaces of a selector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sight {
    /// Everything.
    Whole,
    /// Not everything, but nothing out of sight is called by the value that is looked for.
    Apart,
    /// Too little.
    Unknown,
}

impl Missed<'_, '_> {
    /// Where nothing is found, for messages: `in namespace X `, or nothing where that is not known.
    pub(crate) fn place(&self) -> String {
        match self.by.namespaces.as_slice() {
            [] | [""] => String::new(),
            names => format!("in namespace `{}` ", names.join("`, `")),
        }
    }

    /// What the target has, as a label's text.
    pub(crate) fn has(&self) -> String {
        let id = &self.target.object.id;
        match (&self.instead, id.kind.as_str()) {
            (Some(instead), "Service") => format!("{id} has `{instead}`"),
            (Some(instead), _) => format!("the pods of {id} have `{instead}`"),
            (None, "Service") => format!("the labels of {id}"),
            (None, _) => format!("the labels of the pods of {id}"),
        }
    }

    /// What to do.
    pub(crate) fn help(&self) -> String {
        match &self.instead {
            Some(instead) => format!("did you mean `{instead}`?"),
            None => format!("was {} meant? select by labels that it has", self.target.object.id),
        }
    }
}

/// Targets by what selectors ask of them.
struct Shelf<'s, 'a> {
    targets: &'s [Target<'a>],
    /// By namespace, label and value.
    labelled: HashMap<(&'a str, &'s str, &'s str), Vec<usize>>,
    /// By namespace and label: those of which the value is not known.
    unsettled: HashMap<(&'a str, &'s str), Vec<usize>>,
    /// By namespace: those of which not all labels are known.
    open: HashMap<&'a str, Vec<usize>>,
    /// By namespace.
    all: HashMap<&'a str, Vec<usize>>,
}

/// The conditions of a plain map of labels, such as a Service's selector.
pub(crate) fn plain(node: &Node) -> LabelQuery {
    let requirements = node.entries().iter().map(|entry| {
        let known = |text: &&str| !entry.value.is_unknown() && !text.contains('$') && !text.contains("{{");
        let value = entry.value.value_text().filter(known);
        Requirement {
            key: entry.key.text.clone(),
            test: value.map_or(Test::Unknown, |value| Test::In(vec![value.into()])),
            span: entry.value.span,
        }
    });
    LabelQuery { requirements: requirements.collect() }
}

/// The selectors that take nothing although something near is there. `seen` says how much of a selector's namespaces can be
/// seen, with the value that it looks for.
pub(crate) fn missed<'s, 'a>(
    selecting: &'s [Selecting<'a>],
    targets: &'s [Target<'a>],
    seen: impl Fn(&Selecting<'a>, &str) -> Sight,
) -> Vec<Missed<'s, 'a>> {
    let shelf = Shelf::new(targets);
    let mut taken = vec![false; targets.len()];
    let mut idle = Vec::new();
    let mut comparisons = 0;
    for by in selecting {
        let mut any = false;
        for at in shelf.candidates(by) {
            comparisons += 1;
            let Some(target) = targets.get(at).filter(|_| comparisons < MOST_COMPARISONS) else { return Vec::new() };
            if by.query.matches(&target.labels) != Match::No {
                any = true;
                if let Some(taken) = taken.get_mut(at) {
                    *taken = true;
                }
            }
        }
        if !any {
            idle.push(by);
        }
    }
    let mut found = Vec::new();
    for by in idle.into_iter().filter(|by| single(&by.query)) {
        let near: Vec<usize> = shelf.around(by).collect();
        comparisons += near.len();
        if comparisons > MOST_COMPARISONS {
            break;
        }
        let free = |at: &usize| !taken.get(*at).is_some_and(|taken| *taken);
        let judged = near.iter().filter_map(|at| {
            let target = targets.get(*at)?;
            let free = free(at);
            let (rank, requirement, instead) = judge(by, target, free)?;
            let wanted = match &requirement.test {
                Test::In(values) => values.first()?,
                _ => return None,
            };
            let own = by.app == target.app;
            let sure = match seen(by, wanted) {
                Sight::Whole => true,
                Sight::Apart => own && free && rank < NAMESAKE,
                Sight::Unknown => false,
            };
            // What lies in the same app was written together.
            sure.then_some((rank, !own, *at, target, requirement, instead))
        });
        let best = judged.min_by_key(|(rank, elsewhere, at, ..)| (*rank, *elsewhere, *at));
        let best = best.map(|(.., target, requirement, instead)| Missed { by, target, requirement, instead });
        found.extend(best);
    }
    found
}

/// What each selector surely takes; selectors that may take more are left out, and those that take nothing.
pub(crate) fn taken<'s, 'a>(
    selecting: &'s [Selecting<'a>],
    targets: &'s [Target<'a>],
) -> Vec<(&'s Selecting<'a>, Vec<&'s Target<'a>>)> {
    let shelf = Shelf::new(targets);
    let mut comparisons = 0;
    let mut all = Vec::new();
    for by in selecting.iter().filter(|by| !by.query.requirements.is_empty()) {
        let mut taken = Vec::new();
        let mut sure = true;
        for target in shelf.candidates(by).filter_map(|at| targets.get(at)) {
            comparisons += 1;
            match by.query.matches(&target.labels) {
                Match::Yes => taken.push(target),
                Match::Maybe => sure = false,
                Match::No => {}
            }
        }
        if comparisons > MOST_COMPARISONS {
            break;
        }
        if sure && !taken.is_empty() {
            all.push((by, taken));
        }
    }
    all
}

impl<'s, 'a> Shelf<'s, 'a> {
    fn new(targets: &'s [Target<'a>]) -> Self {
        let mut shelf = Self {
            targets,
            labelled: HashMap::new(),
            unsettled: HashMap::new(),
            open: HashMap::new(),
            all: HashMap::new(),
        };
        for (at, target) in targets.iter().enumerate() {
            let home = target.namespace;
            shelf.all.entry(home).or_default().push(at);
            if !target.labels.closed {
                shelf.open.entry(home).or_default().push(at);
            }
            for (key, value) in &target.labels.known {
                match value {
                    Some(value) => shelf.labelled.entry((home, key, value)).or_default().push(at),
                    None => shelf.unsettled.entry((home, key)).or_default().push(at),
                }
            }
        }
        shelf
    }

    /// The targets that a selector may take.
    fn candidates<'q>(&'q self, by: &'q Selecting<'a>) -> impl Iterator<Item = usize> + 'q {
        self.homes(by).flat_map(move |home| {
            let list = |found: Option<&'q Vec<usize>>| found.map(Vec::as_slice).unwrap_or_default();
            let rarest = by.query.requirements.iter().filter_map(|requirement| {
                let Test::In(values) = &requirement.test else { return None };
                let [value] = values.as_slice() else { return None };
                Some((
                    list(self.labelled.get(&(home, requirement.key.as_str(), value.as_str()))),
                    list(self.unsettled.get(&(home, requirement.key.as_str()))),
                ))
            });
            let rarest = rarest.min_by_key(|(labelled, unsettled)| labelled.len() + unsettled.len());
            let (first, second, third) = match rarest {
                Some((labelled, unsettled)) => (labelled, unsettled, list(self.open.get(home))),
                None => (list(self.all.get(home)), Default::default(), Default::default()),
            };
            first.iter().chain(second).chain(third).copied()
        })
    }

    /// Everything in the namespaces of a selector; where that is not known, what its own app brings.
    fn around<'q>(&'q self, by: &'q Selecting<'a>) -> impl Iterator<Item = usize> + 'q {
        let all = self.homes(by).flat_map(|home| self.all.get(home).map(Vec::as_slice).unwrap_or_default());
        let unknown = by.namespaces.as_slice() == [""];
        all.copied().filter(move |at| self.targets.get(*at).is_some_and(|target| !unknown || target.app == by.app))
    }

    fn homes<'q>(&'q self, by: &'q Selecting<'a>) -> impl Iterator<Item = &'a str> + 'q {
        let everywhere = by.namespaces.is_empty() || by.namespaces.contains(&"");
        // What has no known namespace may be in any.
        let named = by.namespaces.iter().copied().chain([""]).filter(move |_| !everywhere);
        self.all.keys().copied().filter(move |_| everywhere).chain(named)
    }
}

/// Whether a selector only asks for single values.
fn single(query: &LabelQuery) -> bool {
    let single = |requirement: &Requirement| matches!(&requirement.test, Test::In(values) if values.len() == 1);
    !query.requirements.is_empty() && query.requirements.iter().all(single)
}

/// Whether a selector was meant for something: how surely, the smaller the better, by which condition it fails, and what
/// the target has instead. `free` says that no other selector takes the target.
fn judge<'s>(by: &'s Selecting<'_>, target: &Target<'_>, free: bool) -> Option<(u8, &'s Requirement, Option<String>)> {
    let known = |key: &str| target.labels.known.iter().find(|(known, _)| known == key);
    let failing: Vec<(&Requirement, &CompactString)> = by
        .query
        .requirements
        .iter()
        .filter_map(|requirement| {
            let Test::In(values) = &requirement.test else { return None };
            let value = values.first()?;
            let has = known(&requirement.key).is_some_and(|(_, own)| own.as_ref() == Some(value));
            (!has).then_some((requirement, value))
        })
        .collect();
    let changing = failing.iter().any(|(requirement, value)| changes(&requirement.key) || changes(value));
    let (first, value) = failing.first().filter(|_| !changing)?;
    let own = known(&first.key).and_then(|(_, own)| own.as_deref());
    if let Some(own) = own.filter(|own| failing.len() == 1 && is_slip(value, own)) {
        return Some((0, first, Some(format!("{}: {own}", first.key))));
    }
    // Labels of a domain are set by the program that owns it, on what it makes itself.
    let is_owned = |(requirement, _): &(&Requirement, &CompactString)| {
        requirement.key.split_once('/').is_some_and(|(domain, _)| domain != "app.kubernetes.io")
    };
    // Pods that come to an end answer nobody.
    let ends = matches!(target.object.id.kind.as_str(), "Job" | "CronJob");
    if !free || ends || failing.iter().any(is_owned) {
        return None;
    }
    let sends = |(requirement, value): &(&Requirement, &CompactString)| {
        let own = target.selector.and_then(|selector| selector.get(&requirement.key));
        own.and_then(Node::as_text) == Some(value.as_str()) && tells(value)
    };
    if failing.iter().all(sends) {
        return Some((1, first, None));
    }
    let elsewhere = |value: &CompactString| {
        let same = |(_, own): &&(CompactString, Option<CompactString>)| own.as_ref() == Some(value);
        target.labels.known.iter().find(same).filter(|_| tells(value))
    };
    let moved: Option<Vec<_>> = failing.iter().map(|(_, value)| elsewhere(value)).collect();
    if let Some((key, value)) = moved.as_ref().and_then(|moved| moved.first()) {
        return Some((1, first, value.as_ref().map(|value| format!("{key}: {value}"))));
    }
    let namesake = program(&by.object.id.name) == program(&target.object.id.name);
    let akin = namesake && !program(&by.object.id.name).is_empty();
    akin.then(|| (NAMESAKE, *first, own.map(|own| format!("{}: {own}", first.key))))
}

/// Whether a label is one that comes and goes.
fn changes(word: &str) -> bool {
    let split = |c: char| !c.is_ascii_alphanumeric();
    word.split(split).any(|part| CHANGING.iter().any(|changing| part.eq_ignore_ascii_case(changing)))
}

/// Whether a value says which program is meant; a word such as `true` says nothing.
fn tells(value: &str) -> bool {
    value.len() > 2 && !matches!(value, "true" | "yes" | "enabled" | "metrics" | "server" | "backend" | "frontend")
}

/// An object's name without what says only of which kind it is.
fn program(name: &str) -> &str {
    let end = |name: &'_ str| ENDS.iter().find_map(|end| Some(name.strip_suffix(end)?.strip_suffix('-')?.len()));
    end(name).and_then(|length| name.get(..length)).unwrap_or(name)
}

/// Everything that is known of the pods of the repository: who makes them, and where pods may come from that can't be seen.
pub(crate) struct Pods<'a> {
    repository: &'a Repository,
    /// The pods.
    pub(crate) targets: Vec<Target<'a>>,
    /// Namespaces in which custom resources lie that may make pods in a way presync does not know.
    makers: HashSet<&'a str>,
    /// Names of what is out of sight: charts that are not rendered, apps that are not all built, objects of operators.
    hidden: BTreeSet<CompactString>,
}

/// Reports every selector that takes no pod, in the words of its rule.
pub(crate) fn report_without_pods<'a>(
    repository: &'a Repository,
    selecting: &[Selecting<'a>],
    words: impl Fn(&Missed<'_, 'a>) -> String,
    findings: &mut Findings<'a>,
) {
    if selecting.is_empty() {
        return;
    }
    let pods = Pods::of(repository);
    for missed in missed(selecting, &pods.targets, |by, wanted| pods.seen(by, wanted)) {
        findings.about(repository.apps.get(missed.by.app), Some(missed.by.object));
        let finding = findings.report(missed.requirement.span, words(&missed));
        finding.label("no such pod").related(missed.target.span, missed.has());
        finding.help(missed.help());
    }
}

impl<'a> Pods<'a> {
    pub(crate) fn of(repository: &'a Repository) -> Self {
        let network = repository.network();
        let targets = network.pods.iter().filter_map(|pods| {
            let object = repository.apps.get(pods.app)?.objects.get(pods.object)?;
            let labels = Cow::Borrowed(&pods.labels);
            Some(Target { app: pods.app, object, namespace: &pods.namespace, labels, span: pods.span, selector: None })
        });
        let (mut makers, mut hidden) = (HashSet::new(), BTreeSet::new());
        for (_, app) in repository.deployed() {
            for object in app.objects.iter().filter(|object| may_make_pods(object)) {
                makers.insert(repository.home_of(app, object));
                hidden.insert(object.id.name.clone());
            }
            hidden.extend(
                app.releases.iter().flat_map(|release| [release.name.as_str().into(), (*release.chart.name).into()]),
            );
            if !app.is_complete() {
                hidden.insert(app.app.name.as_str().into());
            }
        }
        hidden.remove("");
        Self { repository, targets: targets.collect(), makers, hidden }
    }

    /// How much can be seen of the pods in a selector's namespaces.
    pub(crate) fn seen(&self, by: &Selecting<'_>, wanted: &str) -> Sight {
        let network = self.repository.network();
        let none_made = |namespace: &str| !self.makers.contains(namespace) && !self.makers.contains("");
        // The control plane's own pods are in no manifest.
        let seen =
            |namespace: &&str| *namespace != "kube-system" && none_made(namespace) && network.is_closed(namespace);
        let whole = match by.namespaces.as_slice() {
            [""] => {
                let app = self.repository.apps.get(by.app);
                none_made("") && app.is_some_and(|app| app.is_complete() && app.releases.is_empty())
            }
            [] => false,
            namespaces => namespaces.iter().all(seen),
        };
        // What a chart or an operator makes has names that begin like its own.
        let akin = |hidden: &CompactString| {
            hidden.contains(wanted)
                || hidden.len() > 2 && wanted.contains(hidden.as_str())
                || hidden.split('-').next() == wanted.split('-').next()
        };
        let foreign = by.namespaces.iter().any(|namespace| network.is_foreign(namespace));
        match () {
            () if foreign => Sight::Unknown,
            () if whole => Sight::Whole,
            () if by.namespaces.is_empty() || self.hidden.iter().any(akin) => Sight::Unknown,
            () => Sight::Apart,
        }
    }
}

impl Pods<'_> {
    /// Whether a selector may also take pods that an operator makes: it names no program, and the namespace has such
    /// objects.
    pub(crate) fn may_take_others(&self, by: &Selecting<'_>) -> bool {
        let names = |requirement: &Requirement| {
            let name = requirement.key.rsplit('/').next().unwrap_or_default();
            matches!(name, "app" | "k8s-app" | "name" | "instance")
        };
        let made = |namespace: &&str| self.makers.contains(namespace) || self.makers.contains("");
        by.namespaces.iter().any(made) && !by.query.requirements.iter().any(names)
    }
}

fn may_make_pods(object: &Object) -> bool {
    let group = object.id.group.as_str();
    let of_kubernetes =
        !group.contains('.') || group.ends_with(".k8s.io") && !group.ends_with(".x-k8s.io") || PASSIVE.contains(&group);
    !of_kubernetes && references::pods(object).is_empty()
}
