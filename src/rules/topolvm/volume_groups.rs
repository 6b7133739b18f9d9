//! The LVM volume groups that a repository's own provisioning makes on the hosts: tasks of Ansible, cloud-init, scripts.
//!
//! Names in templates are followed where that is plain: a loop over a list, a variable of `group_vars`, `host_vars`,
//! `defaults` or `vars`. Left out: Terraform, documents, and every name that needs Jinja to be run.

use std::sync::Arc;

use crate::is_yaml;
use crate::repository::Repository;
use crate::source::{SourceFile, Span};
use crate::yaml::{Node, Stream};

/// The volume groups that hosts get.
#[derive(Default)]
pub(super) struct VolumeGroups {
    /// Name, where it is written, and whether a task or cloud-init says so, not only a script.
    pub(super) found: Vec<(String, Span, bool)>,
    /// Whether there are some whose name can't be known.
    pub(super) open: bool,
}

/// Files with variables of Ansible, parsed.
struct Variables(Vec<Arc<Stream>>);

/// Modules of Ansible that run a command.
const COMMANDS: [&str; 8] = [
    "command",
    "shell",
    "raw",
    "script",
    "ansible.builtin.command",
    "ansible.builtin.shell",
    "ansible.builtin.raw",
    "ansible.builtin.script",
];

/// Options of vgcreate whose value is a word of its own. Source: vgcreate(8).
const WITH_VALUE: [&str; 8] =
    ["-s", "-l", "-p", "-c", "-M", "--physicalextentsize", "--maxlogicalvolumes", "--maxphysicalvolumes"];

/// How deep a document is followed.
const MAX_DEPTH: usize = 64;

impl VolumeGroups {
    /// Looks through the repository's files.
    pub(super) fn of(repository: &Repository) -> Self {
        let files = repository.files.sources.files();
        let with_variables = |file: &&Arc<SourceFile>| {
            let places = ["group_vars", "host_vars", "defaults", "vars"];
            is_yaml(&file.path) && file.path.as_str().split('/').any(|part| places.contains(&part))
        };
        let variables = files.iter().filter(with_variables).map(|file| repository.files.stream(file.id)).collect();
        let variables = Variables(variables);
        let mut groups = Self::default();
        for file in files
            .iter()
            .filter(|file| file.text().is_some_and(|text| text.contains("vgcreate") || text.contains("lvg")))
        {
            if is_yaml(&file.path) {
                let stream = repository.files.stream(file.id);
                for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
                    groups.walk(root, None, &variables, 0);
                }
            } else if file.path.extension() == Some("sh") {
                groups.script(file);
            }
        }
        groups
    }

    /// Tasks and commands below a node. `list` is what the task around it loops over.
    fn walk<'a>(&mut self, node: &'a Node, list: Option<&'a Node>, variables: &Variables, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let list = ["loop", "with_items"].into_iter().find_map(|key| node.get(key)).or(list);
        for entry in node.entries() {
            let value = &entry.value;
            match entry.key.text.as_str() {
                "lvg" | "community.general.lvg" if value.str_at(&["state"]) == Some("absent") => {}
                "lvg" | "community.general.lvg" => self.named(value.get("vg"), list, variables),
                key if COMMANDS.contains(&key) => {
                    let text = value.as_str().or_else(|| value.str_at(&["cmd"])).unwrap_or_default();
                    self.commands(text, value, list, variables);
                }
                // cloud-init: a command is a text, or a list of words.
                "runcmd" | "bootcmd" => {
                    for command in value.items() {
                        let words: Vec<&str> = command.items().iter().filter_map(Node::as_text).collect();
                        let text = command.as_str().map_or_else(|| words.join(" "), str::to_owned);
                        self.commands(&text, command, None, variables);
                    }
                }
                _ => self.walk(value, list, variables, depth + 1),
            }
        }
        for item in node.items() {
            self.walk(item, list, variables, depth + 1);
        }
    }

    fn named(&mut self, name: Option<&Node>, list: Option<&Node>, variables: &Variables) {
        match name.and_then(|name| Some((name.as_text()?, name.span))) {
            Some((name, span)) => self.add(name, span, list, variables),
            None => self.open = true,
        }
    }

    fn commands(&mut self, text: &str, at: &Node, list: Option<&Node>, variables: &Variables) {
        for name in created(text) {
            self.add(name, at.span, list, variables);
        }
    }

    fn add(&mut self, name: &str, span: Span, list: Option<&Node>, variables: &Variables) {
        let Some(expression) = name.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) else {
            if name.contains(['$', '{', '`']) {
                self.open = true;
            } else {
                self.found.push((name.to_owned(), span, true));
            }
            return;
        };
        let values = variables.resolve(expression.trim(), list);
        let names: Option<Vec<(String, Span)>> = values.map(|values| {
            values.into_iter().map(|value| (value.as_text().unwrap_or("{{").to_owned(), value.span)).collect()
        });
        match names {
            Some(names) if names.iter().all(|(name, _)| !name.contains("{{")) && !names.is_empty() => {
                self.found.extend(names.into_iter().map(|(name, span)| (name, span, true)));
            }
            _ => self.open = true,
        }
    }

    fn script(&mut self, file: &SourceFile) {
        let mut start = 0;
        for line in file.text().unwrap_or_default().split_inclusive('\n') {
            let code = line.split('#').next().unwrap_or_default();
            for name in created(code) {
                if name.contains(['$', '{', '`']) {
                    self.open = true;
                } else {
                    let span = Span::new(file.id, start, start + line.trim_end().len());
                    self.found.push((name.to_owned(), span, false));
                }
            }
            start += line.len();
        }
    }
}

impl Variables {
    /// What a Jinja expression stands for, if it is `item`, `item.key`, a variable, or a key of one.
    fn resolve(&self, expression: &str, list: Option<&Node>) -> Option<Vec<Node>> {
        let mut path = expression.split('.');
        let root = path.next()?;
        let path: Vec<&str> = path.collect();
        if !expression.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.')) {
            return None;
        }
        if root != "item" {
            let values = self.named(root);
            return values.iter().map(|value| value.at(&path).cloned()).collect();
        }
        let list = list?;
        let lists = match list.as_str().and_then(|text| text.trim().strip_prefix("{{")?.strip_suffix("}}")) {
            Some(variable) => self.named(variable.trim()),
            None => vec![list.clone()],
        };
        let items = lists.iter().flat_map(|list| list.items().to_vec());
        items.map(|item| item.at(&path).cloned()).collect()
    }

    fn named(&self, name: &str) -> Vec<Node> {
        let roots = self.0.iter().flat_map(|stream| &stream.documents).filter_map(|document| document.root.as_ref());
        roots.filter_map(|root| root.get(name)).cloned().collect()
    }
}

/// The names that a shell text gives to volume groups it makes.
fn created(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, word) in text.match_indices("vgcreate") {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let mut rest = text.get(at + word.len()..).unwrap_or_default();
        let is_word =
            before.is_none_or(|before| before.is_whitespace() || matches!(before, '/' | ';' | '&' | '|' | '('));
        if !is_word || !rest.starts_with([' ', '\t']) {
            continue;
        }
        loop {
            rest = rest.trim_start_matches([' ', '\t']);
            let end = match rest.strip_prefix("{{") {
                Some(inner) => inner.find("}}").map_or(rest.len(), |at| at + 4),
                None => {
                    rest.find(|character: char| character.is_whitespace() || character == ';').unwrap_or(rest.len())
                }
            };
            let (word, left) = rest.split_at(end);
            if !word.starts_with('-') {
                names.extend(Some(word.trim_matches(['"', '\''])).filter(|word| !word.is_empty()));
                break;
            }
            rest = left;
            if WITH_VALUE.contains(&word) {
                let value = rest.trim_start_matches([' ', '\t']);
                rest = value.find(char::is_whitespace).and_then(|end| value.get(end..)).unwrap_or_default();
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::created;

    #[test]
    fn names_are_found_behind_options() {
        let cases = [
            ("vgcreate data /dev/sdb", vec!["data"]),
            ("/sbin/vgcreate -s 4M --yes \"data\" /dev/sdb", vec!["data"]),
            ("vgs data || vgcreate {{ item.name }} {{ item.devices }}", vec!["{{ item.name }}"]),
            ("vgs a || vgcreate a /dev/b; vgcreate c /dev/d", vec!["a", "c"]),
            ("vgcreate", vec![]),
            ("vgcreate --", vec![]),
            ("vgcreated x", vec![]),
            ("vgcreate {{ a", vec!["{{ a"]),
        ];
        for (text, names) in cases {
            assert_eq!(created(text), names, "{text}");
        }
    }
}
