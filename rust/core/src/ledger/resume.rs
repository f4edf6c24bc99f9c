//! Opening from a snapshot instead of entry 0 (FORMAT section 10).
//!
//! Nothing here fails: whatever is wrong with a snapshot, an older one or entry 0 is the way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use super::entry::{Entry, Kind};
use super::log::{CHECKPOINT_HINT, FOLDER, Ledger, entry_number, entry_path, fetch};
use super::signed::Signed;
use super::snapshot::{self, Part, snapshot_number, snapshot_path};
use super::state::public_key;
use crate::keys::{OWNER, key_id};
use crate::merkle;
use crate::note::Checkpoint;
use crate::storage::Storage;

/// Sorts after all entries and before all snapshots.
const BEFORE_SNAPSHOTS: &str = "ledger/snapshot";
/// Names of snapshots that are looked at; somebody may have left many that mean nothing.
const MOST_TRIED: usize = 40;
/// Entries that are read backwards for a snapshot; writers leave less than this without one, unless
/// the ledger has half a million.
const MOST_BACKWARDS: u64 = 8192;
/// The tail of a ledger in a test is short, and has several such parts too.
const BACKWARDS_AT_ONCE: u64 = if cfg!(test) { 2 } else { 128 };
/// So many entries after a published checkpoint are read one by one.
const MOST_UNHINTED: u64 = 256;
/// Entries that a listing may lack although it has later ones.
const MOST_UNLISTED: u64 = 64;
/// Honest writers make a full one after at most sixteen that continue it.
const LONGEST_CHAIN: usize = 300;

/// An object of the ledger's folder that counts for something here.
#[derive(Debug, Clone, Copy)]
enum Name {
    Entry(u64),
    Snapshot(u64),
}

impl Name {
    fn of(path: &str) -> Option<Self> {
        let snapshot = || snapshot_number(path).map(Self::Snapshot);
        entry_number(path).map(Self::Entry).or_else(snapshot)
    }
}

/// The ledger by way of the newest snapshot that can be used, if there is one.
pub(super) async fn newest(storage: &Storage) -> Option<Ledger> {
    // Listing a folder of very many entries takes longer than all the rest.
    if !storage.is_remote()
        && let Some(ledger) = by_hint(storage).await
    {
        return Some(ledger);
    }
    by_listing(storage).await
}

/// The ledger as of the published checkpoint at least: from there the entries lead backwards to the
/// one that names a snapshot. A checkpoint is a hint, so nothing here relies on it but where to
/// look; if it is old, or anything else is not as it should be, a listing is the way.
pub(super) async fn by_hint(storage: &Storage) -> Option<Ledger> {
    let note = storage.get(CHECKPOINT_HINT).await.ok()?;
    let size = Checkpoint::parse(std::str::from_utf8(&note).ok()?).ok()?.checkpoint.size;
    let later = size.checked_add(MOST_UNHINTED)?;
    if storage.size(&entry_path(later)).await.is_ok() {
        return None;
    }
    let (mut end, mut after) = (size, Vec::new());
    while end > 0 && size - end < MOST_BACKWARDS {
        let begin = end.saturating_sub(BACKWARDS_AT_ONCE);
        let mut objects = fetch(storage, begin..end).await.ok()?;
        if let Some(naming) = objects.iter().rposition(|object| may_name_snapshot(object)) {
            let (ledger, _) = at(storage, begin + naming as u64).await?;
            objects.extend(after);
            return fold_all(ledger, &objects[naming..]);
        }
        objects.extend(after);
        (end, after) = (begin, objects);
    }
    None
}

/// Whether an entry can name a snapshot. Strings cannot hold this text: their quotes are escaped.
pub(crate) fn may_name_snapshot(object: &[u8]) -> bool {
    const MEMBER: &[u8] = b"\"snapshot\":{";
    memchr::memmem::find(object, MEMBER).is_some()
}

/// As [`newest`], by the names of all snapshots.
async fn by_listing(storage: &Storage) -> Option<Ledger> {
    // An object store lists what it is asked for, twice a little. A folder is read whole anyway.
    let remote = storage.is_remote();
    let after = if remote { BEFORE_SNAPSHOTS } else { FOLDER };
    let names = storage.pick_after(FOLDER, after, Name::of).await.ok()?;
    let (n, (ledger, entry)) = first_usable(storage, &names, u64::MAX).await?;
    let names = match remote {
        true => storage.pick_after(FOLDER, &entry_path(n), Name::of).await.ok()?,
        false => names,
    };
    go_on(ledger, n, entry, &names).await
}

/// The ledger as of the newest usable snapshot that an entry before `size` names. Whoever knows
/// the root of those entries knows the snapshot too.
pub(super) async fn before(storage: &Storage, size: u64) -> Option<Ledger> {
    let names = storage.pick_after(FOLDER, BEFORE_SNAPSHOTS, Name::of).await.ok()?;
    first_usable(storage, &names, size).await.map(|(_, (ledger, _))| ledger)
}

/// The newest snapshot that counts among those as of less than `size`: its number, the ledger as of
/// it, and the entry that names it.
async fn first_usable(
    storage: &Storage,
    names: &[Name],
    size: u64,
) -> Option<(u64, (Ledger, Bytes))> {
    let number = |name: &Name| match name {
        Name::Snapshot(n) if *n < size => Some(*n),
        _ => None,
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
    numbers.sort_unstable();
    for n in numbers.into_iter().rev().take(MOST_TRIED) {
        if let Some(found) = at(storage, n).await {
            return Some((n, found));
        }
    }
    None
}

/// The ledger as of a snapshot that counts, and the entry that names it.
async fn at(storage: &Storage, n: u64) -> Option<(Ledger, Bytes)> {
    let entry = storage.get(&entry_path(n)).await.ok()?;
    let naming = Entry::parse(&entry).ok().filter(|e| e.body.n == n)?;
    let named = naming.body.snapshot.clone()?;
    let first = storage.get(&entry_path(0)).await.ok()?;
    let by = match named.authorized {
        0 => first.clone(),
        by => storage.get(&entry_path(by)).await.ok()?,
    };
    let owner = vouched(&naming, &first, &by)?;
    let parts = chain(storage, (n, named.bytes, named.sha256)).await?;
    let (state, leaves) = snapshot::assemble(parts).ok()?;
    let holds = |number: u64, bytes: &Bytes| {
        let at = usize::try_from(number).ok();
        at.and_then(|at| leaves.get(at)) == Some(&merkle::leaf_hash(bytes))
    };
    let trail = Entry::parse(&first).ok()?.body.trail;
    let same = state.owner == Some(owner) && state.info.as_deref() == trail.as_ref();
    if !same || !holds(0, &first) || !holds(named.authorized, &by) {
        return None;
    }
    Some((Ledger::from_parts(storage.clone(), state, leaves), entry))
}

/// A snapshot and those that it continues, the full one first.
async fn chain(storage: &Storage, newest: (u64, u64, String)) -> Option<Vec<Part>> {
    let (mut wanted, mut parts) = (newest, Vec::new());
    while parts.len() < LONGEST_CHAIN {
        let (n, size, sha256) = &wanted;
        let path = snapshot_path(*n);
        if storage.size(&path).await.ok()? != *size {
            return None;
        }
        let bytes = storage.get(&path).await.ok()?;
        if HEXLOWER.encode(&Sha256::digest(&bytes)) != *sha256 {
            return None;
        }
        // The bytes are a writer's, and may be made to crash a reader of Parquet.
        let read = catch_unwind(AssertUnwindSafe(|| Part::read(*n, bytes)));
        let part = read.ok()?.ok()?;
        let rests_on = part.rests_on();
        parts.push(part);
        match rests_on {
            Some(earlier) if earlier.0 < *n => wanted = earlier,
            Some(_) => return None,
            None => {
                parts.reverse();
                return Some(parts);
            }
        }
    }
    None
}

/// The owner's key of entry 0, if its holder authorised, by entry `by`, who signed `naming`.
fn vouched(naming: &Entry, first: &[u8], by: &[u8]) -> Option<VerifyingKey> {
    let first = Entry::parse(first).ok()?;
    let by = Entry::parse(by).ok()?;
    let owner = public_key(first.body.owner.as_deref()?)?;
    let origin = &first.body.trail.as_ref()?.origin;
    let owners = |entry: &Entry| {
        entry.body.writer == OWNER
            && entry.body.key == key_id(&owner)
            && Signed::check(entry, &owner, origin).is_ok_and(|s| s.checkpoint.size == entry.body.n)
    };
    let init = first.body.n == 0 && first.body.kind == Kind::Init && owners(&first);
    let number = naming.body.snapshot.as_ref()?.authorized;
    if !init || by.body.n != number || !owners(&by) {
        return None;
    }
    let mut authorized = by.body.authorizes.iter().flatten();
    let writer = authorized.find(|a| a.writer == naming.body.writer)?;
    let public = public_key(&writer.public)?;
    let signed = Signed::check(naming, &public, origin).ok()?;
    (key_id(&public) == naming.body.key && signed.checkpoint.size == naming.body.n).then_some(owner)
}

/// Reads the entries from `n` on. If one is missing or invalid, reading from entry 0 must tell.
async fn go_on(ledger: Ledger, n: u64, entry: Bytes, names: &[Name]) -> Option<Ledger> {
    let later = names.iter().filter_map(|name| match name {
        Name::Entry(number) if *number > n => Some(*number),
        _ => None,
    });
    let (count, last) = later.fold((0, n), |(count, last), n| (count + 1, last.max(n)));
    // Of entries that come during a listing it may show later ones only, but not many.
    if last - n > count + MOST_UNLISTED {
        return None;
    }
    let mut objects = vec![entry];
    objects.extend(fetch(ledger.storage(), n + 1..last + 1).await.ok()?);
    fold_all(ledger, &objects)
}

/// The ledger after these objects, if all of them are valid entries.
fn fold_all(mut ledger: Ledger, objects: &[Bytes]) -> Option<Ledger> {
    let valid = ledger.fold(objects).ok()?;
    (valid == objects.len()).then_some(ledger)
}
