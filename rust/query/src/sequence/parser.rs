//! From text to a sequence.

use sealtrail_core::catalogue::catalogue;

use super::parts::{
    Comparison, EventTest, FieldPath, Literal, Part, Predicate, Role, Test, TestKind,
};
use crate::error::{QueryError, Result};
use crate::json::PathPart;
use crate::place;

/// Parts of a sequence: a bit in a word stands for each.
const MAX_PARTS: usize = 64;
/// The greatest count of a step.
pub(super) const MAX_COUNT: u32 = 1_000_000;
/// What ends an unquoted word.
const DELIMITERS: &str = ",()[]{}'\"";

/// A sequence of events, as its text says. See the module for grammar and meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

impl Sequence {
    /// Reads a sequence.
    ///
    /// # Errors
    /// `Sequence` with the place of what is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { text, chars: text.chars().collect(), at: 0 };
        let mut parts = Vec::new();
        loop {
            parser.skip_space();
            if parser.peek().is_none() {
                break;
            }
            if parts.len() == MAX_PARTS {
                return Err(parser.wrong(format!("a sequence has at most {MAX_PARTS} parts")));
            }
            parts.push(parser.part()?);
        }
        if parts.iter().all(|part| part.role == Role::Absent) {
            let what = "a sequence needs a step: an event type such as auth.user_login or data.*";
            return Err(parser.wrong(what));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The text that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The field that ties the events together if nothing else is said: `source_ip` if all steps
    /// are of the domain `auth`, else `actor`.
    pub fn default_by(&self) -> &'static str {
        let mut steps = self.parts.iter().filter(|part| part.role != Role::Absent);
        let auth = steps.all(|part| part.event.event_type.starts_with("auth."));
        if auth { "source_ip" } else { "actor" }
    }
}

/// Reads the path of a field outside of a sequence.
pub(super) fn field_path(text: &str) -> Result<FieldPath> {
    let mut parser = Parser { text, chars: text.chars().collect(), at: 0 };
    parser.skip_space();
    let path = parser.path()?;
    parser.skip_space();
    if parser.peek().is_some() {
        return Err(parser.wrong("a field ends here"));
    }
    Ok(path)
}

struct Parser<'a> {
    text: &'a str,
    chars: Vec<char>,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found =
            wanted.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c));
        if found {
            self.at += wanted.chars().count();
        }
        found
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn wrong(&self, message: impl Into<String>) -> QueryError {
        wrong_at(self.text, self.at, message)
    }

    /// The error for something else than what is expected here.
    fn expected(&self, what: &str) -> QueryError {
        let found = self.peek().map_or("the end".to_owned(), |c| format!("{c:?}"));
        self.wrong(format!("expected {what}, found {found}"))
    }

    fn part(&mut self) -> Result<Part> {
        let absent = self.eat("!");
        if absent {
            self.skip_space();
        }
        let event_type = self.event_type()?;
        let after_type = self.at;
        self.skip_space();
        let predicates = if self.eat("[") { self.predicates()? } else { Vec::new() };
        if predicates.is_empty() {
            self.at = after_type;
        }
        let before_count = self.at;
        self.skip_space();
        let role = match self.count()? {
            None => {
                self.at = before_count;
                if absent { Role::Absent } else { Role::Step { least: 1, most: 1 } }
            }
            Some(_) if absent => {
                self.at = before_count;
                self.skip_space();
                return Err(self.wrong("an absence has no count"));
            }
            Some((least, most)) => Role::Step { least, most },
        };
        Ok(Part { event: EventTest { event_type, predicates }, role })
    }

    fn event_type(&mut self) -> Result<String> {
        let start = self.at;
        let ends = |c: char| c.is_whitespace() || DELIMITERS.contains(c) || "=<>~!+".contains(c);
        while self.peek().is_some_and(|c| !ends(c)) {
            self.at += 1;
        }
        let text: String = self.chars[start..self.at].iter().collect();
        if text.is_empty() {
            return Err(self.expected("an event type such as auth.user_login or data.*"));
        }
        let glob = text.contains(['*', '?']);
        let domain = text.split_once('.').map(|(domain, _)| domain);
        let catalogue = catalogue();
        let domains: Vec<&str> = catalogue.domains().iter().map(|d| d.name.as_str()).collect();
        let wrong = match domain {
            None if !glob => format!("{text:?} is no event type: they are domain.action"),
            Some(name) if !name.contains(['*', '?']) && !domains.contains(&name) => {
                format!("there is no domain {name:?}; there is {}", domains.join(", "))
            }
            _ => return Ok(text),
        };
        Err(wrong_at(self.text, start, wrong))
    }

    /// What follows after `{` or `+`, if one of them stands here.
    fn count(&mut self) -> Result<Option<(u32, u32)>> {
        if self.eat("+") {
            return Ok(Some((1, MAX_COUNT)));
        }
        if !self.eat("{") {
            return Ok(None);
        }
        let start = self.at;
        let least = self.number()?;
        if least == 0 {
            let why = "a step occurs at least once; leave it out, or use ! for an absence";
            return Err(wrong_at(self.text, start, why));
        }
        self.skip_space();
        let mut most = least;
        if self.eat(",") {
            self.skip_space();
            most = MAX_COUNT;
            if self.peek() != Some('}') {
                let at = self.at;
                most = self.number()?;
                if most < least {
                    return Err(wrong_at(self.text, at, format!("{most} is less than {least}")));
                }
            }
        }
        self.skip_space();
        if !self.eat("}") {
            return Err(self.expected("} after a count such as {3}, {3,} or {3,5}"));
        }
        Ok(Some((least, most)))
    }

    fn number(&mut self) -> Result<u32> {
        self.skip_space();
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        if start == self.at {
            return Err(self.expected("a number, as in {3}, {3,} or {3,5}"));
        }
        let text: String = self.chars[start..self.at].iter().collect();
        let number = text.parse().ok().filter(|number| *number <= MAX_COUNT);
        let too_many = || wrong_at(self.text, start, format!("a count is at most {MAX_COUNT}"));
        number.ok_or_else(too_many)
    }

    fn predicates(&mut self) -> Result<Vec<Predicate>> {
        let mut predicates = Vec::new();
        loop {
            self.skip_space();
            predicates.push(self.predicate()?);
            self.skip_space();
            if self.eat("]") {
                return Ok(predicates);
            }
            if !self.eat(",") {
                return Err(self.expected(", or ] after a predicate"));
            }
        }
    }

    fn predicate(&mut self) -> Result<Predicate> {
        let path = self.path()?;
        self.skip_space();
        Ok(Predicate { path, test: self.test()? })
    }

    fn path(&mut self) -> Result<FieldPath> {
        let (mut parts, mut quoted) = (Vec::new(), false);
        loop {
            let start = self.at;
            if let Some(text) = self.quoted()? {
                quoted = true;
                parts.push(PathPart::Key(text));
            } else {
                while self.peek().is_some_and(|c| c.is_alphanumeric() || "_-@$".contains(c)) {
                    self.at += 1;
                }
                let text: String = self.chars[start..self.at].iter().collect();
                if text.is_empty() {
                    return Err(self.expected("a field such as status or resource.path"));
                }
                parts.push(PathPart::Key(text));
            }
            while self.eat("[") {
                parts.push(PathPart::Index(self.position()?));
            }
            if !self.eat(".") {
                break;
            }
        }
        let may_be_logical = parts.len() == 1 && !quoted;
        Ok(FieldPath { parts, may_be_logical })
    }

    /// A position in an array, and the bracket after it.
    fn position(&mut self) -> Result<i64> {
        let start = self.at;
        self.eat("-");
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let text: String = self.chars[start..self.at].iter().collect();
        match text.parse() {
            Ok(index) if self.eat("]") => Ok(index),
            _ => {
                self.at = start;
                Err(self.expected("a position such as [0]"))
            }
        }
    }

    fn test(&mut self) -> Result<Test> {
        let signs = ["!=", "!~", "<=", ">=", "==", "=", "<", ">", "~"];
        if let Some(sign) = signs.into_iter().find(|sign| self.eat(sign)) {
            self.skip_space();
            let negated = sign.starts_with('!');
            let kind = match sign {
                "~" | "!~" => {
                    let glob = self.glob_value()?;
                    TestKind::Like(glob)
                }
                "<" => TestKind::Compare(Comparison::Less, self.value()?),
                "<=" => TestKind::Compare(Comparison::LessOrEqual, self.value()?),
                ">" => TestKind::Compare(Comparison::Greater, self.value()?),
                ">=" => TestKind::Compare(Comparison::GreaterOrEqual, self.value()?),
                _ => TestKind::AnyOf(vec![self.whole_value()?]),
            };
            return Ok(Test { negated, kind });
        }
        let negated = self.word("not");
        self.skip_space();
        if !self.word("in") {
            return Err(self.expected("=, !=, <, <=, >, >=, ~, !~, in or not in after a field"));
        }
        self.skip_space();
        if !self.eat("(") {
            return Err(self.expected("( after in"));
        }
        let mut values = Vec::new();
        loop {
            self.skip_space();
            values.push(self.whole_value()?);
            self.skip_space();
            if self.eat(")") {
                return Ok(Test { negated, kind: TestKind::AnyOf(values) });
            }
            if !self.eat(",") {
                return Err(self.expected(", or ) after a value"));
            }
        }
    }

    /// Takes this word, in whatever case, if it stands here.
    fn word(&mut self, wanted: &str) -> bool {
        let word: String =
            self.chars[self.at..].iter().take_while(|c| c.is_ascii_alphabetic()).collect();
        let found = word.eq_ignore_ascii_case(wanted);
        if found {
            self.at += word.len();
        }
        found
    }

    /// A value that is compared as a whole: it is a mistake to write it as a glob.
    fn whole_value(&mut self) -> Result<Literal> {
        let value = self.value()?;
        if !value.quoted && value.text.contains('*') {
            let why = "= compares the whole value; use ~ for a glob, or quote the value";
            return Err(wrong_at(self.text, value.at, why));
        }
        Ok(value)
    }

    fn glob_value(&mut self) -> Result<String> {
        let value = self.value()?;
        if value.text.is_empty() {
            return Err(wrong_at(self.text, value.at, "the glob is empty; * stands for any value"));
        }
        let escapes = value.text.chars().rev().take_while(|c| *c == '\\').count();
        if escapes % 2 == 1 {
            return Err(wrong_at(self.text, value.at, "the glob ends with \\; write \\\\ for one"));
        }
        Ok(value.text)
    }

    fn value(&mut self) -> Result<Literal> {
        let at = self.at;
        if let Some(text) = self.quoted()? {
            return Ok(Literal { text, quoted: true, at });
        }
        while self.peek().is_some_and(|c| !c.is_whitespace() && !DELIMITERS.contains(c)) {
            self.at += 1;
        }
        if at == self.at {
            return Err(self.expected("a value"));
        }
        Ok(Literal { text: self.chars[at..self.at].iter().collect(), quoted: false, at })
    }

    /// The text in quotes that stands here, if there is a quote.
    fn quoted(&mut self) -> Result<Option<String>> {
        let start = self.at;
        let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'')) else { return Ok(None) };
        let mut text = String::new();
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\\' => match self.peek() {
                    Some(escaped) => {
                        self.at += 1;
                        text.push(escaped);
                    }
                    None => break,
                },
                c if c == quote => return Ok(Some(text)),
                c => text.push(c),
            }
        }
        Err(wrong_at(self.text, start, format!("{quote} is never closed")))
    }
}

/// The error for what is wrong at a character of the text.
pub(super) fn wrong_at(text: &str, at: usize, message: impl Into<String>) -> QueryError {
    let before = text.chars().take(at);
    let line = 1 + before.clone().filter(|c| *c == '\n').count();
    let column = 1 + before.collect::<Vec<_>>().iter().rev().take_while(|c| **c != '\n').count();
    // An empty text, or its last line, has no line that the mark could stand under.
    let shown =
        if text.is_empty() || text.ends_with('\n') { format!("{text} ") } else { text.to_owned() };
    QueryError::Sequence(place::problem(&shown, message.into(), line as u64, column as u64))
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
