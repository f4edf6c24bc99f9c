//! From what a caller reports to the record that is kept (FORMAT section 2).

mod ids;

#[cfg(test)]
mod tests;

pub use ids::{IdSource, Stamp, StampRange};

use std::ops::Range;
use std::sync::Arc;

use crate::catalogue::{Violation, catalogue};
use crate::json::{self, Canonicalizer, Limits};
use crate::keys::HmacKey;
use crate::redact::{Redaction, Redactor, still_there};
use crate::subjects::{Sealer, SubjectKey};
use crate::{Error, Result};

/// The version of the record's shape that this build writes.
pub const SCHEMA_VERSION: i64 = 1;
const MAX_ID: usize = 256;
const RESERVED: [&[u8]; 5] =
    [b"_exact_numbers", b"_redacted", b"recorded_at", b"schema_version", b"schema_violations"];

/// What to do with events that the catalogue finds fault with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// Keep them, and note the faults in `schema_violations`.
    #[default]
    Lenient,
    /// Refuse them, naming the first fault.
    Strict,
}

/// What a recorder holds every event against.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Size and depth of the record.
    pub limits: Limits,
    /// How far a `timestamp` may lie ahead of the recorder's clock, in microseconds.
    pub max_future: i64,
    /// Top-level string fields that are added to events which lack them.
    pub defaults: Vec<(&'static str, String)>,
    /// Key of the hash by which repeated ids are told from conflicting ones.
    pub content_key: Arc<HmacKey>,
    /// Redacts events before they are recorded.
    pub redactor: Option<Arc<Redactor>>,
    /// Encrypts their personal fields.
    pub sealer: Option<Arc<Sealer>>,
}

/// A record's facts that recording itself needs.
#[derive(Debug, Clone)]
pub struct Facts {
    /// `timestamp` in microseconds since 1970, UTC.
    pub timestamp: i64,
    /// Where the (unescaped) `audit_id` stands in the record, or the id itself if escaped.
    pub audit_id: String,
    /// Position of the domain in the catalogue.
    pub domain: u8,
    /// Keyed hash of the event as the caller gave it, if the caller gave the id too.
    pub content: Option<[u8; 16]>,
}

/// An event that passed every check and only lacks the recorder's stamp.
#[derive(Debug)]
pub struct Checked {
    event: Vec<u8>,
    /// The event as the caller gave it, if it was redacted, and what was.
    given: Option<Vec<u8>>,
    redactions: Vec<Redaction>,
    /// The key of whom it is about, if it has personal fields.
    subject: Option<Arc<SubjectKey>>,
    members: Vec<(Range<usize>, Range<usize>)>,
    exact: Vec<String>,
    violations: Vec<Violation>,
    timestamp: Option<i64>,
    audit_id: Option<String>,
    domain: u8,
}

impl Checked {
    /// The id that the caller gave, and the keyed hash of the event that it belongs to.
    pub fn given(&self, rules: &Rules) -> Option<(&str, [u8; 16])> {
        let id = self.audit_id.as_deref()?;
        Some((id, rules.content_key.tag16(&[self.given.as_ref().unwrap_or(&self.event)])))
    }
}

/// Checks events; reusable, to keep its buffers.
#[derive(Debug, Default)]
pub struct Checker {
    canonical: Canonicalizer,
}

impl Checker {
    /// Everything about an event that does not depend on when it is recorded.
    ///
    /// # Errors
    /// `InvalidEvent` with the field's path.
    pub fn check(&mut self, text: &[u8], rules: &Rules, strictness: Strictness) -> Result<Checked> {
        let (event, exact) = self.canonical.object(text, rules.limits)?;
        let redacted = rules.redactor.as_ref().map(|redactor| redactor.redact_event(event));
        let redacted = redacted.transpose()?.filter(|redacted| !redacted.list.is_empty());
        let given = redacted.is_some().then(|| event.to_vec());
        let list = redacted.as_ref().map_or(&[][..], |redacted| &redacted.list);
        let event = redacted.as_ref().map_or(event, |redacted| &redacted.json);
        let changed: Vec<&str> = list.iter().map(|redaction| redaction.path.as_str()).collect();
        let exact = exact.iter().filter(|pointer| still_there(event, pointer, &changed));
        let mut checked = Checked {
            event: event.to_vec(),
            given,
            redactions: list.to_vec(),
            subject: None,
            members: Vec::with_capacity(24),
            exact: exact.cloned().collect(),
            violations: Vec::new(),
            timestamp: None,
            audit_id: None,
            domain: 0,
        };
        let mut event_type = None;
        let base = event.as_ptr() as usize;
        let range = |part: &[u8]| {
            let start = part.as_ptr() as usize - base;
            start..start + part.len()
        };
        for (name, value) in json::members(event) {
            match name {
                b"audit_id" => checked.audit_id = Some(given_id(value)?),
                b"event_type" => event_type = Some(string_field("event_type", value)?),
                b"timestamp" => {
                    let text = string_field("timestamp", value)?;
                    checked.timestamp = Some(json::parse_timestamp(&text, "timestamp")?);
                }
                _ if RESERVED.contains(&name) => return Err(reserved(name)),
                _ => {}
            }
            checked.members.push((range(name), range(value)));
        }
        let event_type = event_type.ok_or_else(|| {
            Error::event(
                "missing_field",
                "event_type",
                "missing; every event needs `domain.action`",
            )
        })?;
        let (domain, _) = catalogue().split_event_type(&event_type)?;
        let at = catalogue().domains().iter().position(|d| d.name == domain);
        checked.domain = at.unwrap_or_default() as u8;
        checked.violations = catalogue().check(&event_type, event);
        checked.drop_exact_numbers();
        match checked.violations.first() {
            Some(first) if strictness == Strictness::Strict => Err(Error::event(
                "catalogue",
                first.path.clone(),
                format!(
                    "{} ({event_type} requires it so; record leniently to keep it)",
                    first.problem
                ),
            )),
            _ => Ok(checked),
        }
    }
}

impl Checked {
    /// Gets the key for the event's personal fields, made if need be. Comes before
    /// [`stamp`](Self::stamp), which waits for nothing.
    ///
    /// # Errors
    /// `Key` if there is no usable privacy key, `Io` or `Store`.
    pub(crate) async fn find_subject(&mut self, rules: &Rules) -> Result<()> {
        if let Some(sealer) = &rules.sealer {
            self.subject = sealer.key_for(&self.event, &rules.defaults).await?;
        }
        Ok(())
    }

    /// As [`find_subject`](Self::find_subject), on a thread that may wait.
    ///
    /// # Errors
    /// As [`find_subject`](Self::find_subject).
    pub(crate) fn find_subject_waiting(&mut self, rules: &Rules) -> Result<()> {
        if let Some(sealer) = &rules.sealer {
            self.subject = sealer.key_for_waiting(&self.event, &rules.defaults)?;
        }
        Ok(())
    }

    /// Numbers that became strings for their exactness are no violations.
    fn drop_exact_numbers(&mut self) {
        if !self.exact.is_empty() && !self.violations.is_empty() {
            let exact = std::mem::take(&mut self.exact);
            self.violations.retain(|v| !exact.contains(&format!("/{}", v.path.replace('.', "/"))));
            self.exact = exact;
        }
    }

    /// Appends the record to `out`; `content` is the hash that [`given`](Self::given) returned.
    ///
    /// # Errors
    /// `InvalidEvent` if the time lies too far ahead or the record is too large.
    pub fn stamp(
        &self,
        stamp: &Stamp,
        rules: &Rules,
        content: Option<[u8; 16]>,
        out: &mut Vec<u8>,
    ) -> Result<Facts> {
        let timestamp = self.timestamp.unwrap_or(stamp.recorded_at);
        if timestamp > stamp.recorded_at.saturating_add(rules.max_future) {
            let mut now = Vec::with_capacity(27);
            json::format_timestamp(stamp.recorded_at, &mut now);
            let message = format!(
                "lies more than max_future_seconds = {} after the recorder's clock, {}",
                rules.max_future / 1_000_000,
                String::from_utf8_lossy(&now)
            );
            return Err(Error::event("future_time", "timestamp", message));
        }
        let audit_id = self.audit_id.clone().unwrap_or_else(|| stamp.audit_id());
        let start = out.len();
        let additions = self.additions(stamp, timestamp, &audit_id, rules);
        self.merge(&additions, out);
        if let (Some(sealer), Some(key)) = (&rules.sealer, &self.subject) {
            let sealed = sealer.seal(&out[start..], &audit_id, key)?;
            out.truncate(start);
            out.extend_from_slice(&sealed);
        }
        if out.len() - start > rules.limits.max_bytes {
            let size = out.len() - start;
            out.truncate(start);
            return Err(json::too_large(size, rules.limits.max_bytes));
        }
        Ok(Facts { timestamp, audit_id, domain: self.domain, content })
    }

    /// Members that are added or replaced, sorted by name, with their raw values.
    fn additions(
        &self,
        stamp: &Stamp,
        timestamp: i64,
        audit_id: &str,
        rules: &Rules,
    ) -> Vec<(&'static [u8], Vec<u8>)> {
        let time = |micros| {
            let mut raw = Vec::with_capacity(29);
            raw.push(b'"');
            json::format_timestamp(micros, &mut raw);
            raw.push(b'"');
            raw
        };
        let mut list: Vec<(&'static [u8], Vec<u8>)> = Vec::with_capacity(8);
        if !self.exact.is_empty() {
            list.push((b"_exact_numbers", raw_strings(&self.exact)));
        }
        if !self.redactions.is_empty() {
            list.push((b"_redacted", raw_redactions(&self.redactions)));
        }
        if self.audit_id.is_none() {
            let mut raw = Vec::with_capacity(50);
            json::write_string(audit_id, &mut raw);
            list.push((b"audit_id", raw));
        }
        list.push((b"recorded_at", time(stamp.recorded_at)));
        list.push((b"schema_version", SCHEMA_VERSION.to_string().into_bytes()));
        if !self.violations.is_empty() {
            list.push((b"schema_violations", raw_violations(&self.violations)));
        }
        list.push((b"timestamp", time(timestamp)));
        for (name, value) in &rules.defaults {
            let given = self.members.iter().any(|(n, _)| self.event[n.clone()] == *name.as_bytes());
            if !given {
                let mut raw = Vec::new();
                json::write_string(value, &mut raw);
                list.push((name.as_bytes(), raw));
            }
        }
        if !rules.defaults.is_empty() {
            list.sort_by(|a, b| json::cmp_names(a.0, b.0));
        }
        list
    }

    fn merge(&self, additions: &[(&'static [u8], Vec<u8>)], out: &mut Vec<u8>) {
        let mut additions = additions.iter().peekable();
        let mut put = |name: &[u8], value: &[u8], first: bool| {
            out.push(if first { b'{' } else { b',' });
            out.push(b'"');
            out.extend_from_slice(name);
            out.extend_from_slice(b"\":");
            out.extend_from_slice(value);
        };
        let mut first = true;
        for (name, value) in &self.members {
            let (name, value) = (&self.event[name.clone()], &self.event[value.clone()]);
            while let Some((added, raw)) =
                additions.next_if(|(added, _)| json::cmp_names(added, name).is_lt())
            {
                put(added, raw, first);
                first = false;
            }
            let replaced = additions.next_if(|(added, _)| *added == name);
            put(name, replaced.map_or(value, |(_, raw)| raw), first);
            first = false;
        }
        for (added, raw) in additions {
            put(added, raw, first);
            first = false;
        }
        out.push(b'}');
    }
}

/// Facts of a record that was read back from a log: its facts and its `recorded_at`.
///
/// # Errors
/// `Integrity` if it is no record.
pub(crate) fn facts_of(record: &[u8], content: Option<[u8; 16]>) -> Result<(Facts, i64)> {
    let text = |name: &str| json::get(record, &[name]).and_then(json::string_value);
    let time = |name: &str| json::parse_canonical_timestamp(text(name)?.as_bytes());
    let domain = |event_type: &str| {
        let (domain, _) = catalogue().split_event_type(event_type).ok()?;
        catalogue().domains().iter().position(|d| d.name == domain)
    };
    let found = || {
        let domain = text("event_type").and_then(|t| domain(&t))? as u8;
        let audit_id = text("audit_id")?.into_owned();
        let facts = Facts { timestamp: time("timestamp")?, audit_id, domain, content };
        Some((facts, time("recorded_at")?))
    };
    found().ok_or_else(|| Error::integrity("log", "a frame holds no record"))
}

fn string_field<'a>(field: &str, raw: &'a [u8]) -> Result<std::borrow::Cow<'a, str>> {
    json::string_value(raw).ok_or_else(|| Error::event("wrong_type", field, "must be a string"))
}

fn given_id(raw: &[u8]) -> Result<String> {
    let id = string_field("audit_id", raw)?;
    let fits = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        return Ok(id.into_owned());
    }
    let message = format!("must be 1 to {MAX_ID} printable ASCII characters without space");
    Err(Error::event("invalid_id", "audit_id", message))
}

fn reserved(name: &[u8]) -> Error {
    let message = "is set by the recorder; rename or leave out the event's own field";
    Error::event("reserved_field", String::from_utf8_lossy(name), message)
}

fn raw_strings(items: &[String]) -> Vec<u8> {
    let mut raw = vec![b'['];
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            raw.push(b',');
        }
        json::write_string(item, &mut raw);
    }
    raw.push(b']');
    raw
}

fn raw_violations(violations: &[Violation]) -> Vec<u8> {
    let mut raw = vec![b'['];
    for (i, violation) in violations.iter().enumerate() {
        raw.extend_from_slice(if i > 0 { b",{\"path\":" } else { b"{\"path\":" });
        json::write_string(&violation.path, &mut raw);
        raw.extend_from_slice(b",\"problem\":");
        json::write_string(&violation.problem, &mut raw);
        raw.push(b'}');
    }
    raw.push(b']');
    raw
}

fn raw_redactions(redactions: &[Redaction]) -> Vec<u8> {
    let mut raw = vec![b'['];
    for (i, redaction) in redactions.iter().enumerate() {
        let Redaction { how, path, what } = redaction;
        raw.extend_from_slice(if i > 0 { b",{" } else { b"{" });
        for (j, (name, value)) in [("how", how), ("path", path), ("what", what)].iter().enumerate()
        {
            raw.extend_from_slice(if j > 0 { b",\"" } else { b"\"" });
            raw.extend_from_slice(name.as_bytes());
            raw.extend_from_slice(b"\":");
            json::write_string(value, &mut raw);
        }
        raw.push(b'}');
    }
    raw.push(b']');
    raw
}
