//! What a kustomization lists: files, bases and components, each found, read and taken in.

use std::sync::Arc;

use super::accumulate::{Accumulator, Engine, join_origin};
use super::field_spec::Fields;
use super::kustomization::{self, Kustomization};
use super::load::{self, Target};
use super::problem::{Problem, ProblemKind};
use super::read;
use super::resource::{Resource, Resources};
use crate::source::{RepoPath, SourceFile, Span};

/// How deep bases may include bases. Cycles are found by their paths; this bounds what is left.
const DEEPEST: usize = 100;

impl Engine<'_> {
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
                    "{as_file}evalsymlink failure on '{location}' : lstat {location}: no such file or directory': must build at directory: not a valid \
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

    pub(super) fn component(
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
    pub(super) fn refuse_twice(&mut self, resources: &Resources, doing: &str) {
        let Some((id, first, second)) = resources.twice() else { return };
        let (first, second) = (first.written_span(), second.written_span());
        let is_told = |problem: &Problem| {
            problem.kind == ProblemKind::ObjectDuplicate && problem.related.iter().any(|(span, _)| *span == second)
        };
        // The namespace transformer has said it of the same two.
        if self.problems.iter().any(is_told) {
            return;
        }
        let words = format!("{doing}: may not add resource with an already registered id: {id}");
        let message = format!(
            "two objects are called {} {} by now, and kustomize refuses to build with two objects of one name",
            id.gvk.kind, id.name
        );
        let problem = Problem::new(ProblemKind::ObjectDuplicate, second, message).upstream(words);
        self.report(problem.related(first, "the other one"));
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
            let prefix = if list.is_some() { "accumulating components: loader.New \"" } else { &prefix };
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
}
