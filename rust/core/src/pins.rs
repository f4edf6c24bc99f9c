//! What a verifier remembers of trails, outside of them (FORMAT section 11): without it nobody can
//! see that a whole trail was put back to an earlier state.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::Home;
use crate::ledger::Ledger;
use crate::merkle::Hash;
use crate::note::{self, Checkpoint, is_origin};
use crate::segment::canonical;
use crate::storage::Storage;
use crate::storage::durable::{self, Access, LockFile};
use crate::trail::{now_micros, time_text};
use crate::{Error, Result, json};

const CONTEXT: &[u8] = b"sealtrail pin v1\n";

/// How far all segments were verified deeply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deep {
    /// Number of entries whose segments were, by one verification or by several.
    pub size: u64,
    /// When all of the trail was verified deeply by one verification; RFC 3339, UTC.
    pub time: String,
}

/// The last checkpoint of a trail that a verification let pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Hex digest of all the rest: a pin that was damaged must not pass for one of another state.
    #[serde(rename = "check")]
    check: String,
    /// How far the trail was verified deeply.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deep: Option<Deep>,
    /// The log's name.
    pub origin: String,
    /// Hex root over the entries.
    pub root: String,
    /// The number of entries.
    pub size: u64,
    /// When it was seen; RFC 3339, UTC.
    pub time: String,
    /// The trail's root URL.
    pub url: String,
    v: u32,
}

impl Pin {
    /// A pin of a checkpoint of the trail at `url`, seen now.
    pub fn new(url: &str, checkpoint: &Checkpoint, deep: Option<Deep>) -> Self {
        Self {
            check: String::new(),
            deep,
            origin: checkpoint.origin.clone(),
            root: HEXLOWER.encode(&checkpoint.root),
            size: checkpoint.size,
            time: time_text(now_micros()),
            url: url.to_owned(),
            v: 1,
        }
    }

    /// Reads a pin.
    ///
    /// # Errors
    /// `Integrity`, naming `place`, unless it is byte for byte as it was written.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self> {
        let pin: Self = serde_json::from_slice(bytes).map_err(|_| damaged(place))?;
        let deep = |pin: &Self| match &pin.deep {
            Some(deep) => deep.size <= pin.size && is_time(&deep.time),
            None => true,
        };
        let sound = pin.v == 1
            && is_origin(&pin.origin)
            && is_time(&pin.time)
            && pin.root_hash().is_some()
            && deep(&pin)
            && pin.to_bytes()? == bytes;
        if sound { Ok(pin) } else { Err(damaged(place)) }
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// `Encoding` if it cannot be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let open = Self { check: String::new(), ..self.clone() };
        let check = HEXLOWER.encode(&Sha256::digest([CONTEXT, &canonical(&open)?].concat()));
        canonical(&Self { check, ..open })
    }

    /// The checkpoint that it remembers.
    pub fn checkpoint(&self) -> Checkpoint {
        let root = self.root_hash().unwrap_or_default();
        Checkpoint { origin: self.origin.clone(), size: self.size, root }
    }

    fn root_hash(&self) -> Option<Hash> {
        HEXLOWER.decode(self.root.as_bytes()).ok()?.try_into().ok()
    }
}

fn is_time(text: &str) -> bool {
    json::parse_canonical_timestamp(text.as_bytes()).is_some()
}

fn damaged(place: &str) -> Error {
    Error::integrity(
        place,
        "this pin is damaged, so it cannot tell whether the trail was put back to an earlier \
         state; restore it, or see to the trail and remove it with `sealtrail pin clear`",
    )
}

/// The pins of a user: one file for each root URL that he verifies. Nothing that a trail says
/// chooses the file.
#[derive(Debug, Clone)]
pub struct Pins {
    dir: PathBuf,
}

impl Pins {
    /// The pins in a user's folders.
    pub fn of(home: &Home) -> Self {
        Self { dir: home.pins_dir.clone() }
    }

    /// The file of a trail's pin, whether there is one or not. The URL is as [`Storage::url`]
    /// gives it.
    pub fn path(&self, url: &str) -> PathBuf {
        let digest = HEXLOWER.encode(&Sha256::digest(url.as_bytes()));
        self.dir.join(format!("{}.json", &digest[..32]))
    }

    /// The pin of the trail at `url`, if there is one.
    ///
    /// # Errors
    /// `Integrity` if it is damaged or of another URL, `Io`.
    pub fn load(&self, url: &str) -> Result<Option<Pin>> {
        let path = self.path(url);
        let bytes = match durable::read(&path) {
            Ok(bytes) => bytes,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let place = path.display().to_string();
        let pin = Pin::parse(&bytes, &place)?;
        if pin.url != url {
            let message = format!("this pin is of the trail at {}, not of {url}", pin.url);
            return Err(Error::integrity(place, message));
        }
        Ok(Some(pin))
    }

    /// Makes this the pin of its trail, whatever was there.
    ///
    /// # Errors
    /// `Io`, `Encoding`.
    pub fn set(&self, pin: &Pin) -> Result<()> {
        let _lock = self.lock()?;
        self.write(pin)
    }

    /// Forgets the pin of the trail at `url`; whether there was one.
    ///
    /// # Errors
    /// `Io`.
    pub fn clear(&self, url: &str) -> Result<bool> {
        let _lock = self.lock()?;
        let path = self.path(url);
        let there = path.exists();
        durable::remove(&path).map(|()| there)
    }

    /// Moves the pin forward to `new`, which a verification let pass that demanded `demanded`.
    /// A pin that others have moved further meanwhile stays; so does one of another log.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) fn advance(&self, demanded: Option<&Pin>, new: &Pin) -> Result<()> {
        let _lock = self.lock()?;
        let present = self.load(&new.url)?;
        let moved = present.as_ref() != demanded;
        if let Some(present) = present.filter(|_| moved) {
            let further = (present.size, present.deep.as_ref().map(|deep| deep.size));
            let ours = (new.size, new.deep.as_ref().map(|deep| deep.size));
            if present.origin != new.origin || further >= ours || present.size > new.size {
                return Ok(());
            }
        }
        self.write(new)
    }

    fn lock(&self) -> Result<LockFile> {
        LockFile::lock(&self.dir.join("lock"))
    }

    fn write(&self, pin: &Pin) -> Result<()> {
        durable::replace(&self.path(&pin.url), &pin.to_bytes()?, Access::Private)
    }
}

/// The checkpoint in a note, for a pin: signed by the trail's owner or by a writer whom the ledger
/// knows. All entries are read.
///
/// # Errors
/// `Integrity` if nobody of the trail signed it, or if the trail is not this owner's; as for
/// reading a ledger.
pub async fn read_note(storage: &Storage, owner: &VerifyingKey, note: &str) -> Result<Checkpoint> {
    let ledger = Ledger::read_all(storage.clone()).await?;
    let state = ledger.state();
    if state.owner != Some(*owner) {
        return Err(Error::integrity(
            storage.url(),
            "the trail is not of the owner whose key was given",
        ));
    }
    let origin = state.info.as_ref().map(|info| info.origin.as_str()).unwrap_or_default();
    note::signed_checkpoint(note, origin, |signer| state.log_signer(signer))
        .map_err(|what| Error::integrity("checkpoint", what))
}

/// A file that a user brings: a pin as this program writes it, or a signed checkpoint.
pub(crate) enum Brought {
    /// A pin.
    Pin(Checkpoint),
    /// Perhaps a note: its signature is to be checked.
    Note(String),
}

impl Brought {
    /// Reads it.
    ///
    /// # Errors
    /// `Integrity` if it is neither, `NotFound`, `Io`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = durable::read(path)?;
        let place = path.display().to_string();
        if bytes.starts_with(b"{") {
            return Pin::parse(&bytes, &place).map(|pin| Self::Pin(pin.checkpoint()));
        }
        let neither = || Error::integrity(&*place, "neither a pin nor a signed checkpoint");
        let note = String::from_utf8(bytes).map_err(|_| neither())?;
        Checkpoint::parse(&note).map_err(|_| neither())?;
        Ok(Self::Note(note))
    }
}

#[cfg(test)]
mod tests;
