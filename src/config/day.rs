//! A day of the calendar, for what is judged by dates. There is no clock here: somebody says which day it is.

use std::fmt;

/// A day, counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Day(i64);

/// Seconds of a day.
const SECONDS: i64 = 86_400;

impl Day {
    /// Reads `2026-11-21`. `None` for anything else, and for days that no month has.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = |digits: usize| {
            let part = parts.next()?;
            let decimal = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            if decimal { part.parse::<i64>().ok() } else { None }
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        let found = Self::of(year, month, day);
        (parts.next().is_none() && found.parts() == (year, month, day)).then_some(found)
    }

    /// The day of a time, given in seconds since 1970-01-01 in UTC.
    pub fn of_seconds(seconds: i64) -> Self {
        Self(seconds.div_euclid(SECONDS))
    }

    /// How many days `self` comes after `other`; negative if before.
    pub fn days_after(self, other: Self) -> i64 {
        self.0 - other.0
    }

    /// The day with this date in the Gregorian calendar, by the count of days in eras of 400 years.
    fn of(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let from_march = (month + 9) % 12;
        let of_year = (153 * from_march + 2) / 5 + day - 1;
        Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
    }

    /// Year, month and day.
    fn parts(self) -> (i64, i64, i64) {
        let days = self.0 + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        (year, month, of_year - (153 * from_march + 2) / 5 + 1)
    }
}

/// `2026-11-21`
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_written_and_counted() {
        for text in ["1970-01-01", "2000-02-29", "2026-11-21", "2100-12-31", "0001-01-01"] {
            assert_eq!(Day::parse(text).map(|day| day.to_string()).as_deref(), Some(text));
        }
        for text in ["", "2026-02-29", "2026-13-01", "2026-1-1", "21-11-2026", "2026-11-21T00:00", "2026-11-21-1"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        let days = |from, to| Some(Day::parse(to)?.days_after(Day::parse(from)?));
        assert_eq!(days("2024-02-28", "2024-03-01"), Some(2));
        assert_eq!(days("2026-01-02", "2026-01-01"), Some(-1));
        assert_eq!(Day::of_seconds(1_000_000_000).to_string(), "2001-09-09");
        assert_eq!(Day::of_seconds(-1).to_string(), "1969-12-31");
    }
}
