//! The way through the tree: what each kustomization gathers, in kustomize's order.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::field_spec::Fields;
use super::id::ResId;
use super::kustomization::{self, Kustomization};
use super::load;
use super::merge_keys::{OpenApi, Schemas};
use super::problem::Problem;
use super::resource::{Origin, Resource, Resources};
use super::scalar;
use super::{Build, Options, order, read};
use crate::files::Files;
use crate::helm::Release;
use crate::kubernetes::{Object, ObjectId};
use crate::source::{FileId, RepoPath, SourceFile, Span};
use crate::yaml::Node;

/// What a kustomization has gathered so far.
#[derive(Debug, Default)]
pub(super) struct Accumulator {
    pub(super) resources: Resources,
    pub(super) fields: Arc<Fields>,
    pub(super) vars: Vec<super::vars::Var>,
    /// Whether some resources could not be had: then a name that is missing may be among them.
    pub(super) incomplete: bool,
}

/// One build.
pub(super) struct Engine<'a> {
    pub(super) files: &'a Files,
    pub(super) options: &'a Options,
    pub(super) directory: &'a RepoPath,
    pub(super) problems: Vec<Problem>,
    pub(super) releases: Vec<Release>,
    pub(super) applied: BTreeSet<Span>,
    pub(super) effective: BTreeSet<Span>,
    pub(super) schemas: Schemas,
    /// Whether the root's `openapi` is in force, which no base can change.
    schema_is_final: bool,
    used: BTreeSet<FileId>,
    /// Directories between the root and the kustomization at work.
    pub(super) chain: Vec<RepoPath>,
    /// What kustomize puts before the words of an error, per directory of the chain.
    pub(super) context: Vec<String>,
    /// Which of `buildMetadata` the root asks for.
    pub(super) metadata: Metadata,
    /// The way from the root to the directory at work, as origins tell it.
    pub(super) origin: String,
}

/// What `buildMetadata` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Metadata {
    pub(super) origins: bool,
    pub(super) transformations: bool,
    pub(super) managed_by: bool,
}

impl<'a> Engine<'a> {
    pub(super) fn new(files: &'a Files, options: &'a Options, directory: &'a RepoPath) -> Self {
        Self {
            files,
            options,
            directory,
            problems: Vec::new(),
            releases: Vec::new(),
            applied: BTreeSet::new(),
            effective: BTreeSet::new(),
            schemas: Schemas::default(),
            schema_is_final: false,
            used: BTreeSet::new(),
            chain: Vec::new(),
            context: Vec::new(),
            metadata: Metadata::default(),
            origin: String::new(),
        }
    }

    pub(super) fn build(mut self) -> Build {
        let mut overlay = self.options.overlay.as_ref().and_then(|overlay| self.fit(overlay));
        // Flux makes a kustomization where there is none; then the overlay is all there is.
        let generated = overlay.take_if(|overlay| {
            !overlay.list("resources").is_empty() && kustomization::files_in(self.files, self.directory).is_empty()
        });
        let read = match generated {
            Some(generated) => Ok(generated),
            None => kustomization::read(self.files, self.directory, None, &mut self.problems),
        };
        let root = match read {
            Ok(root) => root,
            Err(problem) => {
                self.report(*problem);
                return self.finish(Vec::new());
            }
        };
        self.read_metadata(&root);
        self.read_schema(&root, true);
        self.chain.push(self.files.sources.resolve(self.directory));
        let mut gathered = self.accumulate(&root, Accumulator::default());
        if let Some(overlay) = &overlay {
            gathered = self.lay_over(overlay, gathered);
        }
        self.hash_names(&mut gathered);
        self.fix_references(&mut gathered);
        self.resolve_vars(&mut gathered);
        self.refuse_twice(&gathered.resources, "may not add resource");
        for resource in gathered.resources.list() {
            if let Err(unusable) = read::check(&resource.root) {
                self.report(unusable.problem());
            }
        }
        let mut list = gathered.resources.into_list();
        list.retain(|resource| !is_local(resource));
        let sort = order::Order::of(&root, self.options.keep_order, &mut self.problems);
        sort.sort(&mut list);
        let mut objects = Vec::with_capacity(list.len());
        for mut resource in list {
            self.finish_annotations(&mut resource);
            match scalar::canonical(&mut resource.root) {
                Ok(()) => objects.push(object(resource.root)),
                Err(unprintable) => self.report(Problem::fails(unprintable.span, unprintable.why)),
            }
        }
        self.finish(objects)
    }

    fn finish(self, objects: Vec<Object>) -> Build {
        Build {
            objects,
            releases: self.releases,
            problems: self.problems,
            files: self.used.into_iter().collect(),
            applied: self.applied.into_iter().collect(),
            effective: self.effective.into_iter().collect(),
        }
    }

    /// Records a problem. Kustomize's words get what it would print before them at this place of the tree.
    pub(super) fn report(&mut self, mut problem: Problem) {
        if let Some(words) = &problem.upstream
            && !self.context.is_empty()
        {
            problem.upstream = Some(format!("{}{words}", self.context.concat()));
        }
        self.problems.push(problem);
    }

    pub(super) fn uses(&mut self, file: FileId) {
        self.used.insert(file);
    }

    /// A file that a kustomization names for anything but `resources`; a missing one is reported.
    pub(super) fn load(
        &mut self,
        kustomization: &Kustomization,
        text: &str,
        span: Span,
    ) -> Result<Arc<SourceFile>, Box<Problem>> {
        let file = load::file(self.files, &kustomization.directory, text, span, self.options.load_anywhere)?;
        self.uses(file.id);
        Ok(file)
    }

    fn read_metadata(&mut self, root: &Kustomization) {
        for (option, span) in root.texts("buildMetadata") {
            match option {
                "originAnnotations" => self.metadata.origins = true,
                "transformerAnnotations" => self.metadata.transformations = true,
                "managedByLabel" => self.metadata.managed_by = true,
                other => {
                    let words = format!(
                        "invalid buildMetadata option: {other}; must be one of ['originAnnotations', 'transformerAnnotations', 'managedByLabel']"
                    );
                    self.problems.push(Problem::fails(span, words));
                }
            }
        }
    }

    /// Puts the kustomization's `openapi` in force.
    pub(super) fn read_schema(&mut self, kustomization: &Kustomization, is_root: bool) {
        let Some(openapi) = kustomization.root.get("openapi").filter(|_| !self.schema_is_final) else { return };
        if let Some(version) = openapi.get("version") {
            if openapi.get("path").is_some() {
                let words = "builtin version and custom schema provided, cannot use both";
                return self.report(Problem::fails(version.span, words));
            }
            if version.as_str() != Some("v1.21.2") {
                return self.report(Problem::fails(version.span, "the specified OpenAPI version is not built in"));
            }
            self.schema_is_final = true;
            return;
        }
        let Some(path) = openapi.get("path") else { return };
        let file = match self.load(kustomization, path.as_str().unwrap_or_default(), path.span) {
            Ok(file) => file,
            Err(problem) => return self.report(*problem),
        };
        let stream = self.files.stream(file.id);
        let root = stream.documents.first().and_then(|document| document.root.as_ref());
        match root.and_then(OpenApi::new) {
            Some(document) => {
                // The built-in document stays in force if something was loaded under it.
                self.schemas.built_in =
                    self.schemas.built_in && !is_root && !self.used.is_empty() && self.has_resources();
                self.schemas.user = Some(Arc::new(document));
                self.schema_is_final = true;
            }
            None => self.report(Problem::fails(path.span, "error parsing OpenAPI schema")),
        }
    }

    fn has_resources(&self) -> bool {
        // Kustomizations themselves are not registered as used, so any file is a resource or a patch.
        !self.used.is_empty()
    }

    /// Everything that a kustomization makes of what it gathers. A component goes on with its user's list.
    pub(super) fn accumulate(&mut self, kustomization: &Kustomization, mut gathered: Accumulator) -> Accumulator {
        for field in ["resources", "bases"] {
            for (text, span) in kustomization.texts(field) {
                self.resource(kustomization, &mut gathered, text, span);
            }
        }
        self.configure(kustomization, &mut gathered);
        self.generate(kustomization, &mut gathered);
        for (text, span) in kustomization.texts("components") {
            gathered = self.component(kustomization, gathered, text, span);
        }
        self.transform(kustomization, &mut gathered);
        self.add_vars(kustomization, &mut gathered);
        gathered
    }

    fn transform(&mut self, kustomization: &Kustomization, gathered: &mut Accumulator) {
        self.patch_strategic_merge(kustomization, gathered);
        self.patches(kustomization, gathered);
        self.set_namespace(kustomization, gathered);
        self.prefix_and_suffix(kustomization, gathered);
        self.label(kustomization, gathered);
        self.annotate(kustomization, gathered);
        self.patches_json6902(kustomization, gathered);
        self.replicas(kustomization, gathered);
        self.images(kustomization, gathered);
        self.replace(kustomization, gathered);
        self.run_transformers(kustomization, gathered);
    }

    /// The controller's own changes, as a kustomization over the one that is built.
    fn lay_over(&mut self, overlay: &Kustomization, mut gathered: Accumulator) -> Accumulator {
        for (text, span) in overlay.texts("components") {
            gathered = self.component(overlay, gathered, text, span);
        }
        self.transform(overlay, &mut gathered);
        gathered
    }

    fn fit(&mut self, overlay: &Node) -> Option<Kustomization> {
        let mut misfits = Vec::new();
        let fitted = super::schema::fit(overlay, super::schema::KUSTOMIZATION, "Kustomization", &mut misfits);
        for misfit in misfits {
            self.report(Problem::fails(misfit.span, misfit.why));
        }
        let root = fitted.filter(|root| root.as_mapping().is_some())?;
        Some(Kustomization { directory: self.directory.clone(), file: overlay.span.file, root })
    }

    /// The origin of what a file at `text` holds.
    pub(super) fn origin_of(&self, text: &str) -> Origin {
        Origin::Path(join_origin(&self.origin, text))
    }

    /// The origin of what a built-in generator or transformer of this kustomization does.
    pub(super) fn built_origin(&self, kustomization: &Kustomization, kind: &str) -> Option<Origin> {
        let name = kustomization.file_name(self.files);
        self.metadata.wanted().then(|| Origin::Built {
            configured_in: join_origin(&self.origin, &name),
            kind: kind.to_owned(),
            name: None,
        })
    }
}

impl Metadata {
    pub(super) fn wanted(self) -> bool {
        self.origins || self.transformations || self.managed_by
    }
}

/// Joins two relative paths and takes out what `..` undoes.
pub(super) fn join_origin(base: &str, text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(text.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Resources for kustomize's own eyes.
fn is_local(resource: &Resource) -> bool {
    let mark = resource.root.at(&["metadata", "annotations", "config.kubernetes.io/local-config"]);
    mark.is_some_and(|mark| mark.value_text() != Some("false"))
}

/// Unlike anyone else, kustomize takes objects without an apiVersion.
fn object(root: Node) -> Object {
    let ResId { gvk, name, namespace } = ResId::of(&root);
    let id = ObjectId { group: gvk.group, version: gvk.version, kind: gvk.kind, namespace, name };
    Object { id: id.into(), root }
}
