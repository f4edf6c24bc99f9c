//! A writer's keys: one Ed25519 key, and an HMAC key that is replaced with every epoch.

use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::files::{from_json, read_private, to_json};
use super::{HmacKey, OwnerKey, Secret, generate_signing, random, trail_id_bytes};
use crate::merkle::Hash;
use crate::storage::durable::{self, Access};
use crate::{Error, Result};

/// The digest that an epoch's seal holds: SHA-256 of its batch roots, in ledger order.
pub fn roots_digest<'a>(roots: impl IntoIterator<Item = &'a Hash>) -> Hash {
    let mut digest = Sha256::new();
    for root in roots {
        digest.update(root);
    }
    digest.finalize().into()
}

/// The HMAC key of one epoch of a writer, and the seal of the epoch before.
///
/// Writers move along the chain; whoever holds the owner's root secret can walk it again and
/// check every seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochChain {
    epoch: u64,
    hmac: HmacKey,
    seal: Hash,
}

impl EpochChain {
    /// The chain of a writer that is authorised from `epoch` on with this first key.
    pub fn new(epoch: u64, hmac: HmacKey) -> Self {
        Self { epoch, hmac, seal: [0; 32] }
    }

    /// The epoch that the key belongs to.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The epoch's key.
    pub fn hmac(&self) -> &HmacKey {
        &self.hmac
    }

    /// The seal of the epoch before, 32 zero bytes in the first.
    pub fn previous_seal(&self) -> &Hash {
        &self.seal
    }

    /// The seal of this epoch if these are the roots of all its batches, in ledger order.
    pub fn seal_with<'a>(&self, roots: impl ExactSizeIterator<Item = &'a Hash>) -> Hash {
        let batches = roots.len() as u64;
        self.hmac.epoch_seal(&self.seal, self.epoch, batches, &roots_digest(roots))
    }

    /// Goes on to the next epoch, after this one was sealed with `seal`. Its key is wiped.
    ///
    /// # Errors
    /// `Error::Key` when the epochs are used up.
    pub fn advance(self, seal: Hash) -> Result<Self> {
        let epoch =
            self.epoch.checked_add(1).ok_or_else(|| Error::Key("no more epochs".to_owned()))?;
        Ok(Self { epoch, hmac: self.hmac.next_epoch()?, seal })
    }

    /// Goes on to `epoch`, folding this epoch and those between as empty. Keys are wiped.
    ///
    /// Takes about 2 µs an epoch: the caller decides how far a clock may jump.
    ///
    /// # Errors
    /// `Error::Key` if `epoch` has passed.
    pub fn ratchet_to(self, epoch: u64) -> Result<Self> {
        if epoch < self.epoch {
            return Err(Error::Key(format!(
                "epoch {epoch} has passed; the key of epoch {} is the oldest one left",
                self.epoch
            )));
        }
        let mut chain = self;
        while chain.epoch < epoch {
            let seal = chain.seal_with([].iter());
            chain = chain.advance(seal)?;
        }
        Ok(chain)
    }
}

/// What a writer signs with. Bound to one trail at one URL.
#[derive(Debug)]
pub struct WriterKeys {
    pub(super) id: String,
    pub(super) trail_id: String,
    pub(super) url: String,
    pub(super) signing: SigningKey,
    pub(super) chain: EpochChain,
}

/// `writer.json`, members in sorted order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WriterFile {
    ed25519_seed: Secret,
    epoch: u64,
    hmac_key: Secret,
    seal: String,
    trail_id: String,
    url: String,
    v: u32,
    writer: String,
}

impl WriterKeys {
    /// Keys for a new writer whose chain begins at `epoch`. The owner authorises them.
    ///
    /// # Errors
    /// `Error::Key` if the system has no random bytes.
    pub fn generate(owner: &OwnerKey, url: &str, epoch: u64) -> Result<Self> {
        let id = format!("w-{}", HEXLOWER.encode(&random::<8>()?));
        Ok(Self {
            signing: generate_signing()?,
            chain: EpochChain::new(epoch, owner.writer_hmac(&id, epoch)?),
            trail_id: owner.trail_id().to_owned(),
            url: url.to_owned(),
            id,
        })
    }

    /// Whether a text is a writer's id: `w-` and 16 lower-case hex digits.
    pub fn is_id(text: &str) -> bool {
        text.strip_prefix("w-").is_some_and(|hex| {
            hex.len() == 16 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    }

    /// Writes `writer.json` (mode 0600), replacing the one before at once or not at all.
    ///
    /// # Errors
    /// `Error::Io` if it cannot be written durably.
    pub fn save(&self, path: &Path) -> Result<()> {
        let file = WriterFile {
            ed25519_seed: Secret::from_bytes(self.signing.to_bytes()),
            epoch: self.chain.epoch,
            hmac_key: Secret::from_bytes(*self.chain.hmac.secret().expose()),
            seal: BASE64.encode(&self.chain.seal),
            trail_id: self.trail_id.clone(),
            url: self.url.clone(),
            v: 1,
            writer: self.id.clone(),
        };
        durable::replace(path, &to_json(&file)?, Access::Private)
    }

    /// Reads `writer.json`, which must belong to this trail at this URL.
    ///
    /// # Errors
    /// `Error::NotFound` if there is none; `Error::Key` if others can read it, it is damaged, or
    /// it belongs to another trail or to a copy of the trail elsewhere.
    pub fn load(path: &Path, trail_id: &str, url: &str) -> Result<Self> {
        let place = path.display().to_string();
        let bad = |what: String| Error::Key(format!("{place}: {what}"));
        let file: WriterFile = from_json(&read_private(path)?, &place)?;
        if file.v != 1 {
            return Err(bad(format!("key file version {} is not known", file.v)));
        }
        trail_id_bytes(&file.trail_id)?;
        if !Self::is_id(&file.writer) {
            return Err(bad("the writer's id is malformed".to_owned()));
        }
        if file.trail_id != trail_id || file.url != url {
            return Err(bad(format!(
                "these keys belong to trail {} at {}, not to {trail_id} at {url}; a copy of a \
                 trail gets writers of its own",
                file.trail_id, file.url
            )));
        }
        let seal = Secret::from_base64(&file.seal).map_err(|_| bad("seal malformed".to_owned()))?;
        Ok(Self {
            id: file.writer,
            signing: SigningKey::from_bytes(file.ed25519_seed.expose()),
            chain: EpochChain {
                epoch: file.epoch,
                hmac: HmacKey::new(file.hmac_key),
                seal: *seal.expose(),
            },
            trail_id: file.trail_id,
            url: file.url,
        })
    }

    /// The writer's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key that signs the writer's entries and checkpoints.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Its public half.
    pub fn public(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// The current epoch.
    pub fn epoch(&self) -> u64 {
        self.chain.epoch
    }

    /// The HMAC key of the current epoch.
    pub fn hmac(&self) -> &HmacKey {
        &self.chain.hmac
    }

    /// The chain of epochs as it stands.
    pub fn chain(&self) -> &EpochChain {
        &self.chain
    }

    /// The key of the current or a later epoch, without moving on to it; `None` for an epoch that
    /// has passed or lies after `newest`.
    ///
    /// # Errors
    /// Never in practice.
    pub fn hmac_at(&self, epoch: u64, newest: u64) -> Result<Option<HmacKey>> {
        if epoch < self.chain.epoch || epoch > newest {
            return Ok(None);
        }
        let mut key = self.chain.hmac.clone();
        for _ in self.chain.epoch..epoch {
            key = key.next_epoch()?;
        }
        Ok(Some(key))
    }

    /// The seal that closes the current epoch, for the `close` of the entry that ends it.
    /// `roots` are those of all its batches, in ledger order.
    pub fn close<'a>(&self, roots: impl ExactSizeIterator<Item = &'a Hash>) -> Hash {
        self.chain.seal_with(roots)
    }

    /// Moves on to the next epoch once the entry with this seal is committed, and wipes the
    /// key of the old one. [`save`](Self::save) makes it last.
    ///
    /// # Errors
    /// As [`EpochChain::advance`]; the keys are unchanged then.
    pub fn advance(&mut self, seal: Hash) -> Result<()> {
        self.chain = self.chain.clone().advance(seal)?;
        Ok(())
    }

    /// Moves on to `epoch`, folding the current epoch and those between as empty.
    ///
    /// # Errors
    /// `Error::Key` if `epoch` has passed; the keys are unchanged then.
    pub fn ratchet_to(&mut self, epoch: u64) -> Result<()> {
        self.chain = self.chain.clone().ratchet_to(epoch)?;
        Ok(())
    }
}
