//! Times as text.

use sealtrail_core::json::format_timestamp;

/// Microseconds since 1970 as RFC 3339 in UTC.
pub(super) fn rfc3339(micros: i64) -> String {
    let mut text = Vec::with_capacity(27);
    format_timestamp(micros, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
