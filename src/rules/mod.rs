//! The rules. Each is a file `rules/<group>/<id>.md` that either declares its check or has one in Rust, at
//! `src/rules/<group>/<id without group>.rs`, named there by a `mod` line. The table is made from the files at build
//! time, so nothing is listed twice.

mod expression;
mod matcher;
mod rule;
mod rule_file;
mod setting;

mod api;
mod argo;
mod argocd;
mod autoscaler;
mod charts;
mod claims;
mod cilium;
mod cluster;
mod configmap;
mod container;
mod coredns;
mod deployment;
mod externalsecret;
mod flux;
mod gateway;
mod gatewayclass;
mod grafana;
mod helm;
mod image;
mod ingressclass;
mod iscsi;
mod issuer;
mod kubeadm;
mod kubelet;
mod kubernetes;
mod kustomize;
mod kyverno;
mod manifest;
mod metallb;
mod namespace;
mod networkpolicy;
mod nodes;
mod object;
mod permissions;
mod persistentvolumeclaim;
mod pod;
mod priorityclass;
mod prometheus;
mod rbac;
mod references;
mod role;
mod runtimeclass;
mod secret;
mod secretstore;
mod service;
mod serviceaccount;
mod statefulset;
mod storageclass;
mod talos;
mod telegraf;
mod topolvm;
mod workflow;
mod yaml;

pub use expression::FUNCTIONS;
pub use matcher::Matcher;
pub use rule::{Check, Findings, Rule};
pub use rule_file::{built_in, built_in_problems, load};
pub use setting::{Setting, SettingKind, settings_schema};
