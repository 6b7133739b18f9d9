//! See `rules/kubeadm/kubeadm-subnet-public.md`.

use core::net::Ipv4Addr;

use crate::gitops::FileClass;
use crate::repository::Repository;
use crate::rules::{Check, Findings};
use crate::source::SourceFile;
use crate::yaml::Stream;

pub(crate) const CHECK: Check = Check::File(check);

fn check(file: &SourceFile, stream: &Stream, repository: &Repository, findings: &mut Findings<'_>) {
    if repository.class(file.id) != FileClass::Configuration {
        return;
    }
    for root in stream.documents.iter().filter_map(|document| document.root.as_ref()) {
        for field in ["podSubnet", "serviceSubnet"] {
            let Some(node) = root.at(&["networking", field]) else { continue };
            // Two families are written with a comma between them.
            for range in node.as_text().unwrap_or_default().split(',').map(str::trim) {
                let Some((address, length)) = parse(range) else { continue };
                if is_free(address, length) {
                    continue;
                }
                let message = format!(
                    "`{field}` {range} holds addresses of the internet: pods don't reach whoever owns them, and programs \
                     that trust private addresses, such as Keycloak, take requests of pods for foreign ones"
                );
                let finding = findings.report(node.span, message);
                finding.label("not private");
                finding.help("use a range of 10.0.0.0/8, 172.16.0.0/12 (which ends at 172.31) or 192.168.0.0/16");
            }
        }
    }
}

/// An IPv4 range; `None` for anything else.
fn parse(range: &str) -> Option<(u32, u32)> {
    let (address, length) = range.split_once('/')?;
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    Some((u32::from(address.parse::<Ipv4Addr>().ok()?), length))
}

/// Whether a range lies in one that nobody owns on the internet. Sources: RFC 1918, 6598, 2544, 5737.
fn is_free(address: u32, length: u32) -> bool {
    let free = [
        ([10, 0, 0, 0], 8),
        ([172, 16, 0, 0], 12),
        ([192, 168, 0, 0], 16),
        ([100, 64, 0, 0], 10),
        ([198, 18, 0, 0], 15),
        ([192, 0, 2, 0], 24),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
    ];
    free.iter().any(|(start, size)| {
        let start = u32::from(Ipv4Addr::from(*start));
        length >= *size && address.checked_shr(32 - size) == start.checked_shr(32 - size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_ranges_are_known() {
        let free = |range| parse(range).map(|(address, length)| is_free(address, length));
        for range in ["10.244.0.0/16", "172.31.0.0/16", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"] {
            assert_eq!(free(range), Some(true), "{range}");
        }
        for range in ["172.32.0.0/16", "172.0.0.0/8", "11.0.0.0/8", "100.0.0.0/16", "0.0.0.0/0"] {
            assert_eq!(free(range), Some(false), "{range}");
        }
        for range in ["fd00::/48", "10.0.0.0", "10.0.0.0/33", "", "x/8"] {
            assert_eq!(free(range), None, "{range}");
        }
    }
}
