//! Times as people write them, and windows of time.
//!
//! Everything is resolved against a given `now` and in UTC, so that the same words mean the same
//! wherever they are said:
//!
//! | written | is |
//! |---|---|
//! | `2026-03-01T12:00:00Z`, `2026-03-01 13:00:00+01:00` | that moment; the offset is needed |
//! | `2026-03-01`, `1 march 2026` | the first moment of that day |
//! | `now`; `today`, `yesterday`, `tomorrow` | this moment; the first moment of that day |
//! | `24 hours`, `90m`, `1d12h`, `2 weeks ago` | so long ago |
//! | `last monday`, `next month` | as `date -d` reads it |
//! | `@1772366400`, `@1772366400.5` | seconds since 1970 |
//!
//! A window holds what happened at `since` or later and before `until`. As a date is its first
//! moment, `--since 2026-03-01 --until 2026-03-02` is one whole day.

use parse_datetime::{ParsedDateTime, parse_datetime, parse_datetime_at_date};
use sealtrail_core::json::{format_timestamp, parse_timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{QueryError, Result};

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 2254-12-31T23:59:59.999999Z, the last moment that a record can have.
const LAST: i64 = 8_993_721_599_999_999;

/// From when to when, in microseconds since 1970 (UTC): `since` belongs to it, `until` does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Window {
    /// The first moment; from the beginning if `None`.
    pub since: Option<i64>,
    /// The first moment that is too late; to the end if `None`.
    pub until: Option<i64>,
}

impl Window {
    /// The window between two times as people write them.
    ///
    /// # Errors
    /// `Parameter` if one of them is no time, or nothing lies between them.
    pub fn parse(since: Option<&str>, until: Option<&str>, now: i64) -> Result<Self> {
        let window =
            Self { since: resolved("since", since, now)?, until: resolved("until", until, now)? };
        window.not_empty()
    }

    /// The window from one day to another: as [`parse`](Self::parse), but a date (`2026-03-31`) at
    /// its end means the whole day.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn of_days(start: Option<&str>, end: Option<&str>, now: i64) -> Result<Self> {
        let is_date = |text: &str| {
            let text = text.trim();
            text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        };
        let until = resolved("end", end, now)?;
        let whole = if end.is_some_and(is_date) { DAY } else { 0 };
        let window =
            Self { since: resolved("start", start, now)?, until: until.map(|until| until + whole) };
        window.not_empty()
    }

    fn not_empty(self) -> Result<Self> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if since >= until => Err(QueryError::Parameter(format!(
                "nothing lies between since ({}) and until ({}); a date is its first moment, so a \
                 whole day is until the next date",
                text(since),
                text(until)
            ))),
            _ => Ok(self),
        }
    }

    /// Whether every moment belongs to it.
    pub fn is_everything(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.since, self.until) {
            (None, None) => f.write_str("all times"),
            (Some(since), None) => write!(f, "since {}", text(since)),
            (None, Some(until)) => write!(f, "before {}", text(until)),
            (Some(since), Some(until)) => write!(f, "{} to {}", text(since), text(until)),
        }
    }
}

fn resolved(name: &str, text: Option<&str>, now: i64) -> Result<Option<i64>> {
    text.map(|text| moment(text, now).map_err(|error| named(name, error))).transpose()
}

fn named(name: &str, error: QueryError) -> QueryError {
    match error {
        QueryError::Parameter(message) => QueryError::Parameter(format!("{name}: {message}")),
        other => other,
    }
}

/// A time in the form of records: RFC 3339 in UTC.
pub fn text(micros: i64) -> String {
    let mut out = Vec::with_capacity(27);
    format_timestamp(micros, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The moment that a text means, in microseconds since 1970 (UTC). `now` is the same.
///
/// # Errors
/// `Parameter` if it is no time, lacks its UTC offset, or lies outside 1970 to 2254.
pub fn moment(text: &str, now: i64) -> Result<i64> {
    let text = text.trim();
    if let Ok(micros) = parse_timestamp(text, "") {
        return Ok(micros);
    }
    let lower = text.to_lowercase();
    let midnight = now - now.rem_euclid(DAY);
    let found = match lower.as_str() {
        "" => return Err(no_time(text)),
        "now" => now,
        "today" => midnight,
        "yesterday" => midnight - DAY,
        "tomorrow" => midnight + DAY,
        _ => match duration(&lower) {
            Some(span) => span.and_then(|span| now.checked_sub(span)).ok_or_else(|| far(text))?,
            None => spoken(text, &ago(&lower), now)?,
        },
    };
    if (0..=LAST).contains(&found) { Ok(found) } else { Err(far(text)) }
}

/// Microseconds of a length of time such as `30min` or `1 day 12 hours`.
///
/// # Errors
/// `Parameter` if it is none.
pub fn length(text: &str) -> Result<i64> {
    let lower = text.trim().to_lowercase();
    let plain = !lower.starts_with('-') && !lower.ends_with("ago");
    duration(&lower).flatten().filter(|_| plain).ok_or_else(|| {
        QueryError::Parameter(format!(
            "{text:?} is no length of time; write 30min, 2h or \"1 day\""
        ))
    })
}

fn no_time(text: &str) -> QueryError {
    QueryError::Parameter(format!(
        "{text:?} is no time; write 2026-03-01T12:00:00Z, a date, \"24 hours\", \"2 weeks ago\", \
         \"yesterday\", \"last monday\" or @1772366400"
    ))
}

fn far(text: &str) -> QueryError {
    QueryError::Parameter(format!("{text:?} lies outside the years 1970 to 2254"))
}

fn naive(text: &str) -> QueryError {
    QueryError::Parameter(format!("{text:?} has no UTC offset; append Z or +hh:mm"))
}

/// Microseconds of a bare duration or one `ago` in units of constant length, such as `24 hours`,
/// `90m`, `1d12h`, `2 weeks ago`. The inner `None` is a span that is too long.
fn duration(lower: &str) -> Option<Option<i64>> {
    let spans = lower.strip_suffix("ago").unwrap_or(lower).trim();
    let (mut rest, mut total) = (spans.strip_prefix('-').unwrap_or(spans), Some(0_i64));
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number = &rest[..digits];
        if number.is_empty() {
            return None;
        }
        let after = rest[digits..].trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = unit(&after[..letters])?;
        let span = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit));
        total = total.and_then(|total| total.checked_add(span?));
        rest = after[letters..].trim_start_matches([' ', ',']);
    }
    Some(total)
}

fn unit(name: &str) -> Option<i64> {
    Some(match name {
        "ms" | "millisecond" | "milliseconds" => SECOND / 1000,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => 60 * SECOND,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600 * SECOND,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        "fortnight" | "fortnights" => 14 * DAY,
        _ => return None,
    })
}

/// A bare duration of months or years is ago, too.
fn ago(lower: &str) -> String {
    let bare = lower.strip_prefix('-').unwrap_or(lower);
    let counted = bare.starts_with(|c: char| c.is_ascii_digit());
    let unit = bare.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let fuzzy = matches!(unit, "month" | "months" | "year" | "years");
    if counted && fuzzy { format!("{bare} ago") } else { lower.to_owned() }
}

/// What the library makes of it. It reads a time without an offset as one in the zone of `now`,
/// so such a time is found out by asking in two zones.
fn spoken(original: &str, lower: &str, now: i64) -> Result<i64> {
    let utc = at(lower, now, 0).ok_or_else(|| no_time(original))?;
    if at(lower, now, 1) == Some(utc) {
        return Ok(utc);
    }
    let hours = ["am", "pm", "a.m.", "p.m."].iter().any(|mark| {
        lower
            .find(mark)
            .is_some_and(|at| lower[..at].trim_end().ends_with(|c: char| c.is_ascii_digit()))
    });
    if utc.rem_euclid(DAY) != 0 || lower.contains(':') || hours {
        return Err(naive(original));
    }
    Ok(utc)
}

/// The text read as at `now` in the zone that is so many hours east.
fn at(text: &str, now: i64, hours: i64) -> Option<i64> {
    let local = self::text(now + hours * 3600 * SECOND);
    let base = format!("{}+{hours:02}:00", local.strip_suffix('Z')?.replace('T', " "));
    let base = parse_datetime(base).ok()?.into_zoned()?;
    match parse_datetime_at_date(base, text).ok()? {
        found @ ParsedDateTime::InRange(_) => {
            let micros = i64::from(found.subsec_nanosecond()) / 1000;
            found.unix_epoch_second().checked_mul(SECOND)?.checked_add(micros)
        }
        ParsedDateTime::Extended(_) => None,
    }
}

#[cfg(test)]
#[path = "times_tests.rs"]
mod tests;
