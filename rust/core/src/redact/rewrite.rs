//! The walk through a record.

use std::collections::HashSet;

use super::path::pointer;
use super::{FIELD, Redacted, Redaction, Redactor, SECRET, cover::Cover, detect, mark};
use crate::config::RedactionAction;
use crate::json::{self, Canonicalizer, Limits};
use crate::{Error, Result};

/// Members of a record that cannot hold anything sensitive, because their form is fixed.
const FIXED: [&str; 4] = ["event_type", "recorded_at", "schema_version", "timestamp"];
/// The list of what was redacted before recording; and the pointers of exact numbers, which
/// follow what becomes of those.
const DONE: &str = "_redacted";
const EXACT: &str = "_exact_numbers";

/// When a record is redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before it is recorded: its id stays as the caller gave it.
    Recording,
    /// Where it leaves the trail.
    Leaving,
}

/// The bytes of canonical JSON grow where marks are longer than what they replace.
const LIMITS: Limits = Limits { max_bytes: usize::MAX, max_depth: 128 };

pub(super) fn redact(redactor: &Redactor, text: &[u8], stage: Stage) -> Result<Redacted> {
    if !json::is_object(text) {
        return Err(Error::event("not_an_object", "", "a record must be a JSON object"));
    }
    let mut walk = Walk { redactor, stage, path: Vec::new(), list: Vec::new(), renamed: false };
    let mut out = Vec::with_capacity(text.len() + 64);
    walk.object(text, &mut out)?;
    walk.list.sort();
    walk.list.dedup();
    let changed: Vec<&str> = walk.list.iter().map(|done| done.path.as_str()).collect();
    if let Some(pruned) = without_exact(&out, &changed) {
        out = pruned;
    }
    if walk.renamed {
        out = Canonicalizer::default().object(&out, LIMITS)?.0.to_vec();
    }
    Ok(Redacted { json: out, list: walk.list })
}

struct Walk<'a> {
    redactor: &'a Redactor,
    stage: Stage,
    path: Vec<String>,
    list: Vec<Redaction>,
    /// Whether a member got another name, so that the order of members may be wrong.
    renamed: bool,
}

impl Walk<'_> {
    fn object(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.push(b'{');
        let mut first = true;
        let mut taken = HashSet::new();
        for (name, value) in json::members(raw) {
            let plain = plain_name(name);
            let Some(shown) = self.name(&plain, raw, &mut taken)? else { continue };
            let start = out.len();
            if !first {
                out.push(b',');
            }
            json::write_string(&shown, out);
            out.push(b':');
            self.path.push(shown.clone());
            let kept = self.member(&shown, value, out)?;
            self.path.pop();
            if kept { first = false } else { out.truncate(start) }
        }
        out.push(b'}');
        Ok(())
    }

    /// The name that a member gets, `None` if it is dropped for its name. `taken` are the names of
    /// the object, once they matter.
    fn name(
        &mut self,
        plain: &str,
        object: &[u8],
        taken: &mut HashSet<String>,
    ) -> Result<Option<String>> {
        let Some(name) = self.text(plain, "", true)? else { return Ok(None) };
        if name == plain {
            return Ok(Some(name));
        }
        self.renamed = true;
        if taken.is_empty() {
            taken.extend(json::members(object).map(|(name, _)| plain_name(name)));
        }
        let mut unique = name.clone();
        for n in 2.. {
            if taken.insert(unique.clone()) {
                break;
            }
            unique = format!("{name}#{n}");
        }
        Ok(Some(unique))
    }

    /// Appends what a member's value becomes; `false` if nothing.
    fn member(&mut self, name: &str, raw: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        let stays = |name| FIXED.contains(&name) || name == DONE || name == EXACT;
        let at_top = self.path.len() == 1;
        if at_top && (stays(name) || (name == "audit_id" && self.stage == Stage::Recording)) {
            out.extend_from_slice(raw);
            return Ok(true);
        }
        if let Some(action) = self.redactor.secrets
            && detect::is_secret_name(name)
            && raw != b"null"
        {
            return self.whole(action, SECRET, raw, out);
        }
        self.value(name, raw, out)
    }

    fn value(&mut self, name: &str, raw: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        let field = self.redactor.fields.iter().find(|(pattern, _)| pattern.fits(&self.path));
        if let Some((_, action)) = field
            && raw != b"null"
        {
            return self.whole(*action, FIELD, raw, out);
        }
        match raw.first() {
            Some(b'{') => self.object(raw, out).map(|()| true),
            Some(b'[') => self.array(name, raw, out).map(|()| true),
            Some(b'"') => {
                let text = json::string_value(raw).unwrap_or_default();
                let Some(shown) = self.text(&text, name, false)? else { return Ok(false) };
                json::write_string(&shown, out);
                Ok(true)
            }
            Some(b't' | b'f' | b'n') | None => {
                out.extend_from_slice(raw);
                Ok(true)
            }
            Some(_) => self.number(name, raw, out),
        }
    }

    /// A number may be that of a card, too.
    fn number(&mut self, name: &str, raw: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        let found = self.found(&String::from_utf8_lossy(raw), name);
        let Some(found) = found.first() else {
            out.extend_from_slice(raw);
            return Ok(true);
        };
        self.whole(self.action_of(found.what), found.what.name(), raw, out)
    }

    /// What is dropped from an array leaves `null`, so that positions stay.
    fn array(&mut self, name: &str, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.push(b'[');
        for (index, value) in json::elements(raw).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.path.push(index.to_string());
            if !self.value(name, value, out)? {
                out.extend_from_slice(b"null");
            }
            self.path.pop();
        }
        out.push(b']');
        Ok(())
    }

    /// Replaces a whole value; one that is a mark already stays.
    fn whole(
        &mut self,
        action: RedactionAction,
        what: &'static str,
        raw: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let cover = &self.redactor.cover;
        let shown = match json::string_value(raw) {
            Some(text) if is_mark(&text) && action != RedactionAction::Drop => {
                out.extend_from_slice(raw);
                return Ok(true);
            }
            Some(text) => cover.text(action, what, &text)?,
            None => cover.json(action, what, raw)?,
        };
        self.tell(action, what);
        match shown {
            Some(shown) => {
                json::write_string(&shown, out);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// A text without what the detectors find in it, `None` if it is dropped.
    fn text(&mut self, text: &str, name: &str, is_name: bool) -> Result<Option<String>> {
        let mut text = text.to_owned();
        // Where something goes, something else may begin; each round leaves less to find.
        loop {
            let found = self.found(&text, name);
            if found.is_empty() {
                return Ok(Some(text));
            }
            let (mut next, mut from) = (String::with_capacity(text.len()), 0);
            for found in found {
                let action = self.action_of(found.what);
                if is_name {
                    self.path.push(mark::masked(found.what.name()));
                }
                self.tell(action, found.what.name());
                if is_name {
                    self.path.pop();
                }
                let part = &text[found.range.clone()];
                let Some(shown) = self.redactor.cover.text(action, found.what.name(), part)? else {
                    return Ok(None);
                };
                next.push_str(&text[from..found.range.start]);
                next.push_str(&shown);
                from = found.range.end;
            }
            next.push_str(&text[from..]);
            text = next;
        }
    }

    /// `name` is that of the member that has the text. What it was before it was redacted itself
    /// does not count: it will not be there the next time.
    fn found(&self, text: &str, name: &str) -> Vec<detect::Found> {
        let name: String = mark::outside(name).into_iter().map(|part| &name[part]).collect();
        let name = name.as_str();
        let wanted = |what| self.redactor.detectors.iter().any(|(detector, _)| *detector == what);
        let mut all = Vec::new();
        for part in mark::outside(text) {
            let found = detect::find_in(&text[part.clone()], name, wanted);
            all.extend(found.into_iter().map(|found| detect::Found {
                range: found.range.start + part.start..found.range.end + part.start,
                ..found
            }));
        }
        all
    }

    fn action_of(&self, what: crate::config::Detector) -> RedactionAction {
        let found = self.redactor.detectors.iter().find(|(detector, _)| *detector == what);
        found.map_or(RedactionAction::Mask, |(_, action)| *action)
    }

    fn tell(&mut self, action: RedactionAction, what: &str) {
        let path = pointer(&self.path);
        self.list.push(Redaction { how: action.name().to_owned(), path, what: what.to_owned() });
    }
}

fn plain_name(raw: &[u8]) -> String {
    json::string_value(&[b"\"", raw, b"\""].concat()).unwrap_or_default().into_owned()
}

fn is_mark(text: &str) -> bool {
    mark::marks(text).first().is_some_and(|mark| mark.range == (0..text.len()))
}

/// Whether a pointer leads to something in the record that is not at or below one of `changed`.
pub(crate) fn still_there(record: &[u8], pointer: &str, changed: &[&str]) -> bool {
    let covers = |path: &str| {
        pointer.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if changed.is_empty() {
        return true;
    }
    let names = pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
    let found = names.into_iter().try_fold(record, |value, name| match value.first()? {
        b'[' => json::elements(value).nth(name.parse().ok()?),
        _ => json::get(value, &[name]),
    });
    found.is_some() && !changed.iter().any(|path| covers(path))
}

/// The record without those `_exact_numbers` that are at or below one of these pointers: they lead
/// to no number any more. `None` if nothing changes.
pub(crate) fn without_exact(record: &[u8], changed: &[&str]) -> Option<Vec<u8>> {
    let raw = json::get(record, &[EXACT])?;
    let pointers: Vec<_> = json::elements(raw).filter_map(json::string_value).collect();
    let kept: Vec<_> = pointers.iter().filter(|p| still_there(record, p, changed)).collect();
    if kept.len() == pointers.len() {
        return None;
    }
    let mut out = vec![b'{'];
    for (name, value) in json::members(record) {
        if name == EXACT.as_bytes() && kept.is_empty() {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&[b"\"", name, b"\":"].concat());
        if name != EXACT.as_bytes() {
            out.extend_from_slice(value);
            continue;
        }
        for (i, pointer) in kept.iter().enumerate() {
            out.push(if i > 0 { b',' } else { b'[' });
            json::write_string(pointer, &mut out);
        }
        out.push(b']');
    }
    out.push(b'}');
    Some(out)
}

/// Puts encrypted values back.
pub(super) fn reveal(cover: &Cover, text: &[u8]) -> Result<(Vec<u8>, usize)> {
    if !json::is_object(text) {
        return Err(Error::event("not_an_object", "", "a record must be a JSON object"));
    }
    let (mut out, mut count) = (Vec::with_capacity(text.len()), 0);
    revealed(cover, text, &mut out, &mut count)?;
    // Names may have changed their order, and values are put back as they were.
    let out = Canonicalizer::default().object(&out, LIMITS)?.0.to_vec();
    Ok((out, count))
}

fn revealed(cover: &Cover, raw: &[u8], out: &mut Vec<u8>, count: &mut usize) -> Result<()> {
    match raw.first() {
        Some(b'{') => {
            out.push(b'{');
            for (i, (name, value)) in json::members(raw).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                let name = [b"\"", name, b"\""].concat();
                revealed_text(cover, &name, false, out, count)?;
                out.push(b':');
                revealed(cover, value, out, count)?;
            }
            out.push(b'}');
        }
        Some(b'[') => {
            out.push(b'[');
            for (i, value) in json::elements(raw).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                revealed(cover, value, out, count)?;
            }
            out.push(b']');
        }
        Some(b'"') => revealed_text(cover, raw, true, out, count)?,
        _ => out.extend_from_slice(raw),
    }
    Ok(())
}

fn revealed_text(
    cover: &Cover,
    raw: &[u8],
    is_value: bool,
    out: &mut Vec<u8>,
    count: &mut usize,
) -> Result<()> {
    let text = json::string_value(raw).unwrap_or_default();
    let (mut plain, mut from) = (String::with_capacity(text.len()), 0);
    for mark in mark::marks(&text) {
        let Some(sealed) = mark.sealed else { continue };
        let (kind, bytes) = cover.open(sealed)?;
        *count += 1;
        if kind == b'j' && is_value && mark.range == (0..text.len()) {
            out.extend_from_slice(&bytes);
            return Ok(());
        }
        plain.push_str(&text[from..mark.range.start]);
        plain.push_str(&String::from_utf8_lossy(&bytes));
        from = mark.range.end;
    }
    plain.push_str(&text[from..]);
    json::write_string(&plain, out);
    Ok(())
}
