//! Encrypting the personal fields of an event on its way into the trail.

use std::sync::Arc;

use super::field::Sealed;
use super::keys::{SubjectKey, place};
use super::vault::{Found, Vault};
use crate::config::PersonalConfig;
use crate::redact::path::{Pattern, pointer};
use crate::redact::without_exact;
use crate::{Error, Result, json};

/// Members that are never sealed: the record's own.
const NEVER: [&str; 8] = [
    "_exact_numbers",
    "_redacted",
    "audit_id",
    "event_type",
    "recorded_at",
    "schema_version",
    "schema_violations",
    "timestamp",
];

/// Encrypts what the configuration calls personal.
#[derive(Debug)]
pub struct Sealer {
    vault: Arc<Vault>,
    fields: Vec<Pattern>,
    subject: Vec<Vec<String>>,
    search: bool,
}

impl Sealer {
    /// What the configuration asks for; `None` if no field is personal.
    ///
    /// # Errors
    /// `Usage` for a path that is none.
    pub(crate) fn new(config: &PersonalConfig, vault: Arc<Vault>) -> Result<Option<Self>> {
        if config.fields.is_empty() {
            return Ok(None);
        }
        let fields = config.fields.iter().map(|field| Pattern::parse(field));
        let names = |path: &String| path.split('.').map(str::to_owned).collect();
        Ok(Some(Self {
            vault,
            fields: fields.collect::<Result<_>>()?,
            subject: config.subject.iter().map(names).collect(),
            search: config.search,
        }))
    }

    /// Who an event is about: the first of the configured paths that it, or else what is added to
    /// events, has. Empty if none.
    fn subject(&self, event: &[u8], defaults: &[(&'static str, String)]) -> String {
        let found = self.subject.iter().find_map(|path| {
            let raw = json::get(event, path).filter(|raw| *raw != b"null");
            let added = || match path.as_slice() {
                [name] => defaults.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()),
                _ => None,
            };
            match raw {
                Some(raw) => Some(match json::string_value(raw) {
                    Some(text) => text.into_owned(),
                    None => String::from_utf8_lossy(raw).into_owned(),
                }),
                None => added(),
            }
        });
        found.unwrap_or_default()
    }

    /// The key for an event; `None` if it has nothing personal.
    pub(crate) async fn key_for(
        &self,
        event: &[u8],
        defaults: &[(&'static str, String)],
    ) -> Result<Option<Arc<SubjectKey>>> {
        if !self.concerns(event, defaults) {
            return Ok(None);
        }
        self.vault.key_for_writing(&self.subject(event, defaults)).await.map(Some)
    }

    /// As [`key_for`](Self::key_for), on a thread that may wait for the store.
    pub(crate) fn key_for_waiting(
        &self,
        event: &[u8],
        defaults: &[(&'static str, String)],
    ) -> Result<Option<Arc<SubjectKey>>> {
        if !self.concerns(event, defaults) {
            return Ok(None);
        }
        let subject = self.subject(event, defaults);
        if let Some(key) = self.vault.known_for_writing(&subject) {
            return Ok(Some(key));
        }
        waiting(self.vault.key_for_writing(&subject)).map(Some)
    }

    fn concerns(&self, event: &[u8], defaults: &[(&'static str, String)]) -> bool {
        let added = |(name, _): &(&'static str, String)| {
            let path = [(*name).to_owned()];
            self.fields.iter().any(|field| field.fits(&path))
        };
        let mut any = false;
        let mut path = Vec::new();
        self.each(event, &mut path, &mut |_, _| {
            any = true;
            Ok(None)
        })
        .is_ok_and(|_| any)
            || defaults.iter().any(added)
    }

    /// The record with its personal fields encrypted.
    pub(crate) fn seal(&self, record: &[u8], audit_id: &str, key: &SubjectKey) -> Result<Vec<u8>> {
        let mut done = Vec::new();
        let sealed = self.each(record, &mut Vec::new(), &mut |path, raw| {
            let at = pointer(path);
            let sealed = key.seal(raw, place(audit_id, &at), self.search)?;
            done.push(at);
            Ok(Some(sealed.to_string()))
        })?;
        let done: Vec<&str> = done.iter().map(String::as_str).collect();
        Ok(without_exact(&sealed, &done).unwrap_or(sealed))
    }

    /// The record with its sealed fields bound to another id than they were. What the caller
    /// recorded in the form of sealed fields does not open, and is sealed itself.
    pub(crate) fn bind(&self, record: &[u8], audit_id: &str) -> Result<Vec<u8>> {
        self.each(record, &mut Vec::new(), &mut |path, raw| {
            let text = json::string_value(raw).unwrap_or_default();
            let failed = || Error::Key("a field that was just sealed does not open".to_owned());
            let sealed = Sealed::parse(&text).ok_or_else(failed)?;
            let Some(Found::Key(key)) = self.vault.found(sealed.holder) else {
                return Err(failed());
            };
            let value = key.open(&sealed).ok_or_else(failed)?;
            let bind = place(audit_id, &pointer(path));
            key.seal(&value, bind, self.search).map(|sealed| Some(sealed.to_string()))
        })
    }

    /// Rewrites the personal fields of an object: `change` gets path and value, and gives the text
    /// that takes its place.
    fn each(
        &self,
        object: &[u8],
        path: &mut Vec<String>,
        change: &mut dyn FnMut(&[String], &[u8]) -> Result<Option<String>>,
    ) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(object.len() + 256);
        self.value(object, path, change, &mut out)?;
        Ok(out)
    }

    fn value(
        &self,
        raw: &[u8],
        path: &mut Vec<String>,
        change: &mut dyn FnMut(&[String], &[u8]) -> Result<Option<String>>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let never = path.first().is_some_and(|name| NEVER.contains(&name.as_str()));
        if never || raw == b"null" {
            out.extend_from_slice(raw);
            return Ok(());
        }
        if !path.is_empty()
            && self.fields.iter().any(|field| field.fits(path))
            && let Some(text) = change(path, raw)?
        {
            json::write_string(&text, out);
            return Ok(());
        }
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
                    self.value(value, path, change, out)?;
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
                    self.value(value, path, change, out)?;
                    path.pop();
                }
                out.push(b']');
            }
            _ => out.extend_from_slice(raw),
        }
        Ok(())
    }
}

/// Waits for the store where the caller cannot be asynchronous.
pub(super) fn waiting<T: Send>(work: impl Future<Output = Result<T>> + Send) -> Result<T> {
    use tokio::runtime::{Handle, RuntimeFlavor};

    match Handle::try_current() {
        // Another thread goes on with what this one was doing: the store must not wait for us.
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(|| runtime.block_on(work))
        }
        Ok(_) => {
            let runtime = crate::runtime()?;
            let ended = |_| Error::io("thread", std::io::Error::other("a thread ended early"));
            std::thread::scope(|scope| {
                scope.spawn(|| runtime.block_on(work)).join().map_err(ended)?
            })
        }
        Err(_) => crate::runtime()?.block_on(work),
    }
}
