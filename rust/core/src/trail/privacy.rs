//! Personal data: what is done to events before they are recorded, and to records on their way out.

use std::sync::Arc;

use super::Trail;
use super::settings::{OpenOptions, Settings};
use crate::Result;
use crate::config::RedactionPlace;
use crate::redact::{RedactionKeys, Redactor};
use crate::storage::Storage;
use crate::subjects::{Sealer, Vault, waiting};

/// The keys of a trail's subjects; nothing is read yet.
pub(super) fn vault(trail_id: &str, storage: &Storage, options: &OpenOptions) -> Arc<Vault> {
    let folder = options.home.keys_dir.join(trail_id);
    Arc::new(Vault::new(trail_id, storage.clone(), options.privacy.clone(), folder))
}

type Protection = (Option<Arc<Redactor>>, Option<Arc<Sealer>>);

/// What a writer does to events: redacts them, where that is to be done before recording, and
/// encrypts their personal fields.
pub(super) fn protection(settings: &Settings) -> Result<Protection> {
    let Some(vault) = &settings.vault else { return Ok((None, None)) };
    let redactor = match settings.redaction.apply {
        RedactionPlace::Record => redactor(settings, vault, None)?,
        RedactionPlace::Export => None,
    };
    let sealer = Sealer::new(&settings.redaction.personal, Arc::clone(vault))?;
    Ok((redactor.map(Arc::new), sealer.map(Arc::new)))
}

fn redactor(
    settings: &Settings,
    vault: &Vault,
    include_sensitive_data: Option<bool>,
) -> Result<Option<Redactor>> {
    let config = &settings.redaction;
    let keys = match include_sensitive_data.unwrap_or(config.include_sensitive_data) {
        false if config.needs_key() => Some(vault.redaction_keys()?),
        _ => None,
    };
    Redactor::from_config(config, include_sensitive_data, keys)
}

impl Trail {
    /// The keys of data subjects, as far as this process may have them.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.shared.vault
    }

    /// What redacts records that leave the trail, as the configuration says; `None` if sensitive
    /// data is to be kept. `include_sensitive_data` is the caller's own choice, if it has one.
    ///
    /// # Errors
    /// `Key` if values are to be hashed or encrypted and there is no usable privacy key, `Usage`
    /// if the configuration names what is not there.
    pub fn redactor(&self, include_sensitive_data: Option<bool>) -> Result<Option<Redactor>> {
        redactor(&self.shared.options.settings, &self.shared.vault, include_sensitive_data)
    }

    /// What puts back values that were encrypted on their way out.
    ///
    /// # Errors
    /// `Key` if there is no usable privacy key.
    pub fn revealer(&self) -> Result<Redactor> {
        Ok(Redactor::revealing(self.shared.vault.redaction_keys()?))
    }

    /// A record with its personal fields in the clear, as far as this process has their keys
    /// ([`Vault::unsealed`]).
    ///
    /// # Errors
    /// As [`Vault::unsealed`].
    pub async fn unsealed(&self, record: Vec<u8>) -> Result<Vec<u8>> {
        self.shared.vault.unsealed(record).await
    }
}

/// Makes the privacy key where nothing says where it would be, as recording does.
impl Vault {
    /// Keys of redaction, made from the privacy key.
    ///
    /// # Errors
    /// `Key` if there is no usable privacy key.
    pub(crate) fn redaction_keys(&self) -> Result<RedactionKeys> {
        let key = waiting(self.privacy_key())?;
        RedactionKeys::derive(&key, self.trail_id())
    }
}
