//! Entries as bytes.

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::bounds::ColumnBounds;
use super::lifecycle::{
    Erase, Erased, Forget, Hold, JSONL, Orphan, Policy, Release, Sidecar, Tombstone,
};
use super::paths::{LINES, PARQUET, partition_of};
use crate::Result;
use crate::columns::LogicalColumn;
use crate::keys::{self, HmacKey};
use crate::merkle::Hash;
use crate::note::Checkpoint;
use crate::segment::canonical;

const CONTEXT: &[u8] = b"sealtrail entry v1\n";
const NOT_CANONICAL: &str = "not canonical JSON";

/// What the trail is: the content of `trail.json`, which entry 0 repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailInfo {
    /// When it was made; RFC 3339, UTC.
    pub created: String,
    /// Life of an HMAC key in seconds.
    pub epoch_seconds: u64,
    /// Format version.
    pub format: u32,
    /// Name of its log in checkpoints.
    pub origin: String,
    /// `month` or `day`.
    pub partitioning: String,
    /// Its id (UUID).
    pub trail_id: String,
}

impl TrailInfo {
    /// The name under which a writer signs checkpoints.
    pub fn key_name(&self, writer: &str) -> String {
        format!("{}/{writer}", self.origin)
    }

    /// Whether partitions are days, not months.
    pub fn by_day(&self) -> bool {
        self.partitioning == "day"
    }

    /// When an epoch begins, in microseconds since 1970.
    pub fn epoch_start(&self, epoch: u64) -> i64 {
        let micros = u128::from(epoch) * u128::from(self.epoch_seconds) * 1_000_000;
        i64::try_from(micros).unwrap_or(i64::MAX)
    }
}

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Begins the trail.
    Init,
    /// Lets writers sign, or no longer.
    Authorize,
    /// Adds records.
    Append,
    /// Ends an epoch or a run that has no more records.
    Close,
    /// Replaces segments by others that hold the same batches.
    Compact,
    /// Says that files of removed segments are gone.
    Sweep,
    /// Keeps paths of segments that no entry names from ever being added.
    Condemn,
    /// Puts a retention policy in force.
    Policy,
    /// Keeps records from deletion and erasure.
    Hold,
    /// Ends a hold.
    Release,
    /// Deletes records.
    Delete,
    /// Orders that a data subject's key be destroyed.
    Erase,
    /// Confirms that a holder of such a key destroyed it.
    Erased,
    /// Gives up a copy of the trail.
    Forget,
}

/// Who signs entries of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignedBy {
    Owner,
    Writer,
    Either,
}

impl Kind {
    pub(super) fn signed_by(self) -> SignedBy {
        match self {
            Self::Append | Self::Close | Self::Compact => SignedBy::Writer,
            Self::Sweep | Self::Condemn | Self::Erased => SignedBy::Either,
            Self::Init
            | Self::Authorize
            | Self::Policy
            | Self::Hold
            | Self::Release
            | Self::Delete
            | Self::Erase
            | Self::Forget => SignedBy::Owner,
        }
    }
}

/// A writer that the owner lets sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// First epoch of its HMAC chain.
    pub epoch: u64,
    /// Id of the first HMAC key.
    pub hmac_key: String,
    /// Base64 of its Ed25519 public key.
    pub public: String,
    /// Its id.
    pub writer: String,
}

/// A writer that the owner no longer lets sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Why, in the owner's words.
    pub reason: String,
    /// Its id.
    pub writer: String,
}

/// Sequence numbers of a writer's log, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalRange {
    /// First.
    pub from: u64,
    /// Last.
    pub to: u64,
}

/// Range of `recorded_at`; RFC 3339, UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Earliest.
    pub from: String,
    /// Latest.
    pub to: String,
}

/// Smallest and largest value of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Bounds {
    /// Of times, in microseconds since 1970.
    Number(i64, i64),
    /// Of strings, by their bytes.
    Text(String, String),
}

/// A segment as the ledger names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedSegment {
    /// Name of the archive that holds the object; the trail's own store if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archive: Option<String>,
    /// Number of batches.
    pub batches: u64,
    /// Size of the object.
    pub bytes: u64,
    /// How the object is written: Parquet if absent, else `jsonl`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub format: Option<String>,
    /// The sidecar that tells of rows of its batches that are deleted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gone: Option<Sidecar>,
    /// Name of the keyring's generation under which the object is encrypted; absent: it is not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// Latest `timestamp` in microseconds since 1970, UTC.
    pub max: i64,
    /// Earliest `timestamp`.
    pub min: i64,
    /// Path within the trail.
    pub path: String,
    /// Hex root over its batch list.
    pub root: String,
    /// Number of rows.
    pub rows: u64,
    /// Hex SHA-256 of the object.
    pub sha256: String,
    /// Bounds by which readers skip the segment.
    pub stats: ColumnBounds,
}

impl AddedSegment {
    /// Domain and period of the path, if it has the form that FORMAT section 5 gives.
    pub fn partition(&self, by_day: bool) -> Option<(&str, &str)> {
        partition_of(&self.path, by_day, self.suffix())
    }

    /// Whether its object is compressed JSON lines, and no Parquet.
    pub fn is_jsonl(&self) -> bool {
        self.format.as_deref() == Some(JSONL)
    }

    /// How its path ends.
    fn suffix(&self) -> &'static str {
        if self.is_jsonl() { LINES } else { PARQUET }
    }
}

/// The seal of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// Number of batches that the epoch brought.
    pub batches: u64,
    /// The epoch.
    pub epoch: u64,
    /// Hex `s(e)`.
    pub seal: String,
}

/// What the log of a process held that did not end in order, or of a writer that was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveredLog {
    /// How many records it held that were not committed.
    pub records: u64,
    /// Id of the writer whose log it was.
    pub writer: String,
}

/// The snapshot that an entry names (FORMAT section 10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRef {
    /// Number of the entry that authorised the signer.
    pub authorized: u64,
    /// Size of the object.
    pub bytes: u64,
    /// Number of the entry that names the snapshot which this one continues; none if it is full.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rests_on: Option<u64>,
    /// Hex SHA-256 of the object.
    pub sha256: String,
}

/// What an entry says; see the tables in FORMAT section 7.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Body {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub adds: Option<Vec<AddedSegment>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub authorizes: Option<Vec<Authorization>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub close: Option<Close>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub columns: Option<Vec<LogicalColumn>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub condemned: Option<Vec<Orphan>>,
    pub epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub erase: Option<Erase>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub erased: Option<Erased>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub forget: Option<Forget>,
    pub hmac_key: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hold: Option<Hold>,
    pub key: String,
    pub kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load: Option<String>,
    pub n: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<Policy>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recorded: Option<Recorded>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovered: Option<Vec<RecoveredLog>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub release: Option<Release>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revokes: Option<Vec<Revocation>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub snapshot: Option<SnapshotRef>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub swept: Option<Vec<String>>,
    pub time: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tombstone: Option<Tombstone>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trail: Option<TrailInfo>,
    pub tree: String,
    pub v: u32,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wal: Option<WalRange>,
    pub writer: String,
}

impl Body {
    /// A body of `kind` without anything that only some kinds have.
    pub fn new(kind: Kind, writer: &str, epoch: u64, time: String) -> Self {
        Self {
            adds: None,
            authorizes: None,
            close: None,
            closed: None,
            columns: None,
            condemned: None,
            epoch,
            erase: None,
            erased: None,
            forget: None,
            hmac_key: String::new(),
            hold: None,
            key: String::new(),
            kind,
            load: None,
            n: 0,
            owner: None,
            policy: None,
            recorded: None,
            recovered: None,
            release: None,
            removes: None,
            revokes: None,
            snapshot: None,
            swept: None,
            time,
            tombstone: None,
            trail: None,
            tree: String::new(),
            v: 1,
            wal: None,
            writer: writer.to_owned(),
        }
    }

    /// Signs the body as entry `n` of a ledger whose earlier entries have root `tree`.
    ///
    /// # Errors
    /// `Encoding` if it cannot be written as JSON, `Key` if the origin cannot name a key.
    pub fn sign(
        mut self,
        n: u64,
        tree: Hash,
        info: &TrailInfo,
        signing: &SigningKey,
        hmac: &HmacKey,
    ) -> Result<Entry> {
        self.n = n;
        self.tree = HEXLOWER.encode(&tree);
        self.key = keys::key_id(&signing.verifying_key());
        self.hmac_key = hmac.id();
        let message = self.message()?;
        let mac = hmac.mac(&message);
        let checkpoint = Checkpoint { origin: info.origin.clone(), size: n, root: tree };
        Ok(Entry {
            checkpoint: checkpoint.sign(&info.key_name(&self.writer), signing)?,
            hmac: HEXLOWER.encode(&mac),
            sig: BASE64.encode(&keys::sign(signing, &[message.as_slice(), &mac].concat())),
            body: self,
        })
    }

    /// The bytes that the HMAC covers, and the signature together with the HMAC.
    ///
    /// # Errors
    /// `Encoding` if the body cannot be written as JSON.
    pub fn message(&self) -> Result<Vec<u8>> {
        Ok([CONTEXT, &canonical(self)?].concat())
    }
}

/// An object of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it says.
    pub body: Body,
    /// Checkpoint of the entries before it, as a signed note.
    pub checkpoint: String,
    /// Hex HMAC-SHA256 of the body.
    pub hmac: String,
    /// Base64 Ed25519 signature of the body and its HMAC.
    pub sig: String,
}

impl Entry {
    /// The object's bytes.
    ///
    /// # Errors
    /// `Encoding` if it cannot be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        canonical(self)
    }

    /// Reads an object, which must be in canonical form.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        Self::parse_signed(bytes).map(|(entry, _)| entry)
    }

    /// Reads an object, and gives what its HMAC and signature cover ([`Body::message`]): it must be
    /// written out anyway, to see that the object is canonical.
    pub(super) fn parse_signed(bytes: &[u8]) -> Result<(Self, Vec<u8>), String> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let written = entry.body.message().and_then(|message| Ok((message, entry.rest()?)));
        let (message, rest) = written.map_err(|_| NOT_CANONICAL)?;
        let whole = bytes
            .strip_prefix(b"{\"body\":")
            .and_then(|bytes| bytes.strip_prefix(message.strip_prefix(CONTEXT)?))
            .and_then(|bytes| bytes.strip_prefix(b","));
        if whole.is_some() && whole == rest.strip_prefix(b"{") {
            return Ok((entry, message));
        }
        Err(NOT_CANONICAL.to_owned())
    }

    /// Canonical JSON of all members but the body, which sorts before them.
    fn rest(&self) -> Result<Vec<u8>> {
        let Self { body: _, checkpoint, hmac, sig } = self;
        canonical(&Rest { checkpoint, hmac, sig })
    }

    /// Whether the body's signature holds under this key.
    pub fn signed_by(&self, public: &VerifyingKey) -> bool {
        self.body.message().is_ok_and(|message| self.signs(&message, public))
    }

    /// As [`signed_by`](Self::signed_by), where the body's message is at hand.
    pub(super) fn signs(&self, message: &[u8], public: &VerifyingKey) -> bool {
        let signature = BASE64.decode(self.sig.as_bytes());
        let mac = HEXLOWER.decode(self.hmac.as_bytes());
        match (signature, mac) {
            (Ok(signature), Ok(mac)) if mac.len() == 32 => {
                keys::verify_signature(public, &[message, &mac].concat(), &signature)
            }
            _ => false,
        }
    }

    /// Whether the body's HMAC holds under this key.
    pub fn sealed_by(&self, hmac: &HmacKey) -> bool {
        self.body.message().is_ok_and(|message| self.seals(&message, hmac))
    }

    /// As [`sealed_by`](Self::sealed_by), where the body's message is at hand.
    pub(crate) fn seals(&self, message: &[u8], hmac: &HmacKey) -> bool {
        HEXLOWER.decode(self.hmac.as_bytes()).is_ok_and(|mac| hmac.verify(message, &mac))
    }
}

#[derive(Serialize)]
struct Rest<'a> {
    checkpoint: &'a str,
    hmac: &'a str,
    sig: &'a str,
}
