//! What an attacker with access to the files may do, for the demo.

use std::fs;
use std::path::{Path, PathBuf};

use sealtrail_core::storage::durable;

use crate::failure::Failure;

/// Copies a folder of files.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    for (inner, _) in durable::list(from)? {
        let target = to.join(&inner);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(|error| Failure::io(folder, error))?;
        }
        fs::copy(from.join(&inner), &target).map_err(|error| Failure::io(&target, error))?;
    }
    Ok(())
}

/// Flips one bit in the middle of the largest segment; says what it did.
pub(super) fn flip_a_bit(trail: &Path) -> Result<String, Failure> {
    let folder = Path::new("segments");
    let segments = durable::list(&trail.join(folder))?;
    let largest = segments.into_iter().max_by_key(|(_, size)| *size);
    let Some((name, size)) = largest else {
        return Err(Failure::usage("the trail has no segment to tamper with"));
    };
    let middle = usize::try_from(size / 2).unwrap_or(0);
    let path = folder.join(name);
    edit(&trail.join(&path), |bytes| match bytes.get_mut(middle) {
        Some(byte) => {
            *byte ^= 1;
            true
        }
        None => false,
    })?;
    Ok(format!("flipped one bit of byte {middle} in {}", path.display()))
}

/// Changes the number of rows that the newest ledger entry with records claims; says what it did.
pub(super) fn edit_an_entry(trail: &Path) -> Result<String, Failure> {
    let folder = Path::new("ledger");
    let mut entries: Vec<PathBuf> = durable::list(&trail.join(folder))?
        .into_iter()
        .map(|(name, _)| folder.join(name))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    entries.sort();
    for path in entries.iter().rev() {
        if edit(&trail.join(path), change_rows)? {
            return Ok(format!("changed `rows` of a segment in {}", path.display()));
        }
    }
    Err(Failure::usage("the trail has no entry with records to tamper with"))
}

/// Changes the last digit of the first `"rows":<number>`; false if there is none.
fn change_rows(bytes: &mut Vec<u8>) -> bool {
    const NAME: &[u8] = b"\"rows\":";
    let Some(at) = bytes.windows(NAME.len()).position(|window| window == NAME) else {
        return false;
    };
    let digits = bytes[at + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = at + NAME.len()..at + NAME.len() + digits;
    let Some(last) = bytes.get_mut(number).and_then(<[u8]>::last_mut) else { return false };
    *last = if *last == b'9' { b'8' } else { *last + 1 };
    true
}

/// Rewrites the file if `change` says that it changed its bytes.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>) -> bool) -> Result<bool, Failure> {
    let mut bytes = fs::read(path).map_err(|error| Failure::io(path, error))?;
    let changed = change(&mut bytes);
    if changed {
        fs::write(path, bytes).map_err(|error| Failure::io(path, error))?;
    }
    Ok(changed)
}
