//! The Pod Security Standards: what the API server's admission refuses in a namespace that enforces one of them.
//!
//! Source: "Pod Security Standards" in Kubernetes' documentation, and package `policy` of k8s.io/pod-security-admission,
//! whose words the violations use. Left out: exemptions in the API server's own configuration, and what user namespaces
//! relax where a feature gate allows it.

use super::Version;
use crate::source::Span;
use crate::yaml::{Entry, Node};

/// A standard that refuses something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Known ways to more privileges are closed.
    Baseline,
    /// Pods must be hardened, too.
    Restricted,
}

/// What a namespace enforces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standard {
    /// The standard.
    pub level: Level,
    /// Its release; `None` for that of the API server, if that is not known.
    pub version: Option<Version>,
}

/// The parts of a pod that the standards judge.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The node with `hostNetwork`, `os` and the like: the pod's spec.
    pub spec: &'a Node,
    /// The pod's `securityContext`.
    pub context: Option<&'a Node>,
    /// Its containers of every kind, with their names.
    pub containers: Vec<(&'a str, &'a Node)>,
    /// Its volumes.
    pub volumes: Vec<&'a Node>,
    /// Its annotations.
    pub annotations: Option<&'a Node>,
    /// Where to write what is lacking in the pod as a whole.
    pub span: Span,
}

/// Something that a standard refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// What the admission says, such as `privileged (container "web" must not set securityContext.privileged=true)`.
    pub text: String,
    /// The text to mend: the field, or where it is lacking.
    pub span: Span,
    /// Whether somebody wrote it, rather than left out what would be needed.
    pub written: bool,
}

/// Capabilities that the baseline lets containers add.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kernel parameters that are safe, of all releases.
const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

const SELINUX_TYPES: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

/// Volumes that hold nothing of the node, and those whose driver an administrator installed. `image` is allowed since 1.33,
/// and before that hardly any cluster had it.
const RESTRICTED_VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// How many containers a violation names.
const MOST_NAMED: usize = 8;

/// The release that let Windows pods leave out what only Linux has.
const WINDOWS: Version = Version::new(1, 25);

/// The release that forbade probes to name a host.
const PROBE_HOSTS: Version = Version::new(1, 34);

impl Standard {
    /// What the standard refuses of a pod, in the order of the admission's checks.
    pub fn violations(self, subject: &Subject<'_>) -> Vec<Violation> {
        let mut found = Found::default();
        found.hosts(subject);
        found.containers_of_baseline(subject);
        found.contexts_of_baseline(subject);
        found.annotations(subject);
        if self.version.is_some_and(|version| version >= PROBE_HOSTS) {
            found.probe_hosts(subject);
        }
        match self.level {
            Level::Baseline => found.host_paths(subject),
            Level::Restricted => {
                found.volumes(subject);
                let windows = subject.spec.str_at(&["os", "name"]) == Some("windows");
                let exempt = windows && self.version.is_none_or(|version| version >= WINDOWS);
                found.users(subject);
                if !exempt {
                    found.hardening(subject);
                }
            }
        }
        found.0
    }
}

#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn written(&mut self, span: Span, text: impl Into<String>) {
        self.0.push(Violation { text: text.into(), span, written: true });
    }

    fn lacking(&mut self, span: Span, text: impl Into<String>) {
        self.0.push(Violation { text: text.into(), span, written: false });
    }

    fn hosts(&mut self, subject: &Subject<'_>) {
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            if let Some(entry) = on(subject.spec, field) {
                self.written(entry.value.span, format!("host namespaces ({field}=true)"));
            }
        }
    }

    fn containers_of_baseline(&mut self, subject: &Subject<'_>) {
        for (name, container) in &subject.containers {
            for port in items(container, "ports") {
                if let Some(node) = port.get("hostPort").filter(|node| node.as_i64().is_some_and(|port| port != 0)) {
                    let port = node.as_text().unwrap_or_default();
                    self.written(node.span, format!("hostPort (container {name:?} uses hostPort {port})"));
                }
            }
            let Some(context) = container.get("securityContext") else { continue };
            if let Some(entry) = on(context, "privileged") {
                let text = format!("privileged (container {name:?} must not set securityContext.privileged=true)");
                self.written(entry.value.span, text);
            }
            for added in context.at(&["capabilities", "add"]).map(Node::items).unwrap_or_default() {
                if let Some(capability) = known(added).filter(|name| !BASELINE_CAPABILITIES.contains(name)) {
                    let text = format!(
                        "non-default capabilities (container {name:?} must not include {capability:?} in \
                         securityContext.capabilities.add)"
                    );
                    self.written(added.span, text);
                }
            }
            if let Some(node) = context.get("procMount")
                && known(node).is_some_and(|kind| kind != "Default")
                && subject.spec.get("hostUsers").is_none()
            {
                let text =
                    format!("procMount (container {name:?} must not set securityContext.procMount to \"Unmasked\")");
                self.written(node.span, text);
            }
        }
    }

    /// What may stand in the securityContext of the pod and of each container alike.
    fn contexts_of_baseline(&mut self, subject: &Subject<'_>) {
        for (who, context) in contexts(subject) {
            if let Some(entry) = context.get("windowsOptions").and_then(|options| on(options, "hostProcess")) {
                let text = format!("hostProcess ({who} must not set securityContext.windowsOptions.hostProcess=true)");
                self.written(entry.value.span, text);
            }
            for (field, check) in
                [("appArmorProfile", "forbidden AppArmor profile"), ("seccompProfile", "seccompProfile")]
            {
                let kind = context.at(&[field, "type"]);
                if let Some(node) = kind.filter(|node| known(node) == Some("Unconfined")) {
                    let text = format!("{check} ({who} must not set securityContext.{field}.type to \"Unconfined\")");
                    self.written(node.span, text);
                }
            }
            for field in ["type", "user", "role"] {
                let Some(node) = context.at(&["seLinuxOptions", field]) else { continue };
                let allowed = |value: &str| value.is_empty() || field == "type" && SELINUX_TYPES.contains(&value);
                if let Some(value) = known(node).filter(|value| !allowed(value)) {
                    let text = format!(
                        "seLinuxOptions ({who} set forbidden securityContext.seLinuxOptions: {field} {value:?})"
                    );
                    self.written(node.span, text);
                }
            }
        }
        for sysctl in subject.context.map(|context| items(context, "sysctls")).unwrap_or_default() {
            let Some(node) = sysctl.get("name") else { continue };
            if let Some(name) = known(node).filter(|name| !SYSCTLS.contains(name)) {
                self.written(node.span, format!("forbidden sysctls ({name})"));
            }
        }
    }

    fn annotations(&mut self, subject: &Subject<'_>) {
        for entry in subject.annotations.map(Node::entries).unwrap_or_default() {
            let allowed =
                |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
            let of_apparmor = entry.key.text.starts_with("container.apparmor.security.beta.kubernetes.io/");
            if of_apparmor && known(&entry.value).is_some_and(|value| !allowed(value)) {
                let value = known(&entry.value).unwrap_or_default();
                let text = format!("forbidden AppArmor profile (annotation {}={value:?})", entry.key.text);
                self.written(entry.value.span, text);
            }
        }
    }

    fn probe_hosts(&mut self, subject: &Subject<'_>) {
        let handlers = ["livenessProbe", "readinessProbe", "startupProbe"].map(|probe| vec![probe]).into_iter();
        let handlers: Vec<Vec<&str>> =
            handlers.chain([vec!["lifecycle", "postStart"], vec!["lifecycle", "preStop"]]).collect();
        for (name, container) in &subject.containers {
            for (handler, kind) in
                handlers.iter().flat_map(|handler| ["httpGet", "tcpSocket"].map(|kind| (handler, kind)))
            {
                let node = container.at(handler).and_then(|handler| handler.at(&[kind, "host"]));
                if let Some(node) = node.filter(|node| known(node).is_some_and(|host| !host.is_empty())) {
                    let path = handler.join(".");
                    let text = format!("probe or lifecycle host (container {name:?} uses {path}.{kind}.host)");
                    self.written(node.span, text);
                }
            }
        }
    }

    fn host_paths(&mut self, subject: &Subject<'_>) {
        for volume in &subject.volumes {
            if let Some(entry) = volume.as_mapping().and_then(|volume| volume.entry("hostPath")) {
                self.written(entry.key.span, format!("hostPath volumes (volume {:?})", name(volume)));
            }
        }
    }

    fn volumes(&mut self, subject: &Subject<'_>) {
        for volume in &subject.volumes {
            for entry in volume.entries().iter().filter(|entry| entry.key.text != "name" && !entry.value.is_null()) {
                let kind = entry.key.text.as_str();
                if !RESTRICTED_VOLUMES.contains(&kind) {
                    let name = name(volume);
                    let text =
                        format!("restricted volume types (volume {name:?} uses restricted volume type {kind:?})");
                    self.written(entry.key.span, text);
                }
            }
        }
    }

    /// Users that are written; those that are lacking are left to `hardening`.
    fn users(&mut self, subject: &Subject<'_>) {
        for (who, context) in contexts(subject) {
            if let Some(node) = context.get("runAsUser").filter(|node| node.as_i64() == Some(0)) {
                self.written(node.span, format!("runAsUser=0 ({who} must not set runAsUser=0)"));
            }
        }
    }

    fn hardening(&mut self, subject: &Subject<'_>) {
        for (who, container) in &subject.containers {
            let context = container.get("securityContext");
            if context.is_some_and(Node::is_unknown) {
                continue;
            }
            match set(context, "allowPrivilegeEscalation") {
                Some(node) if node.as_bool() == Some(true) => self.written(node.span, escalation(who)),
                Some(_) => {}
                None => self.lacking(place(container), escalation(who)),
            }
            let capabilities = set(context, "capabilities");
            if capabilities.is_some_and(Node::is_unknown) {
                continue;
            }
            let list = |field: &str| capabilities.map(|node| items(node, field)).unwrap_or_default();
            if !list("drop").iter().any(|node| node.is_unknown() || known(node) == Some("ALL")) {
                let text = format!(
                    "unrestricted capabilities (container {who:?} must set securityContext.capabilities.drop=[\"ALL\"])"
                );
                self.lacking(capabilities.map_or_else(|| place(container), |node| node.span), text);
            }
            for added in list("add") {
                let of_baseline = |name: &&str| BASELINE_CAPABILITIES.contains(name) && *name != "NET_BIND_SERVICE";
                if let Some(capability) = known(added).filter(of_baseline) {
                    let text = format!(
                        "unrestricted capabilities (container {who:?} must not include {capability:?} in \
                         securityContext.capabilities.add)"
                    );
                    self.written(added.span, text);
                }
            }
        }
        if subject.context.is_some_and(Node::is_unknown) {
            return;
        }
        for (who, context) in contexts(subject) {
            if let Some(node) = context.get("runAsNonRoot").filter(|node| node.as_bool() == Some(false)) {
                let text = format!("runAsNonRoot != true ({who} must not set securityContext.runAsNonRoot=false)");
                self.written(node.span, text);
            }
        }
        self.inherited(subject, "runAsNonRoot", "runAsNonRoot != true", "runAsNonRoot=true");
        // What is Unconfined is refused by the baseline already.
        let profile = "seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
        self.inherited(subject, "seccompProfile", "seccompProfile", profile);
    }

    /// A field that every container needs, unless the pod has it.
    fn inherited(&mut self, subject: &Subject<'_>, field: &str, check: &str, wanted: &str) {
        if set(subject.context, field).is_some() {
            return;
        }
        let lacks = |container: &Node| {
            let context = container.get("securityContext");
            !context.is_some_and(Node::is_unknown) && set(context, field).is_none()
        };
        let lacking: Vec<String> = subject
            .containers
            .iter()
            .filter(|(_, container)| lacks(container))
            .map(|(name, _)| format!("{name:?}"))
            .collect();
        if lacking.is_empty() {
            return;
        }
        let many = if lacking.len() == 1 { "" } else { "s" };
        let span = subject.context.map_or(subject.span, |context| context.span);
        let names = lacking.get(..MOST_NAMED).unwrap_or(&lacking).join(", ");
        self.lacking(span, format!("{check} (pod or container{many} {names} must set securityContext.{wanted})"));
    }
}

/// Where to write what a container lacks.
fn place(container: &Node) -> Span {
    let context = container.as_mapping().and_then(|container| container.entry("securityContext"));
    let name = container.get("name").map_or(container.span, |name| name.span);
    context.map_or(name, |context| context.key.span)
}

fn set<'a>(context: Option<&'a Node>, field: &str) -> Option<&'a Node> {
    context.and_then(|context| context.get(field)).filter(|node| !node.is_null())
}

fn escalation(container: &str) -> String {
    format!(
        "allowPrivilegeEscalation != false (container {container:?} must set \
         securityContext.allowPrivilegeEscalation=false)"
    )
}

/// The securityContext of the pod and of each container, with who has it.
fn contexts<'a>(subject: &Subject<'a>) -> Vec<(String, &'a Node)> {
    let of_pod = subject.context.map(|context| ("pod".to_owned(), context));
    let of_containers = subject
        .containers
        .iter()
        .filter_map(|(name, container)| Some((format!("container {name:?}"), container.get("securityContext")?)));
    of_pod.into_iter().chain(of_containers).collect()
}

/// The field, if it is true.
fn on<'a>(node: &'a Node, field: &str) -> Option<&'a Entry> {
    node.as_mapping().and_then(|mapping| mapping.entry(field)).filter(|entry| entry.value.as_bool() == Some(true))
}

fn items<'a>(node: &'a Node, field: &str) -> &'a [Node] {
    node.get(field).map(Node::items).unwrap_or_default()
}

fn name(node: &Node) -> &str {
    node.str_at(&["name"]).unwrap_or_default()
}

/// A text that is known.
fn known(node: &Node) -> Option<&str> {
    node.as_text().filter(|text| !text.contains('$') && !text.contains("{{"))
}
