//! See `rules/externalsecret/externalsecret-key-format.md`.

use foldhash::{HashMap, HashMapExt};

use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::yaml::Node;

pub(crate) const CHECK: Check = Check::Repository(check);

const GROUP: &str = "external-secrets.io";

const STORES: [&str; 2] = ["SecretStore", "ClusterSecretStore"];

fn check<'a>(repository: &'a Repository, findings: &mut Findings<'a>) {
    // Stores by kind, namespace and name, with their providers.
    let mut stores: HashMap<(&str, &str, &str), Vec<&Node>> = HashMap::new();
    for (app, store) in STORES.iter().flat_map(|kind| repository.objects_of(GROUP, kind)) {
        let Some(provider) = store.root.at(&["spec", "provider"]) else { continue };
        let namespace = if store.id.kind == "SecretStore" { repository.home_of(app, store) } else { "" };
        stores.entry((&store.id.kind, namespace, &store.id.name)).or_default().push(provider);
    }
    for (app, object) in repository.objects_of(GROUP, "ExternalSecret") {
        findings.about(Some(app), Some(object));
        let home = repository.home_of(app, object);
        let spec = object.root.get("spec");
        let own = spec.and_then(|spec| spec.get("secretStoreRef"));
        for item in spec.and_then(|spec| spec.get("data")).map(Node::items).unwrap_or_default() {
            let reference = item.at(&["sourceRef", "storeRef"]).or(own);
            let Some((reference, name)) = reference.and_then(|it| Some((it, it.get("name")?.as_text()?))) else {
                continue;
            };
            let kind = reference.get("kind").and_then(Node::as_text).unwrap_or("SecretStore");
            let namespace = if kind == "SecretStore" { home } else { "" };
            let providers = stores.get(&(kind, namespace, name)).map(Vec::as_slice).unwrap_or_default();
            let Some(provider) = providers.iter().find_map(|provider| provider.get("onepasswordSDK")) else { continue };
            // Several stores of one name may be for several clusters.
            if providers.len() > 1 {
                continue;
            }
            let Some(remote) = item.get("remoteRef") else { continue };
            let Some((key, written)) = remote.get("key").and_then(|node| Some((node, node.as_text()?))) else {
                continue;
            };
            if written.contains(['/', '{', '$']) {
                continue;
            }
            let property = remote.get("property").and_then(|node| Some((node, node.as_text()?)));
            let message = match property {
                Some((_, property)) => format!(
                    "the store `{name}` reads 1Password through its SDK, which takes item and field as one key and knows no \
                     `property`: `{written}` alone names no field, and `{property}` is not read"
                ),
                None => format!(
                    "the store `{name}` reads 1Password through its SDK, which takes item and field as one key: `{written}` \
                     alone names no field"
                ),
            };
            let message = format!("{message}. The Secret is never written, `invalid secret reference`");
            let field = property.map_or("FIELD", |(_, property)| property);
            findings
                .report(property.map_or(key.span, |(node, _)| node.span), message)
                .label("the key has no field")
                .related(provider.span, "the provider of the store")
                .help(format!("write `key: {written}/{field}` without `property`"));
        }
    }
}
