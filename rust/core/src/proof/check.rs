//! Checking a proof of a record.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;
use serde::{Serialize, Serializer};

use super::fails;
use super::file::{File, Item, SignerItem, unhex};
use crate::Result;
use crate::json::{self, Limits};
use crate::keys::{self, OWNER, WriterKeys};
use crate::ledger::{AddedSegment, Authorization, Entry, Kind, Signed, TrailInfo, public_key};
use crate::merkle::{self, Hash};
use crate::note::{self, Checkpoint};
use crate::segment::batch_leaf;

/// A record has at most as many bytes as the trail's configuration allowed.
const RECORD_LIMITS: Limits = Limits { max_bytes: usize::MAX, max_depth: 64 };

/// What a proof that holds shows. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The canonical record.
    pub record: String,
    /// Its `audit_id`.
    pub audit_id: String,
    /// Its `event_type`.
    pub event_type: String,
    /// Its `timestamp`, as its recorder was told.
    pub timestamp: String,
    /// Its `recorded_at`, by its recorder's clock.
    pub recorded_at: String,
    /// The trail's id.
    pub trail_id: String,
    /// The name of its log.
    pub origin: String,
    /// The writer that signed the entry.
    pub writer: String,
    /// Number of the entry that authorised the writer.
    pub authorized: u64,
    /// How many of the first entries are known not to revoke the writer.
    pub not_revoked_to: u64,
    /// Number of the entry that added the record.
    pub entry: u64,
    /// When the writer signed it, by its clock.
    pub entry_time: String,
    /// Path of the record's segment within the trail.
    pub segment: String,
    /// Id of its batch.
    pub batch: String,
    /// Number of entries that the checkpoint covers. A checkpoint has no time of its own.
    pub checkpoint_size: u64,
    /// Root over them.
    #[serde(serialize_with = "as_hex")]
    pub checkpoint_root: Hash,
    /// Who signed it: a writer, or `owner`.
    pub checkpoint_signer: String,
}

fn as_hex<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&HEXLOWER.encode(hash))
}

impl Checked {
    /// The checkpoint: compare it with others of the same log, from elsewhere.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            origin: self.origin.clone(),
            size: self.checkpoint_size,
            root: self.checkpoint_root,
        }
    }
}

/// Checks the proof of a record with the owner's public key, a C2SP vkey.
///
/// # Errors
/// `Key` if that is no vkey. `Integrity` if the proof does not hold: `place` names the step,
/// such as `entry 7` or `batch`.
pub fn check(proof: &[u8], vkey: &str) -> Result<Checked> {
    let (name, owner) = note::parse_vkey(vkey)?;
    let file = File::parse(proof)?;
    let chain = Chain::check(&file, &name, owner)?;
    let add = check_segment(&file, &chain)?;
    check_batch(&file, &add)?;
    check_record(&file)?;
    let body = &chain.entry.body;
    let signer = signer_of(&file, &body.writer)?;
    let member = |name: &str| {
        let value = json::get(file.record.bytes.as_bytes(), &[name]).and_then(json::string_value);
        let text = value.map(std::borrow::Cow::into_owned);
        text.ok_or_else(|| fails("record", format!("it has no {name:?}")))
    };
    Ok(Checked {
        audit_id: member("audit_id")?,
        event_type: member("event_type")?,
        timestamp: member("timestamp")?,
        recorded_at: member("recorded_at")?,
        record: file.record.bytes.clone(),
        trail_id: chain.info.trail_id.clone(),
        origin: chain.info.origin.clone(),
        writer: body.writer.clone(),
        authorized: signer.authorized,
        not_revoked_to: signer.not_revoked_to,
        entry: body.n,
        entry_time: body.time.clone(),
        segment: add.path,
        batch: file.batch.id.clone(),
        checkpoint_size: chain.checkpoint.size,
        checkpoint_root: chain.checkpoint.root,
        checkpoint_signer: file.checkpoint.signer.clone(),
    })
}

/// The way from the owner's key to a signed entry.
struct Chain {
    info: TrailInfo,
    checkpoint: Checkpoint,
    /// The entry that added the record.
    entry: Entry,
}

impl Chain {
    fn check(file: &File, name: &str, owner: VerifyingKey) -> Result<Self> {
        let entries = parse_entries(file)?;
        let info = trail_of(&entries[0].1, name, &owner)?;
        let writers = authorized(file, &entries)?;
        check_roles(file, &entries, &writers)?;
        let key = |id: &str| match id {
            OWNER => Some(owner),
            id => writers.iter().find(|(a, _)| a.writer == id).map(|(_, public)| *public),
        };
        let signer = &file.checkpoint.signer;
        let public = key(signer)
            .ok_or_else(|| fails("checkpoint", format!("its signer {signer:?} is none of ours")))?;
        let name = info.key_name(signer);
        let checkpoint = Checkpoint::verify(&file.checkpoint.note, &name, &public, &info.origin)
            .map_err(|e| fails("checkpoint", message(e)))?;
        if file.signers.iter().any(|s| s.not_revoked_to != checkpoint.size) {
            return Err(fails("signers", "`not_revoked_to` is not the size of the checkpoint"));
        }
        for (item, entry) in &entries {
            let public = key(&entry.body.writer).ok_or_else(|| {
                fails(step(item.n), format!("nobody authorised {:?}", entry.body.writer))
            })?;
            check_entry(item, entry, &public, &info.origin, &checkpoint)
                .map_err(|what| fails(step(item.n), what))?;
        }
        let found = entries.into_iter().find(|(item, _)| item.n == file.segment.entry);
        let entry = found.map(|(_, entry)| entry);
        let entry = entry.ok_or_else(|| fails("proof", "the record's entry is not there"))?;
        Ok(Self { info, checkpoint, entry })
    }
}

fn step(n: u64) -> String {
    format!("entry {n}")
}

/// An error's message without its place.
fn message(error: crate::Error) -> String {
    match error {
        crate::Error::Integrity { message, .. } => message,
        other => other.to_string(),
    }
}

/// Entries by number, the first one being entry 0.
fn parse_entries(file: &File) -> Result<Vec<(&Item, Entry)>> {
    let ascending = file.entries.windows(2).all(|pair| pair[0].n < pair[1].n);
    if !ascending || file.entries.first().is_none_or(|item| item.n != 0) {
        return Err(fails("proof", "its entries do not begin with entry 0, or are out of order"));
    }
    file.entries.iter().map(parse_entry).collect()
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
    let (Kind::Init, Some(info), Some(claimed)) = (body.kind, &body.trail, claimed) else {
        return Err(fails(step(0), "it is not the beginning of a trail"));
    };
    let ours = info.key_name(OWNER);
    if claimed != *owner || name != ours {
        let message = format!("the trail's owner is {ours} with another key than {name}");
        return Err(fails("key", message));
    }
    Ok(info.clone())
}

/// The writers among the signers, as the owner authorised them.
fn authorized(
    file: &File,
    entries: &[(&Item, Entry)],
) -> Result<Vec<(Authorization, VerifyingKey)>> {
    let by = |signer: &SignerItem| {
        let found = entries.iter().find(|(item, _)| item.n == signer.authorized);
        let body = &found?.1.body;
        let owners = body.writer == OWNER && matches!(body.kind, Kind::Init | Kind::Authorize);
        let mut list = body.authorizes.iter().flatten().filter(|_| owners);
        let authorization = list.find(|a| a.writer == signer.writer)?;
        Some((authorization.clone(), public_key(&authorization.public)?))
    };
    let mut writers = Vec::new();
    for signer in &file.signers {
        let SignerItem { writer, authorized, .. } = signer;
        let found = by(signer).filter(|_| WriterKeys::is_id(writer));
        let found = found.ok_or_else(|| {
            fails("signers", format!("entry {authorized} does not authorise {writer:?}"))
        })?;
        writers.push(found);
    }
    Ok(writers)
}

/// That the proof holds the entries and signers that it needs, and no others.
fn check_roles(
    file: &File,
    entries: &[(&Item, Entry)],
    writers: &[(Authorization, VerifyingKey)],
) -> Result<()> {
    let n = file.segment.entry;
    let entry = entries.iter().find(|(item, _)| item.n == n).map(|(_, entry)| &entry.body);
    let entry = entry.ok_or_else(|| fails("proof", "the record's entry is not there"))?;
    if entry.kind != Kind::Append {
        return Err(fails(step(n), "it does not add records"));
    }
    let signer = file.checkpoint.signer.as_str();
    let mut needed = BTreeSet::from([entry.writer.as_str()]);
    if signer != OWNER {
        needed.insert(signer);
    }
    if !file.signers.iter().map(|s| s.writer.as_str()).eq(needed) {
        return Err(fails("signers", "they are not those of the entry and of the checkpoint"));
    }
    let mut numbers = BTreeSet::from([0, n]);
    numbers.extend(file.signers.iter().map(|s| s.authorized));
    if !file.entries.iter().map(|item| item.n).eq(numbers) {
        return Err(fails("proof", "it holds entries that it does not need"));
    }
    let by = signer_of(file, &entry.writer)?.authorized;
    let from = writers.iter().find(|(a, _)| a.writer == entry.writer).map(|(a, _)| a.epoch);
    if by >= n || from.is_none_or(|from| entry.epoch < from) {
        return Err(fails(step(n), "its writer was authorised later"));
    }
    Ok(())
}

fn signer_of<'a>(file: &'a File, writer: &str) -> Result<&'a SignerItem> {
    let signer = file.signers.iter().find(|signer| signer.writer == writer);
    signer.ok_or_else(|| fails("signers", format!("{writer:?} is not among them")))
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

/// The record's segment as its entry names it.
fn check_segment(file: &File, chain: &Chain) -> Result<AddedSegment> {
    let adds = chain.entry.body.adds.as_deref().unwrap_or_default();
    let at = usize::try_from(file.segment.index).ok();
    let add = at.and_then(|at| adds.get(at)).cloned();
    add.ok_or_else(|| fails(step(file.segment.entry), "it does not add that segment"))
}

fn check_batch(file: &File, add: &AddedSegment) -> Result<()> {
    let batch = &file.batch;
    let leaf = batch_leaf(&batch.commitment.0, &batch.id, &batch.root.0, batch.rows)?;
    let root: Option<Hash> =
        HEXLOWER.decode(add.root.as_bytes()).ok().and_then(|root| root.try_into().ok());
    let holds = root.is_some_and(|root| {
        merkle::verify_inclusion(&leaf, batch.index, add.batches, &unhex(&batch.path), &root)
    });
    let what = "its path does not lead to the root of the segment in the entry";
    if holds { Ok(()) } else { Err(fails("batch", what)) }
}

fn check_record(file: &File) -> Result<()> {
    let (record, batch) = (&file.record, &file.batch);
    let leaf = merkle::record_leaf(&record.salt.0, record.bytes.as_bytes());
    let path = unhex(&record.path);
    if !merkle::verify_inclusion(&leaf, record.index, batch.rows, &path, &batch.root.0) {
        return Err(fails("record", "its path does not lead to the root of the batch"));
    }
    if !json::is_canonical(record.bytes.as_bytes(), RECORD_LIMITS) {
        return Err(fails("record", "it is not canonical JSON"));
    }
    Ok(())
}
