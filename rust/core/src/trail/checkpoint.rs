//! Checkpoints that others may keep: a statement of the whole ledger, signed.

use data_encoding::HEXLOWER;
use ed25519_dalek::{SigningKey, VerifyingKey};

use super::Trail;
use super::open::{WRITER_FILE, check_extends, writer_folders};
use super::position::Position;
use crate::keys::{OWNER, WriterKeys};
use crate::ledger::{CHECKPOINT_HINT, Entry, Ledger, Signed, State, entry_path};
use crate::note::{Checkpoint, ParsedNote};
use crate::storage::durable;
use crate::{Error, Result};

/// A signed checkpoint of the ledger, and who signed it.
#[derive(Debug, Clone)]
pub(super) struct SignedCheckpoint {
    pub(super) note: String,
    pub(super) size: u64,
    /// A writer's id, or `owner`.
    pub(super) signer: String,
}

/// What this host can sign with.
#[derive(Debug)]
struct Signing {
    keys: WriterKeys,
    position: Option<Position>,
}

impl Trail {
    /// A checkpoint of the ledger as a signed note. Where this host has a writer it covers all
    /// entries; elsewhere it is the newest one that a writer published. To keep it somewhere else
    /// makes cutting off or replacing what it covers show.
    ///
    /// Nothing is written, and no writer is taken over.
    ///
    /// # Errors
    /// `NotFound` if nobody has signed one yet, `Integrity` if the ledger does not extend what
    /// this host's writer or the published checkpoint has seen, `Io` or `Store`.
    pub async fn checkpoint(&self) -> Result<String> {
        Ok(self.signed_checkpoint().await?.1.note)
    }

    /// The ledger as of now and a checkpoint of it.
    pub(super) async fn signed_checkpoint(&self) -> Result<(Ledger, SignedCheckpoint)> {
        // First what others may move on, then the ledger: so it is not older than what it is
        // held against.
        let signing = self.signing()?;
        let hint = match self.storage().get(CHECKPOINT_HINT).await {
            Ok(hint) => Some(hint),
            Err(Error::NotFound(_)) => None,
            Err(e) => return Err(e),
        };
        let ledger = self.refreshed().await?;
        let size = ledger.state().size();
        if let Some(signed) = self.sign_own(&ledger, signing, size)? {
            return Ok((ledger, signed));
        }
        let published = hint.and_then(|hint| published(ledger.state(), &hint));
        if let Some((checkpoint, _)) = &published {
            demand_agreement(&ledger, checkpoint)?;
        }
        let published = published.map(|(checkpoint, signed)| (checkpoint.size, signed));
        let newest = self.of_newest_entry(&ledger).await?;
        let best = published.into_iter().chain(newest).max_by_key(|(size, _)| *size);
        match best {
            Some((_, signed)) => Ok((ledger, signed)),
            None => Err(Error::NotFound(
                "no checkpoint was published yet, and this host has no writer of the trail to \
                 sign one"
                    .to_owned(),
            )),
        }
    }

    /// A checkpoint of the ledger's first `size` entries, of which there must be some.
    ///
    /// # Errors
    /// `Usage` if there are fewer, `NotFound` if nobody has signed one and this host cannot; as
    /// [`checkpoint`](Self::checkpoint).
    pub(super) async fn signed_checkpoint_of(
        &self,
        size: u64,
    ) -> Result<(Ledger, SignedCheckpoint)> {
        let signing = self.signing()?;
        let ledger = self.refreshed().await?;
        let state = ledger.state();
        if size == 0 || size > state.size() {
            return Err(Error::Usage(format!(
                "there is no checkpoint of {size} entries: the ledger has {}",
                state.size()
            )));
        }
        if size < state.size() {
            // The signer of an entry signs all before it.
            let bytes = self.storage().get(&entry_path(size)).await?;
            if let Some((entry, checkpoint)) = signed_entry(state, &bytes, size)
                && ledger.root_at(size) == Some(checkpoint.root)
            {
                let Entry { checkpoint: note, body, .. } = entry;
                return Ok((ledger, SignedCheckpoint { note, size, signer: body.writer }));
            }
        }
        if let Some(signed) = self.sign_own(&ledger, signing, size)? {
            return Ok((ledger, signed));
        }
        let newest = self.signed_checkpoint().await?;
        if newest.1.size == size { Ok(newest) } else { Err(nobody_signed(size)) }
    }

    /// Keys of this host's writers, held by a process or not: a checkpoint is no entry, and who
    /// may read the key may sign one at any time.
    fn signing(&self) -> Result<Vec<Signing>> {
        let mut found = Vec::new();
        for dir in writer_folders(&self.state_dir())? {
            let path = dir.join(WRITER_FILE);
            let keys = match WriterKeys::load(&path, &self.info().trail_id, self.url()) {
                Ok(keys) => keys,
                Err(Error::NotFound(_)) => continue,
                Err(Error::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::PermissionDenied =>
                {
                    continue;
                }
                Err(e) => return Err(e),
            };
            let position = match Position::load(&dir) {
                Ok(position) => Some(position),
                Err(Error::NotFound(_)) => None,
                Err(e) => return Err(e),
            };
            found.push(Signing { keys, position });
        }
        Ok(found)
    }

    /// A checkpoint by the first of these keys that may sign the trail's entries.
    fn sign_own(
        &self,
        ledger: &Ledger,
        signing: Vec<Signing>,
        size: u64,
    ) -> Result<Option<SignedCheckpoint>> {
        for Signing { keys, position } in signing {
            if may_sign(ledger.state(), &keys, size) {
                return self.sign(ledger, &keys, position, size).map(Some);
            }
        }
        Ok(None)
    }

    /// A checkpoint of the ledger's first `size` entries by a key of this host, a writer's or else
    /// the owner's, and that key.
    ///
    /// # Errors
    /// `Usage` if this host has none; as [`checkpoint`](Self::checkpoint).
    pub(super) async fn attested(
        &self,
        size: u64,
    ) -> Result<(Ledger, SignedCheckpoint, SigningKey)> {
        let signing = self.signing()?;
        let ledger = self.refreshed().await?;
        for Signing { keys, position } in signing {
            if may_sign(ledger.state(), &keys, size) {
                let signed = self.sign(&ledger, &keys, position, size)?;
                return Ok((ledger, signed, keys.signing().clone()));
            }
        }
        let owner = match self.owner_key() {
            Ok(owner) if Some(owner.public()) == ledger.state().owner => owner,
            Ok(_) => {
                return Err(Error::Key("the owner's key here is not that of the trail".to_owned()));
            }
            Err(Error::NotFound(_)) => {
                return Err(Error::Usage(
                    "this host has nothing to sign with: neither a writer of the trail nor its \
                     owner's key; do it on a host that records, or with the owner's key"
                        .to_owned(),
                ));
            }
            Err(e) => return Err(e),
        };
        let root = ledger.root_at(size).ok_or_else(|| nobody_signed(size))?;
        let checkpoint = Checkpoint { origin: self.info().origin.clone(), size, root };
        let note = checkpoint.sign(&self.info().key_name(OWNER), owner.signing())?;
        let signed = SignedCheckpoint { note, size, signer: OWNER.to_owned() };
        Ok((ledger, signed, owner.signing().clone()))
    }

    fn sign(
        &self,
        ledger: &Ledger,
        keys: &WriterKeys,
        position: Option<Position>,
        size: u64,
    ) -> Result<SignedCheckpoint> {
        if let Some(position) = position {
            check_extends(ledger, &position)?;
        }
        // Another process may just be putting the newest entry: what is signed must stay.
        if let Some(root) = self.storage().local_root() {
            durable::sync_dir(&root.join("ledger"))?;
        }
        let origin = self.info().origin.clone();
        let root = ledger.root_at(size).ok_or_else(|| nobody_signed(size))?;
        let checkpoint = Checkpoint { origin, size, root };
        let note = checkpoint.sign(&self.info().key_name(keys.id()), keys.signing())?;
        Ok(SignedCheckpoint { note, size, signer: keys.id().to_owned() })
    }

    /// The checkpoint in the newest valid entry, which covers all before it.
    async fn of_newest_entry(&self, ledger: &Ledger) -> Result<Option<(u64, SignedCheckpoint)>> {
        let state = ledger.state();
        for n in (1..state.size()).rev() {
            let bytes = self.storage().get(&entry_path(n)).await?;
            let Some((entry, checkpoint)) = signed_entry(state, &bytes, n) else { continue };
            if ledger.root_at(n) == Some(checkpoint.root) {
                let Entry { checkpoint: note, body, .. } = entry;
                return Ok(Some((n, SignedCheckpoint { note, size: n, signer: body.writer })));
            }
        }
        Ok(None)
    }
}

/// Whether these keys may sign for the ledger's first `size` entries.
fn may_sign(state: &State, keys: &WriterKeys, size: u64) -> bool {
    let known = state.writers.get(keys.id());
    let known = known.filter(|w| w.authorized < size && w.revoked.is_none());
    known.is_some_and(|w| w.public == keys.public())
}

fn nobody_signed(size: u64) -> Error {
    Error::NotFound(format!(
        "nobody has signed a checkpoint of {size} entries, and this host has no writer of the \
         trail to sign one"
    ))
}

/// Key of a signer as of entry `n`.
fn key_at(state: &State, signer: &str, n: u64) -> Option<VerifyingKey> {
    if signer == OWNER {
        return state.owner;
    }
    let writer = state.writers.get(signer)?;
    let may = writer.authorized < n && writer.revoked.is_none_or(|revoked| n <= revoked);
    may.then_some(writer.public)
}

/// Entry `n`, if the owner or a writer that then was authorised signed it, and its checkpoint.
pub(super) fn signed_entry(state: &State, bytes: &[u8], n: u64) -> Option<(Entry, Checkpoint)> {
    let entry = Entry::parse(bytes).ok().filter(|entry| entry.body.n == n)?;
    let public = key_at(state, &entry.body.writer, n)?;
    let origin = &state.info.as_ref()?.origin;
    let checkpoint = Signed::check(&entry, &public, origin).ok()?.checkpoint;
    (checkpoint.size == n).then_some((entry, checkpoint))
}

/// The checkpoint of the hint, if a signer of the trail signed it. What is wrong with a hint that
/// nobody of ours signed is for verification to tell.
fn published(state: &State, hint: &[u8]) -> Option<(Checkpoint, SignedCheckpoint)> {
    let origin = &state.info.as_ref()?.origin;
    let note = std::str::from_utf8(hint).ok()?;
    let ParsedNote { checkpoint: Checkpoint { size, .. }, signatures } =
        Checkpoint::parse(note).ok()?;
    signatures.iter().find_map(|(name, _)| {
        let signer = name.strip_prefix(origin.as_str())?.strip_prefix('/')?;
        let public = key_at(state, signer, size)?;
        let checkpoint = Checkpoint::verify(note, name, &public, origin).ok()?;
        let (note, signer) = (note.to_owned(), signer.to_owned());
        let signed = SignedCheckpoint { note, size: checkpoint.size, signer };
        Some((checkpoint, signed))
    })
}

/// A published checkpoint that the ledger does not begin with tells of a cut or another history.
fn demand_agreement(ledger: &Ledger, checkpoint: &Checkpoint) -> Result<()> {
    let root = ledger.root_at(checkpoint.size);
    if root == Some(checkpoint.root) {
        return Ok(());
    }
    let message = format!(
        "it signs {} entries with root {}; the ledger has {} entries and another history",
        checkpoint.size,
        HEXLOWER.encode(&checkpoint.root),
        ledger.state().size()
    );
    Err(Error::integrity(CHECKPOINT_HINT, message))
}
