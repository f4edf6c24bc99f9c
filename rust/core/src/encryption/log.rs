//! Encrypted write-ahead logs: a fresh key for each file, a nonce for each frame.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::keyring::{Generation, Keyring};
use super::wrapped::FileKey;
use crate::keys::Secret;
use crate::subjects::waiting;
use crate::{Error, Result};

const AAD: &[u8] = b"sealtrail wal frame v1";

/// Makes the keys of new log files.
#[derive(Debug, Clone)]
pub struct LogSealing(Arc<Generation>);

/// What encrypts the frames of one log file. No two frames of a file have one number.
pub(crate) struct LogCipher(LessSafeKey);

impl fmt::Debug for LogCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogCipher(..)")
    }
}

/// The file of a log is known by its chain's start, which is never the same twice.
fn file_of(chain: &[u8; 32]) -> String {
    format!("log {}", HEXLOWER.encode(chain))
}

impl LogSealing {
    /// Keys under the keyring's newest generation; `None` if logs are not to be encrypted.
    ///
    /// # Errors
    /// `Key` if the generation or the master key is not at hand; `Io`, `Store`.
    pub async fn of(keyring: &Keyring) -> Result<Option<Self>> {
        let config = keyring.config();
        if !(config.wal && config.is_on()) {
            return Ok(None);
        }
        Ok(Some(Self(keyring.current().await?)))
    }

    /// A fresh key for the file whose chain begins so, and its wrapped form.
    pub(crate) fn begin(&self, chain: &[u8; 32]) -> Result<(LogCipher, Vec<u8>)> {
        let (key, wrapped) = FileKey::make(&self.0, &file_of(chain))?;
        Ok((LogCipher::new(&key)?, wrapped))
    }

    /// Keys under the generation that a file names; and the cipher of that file.
    pub(crate) fn open(
        keys: Option<&Arc<Keyring>>,
        chain: &[u8; 32],
        wrapped: &[u8],
    ) -> Result<(Self, LogCipher)> {
        let file = file_of(chain);
        let wrapped = FileKey::parse(wrapped, &file)?;
        let Some(keyring) = keys else {
            return Err(Error::Key(format!(
                "the log is encrypted under the generation {} of the trail's keyring, and no \
                 master key was given: set `encryption.key` or SEALTRAIL_MASTER_KEY",
                wrapped.generation
            )));
        };
        let generation = waiting(keyring.generation(&wrapped.generation))?;
        let cipher = LogCipher::new(&wrapped.open(&generation, &file)?)?;
        Ok((Self(generation), cipher))
    }
}

impl LogCipher {
    /// Bytes that each frame is longer by.
    pub(crate) const TAG: usize = 16;

    fn new(key: &Secret) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose());
        let key = key.map_err(|_| Error::Key("a key has the wrong length".to_owned()))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts the payload of the frame with this number, in place.
    pub(crate) fn seal(&self, sequence: u64, payload: &mut Vec<u8>) -> Result<()> {
        self.0
            .seal_in_place_append_tag(nonce(sequence), Aad::from(AAD), payload)
            .map_err(|_| Error::Key("a frame of the log cannot be encrypted".to_owned()))
    }

    /// Decrypts it; `None` if it was changed.
    pub(crate) fn open_frame(&self, sequence: u64, payload: &[u8]) -> Option<Vec<u8>> {
        let mut plain = payload.to_vec();
        let length = self.0.open_in_place(nonce(sequence), Aad::from(AAD), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

fn nonce(sequence: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}
