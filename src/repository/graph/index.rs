//! What is there, by kind, namespace and name: objects that are built, and what controllers make of them.

use std::sync::LazyLock;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt, HashSet};

use super::in_values::InValues;
use super::{Question, chart_classes, home, settled};
use crate::kubernetes::Object;
use crate::references::{self, Made, Part, Spread};
use crate::repository::Repository;
use crate::source::Span;

/// More definitions of one name than this are as good as an unknown one: it bounds the work on hostile input.
const MOST_DEFINITIONS: usize = 16;

/// Everything that is there of the kinds that are asked for.
pub(super) struct Index<'a> {
    kinds: HashMap<(CompactString, CompactString), Kind<'a>>,
}

/// Everything that is there of one kind.
#[derive(Default)]
pub(super) struct Kind<'a> {
    /// Definitions by name, by namespace.
    pub(super) namespaces: HashMap<CompactString, HashMap<CompactString, Vec<Definition<'a>>>>,
    /// Namespaces that have a name.
    pub(super) homes: HashMap<CompactString, Vec<CompactString>>,
    /// Names that may stand in any namespace.
    anywhere: HashSet<CompactString>,
    /// Whether charts are known to bring some.
    by_chart: bool,
    /// Starts and ends of names that a controller makes up, by namespace; the empty namespace stands for any.
    starts: HashSet<(CompactString, CompactString)>,
    ends: HashSet<(CompactString, CompactString)>,
    /// Namespaces in which a name is not known yet, so that any could be there.
    unsettled: HashSet<CompactString>,
}

/// One object that is there.
pub(super) struct Definition<'a> {
    /// The object, or the one that brings it about.
    pub(super) object: &'a Object,
    /// Position of the app that has it.
    pub(super) app: usize,
    /// Where its name is written, or that of the object that brings it about.
    pub(super) span: Span,
    /// What a controller makes; `None` if the object itself is meant.
    made: Option<Option<Vec<CompactString>>>,
}

/// What the index knows of a question.
pub(super) enum Answer<'a, 'i> {
    /// The object is there; these are its definitions.
    Defined(Vec<&'i Definition<'a>>),
    /// It is there or may be; nothing is known of its inside.
    Unknown,
    /// It is not there.
    Missing,
}

impl<'a> Index<'a> {
    /// Reads every object of the repository for the kinds that are asked for.
    pub(super) fn new(repository: &'a Repository, asked: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut kinds: HashMap<(CompactString, CompactString), Kind<'a>> = HashMap::new();
        let owned = |(group, kind): (&str, &str)| (group.into(), kind.into());
        for kind in asked {
            kinds.entry(owned(kind)).or_default();
            // A near name of a neighbouring kind is worth telling.
            if let Some(sibling) = super::near::sibling(kind) {
                kinds.entry(owned(sibling)).or_default();
            }
        }
        kinds.entry(owned(("", "Namespace"))).or_default();
        let mut index = Self { kinds };
        let listed = repository.apps.iter().enumerate().filter(|(_, app)| !repository.is_unlisted(app));
        for (at, app) in listed {
            for object in &app.objects {
                let namespace = home(app, object, &repository.definitions);
                index.add(at, object, namespace);
                for made in references::made(object) {
                    index.add_made(at, made, object, namespace);
                }
            }
            for release in &app.releases {
                index.add_values(InValues::of(release, &repository.files), settled(&release.namespace));
            }
            for class in app.releases.iter().filter_map(chart_classes::of).flatten() {
                if let Some(kind) = index.kinds.get_mut(&owned(("storage.k8s.io", "StorageClass"))) {
                    kind.anywhere.insert(class.into());
                    kind.by_chart = true;
                }
            }
        }
        index
    }

    pub(super) fn kind(&self, group: &str, kind: &str) -> Option<&Kind<'a>> {
        self.kinds.get(&(group.into(), kind.into()))
    }

    fn add(&mut self, app: usize, object: &'a Object, namespace: &str) {
        let Some(kind) = self.kinds.get_mut(&(object.id.group.clone(), object.id.kind.clone())) else { return };
        if !references::is_settled(&object.id.name) {
            kind.unsettled.insert(namespace.into());
            return;
        }
        let definition = Definition { object, app, span: object.name_span(), made: None };
        kind.add(&object.id.name, namespace, definition);
    }

    /// What values bring may be anywhere: charts put their own namespace to it or not.
    fn add_values(&mut self, found: InValues, home: &str) {
        for object in found.objects {
            for made in references::made(&object) {
                self.add_anywhere(made.group, made.kind, &made.name, home);
            }
            self.add_anywhere(&object.id.group, &object.id.kind, &object.id.name, home);
        }
        for account in found.accounts {
            self.add_anywhere("", "ServiceAccount", &account, home);
        }
    }

    fn add_anywhere(&mut self, group: &str, kind: &str, name: &CompactString, home: &str) {
        let Some(kind) = self.kinds.get_mut(&(group.into(), kind.into())) else { return };
        match references::is_settled(name) {
            true => kind.anywhere.insert(name.clone()),
            // A name that a template makes could be any there.
            false => kind.unsettled.insert(home.into()),
        };
    }

    fn add_made(&mut self, app: usize, made: Made, object: &'a Object, namespace: &str) {
        let Some(kind) = self.kinds.get_mut(&(made.group.into(), made.kind.into())) else { return };
        let namespace = match &made.spread {
            Spread::Same => namespace,
            Spread::Namespace(namespace) => settled(namespace),
            Spread::Any => "",
        };
        let star = made.name.contains('*');
        if !references::is_settled(&made.name.replace('*', "")) && made.name != "*" {
            kind.unsettled.insert(namespace.into());
        } else if let (true, Some(start)) = (star, made.name.strip_suffix('*')) {
            kind.starts.insert((namespace.into(), start.into()));
        } else if let (true, Some(end)) = (star, made.name.strip_prefix('*')) {
            kind.ends.insert((namespace.into(), end.into()));
        } else if made.spread == Spread::Any {
            kind.anywhere.insert(made.name);
        } else {
            let definition = Definition { object, app, span: object.name_span(), made: Some(made.keys) };
            kind.add(&made.name, namespace, definition);
        }
    }

    /// Looks an object up.
    pub(super) fn answer(&self, question: &Question<'_>) -> Answer<'a, '_> {
        let Some(kind) = self.kind(question.group, question.kind) else { return Answer::Unknown };
        let Question { namespace, name, .. } = *question;
        if kind.is_vague(namespace, name) || exists_anyway(question) {
            return Answer::Unknown;
        }
        let homes: Vec<&str> = if namespace.is_empty() {
            kind.homes.get(name).map(Vec::as_slice).unwrap_or_default().iter().map(CompactString::as_str).collect()
        } else {
            vec![namespace, ""]
        };
        let find = |home: &str| kind.namespaces.get(home).and_then(|names| names.get(name));
        let definitions: Vec<&Definition<'a>> = homes.into_iter().filter_map(find).flatten().collect();
        match definitions.len() {
            0 => Answer::Missing,
            count if count >= MOST_DEFINITIONS => Answer::Unknown,
            _ => Answer::Defined(definitions),
        }
    }
}

impl<'a> Kind<'a> {
    fn add(&mut self, name: &CompactString, namespace: &str, definition: Definition<'a>) {
        let names = self.namespaces.entry(namespace.into()).or_default();
        // Nearly every name is defined once, in one namespace; a list makes room for four.
        let definitions = names.entry(name.clone()).or_insert_with(|| Vec::with_capacity(1));
        if definitions.is_empty() {
            let homes = self.homes.entry(name.clone()).or_insert_with(|| Vec::with_capacity(1));
            if homes.len() < MOST_DEFINITIONS {
                homes.push(namespace.into());
            }
        }
        if definitions.len() < MOST_DEFINITIONS {
            definitions.push(definition);
        }
    }

    /// Whether a name may be there though no definition says so.
    fn is_vague(&self, namespace: &str, name: &str) -> bool {
        if self.anywhere.contains(name) || self.unsettled.contains(namespace) || self.unsettled.contains("") {
            return true;
        }
        if namespace.is_empty() && !self.unsettled.is_empty() {
            return true;
        }
        // Made-up names are cut at their words.
        let cuts = || std::iter::once(0).chain(name.match_indices(['-', '.']).flat_map(|(at, _)| [at, at + 1]));
        let homes = if namespace.is_empty() { vec![""] } else { vec![namespace, ""] };
        homes.into_iter().any(|home| {
            let has = |set: &HashSet<(CompactString, CompactString)>, text: &str| {
                set.contains(&(CompactString::from(home), CompactString::from(text)))
            };
            !self.starts.is_empty()
                && cuts()
                    .chain(0..name.len().min(6))
                    .any(|cut| name.get(..cut).is_some_and(|text| has(&self.starts, text)))
                || !self.ends.is_empty() && cuts().any(|cut| name.get(cut..).is_some_and(|text| has(&self.ends, text)))
        })
    }

    /// Whether anything of the kind is there.
    pub(super) fn is_known(&self) -> bool {
        self.by_chart || !self.namespaces.is_empty()
    }
}

/// A part of an object: its name, its number, its place.
type FoundPart = (Option<CompactString>, Option<i64>, Span);

impl Definition<'_> {
    /// The parts of the kind that is asked for; `None` if they are not known.
    pub(super) fn parts(&self, part: Part<'_>) -> Option<Vec<FoundPart>> {
        let named = |(name, span)| (Some(name), None, span);
        if let Some(keys) = &self.made {
            let Part::Key(_) = part else { return None };
            return Some(keys.clone()?.into_iter().map(|key| (Some(key), None, self.span)).collect());
        }
        Some(match part {
            Part::Key(_) => references::keys(self.object)?.into_iter().map(named).collect(),
            Part::PortNumber(_) | Part::PortName(_) => {
                let ports = references::ports(self.object)?.list;
                ports.into_iter().map(|(number, name, span)| (name, Some(number), span)).collect()
            }
            Part::Listener(_) => {
                references::listeners(self.object, &["spec", "listeners"])?.into_iter().map(named).collect()
            }
            Part::Template(_) => {
                references::listeners(self.object, &["spec", "templates"])?.into_iter().map(named).collect()
            }
        })
    }
}

struct Existing {
    namespace: &'static str,
    name: &'static str,
}

static EXISTING: LazyLock<HashMap<&'static str, Vec<Existing>>> = LazyLock::new(|| {
    let mut table: HashMap<&'static str, Vec<Existing>> = HashMap::new();
    let text = include_str!("../../../rules/data/existing-objects.tsv");
    // The first line that is no comment names the columns.
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [kind, namespace, name, _] = cells[..] else { continue };
        table.entry(kind).or_default().push(Existing { namespace, name });
    }
    table
});

/// Whether the cluster or its distribution brings the object; the table `rules/data/existing-objects.tsv`.
fn exists_anyway(question: &Question<'_>) -> bool {
    let fits = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => pattern == text,
    };
    EXISTING.get(question.kind).map(Vec::as_slice).unwrap_or_default().iter().any(|existing| {
        let in_namespace =
            question.namespace.is_empty() && existing.namespace == "*" || fits(existing.namespace, question.namespace);
        in_namespace && fits(existing.name, question.name)
    })
}
