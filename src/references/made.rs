//! What controllers make because an object is there: the table `rules/data/made-objects.tsv`, and copies that
//! replicators spread over namespaces.

use std::sync::LazyLock;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use crate::kubernetes::{Object, ObjectId, Pod};
use crate::yaml::Node;

/// An object that comes to be because of another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Name; a `*` at its start or end stands for any text.
    pub name: CompactString,
    /// Where.
    pub spread: Spread,
    /// The keys of a Secret or ConfigMap; `None` if they are not known.
    pub keys: Option<Vec<CompactString>>,
}

/// The namespaces in which an object comes to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Spread {
    /// That of the object that brings it about.
    Same,
    /// This one.
    Namespace(CompactString),
    /// Any: nobody can tell from Git alone.
    Any,
}

struct Row {
    group: &'static str,
    kind: &'static str,
    name: &'static str,
    namespace: &'static str,
    keys: &'static str,
    annotated: &'static str,
}

type Table = HashMap<(&'static str, &'static str), Vec<Row>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../rules/data/made-objects.tsv")));

/// What controllers make because of this object.
pub fn made(object: &Object) -> Vec<Made> {
    let mut all = Vec::new();
    let rows = TABLE.get(&(&*object.id.group, &*object.id.kind)).map(Vec::as_slice).unwrap_or_default();
    if may_make(&object.id) {
        // What the table says of a kind of object is all of that kind.
        let told = |made: &Made| rows.iter().any(|row| row.kind == made.kind);
        all.extend(conventional(&object.id.name).filter(|made| !told(made)));
    }
    for row in rows {
        if !row.annotated.is_empty() && !is_annotated(&object.root, row.annotated) {
            continue;
        }
        let spread = match row.namespace {
            "" => Spread::Same,
            "*" => Spread::Any,
            template => match fill(template, &object.root).pop() {
                Some(namespace) => Spread::Namespace(namespace),
                None => Spread::Same,
            },
        };
        for name in fill(row.name, &object.root) {
            let keys = row_keys(row.keys, &object.root);
            all.push(Made { group: row.group, kind: row.kind, name, spread: spread.clone(), keys });
        }
    }
    if object.id.is("external-secrets.io", "ExternalSecret") {
        all.extend(external_secret(object));
    }
    if object.id.is("", "Service") {
        all.extend(serving_certificate(object));
    }
    if object.id.group == "batch" {
        all.extend(by_kubectl(object));
    }
    if matches!((&*object.id.group, &*object.id.kind), ("", "Secret" | "ConfigMap")) && is_spread(&object.root) {
        let kind = if object.id.kind == "Secret" { "Secret" } else { "ConfigMap" };
        all.push(Made { group: "", kind, name: object.id.name.clone(), spread: Spread::Any, keys: None });
    }
    // A Secret that some operator makes with a replicator's mark on it is copied like a written one.
    let marked = MARKED.iter().any(|path| object.root.at(path).is_some_and(has_mark));
    if marked {
        let copies: Vec<Made> = all.iter().filter(|made| made.kind == "Secret").cloned().collect();
        all.extend(copies.into_iter().map(|made| Made { spread: Spread::Any, keys: None, ..made }));
    }
    all
}

/// What an operator that is not known here may make of its resource: nearly all name it after the resource.
fn conventional(name: &CompactString) -> impl Iterator<Item = Made> {
    let kinds = ["Secret", "ConfigMap", "ServiceAccount", "Service", "PersistentVolumeClaim"];
    let names = [name.clone(), compact_str::format_compact!("{name}-*")];
    kinds.into_iter().flat_map(move |kind| {
        names.clone().map(|name| Made { group: "", kind, name, spread: Spread::Same, keys: None })
    })
}

/// Whether the resource belongs to an operator that may make objects of its own because of it. Not so Kubernetes'
/// kinds, and those of projects whose resources configure something that is there.
pub fn may_make(id: &ObjectId) -> bool {
    let configures = [
        "addons.cluster.x-k8s.io",
        "argoproj.io",
        "barmancloud.cnpg.io",
        "build.openshift.io",
        "cert-manager.io",
        "cilium.io",
        "crd.projectcalico.org",
        "external-secrets.io",
        "external-dns.io",
        "externaldns.k8s.io",
        "gateway.envoyproxy.io",
        "gateway.networking.k8s.io",
        "generators.external-secrets.io",
        "helm.cattle.io",
        "image.openshift.io",
        "keda.sh",
        "kyverno.io",
        "metallb.io",
        "monitoring.coreos.com",
        "networking.istio.io",
        "postgresql.cnpg.io",
        "route.openshift.io",
        "security.istio.io",
        "snapshot.storage.k8s.io",
        "traefik.containo.us",
        "traefik.io",
        "volsync.backube",
    ];
    let own = !id.group.contains('.') || id.group.ends_with(".k8s.io") && !id.group.contains(".x-k8s.io");
    let flux = id.group.ends_with("toolkit.fluxcd.io");
    !own && !flux && !configures.contains(&id.group.as_str())
}

/// The Secret of an ExternalSecret. With a template that replaces, its keys are the template's.
fn external_secret(object: &Object) -> Option<Made> {
    let target = object.root.at(&["spec", "target"]);
    let name = match target.and_then(|target| target.get("name")) {
        Some(name) => name.as_text()?,
        None => &object.id.name,
    };
    let field = |path: &[&str]| target.and_then(|target| target.at(path));
    let template = field(&["template", "data"]).filter(|data| !data.entries().is_empty());
    let merged = field(&["template", "mergePolicy"]).and_then(Node::as_str) == Some("Merge");
    let opaque = field(&["template", "templateFrom"]).is_some()
        || field(&["creationPolicy"]).and_then(Node::as_str) == Some("Merge")
        || field(&["manifest"]).is_some();
    let spec = object.root.get("spec");
    let all_of = spec.is_some_and(|spec| spec.get("dataFrom").is_some());
    let mut keys: Vec<CompactString> = Vec::new();
    keys.extend(template.into_iter().flat_map(Node::entries).map(|entry| entry.key.text.clone()));
    let mut known = !opaque;
    if template.is_none() || merged {
        known &= !all_of;
        let data = follow(&object.root, "spec.data[].secretKey");
        keys.extend(data.into_iter().filter_map(Node::as_text).map(CompactString::from));
    }
    let keys = Some(keys).filter(|keys| known && keys.iter().all(|key| super::is_settled(key)));
    // With `manifest` it makes an object of another kind.
    let kind = match field(&["manifest", "kind"]).and_then(Node::as_str) {
        Some("ConfigMap") => "ConfigMap",
        _ => "Secret",
    };
    Some(Made { group: "", kind, name: name.into(), spread: Spread::Same, keys })
}

/// The Secret with a certificate that OpenShift's service CA makes for a Service.
fn serving_certificate(service: &Object) -> Option<Made> {
    let annotations = service.root.at(&["metadata", "annotations"])?;
    let name = SERVING.iter().find_map(|key| annotations.get(key)?.as_text())?;
    let keys = Some(vec!["tls.crt".into(), "tls.key".into()]);
    Some(Made { group: "", kind: "Secret", name: name.into(), spread: Spread::Same, keys })
}

/// The Secrets that a Job makes with `kubectl create secret TYPE NAME`.
fn by_kubectl(job: &Object) -> Vec<Made> {
    let containers = Pod::of(job).into_iter().flat_map(Pod::containers);
    let lists = containers.flat_map(|container| ["command", "args"].map(|field| container.node.get(field)));
    let texts = lists.flatten().flat_map(Node::items).filter_map(Node::as_text);
    let words: Vec<&str> = texts.flat_map(str::split_whitespace).collect();
    let mut all = Vec::new();
    for (at, pair) in words.windows(2).enumerate() {
        let rest = words.get(at + 3..).unwrap_or_default();
        let name = rest.iter().find(|word| !word.starts_with('-')).map(|word| word.trim_matches(['"', '\'', ';']));
        let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        if let (["create", "secret"], Some(name)) = (pair, name.filter(is_name)) {
            all.push(Made { group: "", kind: "Secret", name: name.into(), spread: Spread::Same, keys: None });
        }
    }
    all
}

/// Source: OpenShift, Securing service traffic using service serving certificate secrets.
const SERVING: [&str; 2] =
    ["service.beta.openshift.io/serving-cert-secret-name", "service.alpha.openshift.io/serving-cert-secret-name"];

const MARKED: [&[&str]; 4] = [
    &["spec", "secretTemplate", "annotations"],
    &["spec", "target", "template", "metadata", "annotations"],
    &["spec", "template", "metadata", "annotations"],
    &["spec", "inheritedMetadata", "annotations"],
];

/// Annotations by which emberstack's reflector, mittwald's replicator and kubed copy an object to other namespaces.
fn has_mark(annotations: &Node) -> bool {
    let marks = [
        "reflector.v1.k8s.emberstack.com/reflection-auto",
        "reflector.v1.k8s.emberstack.com/reflection-allowed",
        "replicator.v1.mittwald.de/replicat",
        "kubed.appscode.com/sync",
        "config-syncer.appscode.com/sync",
    ];
    annotations.entries().iter().any(|entry| marks.iter().any(|mark| entry.key.text.starts_with(mark)))
}

fn is_spread(root: &Node) -> bool {
    root.at(&["metadata", "annotations"]).is_some_and(has_mark)
}

fn is_annotated(root: &Node, start: &str) -> bool {
    let annotations = root.at(&["metadata", "annotations"]);
    annotations.map(Node::entries).unwrap_or_default().iter().any(|entry| entry.key.text.starts_with(start))
}

/// The names that a template gives for an object: several where a path goes through a list, none where a field is
/// missing.
fn fill(template: &str, root: &Node) -> Vec<CompactString> {
    let Some((before, rest)) = template.split_once('{') else { return vec![template.into()] };
    let Some((paths, after)) = rest.split_once('}') else { return Vec::new() };
    let found = paths.split('|').map(|path| follow(root, path)).find(|found| !found.is_empty()).unwrap_or_default();
    let texts: Vec<&str> = found.into_iter().filter_map(Node::as_text).collect();
    // Only one field of a name is ever a list, so the rest of the template has few results.
    let ends = fill(after, root);
    texts.iter().flat_map(|text| ends.iter().map(move |end| format!("{before}{text}{end}").into())).collect()
}

fn row_keys(keys: &str, root: &Node) -> Option<Vec<CompactString>> {
    let mut all = Vec::new();
    for key in keys.split(',') {
        match key.strip_prefix('{').and_then(|key| key.strip_suffix('}')) {
            Some(path) => {
                for node in follow(root, path) {
                    all.extend(node.entries().iter().map(|entry| entry.key.text.clone()));
                    all.extend(node.as_text().map(CompactString::from));
                }
            }
            None if key == "*" => return None,
            None => all.push(key.into()),
        }
    }
    Some(all)
}

/// The nodes at a path such as `spec.data[].key`.
pub(crate) fn follow<'a>(root: &'a Node, path: &str) -> Vec<&'a Node> {
    let mut nodes = vec![root];
    for step in path.split('.') {
        let (key, is_list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
        let children = nodes.into_iter().filter_map(|node| node.get(key));
        nodes = if is_list { children.flat_map(Node::items).collect() } else { children.collect() };
    }
    nodes
}

fn read(text: &'static str) -> Table {
    let mut table = Table::new();
    // The first line that is no comment names the columns.
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [group, kinds, made_group, made_kind, name, namespace, keys, annotated, _] = cells[..] else { continue };
        for kind in kinds.split(',') {
            let row = Row { group: made_group, kind: made_kind, name, namespace, keys, annotated };
            table.entry((group, kind)).or_default().push(row);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn all(text: &str) -> Vec<(String, Option<Vec<CompactString>>)> {
        let stream = crate::yaml::parse(FileId(0), text.as_bytes());
        let root = stream.documents.into_iter().next().and_then(|document| document.root).expect("a document");
        let object = Object::new(root).expect("an object");
        let describe = |made: Made| {
            let place = match made.spread {
                Spread::Same => String::new(),
                Spread::Namespace(namespace) => format!("{namespace}/"),
                Spread::Any => "*/".to_owned(),
            };
            (format!("{} {place}{}", made.kind, made.name), made.keys)
        };
        made(&object).into_iter().map(describe).collect()
    }

    fn keys(keys: &[&str]) -> Option<Vec<CompactString>> {
        Some(keys.iter().map(|key| (*key).into()).collect())
    }

    #[test]
    fn every_line_has_all_cells() {
        let text = include_str!("../../rules/data/made-objects.tsv");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.filter(|line| line.split('\t').count() != 9).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn an_external_secret_makes_the_keys_that_it_lists() {
        let start = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\n";
        assert_eq!(
            all(&format!("{start}spec: {{data: [{{secretKey: k}}]}}\n")),
            [("Secret a".to_owned(), keys(&["k"]))]
        );
        assert_eq!(
            all(&format!("{start}spec: {{dataFrom: [], target: {{name: b, template: {{data: {{x: y}}}}}}}}\n")),
            [("Secret b".to_owned(), keys(&["x"]))]
        );
        assert_eq!(
            all(&format!("{start}spec: {{dataFrom: [{{extract: {{key: q}}}}]}}\n")),
            [("Secret a".to_owned(), None)]
        );
        assert_eq!(
            all(&format!("{start}spec: {{data: [{{secretKey: k}}], target: {{manifest: {{kind: ConfigMap}}}}}}\n")),
            [("ConfigMap a".to_owned(), None)]
        );
    }

    #[test]
    fn a_job_makes_what_its_command_says() {
        let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {spec: {containers: \
                   [{name: a, command: [sh, -c], args: ['kubectl create secret generic --dry-run=client db \
                   --from-literal=a=b; kubectl create secret tls $NAME']}]}}}\n";
        assert_eq!(all(job), [("Secret db".to_owned(), None)]);
    }

    #[test]
    fn a_service_of_openshift_makes_its_certificate() {
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: \
                       {service.beta.openshift.io/serving-cert-secret-name: a-tls}}\n";
        assert_eq!(all(service), [("Secret a-tls".to_owned(), keys(&["tls.crt", "tls.key"]))]);
    }

    #[test]
    fn tables_fill_names_from_fields() {
        let claims = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {volumeClaimTemplates: \
                      [{metadata: {name: data}}, {metadata: {name: log}}]}\n";
        let names: Vec<String> = all(claims).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["PersistentVolumeClaim data-db-*", "PersistentVolumeClaim log-db-*"]);
        let copied = "apiVersion: v1\nkind: Secret\nmetadata: {name: tls, annotations: \
                      {reflector.v1.k8s.emberstack.com/reflection-auto-enabled: 'true'}}\n";
        assert_eq!(all(copied), [("Secret */tls".to_owned(), None)]);
        let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {tls: [{secretName: \
                       t}]}\n";
        assert_eq!(all(ingress), []);
        assert_eq!(all(&ingress.replace("name: a", "annotations: {cert-manager.io/issuer: i}")).len(), 1);
    }
}
