//! A day of the calendar, for what is judged by dates. There is no clock here: somebody says which day it is.

use std::fmt;
use std::time::Duration;

use x509_cert::der::DateTime;

/// A day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Day(u64);

/// Seconds of a day.
const SECONDS: u64 = 86_400;

impl Day {
    /// Reads `2026-11-21`. `None` for anything else, for days that no month has, and for those before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let midnight: DateTime = format!("{text}T00:00:00Z").parse().ok()?;
        Some(Self::of_seconds(midnight.unix_duration().as_secs()))
    }

    /// The day of a time, given in seconds since 1970-01-01 in UTC.
    pub fn of_seconds(seconds: u64) -> Self {
        Self(seconds / SECONDS)
    }

    /// How many days `self` comes after `other`; 0 if it comes before.
    pub fn days_after(self, other: Self) -> u64 {
        self.0.saturating_sub(other.0)
    }
}

/// `2026-11-21`
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_unix_duration(Duration::from_secs(self.0.saturating_mul(SECONDS))) {
            Ok(time) => write!(f, "{:04}-{:02}-{:02}", time.year(), time.month(), time.day()),
            // What a certificate can't say anyway: its years end with 9999.
            Err(_) => f.write_str("a day after 9999"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_written_and_counted() {
        for text in ["1970-01-01", "2000-02-29", "2026-11-21", "2100-12-31", "9999-12-31"] {
            assert_eq!(Day::parse(text).map(|day| day.to_string()).as_deref(), Some(text));
        }
        for text in ["", "2026-02-29", "2026-13-01", "2026-1-1", "21-11-2026", "2026-11-21T00:00", "2026-11-21-1"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        let days = |from, to| Some(Day::parse(to)?.days_after(Day::parse(from)?));
        assert_eq!(days("2024-02-28", "2024-03-01"), Some(2));
        assert_eq!(days("2026-01-02", "2026-01-01"), Some(0));
        assert_eq!(Day::of_seconds(1_000_000_000).to_string(), "2001-09-09");
    }
}
