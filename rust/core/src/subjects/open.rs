//! Personal fields in the clear, for who has the key.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Holder;
use super::field::{PREFIX, Sealed};
use super::keys::place;
use super::seal::waiting;
use super::vault::{Found, Vault};
use crate::redact::path::pointer;
use crate::{Result, json};

/// Stands for a value whose subject was erased.
pub const ERASED: &str = "[erased]";
/// Stands for a value whose key is not in the store, though nothing says that it was erased.
pub const KEY_MISSING: &str = "[key missing]";
/// Stands for a value that its key does not open, or that belongs elsewhere.
pub const UNREADABLE: &str = "[unreadable]";

/// Members that show that an object is a whole record.
const OF_RECORDS: [&str; 4] = ["audit_id", "event_type", "recorded_at", "schema_version"];

impl Vault {
    /// A record with its sealed fields in the clear; as it is where it has none, or without the
    /// privacy key. Canonical JSON, but not what was signed.
    ///
    /// # Errors
    /// `Key` if the privacy key is another one, `Io` or `Store` if keys cannot be read.
    pub async fn unsealed(&self, record: Vec<u8>) -> Result<Vec<u8>> {
        if !has_sealed(&record) || !self.prepare(holders(&record).into_iter()).await? {
            return Ok(record);
        }
        Ok(self.unsealed_json(&record))
    }

    /// Reads the keys that these texts need, each a value or JSON text; `false` without the privacy
    /// key. [`shown`](Self::shown) then shows them.
    ///
    /// # Errors
    /// As [`unsealed`](Self::unsealed).
    pub async fn ready(&self, texts: impl Iterator<Item = &str>) -> Result<bool> {
        self.prepare(needed(texts).into_iter()).await
    }

    /// As [`ready`](Self::ready), for callers that cannot be asynchronous.
    ///
    /// # Errors
    /// As [`unsealed`](Self::unsealed).
    pub fn ready_waiting<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Result<bool> {
        let mut holders = needed(texts);
        holders.retain(|holder| self.found(*holder).is_none());
        if holders.is_empty() {
            return Ok(true);
        }
        waiting(self.prepare(holders.into_iter()))
    }

    /// What is to be shown for a text of a result: for a sealed value what it holds, for JSON text
    /// with sealed values in it the same text with theirs. `None` where nothing changes.
    pub fn shown(&self, text: &str) -> Option<String> {
        if text.starts_with(PREFIX) {
            let value = self.value(text, None)?;
            let plain = json::string_value(&value).map(Cow::into_owned);
            return Some(plain.unwrap_or_else(|| String::from_utf8_lossy(&value).into_owned()));
        }
        if !text.starts_with(['{', '[']) || !has_sealed(text.as_bytes()) {
            return None;
        }
        let shown = self.unsealed_json(text.as_bytes());
        String::from_utf8(shown).ok()
    }

    /// Whether a text is a sealed value equal to `value` (canonical JSON), by its index. Its key
    /// must be [`ready`](Self::ready).
    pub fn is_equal(&self, text: &str, value: &[u8]) -> bool {
        let Some((holder, index)) = Sealed::head(text) else { return false };
        let Some(Found::Key(key)) = self.found(holder) else { return false };
        if index == "-" {
            let opened = Sealed::parse(text).and_then(|sealed| key.open(&sealed));
            return opened.is_some_and(|opened| *opened == value);
        }
        key.index_of(value).to_string() == index
    }

    fn unsealed_json(&self, text: &[u8]) -> Vec<u8> {
        let is_record = OF_RECORDS.iter().all(|name| json::get(text, &[name]).is_some());
        let id = json::get(text, &["audit_id"]).filter(|_| is_record);
        let id = id.and_then(json::string_value).map(Cow::into_owned);
        let mut out = Vec::with_capacity(text.len());
        self.show(text, &mut Vec::new(), id.as_deref(), &mut out);
        out
    }

    fn show(&self, raw: &[u8], path: &mut Vec<String>, id: Option<&str>, out: &mut Vec<u8>) {
        match raw.first() {
            Some(b'{') => {
                out.push(b'{');
                for (i, (name, value)) in json::members(raw).enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    let quoted = [b"\"", name, b"\""].concat();
                    out.extend_from_slice(&quoted);
                    out.push(b':');
                    path.push(json::string_value(&quoted).unwrap_or_default().into_owned());
                    self.show(value, path, id, out);
                    path.pop();
                }
                out.push(b'}');
            }
            Some(b'[') => {
                out.push(b'[');
                for (i, value) in json::elements(raw).enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    path.push(i.to_string());
                    self.show(value, path, id, out);
                    path.pop();
                }
                out.push(b']');
            }
            Some(b'"') if is_sealed(raw) => {
                let text = json::string_value(raw).unwrap_or_default();
                let bind = id.map(|id| place(id, &pointer(path)));
                match self.value(&text, bind) {
                    Some(value) => out.extend_from_slice(&value),
                    None => out.extend_from_slice(raw),
                }
            }
            _ => out.extend_from_slice(raw),
        }
    }

    /// The canonical JSON to show for a sealed value; `None` if it is none, or without the privacy
    /// key.
    fn value(&self, text: &str, bind: Option<[u8; 16]>) -> Option<Vec<u8>> {
        let sealed = Sealed::parse(text)?;
        let marker = |text: &str| format!("\"{text}\"").into_bytes();
        Some(match self.found(sealed.holder)? {
            Found::Erased => marker(ERASED),
            Found::Missing => marker(KEY_MISSING),
            Found::Key(key) => match key.open(&sealed) {
                Some(value) if bind.is_none_or(|bind| bind == sealed.bind) => value.to_vec(),
                _ => marker(UNREADABLE),
            },
        })
    }
}

fn is_sealed(raw: &[u8]) -> bool {
    raw.get(1..).is_some_and(|text| text.starts_with(PREFIX.as_bytes()))
}

fn has_sealed(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"\"sealed:1:").is_some()
}

fn needed<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeSet<Holder> {
    let mut all = BTreeSet::new();
    for text in texts {
        if text.starts_with(PREFIX) {
            all.extend(Sealed::head(text).map(|(holder, _)| holder));
        } else if text.starts_with(['{', '[']) {
            all.extend(holders(text.as_bytes()));
        }
    }
    all
}

/// Whose keys the sealed strings in JSON text need.
fn holders(text: &[u8]) -> BTreeSet<Holder> {
    let found = memchr::memmem::find_iter(text, b"\"sealed:1:").filter_map(|at| {
        let end = json::string_end(text, at)?;
        let string = json::string_value(&text[at..end])?;
        Some(Sealed::head(&string)?.0)
    });
    found.collect()
}
