//! Kubernetes quantities, exactly: `20m`, `1.5Gi`, `1e3`, `0.5`.
//!
//! Source of the rules: `pkg/api/resource/quantity.go` of apimachinery. Whole numbers of billionths are kept, which is
//! the finest step Kubernetes knows; nothing passes through a binary fraction. Left out: the canonical form that the API
//! server prints.

use std::fmt;

use crate::yaml::{Node, Scalar};

/// An amount in billionths of its unit: cores for CPU, bytes for memory. Ordered by size, whatever the notation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Quantity {
    billionths: i128,
}

/// Why a text is no quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuantityError {
    /// The text is empty or has a character that no quantity has.
    Malformed,
    /// The number is fine and the text behind it is no suffix; the suffix starts at this byte.
    Suffix(usize),
}

/// Billionths of one.
const ONE: i128 = 1_000_000_000;

impl Quantity {
    /// Thousandths of the unit: `from_milli(50)` is `50m`.
    pub fn from_milli(milli: i64) -> Self {
        Self { billionths: i128::from(milli) * (ONE / 1000) }
    }

    /// Reads a text as Kubernetes does. Amounts finer than a billionth round away from zero; amounts beyond 10^29 are
    /// cut there.
    ///
    /// # Errors
    /// Says what keeps the text from being a quantity.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Malformed);
        }
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, rest) = split_digits(unsigned);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), split_digits);
        let scale = Scale::of(suffix).ok_or_else(|| {
            // Kubernetes looks at the shape first, then at the suffix; both refuse the object.
            let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-');
            let digits = !whole.is_empty() || !fraction.is_empty();
            if digits && suffix.bytes().all(known) {
                QuantityError::Suffix(text.len() - suffix.len())
            } else {
                QuantityError::Malformed
            }
        })?;
        let magnitude = scale.apply(whole, fraction);
        Ok(Self { billionths: if negative { -magnitude } else { magnitude } })
    }

    /// The quantity of a scalar: a text, or a number as JSON carries it to the API server. `None` if the value is
    /// unknown, null, a boolean, a list or a map.
    pub fn of(node: &Node) -> Option<Result<Self, QuantityError>> {
        match node.resolve()? {
            Scalar::String(text) => Some(Self::parse(text)),
            Scalar::Int(number) => Some(Self::parse(&number.to_string())),
            Scalar::UInt(number) => Some(Self::parse(&number.to_string())),
            Scalar::Float(number) => Some(Self::parse(&number.to_string())),
            Scalar::Null | Scalar::Bool(_) | Scalar::Unknown => None,
        }
    }

    /// Billionths of the unit.
    pub fn billionths(self) -> i128 {
        self.billionths
    }

    /// Whether the amount is less than nothing.
    pub fn is_negative(self) -> bool {
        self.billionths < 0
    }

    /// The amount multiplied by a whole number.
    #[must_use]
    pub fn times(self, factor: i64) -> Self {
        Self { billionths: self.billionths.saturating_mul(i128::from(factor)) }
    }
}

/// A decimal number without suffix: `2`, `0.02`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.billionths.unsigned_abs();
        let one = ONE.unsigned_abs();
        if self.billionths < 0 {
            f.write_str("-")?;
        }
        write!(f, "{}", magnitude / one)?;
        let fraction = magnitude % one;
        if fraction == 0 {
            return Ok(());
        }
        write!(f, ".{}", format!("{fraction:09}").trim_end_matches('0'))
    }
}

/// What the text behind the digits multiplies by.
enum Scale {
    /// A power of ten.
    Ten(i64),
    /// A power of two.
    Two(u32),
}

impl Scale {
    fn of(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "n" => Self::Ten(-9),
            "u" => Self::Ten(-6),
            "m" => Self::Ten(-3),
            "" => Self::Ten(0),
            "k" => Self::Ten(3),
            "M" => Self::Ten(6),
            "G" => Self::Ten(9),
            "T" => Self::Ten(12),
            "P" => Self::Ten(15),
            "E" => Self::Ten(18),
            "Ki" => Self::Two(10),
            "Mi" => Self::Two(20),
            "Gi" => Self::Two(30),
            "Ti" => Self::Two(40),
            "Pi" => Self::Two(50),
            "Ei" => Self::Two(60),
            _ => Self::Ten(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
        })
    }

    /// The number `whole.fraction` in billionths after scaling.
    fn apply(&self, whole: &str, fraction: &str) -> i128 {
        // Beyond this many digits a number is either larger than anything Kubernetes stores, or finer than a billionth.
        // With a binary suffix the product of 19 digits and 2^60 still fits 128 bits.
        let (room, binary, power) = match self {
            Self::Ten(power) => (37, 0, *power),
            Self::Two(binary) => (19, *binary, 0),
        };
        let mut digits = whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0');
        let kept: i128 = digits.by_ref().take(room).fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let mut left = 0;
        let mut inexact = false;
        for digit in digits {
            left += 1;
            inexact |= digit != b'0';
        }
        let decimals = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let power = power.saturating_add(9).saturating_sub(decimals).saturating_add(left);
        let scaled = kept << binary;
        if scaled == 0 {
            return 0;
        }
        match u32::try_from(power.unsigned_abs()).ok().and_then(|power| 10i128.checked_pow(power)) {
            Some(factor) if power >= 0 => scaled.checked_mul(factor).unwrap_or(MAX).min(MAX),
            Some(divisor) => scaled / divisor + i128::from(inexact || scaled % divisor != 0),
            None if power >= 0 => MAX,
            None => 1,
        }
    }
}

/// The largest amount that is kept: 10^29 units. Kubernetes itself stops far below.
const MAX: i128 = 100_000_000_000_000_000_000_000_000_000_000_000_000;

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn billionths(text: &str) -> i128 {
        Quantity::parse(text).map(Quantity::billionths).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn quantities_are_exact() {
        let cases = [
            ("0", 0),
            ("1", ONE),
            ("20m", 20_000_000),
            ("0.02", 20_000_000),
            (".02", 20_000_000),
            ("2.", 2 * ONE),
            ("+1", ONE),
            ("-1", -ONE),
            ("1e3", 1000 * ONE),
            ("1E3", 1000 * ONE),
            ("1E", 1_000_000_000_000_000_000 * ONE),
            ("12e-3", 12_000_000),
            ("1Ki", 1024 * ONE),
            ("1.5Gi", 1_610_612_736 * ONE),
            ("0.1Mi", 104_857_600_000_000),
            ("1n", 1),
            ("0.1n", 1),
            ("-0.1n", -1),
            ("0.00000000001", 1),
            ("1e-400", 1),
            ("0e99999", 0),
            ("1000000000000000000000000000000000000000000", MAX),
            ("1e99999999", MAX),
            ("00050m", 50_000_000),
        ];
        for (text, expected) in cases {
            assert_eq!(billionths(text), expected, "{text}");
        }
        assert!(billionths("1Gi") > billionths("1G"));
        assert_eq!(Quantity::parse("0.1"), Quantity::parse("100m"));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        let cases = [
            ("", QuantityError::Malformed),
            (" 1", QuantityError::Malformed),
            ("1 Gi", QuantityError::Malformed),
            ("1,5", QuantityError::Malformed),
            ("1.2.3", QuantityError::Malformed),
            ("abc", QuantityError::Malformed),
            ("100mi", QuantityError::Suffix(3)),
            ("1GB", QuantityError::Suffix(1)),
            ("1K", QuantityError::Suffix(1)),
            ("1e", QuantityError::Suffix(1)),
            ("500MB", QuantityError::Suffix(3)),
        ];
        for (text, expected) in cases {
            assert_eq!(Quantity::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn quantities_print_without_noise() {
        for (text, expected) in [("20m", "0.02"), ("1.5", "1.5"), ("-1", "-1"), ("3k", "3000")] {
            assert_eq!(Quantity::parse(text).map(|quantity| quantity.to_string()), Ok(expected.to_owned()));
        }
    }
}
