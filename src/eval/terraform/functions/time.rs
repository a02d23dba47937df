//! Functions on points in time as RFC 3339 writes them.

use super::Parameter::Text;
use super::{Call, Function, Outcome, Refusal};
use crate::eval::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("formatdate", &[Text, Text], format_date),
    Function::new("timeadd", &[Text, Text], add),
    Function::new("timecmp", &[Text, Text], compare),
];

const NANOSECONDS: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A point in time and the offset from UTC that it was written with.
#[derive(Clone, Copy)]
struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    nanoseconds: i128,
    /// East of UTC, in seconds.
    offset: i64,
}

/// A point in time as a calendar and a clock show it.
struct Shown {
    year: i64,
    month: usize,
    day: i64,
    /// 0 is Sunday.
    weekday: usize,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Timestamp {
    fn parse(written: &str) -> Result<Self, Refusal> {
        Self::parsed(written)
            .ok_or_else(|| format!("`{written}` is not a time as RFC 3339 writes it, such as `2026-01-02T03:04:05Z`"))
            .map_err(Refusal::from)
    }

    fn parsed(written: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            let digits = written.get(range)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let separators = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
        if separators.iter().any(|(at, separator)| written.get(*at..=*at) != Some(*separator)) {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_from_civil(year, month, day);
        // A day that the month does not have would show as one of the next month.
        if day < 1 || civil_from_days(days) != (year, month, day) {
            return None;
        }
        let rest = written.get(19..)?;
        let digits = rest.strip_prefix('.').map_or("", |rest| {
            rest.get(..rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len())).unwrap_or("")
        });
        let zone = if rest.starts_with('.') { rest.get(1 + digits.len()..)? } else { rest };
        if rest.starts_with('.') && digits.is_empty() {
            return None;
        }
        let fraction = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
        let fraction = fraction.fold(0_i128, |value, digit| value * 10 + i128::from(digit - b'0'));
        let offset = if zone == "Z" { 0 } else { parse_offset(zone)? };
        let seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset;
        Some(Self { nanoseconds: i128::from(seconds) * NANOSECONDS + fraction, offset })
    }

    fn shown(self) -> Option<Shown> {
        let seconds = i64::try_from(self.nanoseconds.div_euclid(NANOSECONDS)).ok()?.checked_add(self.offset)?;
        let (days, time) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
        let (year, month, day) = civil_from_days(days);
        Some(Shown {
            year,
            month: usize::try_from(month).ok()?,
            day,
            // The first day of 1970 was a Thursday.
            weekday: usize::try_from((days + 4).rem_euclid(7)).ok()?,
            hour: time / 3600,
            minute: time / 60 % 60,
            second: time % 60,
        })
    }

    /// The offset from UTC as `+hh` and `mm` with a separator between them.
    fn offset_text(self, separator: &str) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.abs() / 60;
        format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
    }
}

/// The seconds east of UTC of a zone such as `+09:00`.
fn parse_offset(zone: &str) -> Option<i64> {
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The days from 1970-01-01 to a date; years begin in March here, so that the leap day is a year's last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The year, month and day that lie `days` after 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The two arguments as known strings, or the unknown result.
fn both_known<'a>(call: &'a Call<'_>) -> Result<Result<(&'a str, &'a str), Value>, Refusal> {
    Ok(match (call.known(0)?, call.known(1)?) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(why), _) | (_, Err(why)) => Err(call.unknown(why)),
    })
}

fn compare(call: &Call<'_>) -> Outcome {
    let (first, second) = match both_known(call)? {
        Ok(both) => both,
        Err(value) => return Ok(value),
    };
    let order = Timestamp::parse(first)?.nanoseconds.cmp(&Timestamp::parse(second)?.nanoseconds);
    Ok(Value::number(f64::from(order as i8), call.span))
}

fn add(call: &Call<'_>) -> Outcome {
    let (time, duration) = match both_known(call)? {
        Ok(both) => both,
        Err(value) => return Ok(value),
    };
    let mut time = Timestamp::parse(time)?;
    time.nanoseconds +=
        parse_duration(duration).ok_or_else(|| format!("`{duration}` is not a duration, such as `1h30m` or `-10s`"))?;
    let shown = time.shown().filter(|shown| (0..=9999).contains(&shown.year));
    let shown = shown.ok_or_else(|| format!("the result of `{}` is too far away", call.name))?;
    let zone = if time.offset == 0 { "Z".to_owned() } else { time.offset_text(":") };
    Ok(call.encoded(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{zone}",
        shown.year, shown.month, shown.day, shown.hour, shown.minute, shown.second
    )))
}

/// The nanoseconds of a duration such as `-1h30m`, at most some 292 years.
fn parse_duration(written: &str) -> Option<i128> {
    let (sign, mut rest) = match written.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, written.strip_prefix('+').unwrap_or(written)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_length = rest.find(|character: char| !(character.is_ascii_digit() || character == '.'))?;
        let (number, after) = rest.split_at(number_length);
        let unit_length =
            after.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_length);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => NANOSECONDS,
            "m" => 60 * NANOSECONDS,
            "h" => 3_600 * NANOSECONDS,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || whole.len() > 18 || fraction.contains('.') {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(scale)?)?;
        let mut place = scale;
        for digit in fraction.bytes() {
            place /= 10;
            total = total.checked_add(place * i128::from(digit - b'0'))?;
        }
        rest = next;
    }
    (total <= i128::from(i64::MAX)).then_some(sign * total)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn format_date(call: &Call<'_>) -> Outcome {
    let (pattern, time) = match both_known(call)? {
        Ok(both) => both,
        Err(value) => return Ok(value),
    };
    let time = Timestamp::parse(time)?;
    let shown = time.shown().ok_or_else(|| format!("the time for `{}` is too far away", call.name))?;
    let mut written = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (quoted, length) = quoted_text(rest).ok_or("a quoted part of the date format does not end")?;
            written.push_str(&quoted);
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
        let length = rest.len() - rest.trim_start_matches(first).len();
        let (sequence, next) = rest.split_at(length);
        rest = next;
        if first.is_ascii_alphabetic() {
            let part = date_part(sequence, time, &shown).ok_or_else(|| {
                format!(
                    "`{sequence}` in the date format is not a verb; put letters that stand for themselves in quotes"
                )
            })?;
            written.push_str(&part);
        } else {
            written.push_str(sequence);
        }
    }
    Ok(call.encoded(written))
}

/// The text between quotes at the start, where two quotes stand for one, and the length of the whole in bytes.
fn quoted_text(text: &str) -> Option<(String, usize)> {
    let mut quoted = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != '\'' {
            quoted.push(character);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            quoted.push('\'');
        } else {
            return Some((quoted, at + 1));
        }
    }
    None
}

fn date_part(verb: &str, time: Timestamp, shown: &Shown) -> Option<String> {
    let twelve_hours = if shown.hour % 12 == 0 { 12 } else { shown.hour % 12 };
    let month = MONTHS.get(shown.month.checked_sub(1)?)?;
    let weekday = WEEKDAYS.get(shown.weekday)?;
    Some(match verb {
        "YYYY" => format!("{:04}", shown.year),
        "YY" => format!("{:02}", shown.year % 100),
        "MMMM" => (*month).to_owned(),
        "MMM" => month.get(..3)?.to_owned(),
        "MM" => format!("{:02}", shown.month),
        "M" => shown.month.to_string(),
        "DD" => format!("{:02}", shown.day),
        "D" => shown.day.to_string(),
        "EEEE" => (*weekday).to_owned(),
        "EEE" => weekday.get(..3)?.to_owned(),
        "hh" => format!("{:02}", shown.hour),
        "h" => shown.hour.to_string(),
        "HH" => format!("{twelve_hours:02}"),
        "H" => twelve_hours.to_string(),
        "AA" => if shown.hour < 12 { "AM" } else { "PM" }.to_owned(),
        "aa" => if shown.hour < 12 { "am" } else { "pm" }.to_owned(),
        "mm" => format!("{:02}", shown.minute),
        "m" => shown.minute.to_string(),
        "ss" => format!("{:02}", shown.second),
        "s" => shown.second.to_string(),
        "ZZZ" if time.offset == 0 => "UTC".to_owned(),
        "Z" if time.offset == 0 => "Z".to_owned(),
        "Z" | "ZZZZZ" => time.offset_text(":"),
        "ZZZ" | "ZZZZ" => time.offset_text(""),
        _ => return None,
    })
}
