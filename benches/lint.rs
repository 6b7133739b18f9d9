//! Time per document from bytes in memory to findings, for a small and a large repository, and of the steps alone.
//!
//! Run with `cargo bench`; the throughput's unit is documents. What may be expected is in `docs/performance.md`.

#![allow(missing_docs)] // The macros make functions of their own.
#![allow(clippy::expect_used)] // A benchmark that can't run should say so and stop.

mod generated;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use presync::config::Config;
use presync::files::Files;
use presync::source::{FileId, RepoPath, Sources};
use presync::{lint, rules, yaml};

fn contents(documents: usize) -> (Vec<(RepoPath, Vec<u8>)>, u64) {
    let (files, count) = generated::repository(documents);
    let path = |path: &str| RepoPath::new(path).expect("a path inside the repository");
    let contents = files.into_iter().map(|(name, text)| (path(&name), text.into_bytes())).collect();
    (contents, count as u64)
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lint");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(10));
    let rules = rules::built_in();
    for documents in [1_000, 100_000] {
        let (contents, count) = contents(documents);
        group.throughput(Throughput::Elements(count));
        group.bench_with_input(BenchmarkId::from_parameter(documents), &contents, |bencher, contents| {
            bencher.iter_batched(
                || Files::new(Sources::memory(contents.clone())),
                |files| {
                    let repository = presync::read(files, Config::default());
                    black_box(lint::lint(&repository, &rules));
                    repository
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn parse(criterion: &mut Criterion) {
    let (contents, count) = contents(1_000);
    let bytes: u64 = contents.iter().map(|(_, text)| text.len() as u64).sum();
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::ElementsAndBytes { elements: count, bytes });
    group.bench_function("1000", |bencher| {
        bencher.iter(|| contents.iter().map(|(_, text)| yaml::parse(FileId(0), text).documents.len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, whole, parse);
criterion_main!(benches);
