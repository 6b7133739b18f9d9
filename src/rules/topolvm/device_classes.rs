//! The device classes that a release of the chart topolvm gives to its nodes.

use crate::rules::charts::Values;
use crate::yaml::Node;

/// A device class, as a map.
pub(super) struct DeviceClass<'a> {
    /// Its settings.
    pub(super) node: &'a Node,
    /// Whether it is written in the repository, and not the chart's default.
    pub(super) written: bool,
}

/// Every device class of a release. `None` if they can't all be known: lvmd is set up by hand, or its configuration is not
/// written as values.
pub(super) fn of(values: Values<'_>) -> Option<Vec<DeviceClass<'_>>> {
    let runs = values.get("lvmd.managed").bool()? || values.get("node.lvmdEmbedded").bool()?;
    let more = values.written("lvmd.additionalLVMDYamlContent").is_some_and(|more| !more.entries().is_empty());
    if !runs || more || values.release.incomplete {
        return None;
    }
    let main = values.get("lvmd.deviceClasses");
    let written = main.span().is_some();
    let mut classes: Vec<_> = main.items()?.iter().map(|node| DeviceClass { node, written }).collect();
    if let Some(configs) = values.written("lvmd.additionalConfigs") {
        for config in configs.as_sequence()? {
            let more = config.get("deviceClasses")?.as_sequence()?;
            classes.extend(more.iter().map(|node| DeviceClass { node, written: true }));
        }
    }
    classes.iter().all(|class| class.node.as_mapping().is_some()).then_some(classes)
}
