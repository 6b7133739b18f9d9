//! A GitOps repository of any size, made up: what the benchmarks read and `examples/generate.rs` writes.
//!
//! Each team has a service (Deployment, Service, ConfigMap) with two overlays and an Application for each, every fourth a
//! chart from elsewhere with its values, and every eighth a custom resource definition and a dashboard. A document has
//! two kilobytes on average, as in public repositories, where most are short and a few are very long. The text depends on
//! the number of the team only.

use std::fmt::Write as _;

/// Path and content of each file of a repository with at least `documents` YAML documents, and the exact number.
pub(crate) fn repository(documents: usize) -> (Vec<(String, String)>, usize) {
    let mut files = Vec::new();
    let mut count = 0;
    let mut team = 0;
    while count < documents {
        count += add_team(team, &mut files);
        team += 1;
    }
    (files, count)
}

/// Adds the files of one team; returns the number of documents.
fn add_team(team: usize, files: &mut Vec<(String, String)>) -> usize {
    let name = format!("service-{team:05}");
    let base = format!("apps/{name}/base");
    let before = files.len();
    files.push((format!("{base}/kustomization.yaml"), base_kustomization(&name)));
    files.push((format!("{base}/deployment.yaml"), deployment(&name, team)));
    files.push((format!("{base}/service.yaml"), service(&name)));
    files.push((format!("{base}/config.yaml"), config(&name, team)));
    for (stage, replicas) in [("staging", 1), ("production", 3)] {
        let overlay = format!("apps/{name}/overlays/{stage}");
        files.push((format!("{overlay}/kustomization.yaml"), overlay_kustomization(&name, stage, team)));
        files.push((format!("{overlay}/resources.yaml"), patch(&name, replicas)));
        files.push((format!("clusters/{stage}/{name}.yaml"), application(&name, stage)));
    }
    if team.is_multiple_of(4) {
        files.push((format!("clusters/production/{name}-cache.yaml"), chart_application(&name)));
        files.push((format!("charts/{name}-cache/values.yaml"), values(&name, team)));
    }
    if team.is_multiple_of(8) {
        files.push((format!("clusters/production/definitions/{name}.yaml"), definition(&name)));
        files.push((format!("clusters/production/dashboards/{name}.yaml"), dashboard(&name)));
    }
    files.len() - before
}

fn definition(name: &str) -> String {
    let mut text = format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: items.{name}.example.org
spec:
  group: {name}.example.org
  names:
    kind: Item
    plural: items
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
"
    );
    for field in 0..140 {
        let _ = write!(
            text,
            "                field{field}:
                  description: |-
                    Field {field} of an item says how the service treats it. If it is not set, the service takes the
                    default of its configuration; a change takes effect when the item is reconciled the next time.
                  type: object
                  required:
                    - name
                  properties:
                    name:
                      description: Name of the referent, which must exist in the namespace of the item.
                      minLength: 1
                      type: string
                    optional:
                      description: Whether the referent may be absent.
                      type: boolean
"
        );
    }
    text
}

fn dashboard(name: &str) -> String {
    let mut text = format!(
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}-dashboard
  labels:
    grafana_dashboard: \"1\"
data:
  {name}.json: |
    {{
      \"title\": \"{name}\",
      \"uid\": \"{name}\",
      \"panels\": [
"
    );
    for panel in 0..40 {
        let end = if panel == 39 { "" } else { "," };
        let _ = write!(
            text,
            "        {{
          \"id\": {panel},
          \"type\": \"timeseries\",
          \"title\": \"Requests of route {panel}\",
          \"gridPos\": {{\"h\": 8, \"w\": 12, \"x\": 0, \"y\": {panel}}},
          \"fieldConfig\": {{\"defaults\": {{\"unit\": \"reqps\", \"min\": 0}}, \"overrides\": []}},
          \"targets\": [
            {{
              \"refId\": \"A\",
              \"expr\": \"sum by (code) (rate(http_requests_total{{service=\\\"{name}\\\", route=\\\"{panel}\\\"}}[5m]))\",
              \"legendFormat\": \"{{{{code}}}}\"
            }}
          ]
        }}{end}
"
        );
    }
    text.push_str("      ]\n    }\n");
    text
}

fn base_kustomization(name: &str) -> String {
    format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
labels:
  - pairs:
      app.kubernetes.io/name: {name}
    includeSelectors: true
resources:
  - deployment.yaml
  - service.yaml
  - config.yaml
"
    )
}

fn deployment(name: &str, team: usize) -> String {
    format!(
        "# The service of team {team}.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  annotations:
    example.org/contact: team-{team}@example.org
spec:
  replicas: 2
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
      annotations:
        prometheus.io/scrape: \"true\"
        prometheus.io/port: \"9090\"
    spec:
      serviceAccountName: {name}
      securityContext:
        runAsNonRoot: true
        seccompProfile: {{type: RuntimeDefault}}
      containers:
        - name: server
          image: registry.example.org/teams/{name}:1.{minor}.{patch}
          args:
            - --listen=:8080
            - --metrics=:9090
            - --config=/etc/{name}/config.yaml
          env:
            - name: LOG_LEVEL
              value: info
            - name: DATABASE_URL
              valueFrom:
                secretKeyRef:
                  name: {name}-database
                  key: url
          ports:
            - name: http
              containerPort: 8080
            - name: metrics
              containerPort: 9090
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
          readinessProbe:
            httpGet: {{path: /ready, port: http}}
            periodSeconds: 10
          livenessProbe:
            httpGet: {{path: /live, port: http}}
            initialDelaySeconds: 10
          volumeMounts:
            - name: config
              mountPath: /etc/{name}
              readOnly: true
      volumes:
        - name: config
          configMap:
            name: {name}-config
",
        minor = team % 40,
        patch = team % 7,
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    app: {name}
  ports:
    - name: http
      port: 80
      targetPort: http
    - name: metrics
      port: 9090
      targetPort: metrics
"
    )
}

fn config(name: &str, team: usize) -> String {
    let mut text = format!(
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}-config
data:
  config.yaml: |
    # Read by the server at its start.
    server:
      timeout: 30s
      name: {name}
    routes:
"
    );
    for route in 0..10 + team % 30 {
        let _ = write!(text, "      - path: /v1/{name}/items/{route}\n        upstream: http://backend-{route}:8080\n");
    }
    text
}

fn overlay_kustomization(name: &str, stage: &str, team: usize) -> String {
    format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {stage}
resources:
  - ../../base
images:
  - name: registry.example.org/teams/{name}
    newTag: 2.{}.0
patches:
  - path: resources.yaml
  - target:
      kind: Service
      name: {name}
    patch: |-
      - op: add
        path: /metadata/annotations
        value:
          example.org/stage: {stage}
configMapGenerator:
  - name: {name}-stage
    literals:
      - STAGE={stage}
",
        team % 90
    )
}

fn patch(name: &str, replicas: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  template:
    spec:
      containers:
        - name: server
          resources:
            requests:
              cpu: 250m
"
    )
}

fn application(name: &str, stage: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}-{stage}
  namespace: argocd
spec:
  project: default
  source:
    repoURL: https://git.example.org/platform/deployments.git
    targetRevision: main
    path: apps/{name}/overlays/{stage}
  destination:
    server: https://kubernetes.default.svc
    namespace: {stage}
  syncPolicy:
    automated:
      prune: true
      selfHeal: true
"
    )
}

fn chart_application(name: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}-cache
  namespace: argocd
spec:
  project: default
  sources:
    - repoURL: https://charts.example.org
      chart: cache
      targetRevision: 4.1.2
      helm:
        valueFiles:
          - $values/charts/{name}-cache/values.yaml
    - repoURL: https://git.example.org/platform/deployments.git
      targetRevision: main
      ref: values
  destination:
    server: https://kubernetes.default.svc
    namespace: production
"
    )
}

fn values(name: &str, team: usize) -> String {
    format!(
        "# Values of the cache of {name}.
architecture: replication
auth:
  enabled: true
  existingSecret: {name}-cache
master:
  persistence:
    size: {size}Gi
  resources:
    requests: {{cpu: 100m, memory: 256Mi}}
replica:
  replicaCount: 2
  nodeSelector:
    kubernetes.io/os: linux
metrics:
  enabled: true
  serviceMonitor:
    enabled: true
    interval: 30s
",
        size = 1 + team % 16
    )
}
