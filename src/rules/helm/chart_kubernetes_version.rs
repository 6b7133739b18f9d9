//! See `rules/helm/helm-chart-kubernetes-version.md`.

use semver::{Version, VersionReq};

use crate::gitops::FileClass;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::{RepoPath, SourceFile};
use crate::yaml::{Node, Stream};

pub(crate) const CHECK: Check = Check::File(check);

/// More patches than any release gets.
const LAST_PATCH: u64 = 999;

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    if repository.class(file.id) != FileClass::Chart {
        return;
    }
    let (Some(lowest), Some(highest)) = (repository.targets.lowest, repository.targets.highest) else { return };
    let root = stream.documents.first().and_then(|document| document.root.as_ref());
    let Some(node) = root.and_then(|root| root.get("kubeVersion")) else { return };
    let Some(text) = node.as_text() else { return };
    let Some(ranges) = ranges(text) else { return };
    let release =
        |minor: crate::kubernetes::Version, patch| Version::new(minor.major.into(), minor.minor.into(), patch);
    let fits = |version: &Version| ranges.iter().any(|range| range.matches(version));
    let takes = |minor| fits(&release(minor, 0)) || fits(&release(minor, LAST_PATCH));
    if takes(lowest.version) || takes(highest.version) {
        return;
    }
    // Argo CD renders for the release that an Application names, whatever the cluster has.
    let mut pinned = pinned(file, repository).peekable();
    if pinned.peek().is_some() && pinned.all(|text| version(text).is_none_or(|version| fits(&version))) {
        return;
    }
    let message = format!(
        "the chart is for Kubernetes {text}, and the cluster has {}: Helm, and Argo CD with it, refuses to render it, \"chart \
         requires kubeVersion: {text} which is incompatible with Kubernetes\"",
        highest.version
    );
    let finding = findings.report(node.span, message);
    if let Some(place) = highest.span {
        finding.related(place, "the cluster's release");
    }
    finding.help("take a release of the chart that knows this Kubernetes");
}

/// The releases of Kubernetes that Applications have the chart rendered for; empty where one of them names none.
fn pinned<'a>(chart: &SourceFile, repository: &'a Repository) -> impl Iterator<Item = &'a str> {
    let directory = chart.path.parent();
    let applications = repository.apps.iter().filter_map(|app| app.app.application.as_ref());
    let sources = applications.flat_map(|application| application.sources());
    let of_chart = |source: &&Node| {
        let path = source.str_at(&["path"]).and_then(|path| RepoPath::root().join(path));
        path.is_some() && path == directory
    };
    let named = sources.filter(of_chart).map(|source| source.at(&["helm", "kubeVersion"]).and_then(Node::as_text));
    let named: Option<Vec<&str>> = named.collect();
    named.unwrap_or_default().into_iter()
}

/// A release of Kubernetes as people write it, with or without `v` and patch; `None` if it is none.
fn version(text: &str) -> Option<Version> {
    let mut numbers = plain(text).split('.').map(str::parse).collect::<Result<Vec<u64>, _>>().ok()?.into_iter();
    Some(Version::new(numbers.next()?, numbers.next()?, numbers.next().unwrap_or_default()))
}

/// What a constraint of Helm allows, one range for each side of an `||`. `None` if it can't be read.
///
/// Helm's constraints are those of Masterminds/semver: comparisons stand side by side with spaces or commas between them, a
/// version alone is that version, and a pre-release such as `-0` lets suffixes of vendors through, which are not looked at.
fn ranges(text: &str) -> Option<Vec<VersionReq>> {
    text.split("||").map(range).collect()
}

fn range(text: &str) -> Option<VersionReq> {
    if let Some((from, to)) = text.split_once(" - ") {
        return VersionReq::parse(&format!(">={}, <={}", plain(from), plain(to))).ok();
    }
    let mut comparisons = Vec::new();
    let mut operator = String::new();
    for word in text.split([' ', ',', '\t']).filter(|word| !word.is_empty()) {
        let number = word.trim_start_matches(['<', '>', '=', '^', '~', '!']);
        operator.push_str(word.strip_suffix(number).unwrap_or_default());
        if number.is_empty() {
            continue;
        }
        let sign = match operator.as_str() {
            "" | "==" => "=",
            "=<" => "<=",
            "=>" => ">=",
            "~>" => "~",
            sign => sign,
        };
        let version = plain(number);
        comparisons.push(if version.contains(['x', 'X', '*']) { version } else { format!("{sign}{version}") });
        operator.clear();
    }
    VersionReq::parse(&comparisons.join(", ")).ok()
}

/// A version without its `v`, pre-release and build.
fn plain(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    text.split(['-', '+']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_read_as_helm_reads_them() {
        let takes = |text: &str, version: (u64, u64, u64)| {
            let version = Version::new(version.0, version.1, version.2);
            ranges(text).map(|ranges| ranges.iter().any(|range| range.matches(&version)))
        };
        for (text, version, expected) in [
            (">=1.21.0-0", (1, 34, 0), true),
            (">= 1.24.0 <= 1.35", (1, 35, 7), true),
            (">= 1.24.0 <= 1.35", (1, 36, 0), false),
            (">=1.21.0, <1.25.0", (1, 25, 0), false),
            ("1.20.x || >=1.22", (1, 21, 0), false),
            ("1.20.x || >=1.22", (1, 20, 9), true),
            ("^1.25", (1, 34, 0), true),
            ("~1.25.0", (1, 26, 0), false),
            ("v1.25.0 - v1.27.0", (1, 26, 3), true),
            ("1.25.0", (1, 25, 1), false),
            ("*", (1, 34, 0), true),
        ] {
            assert_eq!(takes(text, version), Some(expected), "{text} {version:?}");
        }
        assert_eq!(takes("!=1.25.0", (1, 34, 0)), None);
        assert_eq!(takes("{{ .Version }}", (1, 34, 0)), None);
    }
}
