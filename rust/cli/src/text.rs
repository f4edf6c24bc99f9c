//! Numbers and tables as people read them.

use std::fmt::Write;
use std::time::Duration;

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 event`, `2 events`, `1 entry`, `2 entries`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let shown = grouped(number);
    match noun.strip_suffix("ry") {
        _ if number == 1 => format!("{shown} {noun}"),
        Some(stem) => format!("{shown} {stem}ries"),
        None => format!("{shown} {noun}s"),
    }
}

/// Bytes with a unit: `512 B`, `1.5 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Reads a number of bytes: `1048576`, `512KiB`, `64 MB`, `2g`. Units are powers of 1024.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim_start() {
        "" | "b" => Some(0),
        "k" | "kb" | "kib" => Some(10),
        "m" | "mb" | "mib" => Some(20),
        "g" | "gb" | "gib" => Some(30),
        _ => None,
    };
    let number = digits.parse::<usize>().ok().filter(|number| *number > 0);
    let bytes = number.zip(unit).and_then(|(number, unit)| number.checked_mul(1 << unit));
    bytes.ok_or_else(|| "give a size such as 512KiB, 256MiB or 2GiB".to_owned())
}

/// Reads a duration: a number and `s`, `m`, `h`, `d` or `w`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let seconds = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(86_400),
        "w" => Some(604_800),
        _ => None,
    };
    let number = number.trim().parse::<u64>().ok();
    let seconds = number.zip(seconds).and_then(|(number, unit)| number.checked_mul(unit));
    let seconds = seconds.ok_or_else(|| "give a duration such as 90s, 12h or 7d".to_owned())?;
    Ok(Duration::from_secs(seconds))
}

/// A duration in seconds, or milliseconds below a tenth of a second.
pub(crate) fn seconds(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 0.1 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

/// Rows with their columns aligned, two spaces apart, each line indented by `indent`. The last
/// column is not padded.
pub(crate) fn aligned<const N: usize>(indent: &str, rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut out = String::new();
    for row in rows {
        out.push_str(indent);
        for (column, cell) in row.iter().enumerate() {
            let last = row[column + 1..].iter().all(String::is_empty);
            let pad = if last { 0 } else { widths[column] };
            // Writing to a String cannot fail.
            let _ = write!(out, "{cell:pad$}");
            if last {
                break;
            }
            out.push_str("  ");
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
