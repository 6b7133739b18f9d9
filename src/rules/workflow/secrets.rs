//! Which namespaces have a Secret of a name, written or made by a controller.

use std::collections::BTreeSet;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt, HashSet};

use crate::references::{self, Spread};
use crate::repository::Repository;

/// The Secrets of a repository.
pub(super) struct Secrets {
    namespaces: HashMap<CompactString, BTreeSet<CompactString>>,
    /// Names that may be in any namespace.
    anywhere: HashSet<CompactString>,
}

impl Secrets {
    pub(super) fn of(repository: &Repository) -> Self {
        let mut all = Self { namespaces: HashMap::new(), anywhere: HashSet::default() };
        for app in &repository.apps {
            for object in &app.objects {
                let home = CompactString::from(repository.home_of(app, object));
                if object.id.is("", "Secret") {
                    all.add(object.id.name.clone(), home.clone());
                }
                for made in references::made(object).into_iter().filter(|made| made.kind == "Secret") {
                    match made.spread {
                        Spread::Same => all.add(made.name, home.clone()),
                        Spread::Namespace(namespace) => all.add(made.name, namespace),
                        Spread::Any => _ = all.anywhere.insert(made.name),
                    }
                }
            }
        }
        all
    }

    fn add(&mut self, name: CompactString, namespace: CompactString) {
        // Where the namespace is not known, it may be any.
        match namespace.is_empty() {
            true => _ = self.anywhere.insert(name),
            false => _ = self.namespaces.entry(name).or_default().insert(namespace),
        }
    }

    /// The namespaces that have the Secret; `None` if any may have it.
    pub(super) fn namespaces(&self, name: &str) -> Option<BTreeSet<CompactString>> {
        let known = || self.namespaces.get(name).cloned().unwrap_or_default();
        (!self.anywhere.contains(name)).then(known)
    }
}
