//! Services in addresses.

/// A Service that an address leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Address<'a> {
    pub(super) service: &'a str,
    pub(super) namespace: &'a str,
    pub(super) port: Option<i64>,
}

/// Longest text that is taken for an address.
const LONGEST: usize = 512;

/// The Service in a text that is one address: `web.shop.svc`, `http://web.shop.svc.cluster.local:8080/path`. Names of
/// single pods (`web-0.web.shop.svc`) lead to their headless Service, which has no ports of its own.
pub(super) fn in_text(text: &str) -> Option<Address<'_>> {
    if text.len() > LONGEST || !text.contains(".svc") || text.contains(char::is_whitespace) || text.contains(',') {
        return None;
    }
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = host_port.split_once(':').map_or((host_port, None), |(host, port)| (host, Some(port)));
    let (names, domain) = host.split_once(".svc")?;
    if !(domain.is_empty() || domain == "." || domain.starts_with(".cluster.local")) {
        return None;
    }
    let mut labels = names.rsplit('.');
    let (namespace, service) = (labels.next()?, labels.next()?);
    let of_pod = labels.next().is_some();
    let is_label = |text: &str| {
        let inside = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        !text.is_empty() && text.len() <= 63 && inside
    };
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None if text.starts_with("http://") => Some(80),
        None if text.starts_with("https://") => Some(443),
        None => None,
    };
    let port = port.filter(|_| !of_pod);
    (is_label(service) && is_label(namespace)).then_some(Address { service, namespace, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_service_and_maybe_a_port() {
        let found = |text| in_text(text).map(|address| (address.service, address.namespace, address.port));
        assert_eq!(found("http://web.shop.svc.cluster.local/x"), Some(("web", "shop", Some(80))));
        assert_eq!(found("web.shop.svc:8080"), Some(("web", "shop", Some(8080))));
        assert_eq!(found("tcp://u:p@db.data.svc"), Some(("db", "data", None)));
        assert_eq!(found("http://web-0.web.shop.svc:81"), Some(("web", "shop", None)));
        for text in
            ["http://web.shop.svc:${PORT}", "a.svc", "x.${NS}.svc", "see web.shop.svc", "web.shop.svcs", "*.b.svc"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
