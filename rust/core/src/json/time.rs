//! Timestamps: microseconds since 1970 in UTC, and the one text form that records use.

use super::number::write_i64;
use crate::{Error, Result};

const MICROS_PER_DAY: i64 = 86_400_000_000;
/// 2254-12-31T23:59:59.999999Z: up to there microseconds are exact in every JSON parser.
pub(crate) const MAX_MICROS: i64 = 8_993_721_599_999_999;

/// Appends `micros` (since 1970, UTC) as `YYYY-MM-DDTHH:MM:SS.fffZ`, with six fraction digits
/// if the milliseconds are not whole. Years outside 1970-2254 are clamped.
pub fn format_timestamp(micros: i64, out: &mut Vec<u8>) {
    let micros = micros.clamp(0, MAX_MICROS);
    let (year, month, day) = civil(micros / MICROS_PER_DAY);
    let of_day = micros % MICROS_PER_DAY;
    let second = of_day / 1_000_000;
    let mut pad = |value: i64, width: u32| {
        let mut unit = 10_i64.pow(width - 1);
        while unit > 1 && value < unit {
            out.push(b'0');
            unit /= 10;
        }
        write_i64(value, out);
    };
    pad(year, 4);
    let fields = [(b'-', month), (b'-', day), (b'T', second / 3600), (b':', second / 60 % 60)];
    let mut text = Vec::with_capacity(20);
    for (separator, value) in fields.into_iter().chain([(b':', second % 60)]) {
        text.push(separator);
        text.push(b'0' + (value / 10) as u8);
        text.push(b'0' + (value % 10) as u8);
    }
    out.extend_from_slice(&text);
    let fraction = of_day % 1_000_000;
    out.push(b'.');
    let (value, width) = if fraction % 1000 == 0 { (fraction / 1000, 3) } else { (fraction, 6) };
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10_i64.pow(place) % 10) as u8);
    }
    out.push(b'Z');
}

/// Microseconds of a text in exactly the form of [`format_timestamp`], else `None`.
pub fn parse_canonical_timestamp(text: &[u8]) -> Option<i64> {
    let width = match text.len() {
        24 => 3,
        27 => 6,
        _ => return None,
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.')];
    if separators.iter().any(|&(at, c)| text[at] != c) || text[text.len() - 1] != b'Z' {
        return None;
    }
    let number = |from: usize, len: usize| {
        text[from..from + len]
            .iter()
            .try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let fraction = number(20, width)?;
    let date_fits = (1970..=2254).contains(&year) && (1..=12).contains(&month) && day >= 1;
    if !date_fits || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if width == 6 && fraction % 1000 == 0 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    if civil(days) != (year, month, day) {
        return None;
    }
    let micros = if width == 3 { fraction * 1000 } else { fraction };
    Some(days * MICROS_PER_DAY + (hour * 3600 + minute * 60 + second) * 1_000_000 + micros)
}

/// Microseconds of any RFC 3339 text with an offset; digits beyond microseconds are cut.
///
/// # Errors
/// `InvalidEvent` at `field` for naive times and anything else that is not RFC 3339.
pub fn parse_timestamp(text: &str, field: &str) -> Result<i64> {
    if let Some(micros) = parse_canonical_timestamp(text.as_bytes()) {
        return Ok(micros);
    }
    let parsed = chrono::DateTime::parse_from_rfc3339(text).map_err(|e| {
        let naive = text.parse::<chrono::NaiveDateTime>().is_ok()
            || chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").is_ok()
            || text.parse::<chrono::NaiveDate>().is_ok();
        if naive {
            let message = format!("{text:?} has no UTC offset; append `Z` or `+hh:mm`");
            Error::event("naive_time", field, message)
        } else {
            let message = format!("{text:?} is not an RFC 3339 time ({e})");
            Error::event("invalid_time", field, message)
        }
    })?;
    let micros = parsed.timestamp().saturating_mul(1_000_000)
        + i64::from(parsed.timestamp_subsec_nanos().min(999_999_999) / 1000);
    if (0..=MAX_MICROS).contains(&micros) {
        Ok(micros)
    } else {
        let message = format!("{text:?} lies outside the years 1970 to 2254");
        Err(Error::event("invalid_time", field, message))
    }
}

/// Year, month and day of a day number since 1970-01-01 (Howard Hinnant, `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// Inverse of [`civil`] (Howard Hinnant, `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (month + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// The partition period of a time: `YYYY-MM`, or `YYYY-MM-DD` if `by_day`.
pub(crate) fn period(micros: i64, by_day: bool) -> String {
    let (year, month, day) = civil(micros.div_euclid(MICROS_PER_DAY));
    if by_day { format!("{year:04}-{month:02}-{day:02}") } else { format!("{year:04}-{month:02}") }
}
