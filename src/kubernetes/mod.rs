//! What Kubernetes objects are: identity, pod specs, quantities, API lifecycles.
//!
//! Left out: where objects come from (`kustomize`, `helm`, `gitops`) and what is wrong with them (`rules`).

mod object;

pub use object::{Object, ObjectId};
