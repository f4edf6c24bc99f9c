//! Encrypted segments: Parquet modular encryption with a fresh key for each file.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use parquet::encryption::decrypt::{FileDecryptionProperties, KeyRetriever};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;

use super::keyring::{Generation, Keyring};
use super::wrapped::FileKey;
use crate::subjects::waiting;
use crate::{Error, Result, json};

/// The last bytes of a Parquet file whose footer is encrypted.
const ENCRYPTED: &[u8; 4] = b"PARE";

/// What new segments are encrypted with, and which of them are.
#[derive(Debug, Clone)]
pub struct Sealing {
    generation: Arc<Generation>,
    all: bool,
    levels: Arc<BTreeSet<String>>,
}

impl Sealing {
    /// What is to be encrypted in hot storage; `None` if nothing is.
    ///
    /// # Errors
    /// `Key` if the keyring's newest generation or the master key is not at hand; `Io`, `Store`.
    pub async fn hot(keyring: &Keyring) -> Result<Option<Self>> {
        let config = keyring.config();
        Self::of(keyring, config.hot).await
    }

    /// What is to be encrypted in an archive; `None` if nothing is.
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub async fn archive(keyring: &Keyring) -> Result<Option<Self>> {
        let config = keyring.config();
        Self::of(keyring, config.archive).await
    }

    async fn of(keyring: &Keyring, all: bool) -> Result<Option<Self>> {
        let levels = &keyring.config().sensitivity_levels;
        if !all && levels.is_empty() {
            return Ok(None);
        }
        let levels = levels.iter().map(|level| level.to_ascii_lowercase()).collect();
        let generation = keyring.current().await?;
        Ok(Some(Self { generation, all, levels: Arc::new(levels) }))
    }

    /// Everything under a keyring's newest generation.
    ///
    /// # Errors
    /// As [`hot`](Self::hot).
    pub async fn everything(keyring: &Keyring) -> Result<Self> {
        let (generation, levels) = (keyring.current().await?, Arc::default());
        Ok(Self { generation, all: true, levels })
    }

    /// Whether every segment is encrypted.
    pub(crate) fn all(&self) -> bool {
        self.all
    }

    /// Whether a record may only stand in an encrypted segment.
    pub(crate) fn takes(&self, record: &[u8]) -> bool {
        let level = || {
            let raw = json::get(record, &["resource", "sensitivity_level"])?;
            Some(json::string_value(raw)?.to_ascii_lowercase())
        };
        self.all || level().is_some_and(|level| self.levels.contains(&level))
    }

    /// Name of the generation.
    pub(crate) fn generation(&self) -> &str {
        self.generation.name()
    }

    /// How to write the segment of this id.
    pub(crate) fn properties(&self, segment: &str) -> Result<Arc<FileEncryptionProperties>> {
        let (key, wrapped) = FileKey::make(&self.generation, segment)?;
        FileEncryptionProperties::builder(key.expose().to_vec())
            .with_footer_key_metadata(wrapped)
            .with_aad_prefix(aad_prefix(self.generation.trail(), segment))
            .build()
            .map_err(|e| Error::encoding(segment, e))
    }
}

/// What each part of the file is bound to; it is not stored.
fn aad_prefix(trail: &str, segment: &str) -> Vec<u8> {
    format!("sealtrail segment v1\n{trail}\n{segment}").into_bytes()
}

/// The id of the segment at a path.
fn segment_of(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".parquet").unwrap_or(name)
}

/// Whether these are the last bytes of an encrypted segment.
pub(crate) fn is_encrypted(end: &[u8]) -> bool {
    end.ends_with(ENCRYPTED)
}

/// Finds the key of one segment when it is opened.
pub struct Opening {
    keyring: Option<Arc<Keyring>>,
    path: String,
    /// The generation that the file names.
    generation: OnceLock<String>,
}

impl Opening {
    /// How to read the segment at a path, encrypted or not. Without a keyring an encrypted one
    /// does not open, and the error says which key is missing.
    pub fn of(keyring: Option<&Arc<Keyring>>, path: &str) -> Arc<Self> {
        let (keyring, path) = (keyring.cloned(), path.to_owned());
        Arc::new(Self { keyring, path, generation: OnceLock::new() })
    }

    /// What the Parquet library asks.
    ///
    /// # Errors
    /// `Encoding` if the library refuses.
    pub fn properties(self: &Arc<Self>) -> Result<Arc<FileDecryptionProperties>> {
        let prefix =
            |keyring: &Arc<Keyring>| aad_prefix(keyring.trail_id(), segment_of(&self.path));
        FileDecryptionProperties::with_key_retriever(Arc::clone(self) as _)
            .with_aad_prefix(self.keyring.as_ref().map(prefix).unwrap_or_default())
            .build()
            .map_err(|e| Error::encoding(&self.path, e))
    }

    /// The generation that the file names, once it was opened.
    pub(crate) fn generation(&self) -> Option<&str> {
        self.generation.get().map(String::as_str)
    }

    /// The error of ours in one of the Parquet library.
    pub fn cause(error: ParquetError) -> std::result::Result<Error, ParquetError> {
        match error {
            ParquetError::External(source) => match source.downcast::<Error>() {
                Ok(error) => Ok(*error),
                Err(source) => Err(ParquetError::External(source)),
            },
            other => Err(other),
        }
    }

    /// The key of the file whose footer's key has this metadata, and what its parts are bound to
    /// that is not stored in it.
    ///
    /// # Errors
    /// `Key` if the key is not at hand, `Integrity` if the metadata is none of ours.
    pub(crate) fn parts(&self, wrapped: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
        let trail = self.keyring.as_ref().map(|keyring| keyring.trail_id()).unwrap_or_default();
        Ok((self.key(wrapped)?, aad_prefix(trail, segment_of(&self.path))))
    }

    fn key(&self, wrapped: &[u8]) -> Result<Vec<u8>> {
        let segment = segment_of(&self.path);
        let wrapped = FileKey::parse(wrapped, &self.path)?;
        let _ = self.generation.set(wrapped.generation.clone());
        let Some(keyring) = &self.keyring else {
            return Err(Error::Key(format!(
                "{}: it is encrypted under the generation {} of the trail's keyring, and no \
                 master key was given: set `encryption.key` or SEALTRAIL_MASTER_KEY",
                self.path, wrapped.generation
            )));
        };
        let generation = waiting(keyring.generation(&wrapped.generation));
        let generation = generation.map_err(|e| match e {
            Error::Key(message) => Error::Key(format!("{}: {message}", self.path)),
            other => other,
        })?;
        Ok(wrapped.open(&generation, segment)?.expose().to_vec())
    }
}

impl KeyRetriever for Opening {
    fn retrieve_key(&self, wrapped: &[u8]) -> parquet::errors::Result<Vec<u8>> {
        self.key(wrapped).map_err(|e| ParquetError::External(Box::new(e)))
    }
}
