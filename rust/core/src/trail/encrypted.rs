//! Encryption at rest: the trail's keyring, and what its new segments are encrypted with.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::settings::{OpenOptions, Settings};
use super::{Trail, now_micros};
use crate::Result;
use crate::encryption::{GenerationInfo, Keyring, Sealing};
use crate::keys::MasterKey;
use crate::ledger::AddedSegment;
use crate::storage::Storage;

/// A generation of the keyring, and what is encrypted under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// What the keyring says of it.
    pub info: GenerationInfo,
    /// Live segments under it.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How a trail is encrypted at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysStatus {
    /// The generations, the oldest first.
    pub generations: Vec<KeyStatus>,
    /// Generations that live segments need and that are not in the keyring.
    pub lost: Vec<String>,
    /// Live segments in the clear, and their bytes.
    pub plain: (u64, u64),
    /// Whether the next generation is due by this host's configuration.
    pub due: bool,
    /// Name of the master key that this host has, or why it has none.
    pub master: Result<String, String>,
}

impl KeysStatus {
    /// As JSON, for programs.
    pub fn to_json(&self) -> Value {
        let generation = |status: &KeyStatus| {
            json!({
                "bytes": status.bytes,
                "generation": status.info.name,
                "made": status.info.made_text(),
                "master_keys": status.info.master_keys,
                "segments": status.segments,
            })
        };
        json!({
            "due": self.due,
            "generations": Vec::from_iter(self.generations.iter().map(generation)),
            "lost": self.lost,
            "master_key": self.master.as_ref().ok(),
            "master_key_missing": self.master.as_ref().err(),
            "plain": {"bytes": self.plain.1, "segments": self.plain.0},
        })
    }
}

/// The keyring of a trail; nothing is read yet.
pub(super) fn keyring(trail_id: &str, storage: &Storage, options: &OpenOptions) -> Arc<Keyring> {
    let (source, config) = (options.master.clone(), options.settings.encryption.clone());
    Arc::new(Keyring::new(trail_id, storage.clone(), source, config))
}

/// What a writer encrypts new segments with; `None` if it does not.
pub(super) async fn sealing(settings: &Settings) -> Result<Option<Sealing>> {
    match &settings.keyring {
        Some(keyring) => Sealing::hot(keyring).await,
        None => Ok(None),
    }
}

impl Trail {
    /// The keyring: what opens encrypted segments.
    pub fn keyring(&self) -> Option<&Arc<Keyring>> {
        self.storage().keys()
    }

    /// Before anything is recorded that could not be committed: the newest generation, made if
    /// there is none or the next one is due.
    pub(super) async fn ready_to_encrypt(&self) -> Result<()> {
        match self.keyring() {
            Some(keyring) if keyring.config().is_on() => keyring.current_or_due().await.map(drop),
            _ => Ok(()),
        }
    }

    /// What replaces these segments, in an archive or not, is encrypted with; `None` if it is not.
    pub(super) async fn sealing_for(
        &self,
        inputs: &[&AddedSegment],
        archived: bool,
    ) -> Result<Option<Sealing>> {
        let Some(keyring) = self.keyring() else { return Ok(None) };
        let configured = match archived {
            true => Sealing::archive(keyring).await?,
            false => Sealing::hot(keyring).await?,
        };
        match configured {
            None if inputs.iter().any(|input| input.key.is_some()) => {
                Sealing::everything(keyring).await.map(Some)
            }
            other => Ok(other),
        }
    }

    /// The generations of the keyring and what is encrypted under each. Needs no key.
    ///
    /// # Errors
    /// `Integrity` for an object of the keyring that is none; `Io`, `Store`.
    pub async fn keys_status(&self) -> Result<KeysStatus> {
        let ledger = self.refreshed().await?;
        let mut under: BTreeMap<Option<String>, (u64, u64)> = BTreeMap::new();
        for segment in &ledger.state().segments {
            let (segments, bytes) = under.entry(segment.key.clone()).or_default();
            *segments += 1;
            *bytes += segment.bytes;
        }
        let plain = under.remove(&None).unwrap_or_default();
        let mut generations = Vec::new();
        let mut due = false;
        let mut master = Err("this trail has no keyring".to_owned());
        if let Some(keyring) = self.keyring() {
            for info in keyring.list().await? {
                let (segments, bytes) = under.remove(&Some(info.name.clone())).unwrap_or_default();
                generations.push(KeyStatus { info, segments, bytes });
            }
            let newest = generations.last().map(|generation| generation.info.made);
            due = newest.is_some_and(|made| keyring.is_due(made, now_micros()));
            let opened = keyring.master().await;
            master = opened.map(|key| key.name().to_owned()).map_err(|e| e.to_string());
        }
        let lost = under.into_keys().flatten().collect();
        Ok(KeysStatus { generations, lost, plain, due, master })
    }

    /// Makes the next generation of the keyring: what is written from now on is encrypted under
    /// it. Gives its name.
    ///
    /// # Errors
    /// `Key` if the master key is not at hand; `Io`, `Store`.
    pub async fn rotate_key(&self) -> Result<String> {
        Ok(self.demand_keyring()?.rotate().await?.name().to_owned())
    }

    /// Makes the next generation if it is due by this host's configuration. Gives its name.
    ///
    /// # Errors
    /// As [`rotate_key`](Self::rotate_key).
    pub async fn rotate_key_if_due(&self) -> Result<Option<String>> {
        let keyring = self.demand_keyring()?;
        if !keyring.config().is_on() {
            return Ok(None);
        }
        let before = keyring.list().await?.last().map(|info| info.name.clone());
        let now = keyring.current_or_due().await?;
        Ok(Some(now.name().to_owned()).filter(|name| Some(name) != before.as_ref()))
    }

    /// Wraps every generation under another master key as well. No file is written anew; who has
    /// the old master key still opens what it opened. Gives the names of the generations.
    ///
    /// # Errors
    /// `Key` if either master key is not at hand; `Io`, `Store`.
    pub async fn rewrap_keys(&self, master: &MasterKey) -> Result<Vec<String>> {
        self.demand_keyring()?.rewrap(master).await
    }

    fn demand_keyring(&self) -> Result<&Arc<Keyring>> {
        self.keyring().ok_or_else(|| crate::Error::Key("this trail has no keyring".to_owned()))
    }
}
