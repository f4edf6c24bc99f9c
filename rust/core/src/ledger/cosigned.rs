//! Checkpoints that others signed too, beside the ledger (FORMAT section 7).

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Folder of them within the trail.
pub(crate) const FOLDER: &str = "cosigned";

/// Path of a note that says this size.
pub(crate) fn path(size: u64, note: &str) -> String {
    let digest = HEXLOWER.encode(&Sha256::digest(note.as_bytes()));
    format!("{FOLDER}/{size:020}-{}", &digest[..16])
}

/// The size in a path, if it is one of such a note.
pub(crate) fn size_of(path: &str) -> Option<u64> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    let (size, digest) = name.split_once('-')?;
    let digits = size.len() == 20 && size.bytes().all(|b| b.is_ascii_digit());
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let plain = digits && digest.len() == 16 && digest.bytes().all(hex);
    plain.then(|| size.parse().ok()).flatten()
}
