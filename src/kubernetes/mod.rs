//! What Kubernetes objects are: identity, pod specs, quantities, API lifecycles.
//!
//! Left out: where objects come from (`kustomize`, `helm`, `gitops`) and what is wrong with them (`rules`).

mod components;
mod definitions;
mod lifecycle;
pub mod network_policy;
mod object;
mod pod;
mod pod_security;
mod quantity;
mod scope;
pub mod secret;
mod selector;
mod target;
mod version;

pub use components::{Components, InstalledChart};
pub use definitions::{Definition, Definitions, ServedVersion};
pub use lifecycle::{Lifecycle, OLDEST_SUPPORTED, lifecycle, served_version};
pub use object::{Object, ObjectId};
pub use pod::{Container, ContainerKind, Pod};
pub use pod_security::{Level, Standard, Subject, Violation};
pub use quantity::{Quantity, QuantityError};
pub use scope::{
    Scope, api_version_of, builtin_kinds, groups_with, is_cluster_scoped, kinds_of, scope, scope_in_any_group,
    was_ever_served,
};
pub use selector::selects;
pub use target::{Distribution, Target, Targets};
pub use version::Version;
