//! The address pools of MetalLB: ranges and networks, in IPAddressPools and in the ConfigMap of releases before 0.13.

use core::net::IpAddr;

use crate::kubernetes::Object;
use crate::repository::Repository;
use crate::yaml::Node;

/// An entry of a pool, as far as it can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Range {
    /// The first and the last address.
    Between(IpAddr, IpAddr),
    /// A range whose end comes before its start.
    Reversed,
    /// A range from one address family into the other.
    Mixed,
    /// No range and no network.
    Invalid,
}

impl Range {
    /// Reads `192.0.2.0/24` or `192.0.2.10-192.0.2.20`.
    pub(super) fn parse(text: &str) -> Self {
        if let Some((start, end)) = text.split_once('-') {
            let (Ok(start), Ok(end)) = (start.trim().parse::<IpAddr>(), end.trim().parse::<IpAddr>()) else {
                return Self::Invalid;
            };
            return match (start.is_ipv4() == end.is_ipv4(), start <= end) {
                (false, _) => Self::Mixed,
                (true, true) => Self::Between(start, end),
                (true, false) => Self::Reversed,
            };
        }
        text.trim().split_once('/').and_then(|(address, bits)| network(address, bits)).unwrap_or(Self::Invalid)
    }
}

/// Addresses of several ranges, to be asked quickly.
pub(super) struct Addresses(Vec<(IpAddr, IpAddr)>);

impl Addresses {
    /// The addresses of all ranges; those that can't be read hold none.
    pub(super) fn of(ranges: impl Iterator<Item = Range>) -> Self {
        let mut pairs: Vec<_> = ranges
            .filter_map(|range| match range {
                Range::Between(start, end) => Some((start, end)),
                _ => None,
            })
            .collect();
        pairs.sort_unstable();
        // After this, a later range also ends later.
        let mut latest = None;
        pairs.retain(|(start, end)| {
            let covered = latest.is_some_and(|known: IpAddr| known >= *end && known.is_ipv4() == start.is_ipv4());
            if !covered {
                latest = Some(*end);
            }
            !covered
        });
        Self(pairs)
    }

    pub(super) fn hold(&self, address: IpAddr) -> bool {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        let last = after.checked_sub(1).and_then(|at| self.0.get(at));
        last.is_some_and(|(start, end)| start.is_ipv4() == address.is_ipv4() && address <= *end)
    }
}

fn network(address: &str, bits: &str) -> Option<Range> {
    let bits: u32 = bits.parse().ok()?;
    Some(match address.parse().ok()? {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(bits).unwrap_or(0);
            let start = address.to_bits() & !host;
            let is_network = bits <= 32;
            is_network.then(|| Range::Between(IpAddr::V4(start.into()), IpAddr::V4((start | host).into())))?
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(bits).unwrap_or(0);
            let start = address.to_bits() & !host;
            let is_network = bits <= 128;
            is_network.then(|| Range::Between(IpAddr::V6(start.into()), IpAddr::V6((start | host).into())))?
        }
    })
}

/// The entries of an object's pools.
pub(super) fn entries(object: &Object, repository: &Repository) -> Vec<Node> {
    let listed = |pool: &Node| pool.get("addresses").map(Node::items).unwrap_or_default().to_vec();
    if object.id.group == "metallb.io" && matches!(object.id.kind.as_str(), "IPAddressPool" | "AddressPool") {
        return object.root.get("spec").map(listed).unwrap_or_default();
    }
    if object.id.is("", "ConfigMap") {
        let text = object
            .root
            .at(&["data", "config"])
            .filter(|node| node.value_text().is_some_and(|text| text.contains("address-pools")));
        let Some(text) = text else { return Vec::new() };
        let stream = repository.files.embedded(text);
        let roots = stream.documents.iter().filter_map(|document| document.root.as_ref());
        let pools = roots.filter_map(|root| root.get("address-pools")).flat_map(Node::items);
        return pools.flat_map(listed).collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_networks_hold_their_addresses() {
        let cases = [
            ("192.0.2.10-192.0.2.20", "192.0.2.15", true),
            ("192.0.2.10 - 192.0.2.20", "192.0.2.21", false),
            ("192.0.2.128/25", "192.0.2.127", false),
            ("192.0.2.129/25", "192.0.2.128", true),
            ("192.0.2.7/32", "192.0.2.7", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("2001:db8::/64", "2001:db8::1", true),
            ("2001:db8::/64", "192.0.2.1", false),
        ];
        for (range, address, expected) in cases {
            let addresses = Addresses::of(std::iter::once(Range::parse(range)));
            assert_eq!(addresses.hold(address.parse().expect("an address")), expected, "{range} {address}");
        }
        assert_eq!(Range::parse("192.0.2.20-192.0.2.10"), Range::Reversed);
        assert_eq!(Range::parse("192.0.2.20-2001:db8::1"), Range::Mixed);
        let texts = ["192.0.2.0/24", "192.0.2.5-192.0.2.6", "198.51.100.1-198.51.100.1", "2001:db8::/64"];
        let all = Addresses::of(texts.into_iter().map(Range::parse));
        for (address, expected) in
            [("192.0.2.200", true), ("198.51.100.1", true), ("198.51.100.2", false), ("::1", false)]
        {
            assert_eq!(all.hold(address.parse().expect("an address")), expected, "{address}");
        }
        for wrong in ["192.0.2.20", "192.0.2.0/33", "2001:db8::/129", "", "-", "a-b", "192.0.2.1-"] {
            assert_eq!(Range::parse(wrong), Range::Invalid, "{wrong}");
        }
    }
}
