//! How severe each rule is, and where.

use globset::GlobMatcher;

use super::globs::{PathGlobs, name_glob};
use super::keys;
use super::reader::Reader;
use crate::finding::Severity;
use crate::source::{RepoPath, Span};
use crate::yaml::Node;

/// What the user makes of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// It does not run.
    Off,
    /// It runs, with the severity it gives itself.
    On,
    /// It runs, and every finding has this severity.
    At(Severity),
}

/// The words for levels.
pub(super) const LEVELS: [(&str, Level); 5] = [
    ("off", Level::Off),
    ("on", Level::On),
    ("info", Level::At(Severity::Info)),
    ("warning", Level::At(Severity::Warning)),
    ("error", Level::At(Severity::Error)),
];

/// One entry of a `rules:` map.
#[derive(Clone, Debug)]
pub struct Selector {
    /// A rule's id, a group, or a pattern with `*`.
    pub pattern: String,
    /// Where the pattern is written.
    pub span: Span,
    /// What it is set to.
    pub level: Level,
    glob: GlobMatcher,
}

/// Levels that hold for some paths.
#[derive(Clone, Debug)]
struct Scope {
    paths: PathGlobs,
    selectors: Vec<Selector>,
}

/// All levels of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    everywhere: Vec<Selector>,
    scopes: Vec<Scope>,
}

impl Selector {
    /// Whether it names this rule.
    pub fn selects(&self, id: &str, group: &str) -> bool {
        self.pattern == group || self.glob.is_match(id)
    }
}

impl Levels {
    /// The level of a rule in a file; `None` where the user says nothing about it.
    pub fn of(&self, id: &str, group: &str, path: &RepoPath) -> Option<Level> {
        let scoped = self.scopes.iter().rev().filter(|scope| scope.paths.matches(path));
        scoped
            .map(|scope| &scope.selectors)
            .chain([&self.everywhere])
            .find_map(|selectors| strongest(selectors, id, group))
    }

    /// Whether a rule can have a finding anywhere.
    pub fn may_run(&self, id: &str, group: &str, by_default: bool) -> bool {
        let everywhere = strongest(&self.everywhere, id, group).map_or(by_default, |level| level != Level::Off);
        let somewhere = |scope: &Scope| strongest(&scope.selectors, id, group).is_some_and(|level| level != Level::Off);
        everywhere || self.scopes.iter().any(somewhere)
    }

    /// Every selector, so that unknown names can be reported.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.everywhere.iter().chain(self.scopes.iter().flat_map(|scope| &scope.selectors))
    }

    pub(super) fn read_everywhere(&mut self, node: &Node, reader: &mut Reader) {
        self.everywhere = read_selectors(node, reader);
    }

    pub(super) fn read_scopes(&mut self, node: &Node, reader: &mut Reader) {
        for item in reader.list(node, "`paths`") {
            let Some(fields) = reader.fields(item, "an entry of `paths`", &keys::names(&keys::PATHS)) else { continue };
            let (Some(paths), Some(rules)) = (fields.get("match"), fields.get("rules")) else {
                reader.problem(item.span, "an entry of `paths` needs `match` and `rules`");
                continue;
            };
            let patterns = reader.texts(paths, "`match`");
            let paths = PathGlobs::read(&patterns, reader);
            self.scopes.push(Scope { paths, selectors: read_selectors(rules, reader) });
        }
    }
}

/// The exact id wins over groups and patterns; of these, the last.
fn strongest(selectors: &[Selector], id: &str, group: &str) -> Option<Level> {
    let exact = selectors.iter().find(|selector| selector.pattern == id);
    exact.or_else(|| selectors.iter().rfind(|selector| selector.selects(id, group))).map(|selector| selector.level)
}

fn read_selectors(node: &Node, reader: &mut Reader) -> Vec<Selector> {
    let Some(mapping) = reader.mapping(node, "`rules`") else { return Vec::new() };
    let mut selectors = Vec::new();
    for entry in mapping.iter() {
        let level = reader.word(&entry.value, "a level", &LEVELS);
        let glob = name_glob(&entry.key.text, entry.key.span, reader);
        if let (Some(level), Some(glob)) = (level, glob) {
            selectors.push(Selector { pattern: entry.key.text.to_string(), span: entry.key.span, level, glob });
        }
    }
    selectors
}
