//! Rules about network policies, of Kubernetes and of Cilium alike.

mod words;

pub(super) mod one_sided;
