//! Numbers and tables as people read them.

use std::fmt::Write;
use std::time::Duration;

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
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
