//! Numbers: exact or not at all.

/// Largest integer that every double represents exactly: 2^53 - 1.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// Appends `value` as ECMAScript prints it. The value must be finite.
pub fn write_f64(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
}

/// Appends an integer in decimal.
pub fn write_i64(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Length of the JSON number at the start of `text`, or `None` if there is none.
pub(super) fn literal_len(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    match text.get(at)? {
        b'0' => at += 1,
        b'1'..=b'9' => at += digits(at),
        _ => return None,
    }
    if text.get(at) == Some(&b'.') {
        let n = digits(at + 1);
        if n == 0 {
            return None;
        }
        at += 1 + n;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let n = digits(at + 1 + sign);
        if n == 0 {
            return None;
        }
        at += 1 + sign + n;
    }
    Some(at)
}

/// Whether the text is a JSON number, whole.
pub(crate) fn is_number_literal(text: &[u8]) -> bool {
    literal_len(text) == Some(text.len())
}

/// Appends the canonical text of a valid literal; `false` if it has no exact one.
pub(super) fn write_exact(literal: &[u8], out: &mut Vec<u8>) -> bool {
    let digits = literal.strip_prefix(b"-").unwrap_or(literal);
    if digits.len() <= 15 && digits.iter().all(u8::is_ascii_digit) {
        // At most 15 digits are always safe.
        out.extend_from_slice(if digits == b"0" { digits } else { literal });
        return true;
    }
    let Some(exact) = Decimal::of(literal) else { return false };
    if exact.is_zero() {
        out.push(b'0');
        return true;
    }
    let Some(value) = std::str::from_utf8(literal).ok().and_then(|s| s.parse::<f64>().ok()) else {
        return false;
    };
    if !value.is_finite() || exact.exponent >= 0 && value.abs() > MAX_SAFE_INTEGER as f64 {
        return false;
    }
    let start = out.len();
    write_f64(value, out);
    if Decimal::of(&out[start..]) == Some(exact) {
        return true;
    }
    out.truncate(start);
    false
}

/// A decimal value as digits without leading or trailing zeros, times ten to the exponent.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// `None` only if the exponent does not fit 64 bits.
    fn of(literal: &[u8]) -> Option<Self> {
        let negative = literal.first() == Some(&b'-');
        let mantissa_end =
            literal.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(literal.len());
        let mut exponent: i64 = match literal.get(mantissa_end + 1..) {
            Some(text) => std::str::from_utf8(text).ok()?.parse().ok()?,
            None => 0,
        };
        let mut digits = Vec::with_capacity(mantissa_end);
        let mut fraction = false;
        for &b in &literal[usize::from(negative)..mantissa_end] {
            if b == b'.' {
                fraction = true;
                continue;
            }
            if fraction {
                exponent = exponent.checked_sub(1)?;
            }
            if b != b'0' || !digits.is_empty() {
                digits.push(b);
            }
        }
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent = exponent.checked_add(1)?;
        }
        Some(Self { negative, digits, exponent })
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }
}
