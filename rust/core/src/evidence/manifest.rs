//! What an export says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::signed::{self, Context};
use crate::access::Reader;
use crate::merkle::Hash;
use crate::proof::Hex;
use crate::trail::{Attester, now_micros, time_text};
use crate::{Error, Result};

/// In what form records left the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// Canonical records, one a line, with their salts and proofs beside them.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
    /// A Parquet file.
    Parquet,
    /// Parquet files in the layout of a security lake, by class and day.
    Ocsf,
    /// An evidence package.
    Package,
}

impl ExportFormat {
    /// Its name, as manifests and the command line have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Ocsf => "ocsf",
            Self::Package => "package",
        }
    }
}

/// What a file of an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileRole {
    /// Holds the records, or some of them.
    Records,
    /// Salts and proofs of the records.
    Proofs,
    /// The signed checkpoint of the ledger.
    Checkpoint,
    /// Checks the package without sealtrail.
    Program,
    /// The package for people.
    Summary,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileItem {
    /// Its length.
    pub bytes: u64,
    /// Its path, from the folder of the manifest, with `/`.
    pub path: String,
    /// How many records it holds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub records: Option<u64>,
    /// What it is.
    pub role: FileRole,
    /// Hex SHA-256 of its bytes.
    pub sha256: String,
}

/// Who had it made, as the system knew them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AskedBy {
    /// `cli`, `python`, `job`.
    pub door: String,
    /// The machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The user that the process ran as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_user: Option<String>,
    /// Address of the other end of an SSH connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// Who became that user by `sudo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// The number of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

impl AskedBy {
    /// Who runs a process.
    pub fn of(reader: &Reader) -> Self {
        Self {
            door: reader.door.to_string(),
            host: reader.host.clone(),
            os_user: reader.os_user.clone(),
            source_ip: reader.source_ip.clone(),
            sudo_user: reader.sudo_user.clone(),
            uid: reader.uid,
        }
    }

    /// `user@host`, as far as they are known.
    pub fn name(&self) -> String {
        let user = self.sudo_user.as_deref().or(self.os_user.as_deref());
        let user = user.map_or_else(|| "somebody".to_owned(), str::to_owned);
        self.host.as_ref().map_or(user.clone(), |host| format!("{user}@{host}"))
    }
}

/// A state of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Hex root over its entries.
    pub root: String,
    /// Number of them.
    pub size: u64,
}

impl Position {
    /// The state with this size and root.
    pub fn new(size: u64, root: &Hash) -> Self {
        Self { root: data_encoding::HEXLOWER.encode(root), size }
    }
}

/// From where an export goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// Hex SHA-256 of the manifest of the export before; none if this is the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manifest: Option<String>,
    /// Hex root over the entries before.
    pub root: String,
    /// The first entry whose records are here.
    pub size: u64,
}

/// When the records happened that were asked for; RFC 3339, UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeWindow {
    /// The first moment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// The first moment that is too late.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<String>,
}

/// The retention policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyInForce {
    /// The entry that holds it.
    pub entry: u64,
    /// The policy.
    pub policy: Value,
}

/// What an export says of itself; FORMAT section 20.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Who had it made.
    pub asked_by: AskedBy,
    /// Number of records by event type.
    pub counts: BTreeMap<String, u64>,
    /// When it was made, by the clock of who made it; RFC 3339, UTC.
    pub created: String,
    /// All files, by path; neither the manifest nor the custody log.
    pub files: Vec<FileItem>,
    /// What was asked for, as it was asked.
    pub filters: Map<String, Value>,
    /// In what form.
    pub format: ExportFormat,
    /// The ledger that was exported from.
    pub ledger: Position,
    /// Name of the trail's log.
    pub origin: String,
    /// The retention policy in force, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<PolicyInForce>,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purpose: Option<String>,
    /// Number of records.
    pub records: u64,
    /// From where it goes on, where it is one of several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Since>,
    /// The trail's id.
    pub trail_id: String,
    /// Records that were durable on that host and in no entry yet, but for those of who looked:
    /// they are not here.
    pub unsealed: u64,
    /// Version of the manifest.
    pub v: u32,
    /// The time that was asked for.
    pub window: TimeWindow,
}

impl Manifest {
    /// The file of the manifest: canonical JSON and a line break, signed.
    ///
    /// # Errors
    /// `Integrity` if the ledger does not prove the signer; `Io`, `Store`, `Encoding`.
    pub async fn sign(&self, attester: &Attester) -> Result<Vec<u8>> {
        let mut bytes = attester.sign(Context::Manifest, self).await?;
        // None is handed out that does not hold under the key that the trail names.
        SignedManifest::check(&bytes, &attester.vkey()?)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The one file with this role, if there is exactly one.
    pub fn file(&self, role: FileRole) -> Option<&FileItem> {
        let mut all = self.files.iter().filter(|file| file.role == role);
        all.next().filter(|_| all.next().is_none())
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::integrity("body", what));
        if self.v != 1 {
            return wrong("its version is not known");
        }
        if !self.files.is_sorted_by(|a, b| a.path < b.path) {
            return wrong("its files are out of order, or named twice");
        }
        if !self.files.iter().all(|file| is_digest(&file.sha256)) {
            return wrong("a hash of a file is malformed");
        }
        let sum = self.counts.values().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        if sum != Some(self.records) {
            return wrong("its counts do not add up");
        }
        Ok(())
    }
}

/// A manifest whose signature holds.
#[derive(Debug)]
pub struct SignedManifest {
    /// What it says.
    pub manifest: Manifest,
    /// Who signed it: a writer's id, or `owner`.
    pub signer: String,
    /// The writers that it rests on.
    pub signers: Vec<crate::proof::Signer>,
}

impl SignedManifest {
    /// Checks a manifest with the owner's public key, a C2SP vkey.
    ///
    /// # Errors
    /// `Key` if that is no vkey; `Integrity` if the manifest does not hold, with the step.
    pub fn check(bytes: &[u8], vkey: &str) -> Result<Self> {
        let checked = signed::check::<Manifest>(bytes, Context::Manifest, vkey)?;
        let manifest = checked.body;
        manifest.check()?;
        let stated = Position::new(checked.checkpoint.size, &checked.checkpoint.root);
        let ours = manifest.trail_id == checked.info.trail_id;
        if !ours || manifest.origin != checked.info.origin || manifest.ledger != stated {
            let what = "it is of another trail or state of the ledger than its checkpoint";
            return Err(Error::integrity("body", what));
        }
        Ok(Self { manifest, signer: checked.signer, signers: checked.signers })
    }
}

/// The moment, as a manifest tells it.
pub(crate) fn now() -> String {
    time_text(now_micros())
}

/// Whether text is a SHA-256 in hex.
pub(super) fn is_digest(text: &str) -> bool {
    serde_json::from_value::<Hex<32>>(Value::String(text.to_owned())).is_ok()
}
