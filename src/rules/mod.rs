//! The rules. Each is a file `rules/<group>/<id>.md`; a check in Rust stands in `src/rules/<group>/<id>.rs` and is
//! named there by a `mod` line. The table is made from the files at build time, so nothing is listed twice.

mod api;
mod argocd;
mod charts;
mod container;
mod cluster;
mod grafana;
mod prometheus;
mod rule;
mod yaml;

pub use rule::{Check, Findings, Rule, built_in};
