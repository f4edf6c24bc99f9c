//! Changes of the configuration with which a host writes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::writer::Writer;
use crate::record::Strictness;
use crate::storage::durable::{self, Access};
use crate::{Error, Result};

const FILE: &str = "config.json";

/// The settings with which this host last opened the trail to write (FORMAT section 9).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    settings: BTreeMap<String, Value>,
    v: u32,
}

/// Records what differs from the settings that this host had last, one event for each, and then
/// remembers the new ones. A host that never wrote to the trail has nothing to differ from.
///
/// # Errors
/// As recording; `Io` or `Integrity` if what is remembered cannot be read or replaced.
pub(super) async fn tell_of_changes(
    writer: &Writer,
    state_dir: &Path,
    settings: &BTreeMap<String, Value>,
) -> Result<()> {
    let path = state_dir.join(FILE);
    let known = match durable::read(&path) {
        Ok(bytes) => Some(parse(&path, &bytes)?),
        Err(Error::NotFound(_)) => None,
        Err(e) => return Err(e),
    };
    if known.as_ref().is_some_and(|known| known.settings == *settings) {
        return Ok(());
    }
    if let Some(known) = known {
        let events = changes(&known.settings, settings);
        for result in writer.record_batch(&events, Strictness::Lenient).await? {
            result?;
        }
    }
    let known = Known { settings: settings.clone(), v: 1 };
    durable::replace(&path, &crate::segment::canonical(&known)?, Access::Private)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Known> {
    let known: Known = serde_json::from_slice(bytes)
        .map_err(|e| Error::integrity(path.display().to_string(), e.to_string()))?;
    match known.v {
        1 => Ok(known),
        v => Err(Error::integrity(path.display().to_string(), format!("version {v}"))),
    }
}

/// One event for each setting that differs.
fn changes(old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Vec<Vec<u8>> {
    let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let value = |settings: &BTreeMap<String, Value>, path: &String| {
        settings.get(path).cloned().unwrap_or(Value::Null)
    };
    let changed = paths.into_iter().filter(|path| value(old, path) != value(new, path));
    let event = |path: &String| {
        let (old_value, new_value) = (value(old, path), value(new, path));
        json!({
            "change_type": "configuration",
            "event_type": "system.config_change",
            "new_value": new_value,
            "old_value": old_value,
            "setting": path,
        })
    };
    changed.map(|path| event(path).to_string().into_bytes()).collect()
}
