//! Time per object of a kustomization with three overlays, one over the other, for 1,000 and 10,000 objects. Nothing may
//! grow faster than the number of objects, so the throughput of both must be alike.
//!
//! The number of patches grows with the objects too, as it does in repositories: every hundredth Deployment has its own.

#![allow(missing_docs)] // The macros make functions of their own.
#![allow(clippy::expect_used)] // A benchmark that can't run should say so and stop.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use presync::files::Files;
use presync::kustomize::{self, Options};
use presync::source::{RepoPath, Sources};

/// Objects that each service of the base has.
const OBJECTS: usize = 5;

/// A base of `objects` objects in files of one service each, and three overlays.
fn tree(objects: usize) -> Vec<(RepoPath, Vec<u8>)> {
    let services = objects / OBJECTS;
    let mut base = String::from("resources:\n");
    let mut files = Vec::new();
    for service in 0..services {
        let _ = writeln!(base, "  - service-{service}.yaml");
        files.push((format!("base/service-{service}.yaml"), service_file(service)));
    }
    files.push(("base/kustomization.yaml".to_owned(), base));
    let team = "resources: [../base]\nlabels:\n  - pairs: {team: shop}\n    includeSelectors: true\nimages:\n  - name: \
                registry.example.org/server\n    newTag: \"2\"\ncommonAnnotations: {example.org/contact: shop}\n";
    files.push(("team/kustomization.yaml".to_owned(), team.to_owned()));
    let mut region = String::from("resources: [../team]\nnamespace: shop-north\nnamePrefix: north-\npatches:\n");
    for service in (0..services).step_by(20) {
        let _ = write!(
            region,
            "  - target: {{kind: Deployment, name: service-{service}}}\n    patch: |-\n      - op: replace\n        path: \
             /spec/replicas\n        value: 5\n  - patch: |-\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: \
             {{name: service-{service}}}\n      data: {{mode: fast}}\n"
        );
    }
    files.push(("region/kustomization.yaml".to_owned(), region));
    let mut cluster = String::from(
        "resources: [../region]\nnameSuffix: -a\nconfigMapGenerator:\n  - name: cluster\n    literals: \
         [DOMAIN=a.example.org]\nreplicas:\n  - name: service-1\n    count: 4\nreplacements:\n",
    );
    for service in (0..services).step_by(20) {
        let _ = write!(
            cluster,
            "  - source: {{kind: ConfigMap, name: cluster, fieldPath: data.DOMAIN}}\n    targets:\n      - select: {{kind: \
             Ingress, name: north-service-{service}}}\n        fieldPaths: [spec.rules.0.host]\n        options: {{delimiter: \
             ., index: 1}}\n"
        );
    }
    files.push(("cluster/kustomization.yaml".to_owned(), cluster));
    let path = |path: &str| RepoPath::new(path).expect("a path inside the repository");
    files.into_iter().map(|(name, text)| (path(&name), text.into_bytes())).collect()
}

fn service_file(service: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: service-{service}}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: service-{service}}}
  template:
    metadata:
      labels: {{app: service-{service}}}
    spec:
      serviceAccountName: service-{service}
      containers:
        - name: server
          image: registry.example.org/server:1
          envFrom:
            - configMapRef: {{name: service-{service}}}
          ports:
            - {{name: http, containerPort: 8080}}
---
apiVersion: v1
kind: Service
metadata: {{name: service-{service}}}
spec:
  selector: {{app: service-{service}}}
  ports:
    - {{name: http, port: 80, targetPort: http}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: service-{service}}}
data: {{mode: slow}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: service-{service}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: service-{service}}}
spec:
  rules:
    - host: service-{service}.example.org
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: service-{service}
                port: {{name: http}}
"
    )
}

fn overlays(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kustomize");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(10));
    let directory = RepoPath::new("cluster").expect("a path inside the repository");
    for objects in [1_000, 10_000] {
        let files = Files::new(Sources::memory(tree(objects)));
        group.throughput(Throughput::Elements(objects as u64));
        group.bench_function(BenchmarkId::from_parameter(objects), |bencher| {
            bencher.iter(|| {
                let build = kustomize::build(&files, &directory, &Options::default());
                assert_eq!(build.failure(), None);
                assert_eq!(build.objects.len(), objects + 1);
                black_box(build.to_yaml())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, overlays);
criterion_main!(benches);
