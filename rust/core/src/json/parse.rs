//! One strict pass from JSON text to canonical bytes.

use super::{number, scan};
use crate::{Error, Result};

/// What a record may be at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest canonical size in bytes.
    pub max_bytes: usize,
    /// Deepest nesting; the record itself is level 1.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 1 << 20, max_depth: 64 }
    }
}

/// Turns JSON texts into canonical bytes; reusable, to keep its buffers.
#[derive(Debug, Default)]
pub struct Canonicalizer {
    out: Vec<u8>,
    members: Vec<Member>,
    path: Vec<Step>,
    sorted: Vec<u8>,
    exact: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    start: usize,
    name_end: usize,
    end: usize,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Where in `out` the raw name stands, quotes excluded.
    Name(usize, usize),
    Index(usize),
}

struct Input<'a> {
    text: &'a [u8],
    at: usize,
    limits: Limits,
}

impl Canonicalizer {
    /// The canonical form of one JSON object, and the JSON Pointers (sorted) of numbers that
    /// became strings because no double has their exact value.
    ///
    /// # Errors
    /// `InvalidEvent` with the byte offset or the field's path: not JSON, not an object,
    /// duplicate names, lone surrogates, invalid UTF-8, too deep or too large.
    pub fn object(&mut self, text: &[u8], limits: Limits) -> Result<(&[u8], &[String])> {
        std::str::from_utf8(text).map_err(|e| {
            Error::event(
                "invalid_utf8",
                "",
                format!("invalid UTF-8 at byte {}; JSON must be UTF-8", e.valid_up_to()),
            )
        })?;
        self.out.clear();
        self.members.clear();
        self.path.clear();
        self.exact.clear();
        let mut input = Input { text, at: 0, limits };
        input.space();
        if input.peek() != Some(b'{') {
            return Err(Error::event("not_an_object", "", "an event must be a JSON object"));
        }
        self.value(&mut input, 1)?;
        input.space();
        if input.at != text.len() {
            return Err(input.error("unexpected text after the object"));
        }
        if self.out.len() > limits.max_bytes {
            return Err(too_large(self.out.len(), limits.max_bytes));
        }
        self.exact.sort_unstable();
        Ok((&self.out, &self.exact))
    }

    fn value(&mut self, input: &mut Input<'_>, depth: usize) -> Result<()> {
        match input.peek() {
            Some(b'"') => self.string(input),
            Some(b'{') => self.object_value(input, depth),
            Some(b'[') => self.array(input, depth),
            Some(b't') => self.literal(input, b"true"),
            Some(b'f') => self.literal(input, b"false"),
            Some(b'n') => self.literal(input, b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(input),
            Some(_) => Err(input.error("expected a value")),
            None => Err(input.error("the text ends in the middle of a value")),
        }
    }

    fn literal(&mut self, input: &mut Input<'_>, word: &[u8]) -> Result<()> {
        if !input.text[input.at..].starts_with(word) {
            return Err(input.error("expected a value"));
        }
        input.at += word.len();
        self.out.extend_from_slice(word);
        Ok(())
    }

    fn number(&mut self, input: &mut Input<'_>) -> Result<()> {
        let rest = &input.text[input.at..];
        let len = number::literal_len(rest).ok_or_else(|| input.error("malformed number"))?;
        let literal = &rest[..len];
        input.at += len;
        if !number::write_exact(literal, &mut self.out) {
            self.out.push(b'"');
            self.out.extend_from_slice(literal);
            self.out.push(b'"');
            let pointer = self.pointer();
            self.exact.push(pointer);
        }
        Ok(())
    }

    fn array(&mut self, input: &mut Input<'_>, depth: usize) -> Result<()> {
        self.check_depth(input, depth)?;
        input.at += 1;
        self.out.push(b'[');
        input.space();
        if input.eat(b']') {
            self.out.push(b']');
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Step::Index(index));
            input.space();
            self.value(input, depth + 1)?;
            self.path.pop();
            input.space();
            if input.eat(b',') {
                self.out.push(b',');
            } else if input.eat(b']') {
                self.out.push(b']');
                break;
            } else {
                return Err(input.error("expected `,` or `]` in an array"));
            }
        }
        Ok(())
    }

    fn object_value(&mut self, input: &mut Input<'_>, depth: usize) -> Result<()> {
        self.check_depth(input, depth)?;
        input.at += 1;
        self.out.push(b'{');
        let first_member = self.members.len();
        let body = self.out.len();
        input.space();
        if input.eat(b'}') {
            self.out.push(b'}');
            return Ok(());
        }
        loop {
            input.space();
            let start = self.out.len();
            if input.peek() != Some(b'"') {
                return Err(input.error("expected a member name in double quotes"));
            }
            self.string(input)?;
            let name_end = self.out.len() - 1;
            input.space();
            if !input.eat(b':') {
                return Err(input.error("expected `:` after a member name"));
            }
            self.out.push(b':');
            input.space();
            self.path.push(Step::Name(start + 1, name_end));
            self.value(input, depth + 1)?;
            self.path.pop();
            self.members.push(Member { start, name_end, end: self.out.len() });
            input.space();
            if input.eat(b',') {
                self.out.push(b',');
            } else if input.eat(b'}') {
                break;
            } else {
                return Err(input.error("expected `,` or `}` in an object"));
            }
        }
        self.sort_members(first_member, body)?;
        self.out.push(b'}');
        self.members.truncate(first_member);
        Ok(())
    }

    /// Brings the members written since `body` into the order of their names.
    fn sort_members(&mut self, first: usize, body: usize) -> Result<()> {
        let Self { out, members, sorted, .. } = self;
        let members = &mut members[first..];
        let name = |m: &Member| &out[m.start + 1..m.name_end];
        let in_order =
            members.windows(2).all(|w| scan::cmp_names(name(&w[0]), name(&w[1])).is_lt());
        if in_order {
            return Ok(());
        }
        members.sort_by(|a, b| scan::cmp_names(name(a), name(b)));
        if let Some(w) = members.windows(2).find(|w| name(&w[0]) == name(&w[1])) {
            let twice = String::from_utf8_lossy(name(&w[0])).into_owned();
            let message = format!("the name {twice:?} occurs twice in one object");
            return Err(Error::event("duplicate_name", self.dotted(), message));
        }
        sorted.clear();
        for (i, m) in members.iter().enumerate() {
            if i > 0 {
                sorted.push(b',');
            }
            sorted.extend_from_slice(&out[m.start..m.end]);
        }
        out.truncate(body);
        out.extend_from_slice(sorted);
        Ok(())
    }

    fn string(&mut self, input: &mut Input<'_>) -> Result<()> {
        input.at += 1;
        self.out.push(b'"');
        loop {
            let rest = &input.text[input.at..];
            let plain = rest
                .iter()
                .position(|&b| b == b'"' || b == b'\\' || b < 0x20)
                .ok_or_else(|| input.error("the text ends inside a string"))?;
            self.out.extend_from_slice(&rest[..plain]);
            input.at += plain;
            match rest[plain] {
                b'"' => {
                    input.at += 1;
                    self.out.push(b'"');
                    return Ok(());
                }
                b'\\' => self.escape(input)?,
                _ => return Err(input.error("unescaped control character in a string")),
            }
        }
    }

    fn escape(&mut self, input: &mut Input<'_>) -> Result<()> {
        let kind = input.text.get(input.at + 1).copied();
        let c = match kind {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let c = self.unicode_escape(input)?;
                scan::write_escaped(c, &mut self.out);
                return Ok(());
            }
            _ => return Err(input.error("unknown escape in a string")),
        };
        input.at += 2;
        scan::write_escaped(c, &mut self.out);
        Ok(())
    }

    fn unicode_escape(&self, input: &mut Input<'_>) -> Result<char> {
        let first = input.hex4(input.at)?;
        let (code, len) = match first {
            0xD800..=0xDBFF => match input.hex4(input.at + 6) {
                Ok(second @ 0xDC00..=0xDFFF) => {
                    (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), 12)
                }
                _ => return Err(self.surrogate(input)),
            },
            0xDC00..=0xDFFF => return Err(self.surrogate(input)),
            code => (code, 6),
        };
        input.at += len;
        char::from_u32(code).ok_or_else(|| self.surrogate(input))
    }

    fn surrogate(&self, input: &Input<'_>) -> Error {
        Error::event(
            "lone_surrogate",
            self.dotted(),
            format!("lone surrogate at byte {}; text must be valid Unicode", input.at),
        )
    }

    fn check_depth(&self, input: &Input<'_>, depth: usize) -> Result<()> {
        if depth <= input.limits.max_depth {
            return Ok(());
        }
        let message = format!("nested deeper than {} levels", input.limits.max_depth);
        Err(Error::event("too_deep", self.dotted(), message))
    }

    fn steps(&self) -> impl Iterator<Item = String> {
        self.path.iter().map(|step| match *step {
            Step::Name(from, to) => scan::unescape(&self.out[from..to]).into_owned(),
            Step::Index(i) => i.to_string(),
        })
    }

    fn dotted(&self) -> String {
        self.steps().collect::<Vec<_>>().join(".")
    }

    fn pointer(&self) -> String {
        self.steps().fold(String::new(), |mut pointer, step| {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
            pointer
        })
    }
}

pub(crate) fn too_large(size: usize, max: usize) -> Error {
    let message = format!("the record has {size} bytes, more than max_record_bytes = {max}");
    Error::event("too_large", "", message)
}

impl Input<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The code unit of the `\uXXXX` at `at`.
    fn hex4(&self, at: usize) -> Result<u32> {
        self.text
            .get(at..at + 6)
            .filter(|e| e.starts_with(b"\\u") && e[2..].iter().all(u8::is_ascii_hexdigit))
            .and_then(|e| std::str::from_utf8(&e[2..]).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.error("malformed \\u escape"))
    }

    fn error(&self, what: &str) -> Error {
        Error::event("invalid_json", "", format!("invalid JSON at byte {}: {what}", self.at))
    }
}
