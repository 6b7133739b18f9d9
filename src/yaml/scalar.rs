//! What a plain scalar means, as sigs.k8s.io/yaml and Helm decode it (go-yaml v2, YAML 1.1).
//!
//! Source of the rules: `resolve.go` of go-yaml v2.

/// A scalar with its meaning decided.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar<'a> {
    /// `null`, `~` or nothing at all.
    Null,
    /// A boolean, the YAML 1.1 words `yes`, `no`, `on`, `off`, `y`, `n` included.
    Bool(bool),
    /// An integer that fits 64 bits with sign.
    Int(i64),
    /// An integer that only fits 64 bits without sign.
    UInt(u64),
    /// A number with a fraction or exponent, or one too large for an integer.
    Float(f64),
    /// Anything else.
    String(&'a str),
    /// A value that can't be known offline: a template, an encrypted string, a chart's default.
    Unknown,
}

/// Decides what an untagged plain scalar means.
pub fn resolve_plain(text: &str) -> Scalar<'_> {
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match first {
        b'+' | b'-' | b'.' | b'0'..=b'9' => resolve_number(text).unwrap_or(Scalar::String(text)),
        b'~' if text == "~" => Scalar::Null,
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => Scalar::Bool(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => Scalar::Bool(false),
            "null" | "Null" | "NULL" => Scalar::Null,
            _ => Scalar::String(text),
        },
        _ => Scalar::String(text),
    }
}

fn resolve_number(text: &str) -> Option<Scalar<'_>> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Scalar::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        _ => {}
    }
    if text.as_bytes().first() != Some(&b'.') {
        let digits: std::borrow::Cow<'_, str> =
            if text.contains('_') { text.replace('_', "").into() } else { text.into() };
        if let Some(integer) = parse_integer(&digits) {
            return Some(integer);
        }
        // go-yaml v2 tests the float pattern on the text without underscores.
        return is_float(&digits).then(|| float(&digits)).flatten();
    }
    is_float(text).then(|| float(text)).flatten()
}

/// `strconv.ParseInt` with base 0, then `ParseUint`.
fn parse_integer(text: &str) -> Option<Scalar<'static>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Scalar::Int);
    }
    // ParseUint takes no sign, so "+18446744073709551615" is no integer.
    match i64::try_from(magnitude) {
        Ok(value) => Some(Scalar::Int(value)),
        Err(_) if text.starts_with('+') => None,
        Err(_) => Some(Scalar::UInt(magnitude)),
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_valid = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_is_valid && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

fn float(text: &str) -> Option<Scalar<'static>> {
    let value: f64 = text.parse().ok()?;
    // ParseFloat reports a range error for 1e400, and the text stays a string.
    value.is_finite().then_some(Scalar::Float(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_resolve_as_kubernetes_decodes_them() {
        use Scalar::{Bool, Float, Int, Null, String, UInt};
        let cases = [
            ("", Null),
            ("~", Null),
            ("NULL", Null),
            ("nULL", String("nULL")),
            ("yes", Bool(true)),
            ("Off", Bool(false)),
            ("yEs", String("yEs")),
            ("12", Int(12)),
            ("-12", Int(-12)),
            ("0777", Int(511)),
            ("0o17", Int(15)),
            ("0x1F", Int(31)),
            ("0b101", Int(5)),
            ("1_000", Int(1000)),
            ("08", Float(8.0)),
            ("9223372036854775808", UInt(9_223_372_036_854_775_808)),
            ("-9223372036854775808", Int(i64::MIN)),
            ("18446744073709551616", Float(18_446_744_073_709_551_616.0)),
            ("1.", Float(1.0)),
            (".5", Float(0.5)),
            ("1e3", Float(1000.0)),
            ("1e400", String("1e400")),
            ("1:30", String("1:30")),
            ("2020-01-02", String("2020-01-02")),
            ("1.2.3", String("1.2.3")),
            ("-", String("-")),
            ("+", String("+")),
            ("0x", String("0x")),
            ("10Gi", String("10Gi")),
            (".inf", Float(f64::INFINITY)),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve_plain(text), expected, "{text:?}");
        }
    }
}
