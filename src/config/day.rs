//! A day of the calendar, for what is judged by dates. There is no clock here: somebody says which day it is.

use std::fmt;

use x509_cert::der::DateTime;

/// A day in UTC, as the time at which it begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Day(DateTime);

impl Day {
    /// Reads `2026-11-21`. `None` for anything else, for days that no month has, and for those before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        format!("{text}T00:00:00Z").parse().ok().map(Self)
    }

    /// The day of a time.
    pub fn of(time: DateTime) -> Self {
        Self(DateTime::new(time.year(), time.month(), time.day(), 0, 0, 0).unwrap_or(time))
    }

    /// How many days `self` comes after `other`; 0 if it comes before.
    pub fn days_after(self, other: Self) -> u64 {
        self.0.unix_duration().saturating_sub(other.0.unix_duration()).as_secs() / (24 * 60 * 60)
    }
}

/// `2026-11-21`
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
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
        let evening: DateTime = "2001-09-09T23:59:59Z".parse().unwrap();
        assert_eq!(Some(Day::of(evening)), Day::parse("2001-09-09"));
    }
}
