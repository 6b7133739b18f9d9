//! The way through the tree: what each kustomization gathers, in kustomize's order.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::field_spec::Fields;
use super::id::ResId;
use super::kustomization::{self, Kustomization};
use super::load::{self, Target};
use super::merge_keys::{OpenApi, Schemas};
use super::problem::{Problem, ProblemKind};
use super::resource::{Origin, Resource, Resources};
use super::scalar;
use super::{Build, Options, order, read};
use crate::files::Files;
use crate::helm::Release;
use crate::kubernetes::{Object, ObjectId};
use crate::source::{FileId, RepoPath, SourceFile, Span};
use crate::yaml::Node;

/// How deep bases may include bases. Cycles are found by their paths; this bounds what is left.
const DEEPEST: usize = 100;

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
    context: Vec<String>,
    /// Which of `buildMetadata` the root asks for.
    pub(super) metadata: Metadata,
    /// The way from the root to the directory at work, as origins tell it.
    origin: String,
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
    fn read_schema(&mut self, kustomization: &Kustomization, is_root: bool) {
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

    /// One entry of `resources`: a file, else a directory.
    pub(super) fn resource(
        &mut self,
        kustomization: &Kustomization,
        gathered: &mut Accumulator,
        text: &str,
        span: Span,
    ) {
        let location = load::location(self.files, &kustomization.directory, text);
        let as_file = format!("accumulating resources: accumulation err='accumulating resources from '{text}': ");
        match load::target(self.files, &kustomization.directory, text) {
            Target::File(file) => self.resource_file(kustomization, gathered, &file, text, span),
            Target::Directory(_) if text.starts_with('/') => {
                let words =
                    format!("{as_file}'{location}' must resolve to a file': new root '{text}' cannot be absolute");
                let message = format!("`{text}` is absolute; kustomize takes only relative directories");
                self.report(Problem::new(ProblemKind::BuildFails, span, message).upstream(words));
            }
            Target::Directory(directory) => {
                let prefix = format!("{as_file}'{location}' must resolve to a file': ");
                if let Some(built) = self.directory(&directory, text, span, prefix, None) {
                    gathered.incomplete |= built.incomplete;
                    self.take_all(gathered, built, span);
                } else {
                    gathered.incomplete = true;
                }
            }
            Target::Missing if load::is_remote(text) => {
                gathered.incomplete = true;
                let message = format!(
                    "`{text}` is fetched over the network, which presync does not do; its objects are left out, and \
                     patches for them can't be checked"
                );
                self.report(Problem::new(ProblemKind::NotBuilt, span, message));
            }
            Target::Missing => {
                gathered.incomplete = true;
                let mut problem = load::missing(self.files, &kustomization.directory, text, span);
                problem.upstream = Some(format!(
                    "{as_file}open {location}: no such file or directory': must build at directory: not a valid \
                     directory: evalsymlink failure on '{location}' : lstat {location}: no such file or directory"
                ));
                self.report(problem);
            }
        }
    }

    fn resource_file(
        &mut self,
        kustomization: &Kustomization,
        gathered: &mut Accumulator,
        file: &Arc<SourceFile>,
        text: &str,
        span: Span,
    ) {
        let location = load::location(self.files, &kustomization.directory, text);
        let sources = &self.files.sources;
        let refused = |words: &str| {
            format!(
                "accumulating resources: accumulation err='{words}': must build at directory: '{location}': file is not \
                 directory"
            )
        };
        let wrap = |words: &str| refused(&format!("accumulating resources from '{text}': {words}"));
        if !self.options.load_anywhere
            && !sources.resolve(&file.path).is_within(&sources.resolve(&kustomization.directory))
        {
            let mut problem = load::outside(self.files, &kustomization.directory, text, span);
            problem.upstream = problem.upstream.as_deref().map(wrap);
            gathered.incomplete = true;
            return self.report(problem);
        }
        self.uses(file.id);
        let stream = self.files.stream(file.id);
        let objects = match file.text() {
            Some(content) => read::resources(&stream, content, Span::start_of(file.id)),
            None => {
                let words = "MalformedYAMLError: yaml: invalid leading UTF-8 octet".to_owned();
                let message = format!("`{text}` can't be read as text");
                Err(read::Unusable { span, words, message, malformed: true })
            }
        };
        match objects {
            Ok(objects) => {
                let origin = self.metadata.wanted().then(|| self.origin_of(text));
                for object in objects {
                    let mut resource = Resource { origin: origin.clone(), ..Resource::read(object) };
                    if origin.is_some() {
                        resource.text_annotations();
                    }
                    self.take(gathered, resource, span, |words| {
                        refused(&format!("merging resources from '{text}': {words}"))
                    });
                }
            }
            Err(unusable) => {
                gathered.incomplete = true;
                let malformed = unusable.malformed;
                let mut problem = unusable.problem().related(span, "named here");
                problem.upstream = problem.upstream.as_deref().map(|words| {
                    if malformed {
                        format!("accumulating resources: accumulating resources from '{text}': {words}")
                    } else {
                        wrap(words)
                    }
                });
                self.report(problem);
            }
        }
    }

    /// Adds a resource; a second one of an id is an error.
    fn take(&mut self, gathered: &mut Accumulator, mut resource: Resource, by: Span, wrap: impl Fn(&str) -> String) {
        let span = resource.span();
        resource.listed = Some(by);
        let Err(twice) = gathered.resources.append(resource) else { return };
        let (id, other, listed) = *twice;
        let words = wrap(&format!("may not add resource with an already registered id: {id}"));
        let namespace = if id.namespace.is_empty() { String::new() } else { format!("{}/", id.namespace) };
        let name = format!("{} {namespace}{}", id.gvk.kind, id.name);
        let problem = if other == span {
            // One object by two ways: what is to be mended is the list.
            if self.problems.last().is_some_and(|last| last.kind == ProblemKind::ObjectDuplicate && last.span == by) {
                // A directory that is listed twice is one mistake, however much it holds.
                return;
            }
            let path = &self.files.sources.file(span.file).path;
            let message = format!("this brings {name} of `{path}` a second time, and kustomize refuses to build");
            let problem = Problem::new(ProblemKind::ObjectDuplicate, by, message);
            let first = listed.filter(|first| *first != by);
            let problem =
                first.into_iter().fold(problem, |problem, first| problem.related(first, "it is here already"));
            problem.related(span, "the object").help("take one of the two off the list")
        } else {
            let message =
                format!("{name} is already there, and kustomize refuses to build with two objects of one name");
            let problem = Problem::new(ProblemKind::ObjectDuplicate, span, message).related(other, "the other one");
            problem.related(by, "included here").help("remove one of the two, or give one another name or namespace")
        };
        self.report(problem.upstream(words));
    }

    fn take_all(&mut self, gathered: &mut Accumulator, built: Accumulator, by: Span) {
        for resource in built.resources.into_list() {
            self.take(gathered, resource, by, |words| format!("accumulating resources: {words}"));
        }
        let merged = Fields::merge_shared(&mut gathered.fields, &built.fields);
        if merged.is_err() {
            self.report(Problem::fails(by, "conflicting fieldspecs"));
        }
        for var in built.vars {
            if gathered.vars.iter().any(|own| own.name == var.name) {
                self.report(Problem::fails(var.span, format!("var '{}' already encountered", var.name)));
            }
            gathered.vars.push(var);
        }
    }

    fn component(
        &mut self,
        kustomization: &Kustomization,
        gathered: Accumulator,
        text: &str,
        span: Span,
    ) -> Accumulator {
        match load::target(self.files, &kustomization.directory, text) {
            Target::Directory(_) if text.starts_with('/') => {
                let words = format!("accumulating components: loader.New \"new root '{text}' cannot be absolute\"");
                self.report(Problem::fails(span, words));
                gathered
            }
            Target::Directory(directory) => {
                let prefix = "accumulating components: accumulateDirectory: \"".to_owned();
                // The list is handed over; if the component can't be read it comes back as it was.
                let mut kept = Some(gathered);
                match self.directory(&directory, text, span, prefix, Some(&mut kept)) {
                    Some(built) => {
                        self.refuse_twice(&built.resources, "accumulating components: recursed merging");
                        built
                    }
                    None => Accumulator { incomplete: true, ..kept.unwrap_or_default() },
                }
            }
            Target::File(_) => {
                let location = load::location(self.files, &kustomization.directory, text);
                let words = format!(
                    "accumulating components: loader.New \"must build at directory: '{location}': file is not directory\""
                );
                let message =
                    format!("`{text}` is a file; a component is a directory with a kustomization of kind Component");
                let help = "list the file under `resources`, or name the component's directory";
                self.report(Problem::new(ProblemKind::ComponentMisplaced, span, message).upstream(words).help(help));
                gathered
            }
            Target::Missing if load::is_remote(text) => {
                let message = format!(
                    "the component `{text}` is fetched over the network, which presync does not do; what it changes is left out"
                );
                self.report(Problem::new(ProblemKind::NotBuilt, span, message));
                Accumulator { incomplete: true, ..gathered }
            }
            Target::Missing => {
                let location = load::location(self.files, &kustomization.directory, text);
                let mut problem = load::missing(self.files, &kustomization.directory, text, span);
                problem.upstream = Some(format!(
                    "accumulating components: loader.New \"must build at directory: not a valid directory: evalsymlink \
                     failure on '{location}' : lstat {location}: no such file or directory\""
                ));
                self.report(problem);
                Accumulator { incomplete: true, ..gathered }
            }
        }
    }

    /// Two objects that a transformer has given one id.
    fn refuse_twice(&mut self, resources: &Resources, doing: &str) {
        let Some((id, first, second)) = resources.twice() else { return };
        let words = format!("{doing}: may not add resource with an already registered id: {id}");
        let message = format!(
            "two objects are called {} {} by now, and kustomize refuses to build with two objects of one name",
            id.gvk.kind, id.name
        );
        let problem = Problem::new(ProblemKind::ObjectDuplicate, second.span(), message).upstream(words);
        self.report(problem.related(first.span(), "the other one"));
    }

    /// Builds another directory. For a component, `list` holds what it goes on with.
    pub(super) fn directory(
        &mut self,
        directory: &RepoPath,
        text: &str,
        span: Span,
        prefix: String,
        list: Option<&mut Option<Accumulator>>,
    ) -> Option<Accumulator> {
        let location = self.files.sources.location(directory).display().to_string();
        if let Some(visited) = self.chain.iter().find(|visited| visited.is_within(directory)) {
            let visited = self.files.sources.location(visited).display().to_string();
            let words =
                format!("{prefix}cycle detected: candidate root '{location}' contains visited root '{visited}'");
            let message =
                format!("`{text}` is a directory that is being built already, or holds it; this would never end");
            self.report(Problem::new(ProblemKind::BuildFails, span, message).upstream(words));
            return None;
        }
        if self.chain.len() >= DEEPEST {
            let message = format!("bases are nested more than {DEEPEST} deep; the rest is left out");
            self.report(Problem::new(ProblemKind::NotBuilt, span, message));
            return None;
        }
        let mut mistakes = Vec::new();
        let read = kustomization::read(self.files, directory, Some(span), &mut mistakes);
        self.context.push(format!("{prefix}couldn't make target for path '{location}': "));
        mistakes.into_iter().for_each(|mistake| self.report(mistake));
        let kustomization = match read {
            Ok(kustomization) => kustomization,
            Err(problem) => {
                self.report(*problem);
                self.context.pop();
                return None;
            }
        };
        self.context.pop();
        let wants_component = list.is_some();
        if kustomization.is_component() != wants_component {
            let (words, message, help) = if wants_component {
                let kind = kustomization.root.str_at(&["kind"]).unwrap_or("Kustomization");
                (
                    format!("expected kind 'Component' for path '{location}' but got '{kind}'"),
                    format!(
                        "`{text}` stands under `components` but is no component, so the whole kustomization fails to build"
                    ),
                    "list it under `resources`, or give its kustomization `apiVersion: \
                     kustomize.config.k8s.io/v1alpha1` and `kind: Component`",
                )
            } else {
                (
                    format!("expected kind != 'Component' for path '{location}'"),
                    format!(
                        "`{text}` is a component and can't be a resource, so the whole kustomization fails to build"
                    ),
                    "list it under `components`",
                )
            };
            let header = kustomization.root.get("kind").map_or(Span::start_of(kustomization.file), |kind| kind.span);
            let problem = Problem::new(ProblemKind::ComponentMisplaced, span, message);
            let problem = problem.upstream(format!("{prefix}{words}")).help(help);
            self.report(problem.related(header, "the kind is said here"));
            return None;
        }
        self.context.push(format!("{prefix}recursed accumulation of path '{location}': "));
        self.read_schema(&kustomization, false);
        self.chain.push(directory.clone());
        let outer = self.origin.clone();
        self.origin = join_origin(&outer, text);
        let gathered = list.and_then(Option::take).unwrap_or_default();
        let built = self.accumulate(&kustomization, gathered);
        self.origin = outer;
        self.chain.pop();
        self.context.pop();
        Some(built)
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
fn join_origin(base: &str, text: &str) -> String {
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
    Object { id: ObjectId { group: gvk.group, version: gvk.version, kind: gvk.kind, namespace, name }, root }
}
