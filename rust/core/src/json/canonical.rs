//! Whether text is canonical, without writing it again.

use super::parse::Limits;
use super::scan::{cmp_names, plain_len};
use super::{MAX_SAFE_INTEGER, number};

/// Whether `text` is, byte for byte, what [`Canonicalizer`](super::Canonicalizer) makes of it:
/// one JSON object in the form of RFC 8785 within the limits, all of whose numbers are ones that
/// records keep as numbers.
pub fn is_canonical(text: &[u8], limits: Limits) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| is_canonical_text(text, limits))
}

/// [`is_canonical`] for text that is known to be UTF-8.
pub(crate) fn is_canonical_text(text: &str, limits: Limits) -> bool {
    let text = text.as_bytes();
    if text.len() > limits.max_bytes || text.first() != Some(&b'{') {
        return false;
    }
    let mut scan = Scan { text, at: 0, max_depth: limits.max_depth };
    scan.value(1).is_some() && scan.at == text.len()
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    max_depth: usize,
}

/// Every step gives `None` where the text is not canonical.
impl Scan<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.text.get(self.at)? {
            b'"' => self.string(),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        if depth > self.max_depth {
            return None;
        }
        self.at += 1;
        if self.eat(b'}') {
            return Some(());
        }
        let text = self.text;
        let mut before: Option<&[u8]> = None;
        loop {
            let start = self.at + 1;
            if text.get(self.at) != Some(&b'"') {
                return None;
            }
            self.string()?;
            let name = &text[start..self.at - 1];
            if before.is_some_and(|before| !cmp_names(before, name).is_lt()) || !self.eat(b':') {
                return None;
            }
            before = Some(name);
            self.value(depth + 1)?;
            if !self.eat(b',') {
                return self.eat(b'}').then_some(());
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        if depth > self.max_depth {
            return None;
        }
        self.at += 1;
        if self.eat(b']') {
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            if !self.eat(b',') {
                return self.eat(b']').then_some(());
            }
        }
    }

    /// Moves over a string whose every character is escaped exactly where it must be.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += plain_len(&self.text[self.at..]);
            match self.text.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.text.get(self.at + 1)? {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let [b'0', b'0', high @ b'0'..=b'1', low] =
                    *self.text.get(self.at + 2..self.at + 6)?
                else {
                    return None;
                };
                let digit = match low {
                    b'0'..=b'9' => low - b'0',
                    b'a'..=b'f' => low - b'a' + 10,
                    _ => return None,
                };
                // These have short escapes.
                if matches!((high - b'0') * 16 + digit, 8 | 9 | 10 | 12 | 13) {
                    return None;
                }
                self.at += 6;
            }
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let literal = &rest[..number::literal_len(rest)?];
        self.at += literal.len();
        let digits = literal.strip_prefix(b"-").unwrap_or(literal);
        if digits.len() <= 15 && digits.iter().all(u8::is_ascii_digit) {
            return (literal != b"-0").then_some(());
        }
        let value: f64 = std::str::from_utf8(literal).ok()?.parse().ok()?;
        // Every double beyond is an integer.
        if !value.is_finite() || value.abs() > MAX_SAFE_INTEGER as f64 {
            return None;
        }
        (ryu_js::Buffer::new().format_finite(value).as_bytes() == literal).then_some(())
    }
}
