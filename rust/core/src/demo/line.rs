//! Writes one compact JSON object straight into the caller's buffer.

use chrono::{DateTime, Datelike, Utc};

/// A JSON object under construction. A comma is due unless the buffer ends with an opener.
#[derive(Debug)]
pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Line<'a> {
    /// Opens the object with the two fields that every event has.
    pub(super) fn start(out: &'a mut Vec<u8>, event_type: &str, now: i64) -> Self {
        out.extend_from_slice(b"{\"event_type\":\"");
        out.extend_from_slice(event_type.as_bytes());
        out.push(b'"');
        let mut line = Self { out };
        line.time("timestamp", now);
        line
    }

    /// Closes the object and the line.
    pub(super) fn finish(&mut self) {
        self.out.extend_from_slice(b"}\n");
    }

    fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// String content; escapes what JSON demands.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
            self.out.extend_from_slice(text.as_bytes());
            return self;
        }
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                0..0x20 => {
                    self.out.extend_from_slice(b"\\u00");
                    self.push_hex(u64::from(byte), 2);
                }
                _ => self.out.push(byte),
            }
        }
        self
    }

    /// Decimal digits.
    pub(super) fn push_int(&mut self, value: u64) -> &mut Self {
        self.push_padded(value, 1)
    }

    /// Decimal digits with leading zeros up to `width` (at most 20).
    pub(super) fn push_padded(&mut self, mut value: u64, width: usize) -> &mut Self {
        let mut digits = [b'0'; 20];
        let mut at = digits.len();
        while value > 0 {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        let at = at.min(digits.len() - width);
        self.out.extend_from_slice(&digits[at..]);
        self
    }

    /// The lowest `digits` (at most 16) hexadecimal digits of `value`.
    pub(super) fn push_hex(&mut self, value: u64, digits: usize) -> &mut Self {
        push_hex(self.out, value, digits);
        self
    }

    /// `value / 10^places` in its shortest decimal form.
    fn push_decimal(&mut self, value: u64, places: u32) {
        let unit = 10u64.pow(places);
        self.push_int(value / unit);
        let mut fraction = value % unit;
        if fraction == 0 {
            return;
        }
        let mut width = places as usize;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
        self.out.push(b'.');
        self.push_padded(fraction, width);
    }

    /// RFC 3339, UTC, milliseconds.
    fn push_time(&mut self, ms: i64) {
        let day = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
        let in_day = ms.rem_euclid(86_400_000) as u64;
        self.push_padded(u64::from(day.year().unsigned_abs()), 4).push("-");
        self.push_padded(u64::from(day.month()), 2).push("-");
        self.push_padded(u64::from(day.day()), 2).push("T");
        self.push_padded(in_day / 3_600_000, 2).push(":");
        self.push_padded(in_day / 60_000 % 60, 2).push(":");
        self.push_padded(in_day / 1000 % 60, 2).push(".");
        self.push_padded(in_day % 1000, 3).push("Z");
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.compose(key, |line| {
            line.push(value);
        });
    }

    /// A string made of parts: `fill` pushes its content.
    pub(super) fn compose(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        self.key(key);
        self.out.push(b'"');
        fill(self);
        self.out.push(b'"');
    }

    /// A random id: `prefix` and the lowest `digits` hexadecimal digits of `value`.
    pub(super) fn hex(&mut self, key: &str, prefix: &str, value: u64, digits: usize) {
        self.compose(key, |line| {
            line.push(prefix).push_hex(value, digits);
        });
    }

    pub(super) fn time(&mut self, key: &str, ms: i64) {
        self.compose(key, |line| line.push_time(ms));
    }

    pub(super) fn int(&mut self, key: &str, value: u64) {
        self.key(key);
        self.push_int(value);
    }

    pub(super) fn signed(&mut self, key: &str, value: i64) {
        self.key(key);
        if value < 0 {
            self.out.push(b'-');
        }
        self.push_int(value.unsigned_abs());
    }

    /// The number `value / 10^places`.
    pub(super) fn decimal(&mut self, key: &str, value: u64, places: u32) {
        self.key(key);
        self.push_decimal(value, places);
    }

    pub(super) fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(super) fn null(&mut self, key: &str) {
        self.key(key);
        self.out.extend_from_slice(b"null");
    }

    /// An object under `key`, filled by `fill`.
    pub(super) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        self.key(key);
        self.out.push(b'{');
        fill(self);
        self.out.push(b'}');
    }

    /// An array under `key`; `fill` adds the elements with `item`, `item_int` or `item_object`.
    pub(super) fn array(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        self.key(key);
        self.out.push(b'[');
        fill(self);
        self.out.push(b']');
    }

    pub(super) fn item(&mut self, value: &str) {
        self.comma();
        self.out.push(b'"');
        self.push(value);
        self.out.push(b'"');
    }

    pub(super) fn item_int(&mut self, value: u64) {
        self.comma();
        self.push_int(value);
    }

    pub(super) fn item_object(&mut self, fill: impl FnOnce(&mut Self)) {
        self.comma();
        self.out.push(b'{');
        fill(self);
        self.out.push(b'}');
    }

    pub(super) fn list(&mut self, key: &str, values: &[&str]) {
        self.array(key, |line| {
            for value in values {
                line.item(value);
            }
        });
    }
}

/// Appends the lowest `digits` (at most 16) hexadecimal digits of `value`.
pub(super) fn push_hex(out: &mut Vec<u8>, value: u64, digits: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0u8; 16];
    for (at, slot) in text.iter_mut().enumerate() {
        *slot = DIGITS[(value >> (60 - 4 * at)) as usize & 15];
    }
    out.extend_from_slice(&text[16 - digits..]);
}
