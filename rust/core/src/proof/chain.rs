//! The way from the owner's key to a checkpoint, and to the entries below it that a proof holds.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;

use super::file::{Item, Note, SignerItem, unhex};
use super::{Revoked, Signer, fails};
use crate::Result;
use crate::keys::{self, OWNER, WriterKeys};
use crate::ledger::{Authorization, Entry, Kind, Signed, TrailInfo, public_key};
use crate::merkle;
use crate::note::{self, Checkpoint};

/// The part that all proofs have.
pub(crate) struct Evidence<'a> {
    pub(crate) checkpoint: &'a Note,
    pub(crate) entries: &'a [Item],
    pub(crate) signers: &'a [SignerItem],
    /// The entries that the proof is about, ascending.
    pub(crate) subjects: &'a [u64],
}

/// What is signed.
pub(crate) struct Chain {
    pub(crate) info: TrailInfo,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) signers: Vec<Signer>,
    /// The key of who signed the checkpoint.
    pub(crate) public: VerifyingKey,
    /// The entries that the proof is about, ascending.
    pub(crate) subjects: Vec<Entry>,
}

/// A writer among the signers.
struct Writer<'a> {
    item: &'a SignerItem,
    authorization: Authorization,
    public: VerifyingKey,
    shown: Signer,
}

type Entries<'a> = [(&'a Item, Entry)];

impl Chain {
    pub(crate) fn check(evidence: &Evidence<'_>, vkey: &str) -> Result<Self> {
        let (name, owner) = note::parse_vkey(vkey)?;
        let mut entries = parse_entries(evidence.entries)?;
        let info = trail_of(&entries[0].1, &name, &owner)?;
        let writers = writers(evidence, &entries)?;
        check_members(evidence, &entries, &writers)?;
        let key = |id: &str| match id {
            OWNER => Some(owner),
            id => writers.iter().find(|w| w.item.writer == id).map(|w| w.public),
        };
        let (checkpoint, public) = checkpoint_of(evidence.checkpoint, &info, key)?;
        for (item, entry) in &entries {
            let signed = key(&entry.body.writer).ok_or_else(|| {
                fails(step(item.n), format!("nobody authorised {:?}", entry.body.writer))
            })?;
            check_entry(item, entry, &signed, &info.origin, &checkpoint)
                .map_err(|what| fails(step(item.n), what))?;
        }
        let signers = writers.into_iter().map(|w| w.shown).collect();
        entries.retain(|(item, _)| evidence.subjects.binary_search(&item.n).is_ok());
        let subjects = entries.into_iter().map(|(_, entry)| entry).collect();
        Ok(Self { info, checkpoint, signers, public, subjects })
    }
}

pub(super) fn step(n: u64) -> String {
    format!("entry {n}")
}

/// Entries by number, the first one being entry 0.
fn parse_entries(items: &[Item]) -> Result<Vec<(&Item, Entry)>> {
    let ascending = items.windows(2).all(|pair| pair[0].n < pair[1].n);
    if !ascending || items.first().is_none_or(|item| item.n != 0) {
        return Err(fails("proof", "its entries do not begin with entry 0, or are out of order"));
    }
    items.iter().map(parse_entry).collect()
}

fn parse_entry(item: &Item) -> Result<(&Item, Entry)> {
    let n = item.n;
    let entry = Entry::parse(item.bytes.as_bytes()).map_err(|e| fails(step(n), e))?;
    if entry.body.v != 1 || entry.body.n != n {
        return Err(fails(step(n), "it says that it is another entry, or of another version"));
    }
    Ok((item, entry))
}

/// What entry 0 says of the trail, if the owner of this vkey is its owner.
fn trail_of(first: &Entry, name: &str, owner: &VerifyingKey) -> Result<TrailInfo> {
    let body = &first.body;
    let claimed = body.owner.as_deref().and_then(public_key);
    let by_owner = body.kind == Kind::Init && body.writer == OWNER;
    let (true, Some(info), Some(claimed)) = (by_owner, &body.trail, claimed) else {
        return Err(fails(step(0), "it is not the beginning of a trail"));
    };
    let ours = info.key_name(OWNER);
    if claimed != *owner || name != ours {
        let message = format!("the trail's owner is {ours} with another key than {name}");
        return Err(fails("key", message));
    }
    Ok(info.clone())
}

/// The writers among the signers, as the owner authorised and revoked them.
fn writers<'a>(evidence: &Evidence<'a>, entries: &Entries<'_>) -> Result<Vec<Writer<'a>>> {
    let writer = |item: &'a SignerItem| {
        let SignerItem { writer, authorized, .. } = item;
        let found = authorization(item, entries).filter(|_| WriterKeys::is_id(writer));
        let (authorization, public) = found.ok_or_else(|| {
            fails("signers", format!("entry {authorized} does not authorise {writer:?}"))
        })?;
        let shown = Signer {
            writer: writer.clone(),
            authorized: *authorized,
            revoked: revoked(item, entries)?,
        };
        Ok(Writer { item, authorization, public, shown })
    };
    evidence.signers.iter().map(writer).collect()
}

fn authorization(
    signer: &SignerItem,
    entries: &Entries<'_>,
) -> Option<(Authorization, VerifyingKey)> {
    let (_, entry) = entries.iter().find(|(item, _)| item.n == signer.authorized)?;
    let body = &entry.body;
    let owners = body.writer == OWNER && matches!(body.kind, Kind::Init | Kind::Authorize);
    let mut list = body.authorizes.iter().flatten().filter(|_| owners);
    let authorization = list.find(|a| a.writer == signer.writer)?;
    Some((authorization.clone(), public_key(&authorization.public)?))
}

/// The revocation that the proof tells of, which must be the first one that it holds.
fn revoked(signer: &SignerItem, entries: &Entries<'_>) -> Result<Option<Revoked>> {
    let SignerItem { writer, authorized, revoked } = signer;
    let first = entries.iter().find_map(|(item, entry)| {
        let body = &entry.body;
        let owners = body.writer == OWNER && body.kind == Kind::Authorize;
        let mut list = body.revokes.iter().flatten().filter(|_| owners);
        let revocation = list.find(|r| r.writer == *writer)?;
        let (time, reason) = (body.time.clone(), revocation.reason.clone());
        Some(Revoked { entry: item.n, time, reason })
    });
    match (revoked, first) {
        (None, None) => Ok(None),
        (Some(n), Some(first)) if *n == first.entry && n > authorized => Ok(Some(first)),
        (Some(n), _) => {
            Err(fails("signers", format!("entry {n} is not the one that revokes {writer:?}")))
        }
        (None, Some(first)) => Err(fails(
            "signers",
            format!("entry {} revokes {writer:?}, which they do not tell", first.entry),
        )),
    }
}

/// That the proof holds the entries and signers that it needs, and no others, and that nobody
/// signed before they were authorised or after they were revoked.
fn check_members(
    evidence: &Evidence<'_>,
    entries: &Entries<'_>,
    writers: &[Writer<'_>],
) -> Result<()> {
    let Evidence { checkpoint, signers, subjects, .. } = evidence;
    let subjects = subjects.iter().map(|n| {
        let found = entries.binary_search_by_key(n, |(item, _)| item.n).ok();
        let found = found.and_then(|at| entries.get(at)).map(|(_, entry)| entry);
        found.ok_or_else(|| fails("proof", "the record's entry is not there"))
    });
    let subjects = subjects.collect::<Result<Vec<_>>>()?;
    let signing = subjects.iter().map(|entry| entry.body.writer.as_str());
    let signing = signing.chain([checkpoint.signer.as_str()]);
    let needed: BTreeSet<&str> = signing.filter(|signer| *signer != OWNER).collect();
    if !signers.iter().map(|s| s.writer.as_str()).eq(needed) {
        return Err(fails("signers", "they are not those of the entry and of the checkpoint"));
    }
    let mut numbers: BTreeSet<u64> = subjects.iter().map(|entry| entry.body.n).collect();
    numbers.insert(0);
    numbers.extend(signers.iter().flat_map(|s| s.revoked.into_iter().chain([s.authorized])));
    if !entries.iter().map(|(item, _)| item.n).eq(numbers) {
        return Err(fails("proof", "it holds entries that it does not need"));
    }
    let of = |id: &str| writers.iter().find(|w| w.item.writer == id);
    for entry in subjects {
        let Some(writer) = of(&entry.body.writer) else { continue };
        let n = entry.body.n;
        if writer.item.authorized >= n || entry.body.epoch < writer.authorization.epoch {
            return Err(fails(step(n), "its writer was authorised later"));
        }
        if writer.item.revoked.is_some_and(|revoked| revoked <= n) {
            return Err(fails(step(n), "its writer was revoked before"));
        }
    }
    // The entry that revokes is below the checkpoint: so whoever signed that was revoked.
    match of(&checkpoint.signer).and_then(|writer| writer.item.revoked) {
        Some(n) => Err(fails("checkpoint", format!("its signer was revoked by entry {n} before"))),
        None => Ok(()),
    }
}

fn checkpoint_of(
    item: &Note,
    info: &TrailInfo,
    key: impl Fn(&str) -> Option<VerifyingKey>,
) -> Result<(Checkpoint, VerifyingKey)> {
    let Note { note, signer } = item;
    let public = key(signer)
        .ok_or_else(|| fails("checkpoint", format!("its signer {signer:?} is none of ours")))?;
    match Checkpoint::verify(note, &info.key_name(signer), &public, &info.origin) {
        Ok(checkpoint) => Ok((checkpoint, public)),
        Err(crate::Error::Integrity { message, .. }) => Err(fails("checkpoint", message)),
        Err(other) => Err(fails("checkpoint", other.to_string())),
    }
}

/// Signatures of an entry, its place in the checkpoint's tree, and what it says of those before.
fn check_entry(
    item: &Item,
    entry: &Entry,
    public: &VerifyingKey,
    origin: &str,
    checkpoint: &Checkpoint,
) -> Result<(), String> {
    let body = &entry.body;
    if body.key != keys::key_id(public) {
        return Err("its key id is not that of its signer's key".to_owned());
    }
    let signed = Signed::check(entry, public, origin)?;
    let (leaf, path) = (merkle::leaf_hash(item.bytes.as_bytes()), unhex(&item.path));
    let Checkpoint { size, root, .. } = checkpoint;
    if !merkle::verify_inclusion(&leaf, item.n, *size, &path, root) {
        return Err("its path does not lead to the root of the checkpoint".to_owned());
    }
    let before = merkle::root_before(item.n, *size, &path);
    let said = HEXLOWER.encode(&signed.checkpoint.root) == body.tree;
    if before != Some(signed.checkpoint.root) || !said || signed.checkpoint.size != body.n {
        return Err("it was signed over other entries than those before it".to_owned());
    }
    Ok(())
}
