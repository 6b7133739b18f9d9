//! Who refers to whom among the datasources of one Grafana.

use foldhash::{HashMap, HashMapExt};

use super::datasources::Reference;
use super::instance::Instance;

/// The references that lead to a datasource of the same Grafana. Correlations are left out: Grafana looks their targets
/// up after all datasources exist, so their order does not matter.
pub(super) struct Graph<'a> {
    /// For each datasource its references, in file order, with the position of the datasource they lead to.
    pub(super) edges: Vec<Vec<(usize, &'a Reference)>>,
    /// For each datasource the number of its circle: datasources of equal number reach each other.
    pub(super) circle: Vec<usize>,
}

impl<'a> Graph<'a> {
    /// The graph of an instance.
    pub(super) fn of(instance: &'a Instance) -> Self {
        let mut by_uid: HashMap<&str, usize> = HashMap::new();
        for (at, datasource) in instance.datasources.iter().enumerate() {
            if let Some(uid) = datasource.uid.text() {
                by_uid.entry(uid).or_insert(at);
            }
        }
        let edges: Vec<Vec<(usize, &Reference)>> = instance
            .datasources
            .iter()
            .enumerate()
            .map(|(at, datasource)| {
                let references = datasource.references.iter().filter(|reference| !reference.correlation);
                let known = references.filter_map(|reference| Some((*by_uid.get(reference.uid.as_str())?, reference)));
                known.filter(|(target, _)| *target != at).collect()
            })
            .collect();
        let circle = circles(&edges);
        Self { edges, circle }
    }

    /// The circles of more than one datasource, each as positions in order.
    pub(super) fn circles(&self) -> Vec<Vec<usize>> {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.circle.len()];
        for (at, circle) in self.circle.iter().enumerate() {
            if let Some(members) = members.get_mut(*circle) {
                members.push(at);
            }
        }
        members.retain(|members| members.len() > 1);
        members.sort();
        members
    }
}

/// Strongly connected components after Kosaraju, without recursion: files may hold any number of datasources.
fn circles(edges: &[Vec<(usize, &Reference)>]) -> Vec<usize> {
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (from, targets) in edges.iter().enumerate() {
        for (to, _) in targets {
            if let Some(sources) = back.get_mut(*to) {
                sources.push(from);
            }
        }
    }
    let mut finished = Vec::with_capacity(edges.len());
    let mut seen = vec![false; edges.len()];
    for start in 0..edges.len() {
        let mut path = vec![(start, 0)];
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        while let Some((at, next)) = path.last_mut() {
            let Some((to, _)) = edges[*at].get(*next) else {
                finished.push(*at);
                path.pop();
                continue;
            };
            *next += 1;
            if !std::mem::replace(&mut seen[*to], true) {
                path.push((*to, 0));
            }
        }
    }
    let mut circle = vec![usize::MAX; edges.len()];
    for (number, start) in finished.iter().rev().enumerate() {
        let mut open = vec![*start];
        while let Some(at) = open.pop() {
            if circle[at] == usize::MAX {
                circle[at] = number;
                open.extend(back[at].iter().copied().filter(|from| circle[*from] == usize::MAX));
            }
        }
    }
    circle
}
