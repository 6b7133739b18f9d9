//! See `rules/kustomize/kustomize-field-deprecated.md`.
//!
//! A fix is offered where the build stays the same, object for object: that is known of a field by the order in which
//! kustomize works, and the tests hold it to that.

use super::layout::Layout;
use crate::files::Files;
use crate::finding::Edit;
use crate::gitops::FileClass;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::{Entry, Node, Stream, Style, Value};

pub(crate) const CHECK: Check = Check::File(check);

/// Deprecated fields, and how to say the same today.
const FIELDS: [(&str, &str, &str); 6] = [
    ("bases", "`resources` takes directories too", "move the entries to the end of `resources`"),
    (
        "patchesStrategicMerge",
        "`patches` takes such patches too",
        "list them first under `patches`, each with `path` or `patch`",
    ),
    (
        "patchesJson6902",
        "`patches` takes such patches too",
        "move the entries to the end of `patches`; these run before namespace, name prefix and labels are set",
    ),
    ("commonLabels", "`labels` can do the same", "list them under `labels` as `pairs`, with `includeSelectors: true`"),
    ("imageTags", "`images` does the same", "move the entries to the end of `images`"),
    ("vars", "`replacements` copy values between objects", "write the var as a replacement"),
];

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    if !matches!(repository.class(file.id), FileClass::Kustomization | FileClass::Component) {
        return;
    }
    let Some(root) = stream.documents.first().and_then(|document| document.root.as_ref()) else { return };
    for entry in root.entries().iter().filter(|entry| !entry.value.is_null()) {
        let Some((name, instead, help)) = FIELDS.iter().find(|(name, ..)| entry.key.text.eq_ignore_ascii_case(name))
        else {
            continue;
        };
        let message = format!("`{name}` is deprecated, and kustomize warns of it at every build: {instead}");
        let finding = findings.report(entry.key.span, message).help(*help);
        let here = Here { file, root, entry, layout: Layout::new(file), files: &repository.files };
        let edits = match *name {
            "bases" => here.bases(),
            "patchesStrategicMerge" => here.strategic_merge(),
            "patchesJson6902" => here.json(),
            "commonLabels" => here.labels(),
            "imageTags" => here.renamed("images"),
            _ => None,
        };
        if let Some(edits) = edits {
            finding.fix(format!("replace `{name}`"), edits);
        }
    }
}

/// A deprecated field where it stands.
struct Here<'a> {
    file: &'a SourceFile,
    root: &'a Node,
    entry: &'a Entry,
    layout: Layout<'a>,
    files: &'a Files,
}

impl<'a> Here<'a> {
    fn field(&self, name: &str) -> Option<&'a Node> {
        self.root.entries().iter().find(|entry| entry.key.text.eq_ignore_ascii_case(name)).map(|entry| &entry.value)
    }

    /// The field under another name, which the kustomization does not have yet.
    fn renamed(&self, name: &str) -> Option<Vec<Edit>> {
        self.field(name).is_none().then(|| vec![Edit { span: self.entry.key.span, text: name.to_owned() }])
    }

    fn bases(&self) -> Option<Vec<Edit>> {
        let Some(resources) = self.field("resources") else { return self.renamed("resources") };
        let texts: Vec<&str> =
            self.entry.value.items().iter().map(|item| self.layout.one_line(item)).collect::<Option<_>>()?;
        Some(vec![self.layout.without(self.entry)?, self.layout.append(resources, &texts)?])
    }

    fn strategic_merge(&self) -> Option<Vec<Edit>> {
        let items = self.entry.value.items();
        let texts: Vec<&str> = items.iter().map(|item| self.layout.one_line(item)).collect::<Option<_>>()?;
        if texts.is_empty() || !items.iter().all(|item| self.is_one_object(item)) {
            return None;
        }
        match self.field("patches") {
            None if self.entry.value.style == Style::Flow => {
                let wrap = items.iter().zip(&texts);
                let wrapped = wrap.map(|(item, text)| Edit { span: item.span, text: format!("{{path: {text}}}") });
                Some(self.renamed("patches")?.into_iter().chain(wrapped).collect())
            }
            None => {
                let paths =
                    items.iter().map(|item| Layout::insert(item.span.file, item.span.start, "path: ".to_owned()));
                Some(self.renamed("patches")?.into_iter().chain(paths).collect())
            }
            // These patches run before those.
            Some(patches) => {
                let paths: Vec<String> = texts.iter().map(|text| format!("path: {text}")).collect();
                Some(vec![self.layout.without(self.entry)?, self.layout.prepend(patches, &paths)?])
            }
        }
    }

    /// Whether an entry names a file with one part of an object. Older releases fail on several in one file.
    fn is_one_object(&self, item: &Node) -> bool {
        let path = self.file.path.parent().zip(item.as_str()).and_then(|(directory, text)| directory.join(text));
        let file = path.and_then(|path| self.files.file_at(&path));
        file.is_some_and(|file| match self.files.stream(file.id).documents.as_slice() {
            [only] => only.root.as_ref().is_some_and(|root| root.as_mapping().is_some()),
            _ => false,
        })
    }

    /// `patches` come earlier than `patchesJson6902`, and keep references to objects that they rename.
    fn json(&self) -> Option<Vec<Edit>> {
        const BETWEEN: [&str; 7] = [
            "namespace",
            "namePrefix",
            "nameSuffix",
            "labels",
            "commonLabels",
            "commonAnnotations",
            "patchesStrategicMerge",
        ];
        if BETWEEN.iter().any(|field| self.field(field).is_some()) {
            return None;
        }
        // References to these carry a namespace, which kustomize writes anew when it has seen a patch.
        let followed =
            |item: &Node| matches!(item.str_at(&["target", "kind"]), None | Some("Service" | "ServiceAccount"));
        let items = self.entry.value.items();
        if items.iter().any(|item| followed(item) || !self.keeps_identity(item)) {
            return None;
        }
        self.renamed("patches")
    }

    fn keeps_identity(&self, item: &Node) -> bool {
        let stream = match (item.get("patch"), item.str_at(&["path"])) {
            (Some(patch), None) => self.files.embedded(patch),
            (None, Some(path)) => {
                let path = self.file.path.parent().and_then(|directory| directory.join(path));
                let Some(file) = path.and_then(|path| self.files.file_at(&path)) else { return false };
                (*self.files.stream(file.id)).clone()
            }
            _ => return false,
        };
        let root = stream.documents.first().and_then(|document| document.root.as_ref());
        let operations = root.map(Node::items).unwrap_or_default();
        let keeps = |path: &str| {
            !path.is_empty()
                && !["/metadata/name", "/kind", "/apiVersion"].iter().any(|start| path.starts_with(start))
                && path != "/metadata"
        };
        !operations.is_empty() && operations.iter().all(|operation| operation.str_at(&["path"]).is_some_and(keeps))
    }

    fn labels(&self) -> Option<Vec<Edit>> {
        if self.field("configurations").is_some() {
            return None;
        }
        let newline = self.layout.newline();
        // Lines of the new entry; the first stands behind the dash.
        let mut lines = vec!["includeSelectors: true".to_owned()];
        match &self.entry.value.value {
            Value::Mapping(_) if self.entry.value.style == Style::Flow => {
                lines.push(format!("pairs: {}", self.layout.one_line(&self.entry.value)?));
            }
            Value::Mapping(pairs) => {
                lines.push("pairs:".to_owned());
                for pair in pairs.iter() {
                    let value = self.layout.one_line(&pair.value).filter(|value| !value.is_empty())?;
                    lines.push(format!("  {}: {value}", self.file.slice(pair.key.span)));
                }
            }
            _ => return None,
        }
        let removed = self.layout.without(self.entry)?;
        match self.field("labels") {
            Some(labels) => {
                let pad = " ".repeat(self.layout.prefix(labels.items().first()?)?.len());
                let text = lines.join(&format!("{newline}{pad}"));
                Some(vec![removed, self.layout.append(labels, &[&text])?])
            }
            None => {
                let text = lines.join(&format!("{newline}    "));
                let span = self.entry.key.span.to(self.entry.value.span);
                Some(vec![Edit { span, text: format!("labels:{newline}  - {text}") }])
            }
        }
    }
}
