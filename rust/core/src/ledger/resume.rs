//! Opening from a snapshot instead of entry 0 (FORMAT section 10).
//!
//! Nothing here fails: whatever is wrong with a snapshot, an older one or entry 0 is the way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use super::entry::{Entry, Kind};
use super::log::{FOLDER, Ledger, entry_number, entry_path};
use super::signed::Signed;
use super::snapshot::{self, Part, snapshot_number, snapshot_path};
use super::state::public_key;
use crate::keys::{OWNER, key_id};
use crate::merkle;
use crate::storage::Storage;

/// Sorts after all entries and before all snapshots.
const BEFORE_SNAPSHOTS: &str = "ledger/snapshot";
/// Names of snapshots that are looked at; somebody may have left many that mean nothing.
const MOST_TRIED: usize = 40;
/// Honest writers make a full one after at most sixteen that continue it.
const LONGEST_CHAIN: usize = 300;

/// The ledger by way of the newest snapshot that can be used, if there is one.
pub(super) async fn newest(storage: &Storage) -> Option<Ledger> {
    let names = storage.names_after(FOLDER, BEFORE_SNAPSHOTS).await.ok()?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| snapshot_number(name)).collect();
    numbers.sort_unstable();
    for n in numbers.into_iter().rev().take(MOST_TRIED) {
        if let Some((ledger, entry)) = at(storage, n).await {
            return go_on(ledger, n, entry).await;
        }
    }
    None
}

/// The ledger as of the newest usable snapshot that an entry before `size` names. Whoever knows the root of those entries knows the snapshot too.
pub(super) async fn before(storage: &Storage, size: u64) -> Option<Ledger> {
    let names = storage.names_after(FOLDER, BEFORE_SNAPSHOTS).await.ok()?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| snapshot_number(name)).collect();
    numbers.retain(|n| *n < size);
    numbers.sort_unstable();
    for n in numbers.into_iter().rev().take(MOST_TRIED) {
        if let Some((ledger, _)) = at(storage, n).await {
            return Some(ledger);
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
async fn go_on(mut ledger: Ledger, n: u64, entry: Bytes) -> Option<Ledger> {
    let names = ledger.storage().names_after(FOLDER, &entry_path(n)).await.ok()?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| entry_number(name)).collect();
    numbers.sort_unstable();
    if (n + 1..).zip(&numbers).any(|(expected, found)| expected != *found) {
        return None;
    }
    let mut objects = vec![entry];
    objects.extend(ledger.fetch(n + 1..n + 1 + numbers.len() as u64).await.ok()?);
    let valid = ledger.fold(&objects).ok()?;
    (valid == objects.len()).then_some(ledger)
}
