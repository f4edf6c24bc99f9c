//! New stamps for lines that were read in an epoch that is over.

use super::Part;
use crate::record::StampRange;
use crate::subjects::Sealer;
use crate::{Error, Result, json};

impl Part {
    /// Smallest `recorded_at`, in microseconds.
    pub(super) fn first_recorded(&self) -> i64 {
        self.items.iter().map(|item| item.recorded_at).min().unwrap_or(i64::MAX)
    }

    /// Gives every record another `recorded_at`, and those whose id was generated the id that
    /// goes with it. Both have the same length in all records of a load, so they are replaced in
    /// place.
    pub(super) fn restamp(&mut self, stamps: StampRange, sealer: Option<&Sealer>) -> Result<()> {
        for (at, item) in self.items.iter_mut().enumerate() {
            let stamp = stamps.get(at as u64);
            let record = &mut self.arenas[item.chunk][item.from..item.to];
            let mut time = Vec::with_capacity(27);
            json::format_timestamp(stamp.recorded_at, &mut time);
            replace(record, "recorded_at", &time)?;
            if item.facts.content.is_none() {
                let audit_id = stamp.audit_id();
                replace(record, "audit_id", audit_id.as_bytes())?;
                if let Some(sealer) = sealer {
                    rebind(record, sealer, &audit_id)?;
                }
                item.facts.audit_id = audit_id;
            }
            item.recorded_at = stamp.recorded_at;
        }
        Ok(())
    }
}

/// Replaces the text of a member without escapes by another of the same length.
fn replace(record: &mut [u8], name: &str, text: &[u8]) -> Result<()> {
    let base = record.as_ptr() as usize;
    let place = json::get(record, &[name]).map(|raw| raw.as_ptr() as usize - base + 1);
    let end =
        |from: usize| from.checked_add(text.len()).filter(|end| record.get(*end) == Some(&b'"'));
    match place.and_then(|from| Some(from..end(from)?)) {
        Some(range) => {
            record[range].copy_from_slice(text);
            Ok(())
        }
        None => Err(Error::encoding(name, "does not have the length of another stamp")),
    }
}

/// Seals the personal fields for another id.
fn rebind(record: &mut [u8], sealer: &Sealer, audit_id: &str) -> Result<()> {
    let bound = sealer.bind(record, audit_id)?;
    if bound.len() != record.len() {
        let message = "sealed fields do not have the length of others";
        return Err(Error::encoding("personal fields", message));
    }
    record.copy_from_slice(&bound);
    Ok(())
}
