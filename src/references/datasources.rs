//! Addresses of Grafana's datasources: in files inside ConfigMaps and Secrets, and in the values of charts.
//!
//! Left out: which Grafana reads them, so that a short name may mean another namespace than that of the file.

use super::{Found, Part, Place, Reference, Role, address};
use crate::kubernetes::Object;
use crate::yaml::{Node, Value};

const SERVICE: (&str, &str) = ("", "Service");

/// The texts of an object that look like datasource files.
pub fn datasource_files(object: &Object) -> impl Iterator<Item = &Node> {
    let data = match (object.id.group.as_str(), object.id.kind.as_str()) {
        ("", "ConfigMap") => object.root.get("data"),
        ("", "Secret") => object.root.get("stringData"),
        _ => None,
    };
    let is_file = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
    let entries = data.map(Node::entries).unwrap_or_default().iter();
    let files = entries.filter(move |entry| is_file(&entry.key.text)).map(|entry| &entry.value);
    files.filter(|text| text.as_str().is_some_and(|text| text.contains("datasources:") && text.contains("url:")))
}

/// What the addresses in a datasource file name.
pub fn of_datasources(file: &Node) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    // Other programs have a list of that name too; Grafana's file has an API version that is a number.
    if file.get("apiVersion").and_then(Node::as_i64).is_some() {
        for datasource in file.get("datasources").map(Node::items).unwrap_or_default() {
            let url = datasource.get("url").filter(|_| datasource.get("type").is_some());
            if let Some((url, text)) = url.and_then(|url| Some((url, url.as_str()?))) {
                of_url(url, text, &mut found);
                super::shapes::address(url, text, &mut found);
            }
        }
    }
    found
}

/// What a short address names.
pub(super) fn of_url<'a>(url: &'a Node, text: &'a str, list: &mut Vec<Reference<'a>>) {
    let Some((service, namespace, port)) = address::short(text) else { return };
    let place = namespace.map_or(Place::Same, Place::Namespace);
    let mut found = Found { list, role: Role::Datasource };
    found.settled(SERVICE, place, service, url.span);
    found.part(SERVICE, place, service, Part::PortNumber(port), url.span);
}

/// The address of an item of a chart's `datasources` or `additionalDataSources`.
pub(super) fn of_value<'a>(item: &'a Node, list: &mut Vec<Reference<'a>>) {
    let Some(url) = item.get("url").filter(|_| item.get("type").is_some()) else { return };
    if let Value::Scalar(text) = &url.value {
        of_url(url, text, list);
    }
}
