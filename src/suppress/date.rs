//! Days of the calendar, as far as an expiry needs them.

use std::fmt;

const SECONDS_PER_DAY: u64 = 86_400;

/// The Gregorian calendar repeats itself after as many days.
const DAYS_PER_400_YEARS: u64 = 146_097;

/// A day of the Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    /// Parses `YYYY-MM-DD`; `None` when it is written otherwise or there is no such day.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.try_into().ok()?;
        let number = |digits: &str, length: usize| {
            let well_formed = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
            if well_formed { digits.parse().ok() } else { None }
        };
        let date = Self { year: number(year, 4)?, month: number(month, 2)?, day: number(day, 2)? };
        let exists = (1..=12).contains(&date.month) && (1..=days_of(date.year, date.month)).contains(&date.day);
        exists.then_some(date)
    }

    /// The day of a moment, given in seconds since the beginning of 1970 in UTC.
    #[must_use]
    pub fn from_unix_seconds(seconds: u64) -> Self {
        let days = seconds / SECONDS_PER_DAY;
        let mut year = 1970 + days / DAYS_PER_400_YEARS * 400;
        let mut days = days % DAYS_PER_400_YEARS;
        while days >= days_of_year(year) {
            days -= days_of_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= days_of(year, month) {
            days -= days_of(year, month);
            month += 1;
        }
        Self { year, month, day: days + 1 }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_become_days() {
        let days = [0, 86_399, 86_400, 951_782_400, 951_868_800, 1_804_118_399, 253_402_300_799, u64::MAX];
        let written = days.map(|seconds| Date::from_unix_seconds(seconds).to_string());
        let expected =
            ["1970-01-01", "1970-01-01", "1970-01-02", "2000-02-29", "2000-03-01", "2027-03-03", "9999-12-31"];
        assert_eq!(written[..7], expected);
        assert!(written[7].starts_with("584554"), "the end of time is no trouble: {}", written[7]);
    }

    #[test]
    fn only_days_that_exist_are_parsed() {
        for good in ["2027-03-31", "2024-02-29", "0001-01-01"] {
            assert_eq!(Date::parse(good).unwrap().to_string(), good);
        }
        for bad in
            ["", "2027-3-31", "2027-02-29", "2027-13-01", "2027-00-10", "+027-01-01", "2027-01-01-01", "31.12.2027"]
        {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn days_are_in_order() {
        assert!(Date::parse("2026-12-31") < Date::parse("2027-01-01"));
        assert!(Date::parse("2027-01-31") < Date::parse("2027-02-01"));
    }
}
