//! Rules about the kubelet: the pods that it runs from a directory of its own, and its configuration.

mod static_pods;

pub(super) mod configuration_invalid;
pub(super) mod static_pod_duplicate;
pub(super) mod static_pod_multiple_documents;
pub(super) mod static_pod_reference;
pub(super) mod static_pod_stray_file;
