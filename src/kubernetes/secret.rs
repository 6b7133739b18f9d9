//! What stands in a Secret's `data`, and texts that are not yet what the cluster will get.
//!
//! Left out: what a SOPS file encrypts (`sops`), whose values are unknown from the start.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// The bytes behind a value of `data`; `None` if the API server would refuse it. Like Go's decoder, it passes over line
/// breaks and nothing else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.chars().filter(|letter| !matches!(letter, '\n' | '\r')).collect();
    BASE64_STANDARD.decode(compact).ok()
}

/// Whether something that presync does not run puts another value in the place of this one: a template, a substitution,
/// an encryption tool, a vault's plugin, a person who reads `<password>`.
pub fn is_filled_in(text: &str) -> bool {
    let text = text.trim();
    ["{{", "${", "$("].iter().any(|mark| text.contains(mark))
        || ["ENC[", "vault:", "ref+", "<"].iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_as_go_does() {
        assert_eq!(decode("aGk=\r\n").as_deref(), Some(&b"hi"[..]));
        assert_eq!(decode("aG k="), None);
        assert_eq!(decode("aGk"), None);
    }

    #[test]
    fn tells_values_from_places_for_values() {
        for text in ["{{ .password }}", "db-${PASSWORD}", "ENC[AES256_GCM]", "vault:secret#key", " <password>"] {
            assert!(is_filled_in(text), "{text}");
        }
        for text in ["", "aGk=", "p$ssw0rd", "a<b"] {
            assert!(!is_filled_in(text), "{text}");
        }
    }
}
