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
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None if text.starts_with("http://") => Some(80),
        None if text.starts_with("https://") => Some(443),
        None => None,
    };
    let port = port.filter(|_| !of_pod);
    (is_label(service) && is_label(namespace)).then_some(Address { service, namespace, port })
}

/// The Service and maybe the namespace in an address without the cluster's domain, with the port: `http://web:8080`,
/// `http://web.shop/path`. A host of two labels may as well be one outside.
pub(super) fn short(text: &str) -> Option<(&str, Option<&str>, i64)> {
    let (rest, port) = match text.split_once("://")? {
        ("http", rest) => (rest, 80),
        ("https", rest) => (rest, 443),
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match host_port.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (host_port, port),
    };
    let (service, namespace) = host.split_once('.').map_or((host, None), |(service, rest)| (service, Some(rest)));
    let fits = text.len() <= LONGEST && host != "localhost" && is_label(service) && namespace.is_none_or(is_label);
    fits.then_some((service, namespace, port))
}

fn is_label(text: &str) -> bool {
    let inside = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    !text.is_empty() && text.len() <= 63 && inside
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

    #[test]
    fn short_addresses_have_one_label_or_two() {
        assert_eq!(short("http://web:8080/x"), Some(("web", None, 8080)));
        assert_eq!(short("https://web.shop"), Some(("web", Some("shop"), 443)));
        for text in
            ["http://localhost:9090", "web:80", "http://a.b.c", "http://${HOST}", "http://web:${PORT}", "tcp://web"]
        {
            assert_eq!(short(text), None, "{text}");
        }
    }
}
