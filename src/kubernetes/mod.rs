//! What Kubernetes objects are: identity, pod specs, quantities, API lifecycles.
//!
//! Left out: where objects come from (`kustomize`, `helm`, `gitops`) and what is wrong with them (`rules`).

mod object;
mod pod;
mod quantity;
mod version;

pub use object::{Object, ObjectId};
pub use pod::{Container, ContainerKind, Pod};
pub use quantity::{Quantity, QuantityError};
pub use version::Version;
