//! When the next generation is due.

use chrono::{DateTime, Months, Utc};

use crate::config::KeyRotation;

/// Whether a generation made at `made` (microseconds since 1970, UTC) is to be followed by another
/// one: so many calendar months later.
pub(super) fn is_due(made: i64, now: i64, rotation: KeyRotation) -> bool {
    let months = match rotation {
        KeyRotation::Never => return false,
        KeyRotation::Monthly => 1,
        KeyRotation::Quarterly => 3,
        KeyRotation::Yearly => 12,
    };
    next(made, months).is_some_and(|next| next <= now)
}

fn next(made: i64, months: u32) -> Option<i64> {
    let made: DateTime<Utc> = DateTime::from_timestamp_micros(made)?;
    Some(made.checked_add_months(Months::new(months))?.timestamp_micros())
}
