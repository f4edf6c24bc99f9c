//! The generations of a trail's keyring, as far as this process may have them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::due::is_due;
use super::objects::{KeyObject, Slot, name_of, number_in, slots};
use crate::config::EncryptionConfig;
use crate::keys::{MasterKey, Secret, kms};
use crate::storage::{Create, Storage};
use crate::trail::{now_micros, time_text};
use crate::{Error, Result};

/// Holds the master key itself, where the configuration names none: 32 bytes in base64.
pub const MASTER_KEY_VARIABLE: &str = "SEALTRAIL_MASTER_KEY";

/// Where the master key comes from. It is read when it is first needed.
#[derive(Clone, Default)]
pub struct MasterSource {
    reference: Option<String>,
    /// Variables that it may need, which are read at once.
    variables: BTreeMap<String, Zeroizing<String>>,
}

impl fmt::Debug for MasterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSource(..)")
    }
}

impl MasterSource {
    /// What `encryption.key` says, else SEALTRAIL_MASTER_KEY.
    pub fn new(reference: Option<&str>, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let reference = match reference {
            Some(reference) => Some(reference.to_owned()),
            None => env(MASTER_KEY_VARIABLE)
                .filter(|text| !text.is_empty())
                .map(|_| format!("env:{MASTER_KEY_VARIABLE}")),
        };
        let named = reference.as_deref().and_then(|r| r.strip_prefix("env:"));
        let variables = named
            .into_iter()
            .chain(kms::VARIABLES)
            .filter_map(|name| Some((name.to_owned(), env(name)?.into())))
            .collect();
        Self { reference, variables }
    }

    /// Whether anything names a master key.
    pub fn is_given(&self) -> bool {
        self.reference.is_some()
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Key` if nothing names one, and as [`MasterKey::open`].
    pub fn open(&self) -> Result<MasterKey> {
        let Some(reference) = &self.reference else {
            return Err(Error::Key(format!(
                "no master key is configured: set `encryption.key` or {MASTER_KEY_VARIABLE}"
            )));
        };
        let env = |name: &str| self.variables.get(name).map(|text| String::clone(text));
        MasterKey::open_with(reference, &env)
    }

    /// Where it is looked for, without what may be a secret.
    pub fn place(&self) -> String {
        match self.reference.as_deref().and_then(|r| r.split_once(':')) {
            None => format!("nowhere: neither `encryption.key` nor {MASTER_KEY_VARIABLE} is set"),
            Some(("command" | "cmd", _)) => "the key command of `encryption.key`".to_owned(),
            Some(("env", name)) => format!("the variable {name}"),
            Some(("file", path)) => format!("the file {path}"),
            Some((kind, rest)) => format!("{kind}:{rest}"),
        }
    }
}

/// A generation with its key, which is wiped with it.
#[derive(Debug)]
pub struct Generation {
    name: String,
    trail: String,
    made: i64,
    key: Secret,
}

impl Generation {
    /// Its name: what the ledger says of files that are encrypted under it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The trail's id.
    pub(super) fn trail(&self) -> &str {
        &self.trail
    }

    pub(super) fn key(&self) -> &Secret {
        &self.key
    }
}

/// What the store says of a generation, which needs no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationInfo {
    /// Its name.
    pub name: String,
    /// When it was made; microseconds since 1970, UTC.
    pub made: i64,
    /// Names of the master keys that open it, the newest last.
    pub master_keys: Vec<String>,
}

impl GenerationInfo {
    /// When it was made; RFC 3339, UTC.
    pub fn made_text(&self) -> String {
        time_text(self.made)
    }
}

/// Whether a text has the form of a generation's name.
pub fn is_generation(name: &str) -> bool {
    number_in(name).is_some()
}

/// The keyring of a trail. Generations are read when they are needed, and wiped with it.
#[derive(Debug)]
pub struct Keyring {
    trail: String,
    storage: Storage,
    source: MasterSource,
    config: EncryptionConfig,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    master: Option<Arc<MasterKey>>,
    by_name: BTreeMap<String, Arc<Generation>>,
}

impl Keyring {
    /// That of a trail. Nothing is read before it is needed.
    pub fn new(
        trail_id: &str,
        storage: Storage,
        source: MasterSource,
        config: EncryptionConfig,
    ) -> Self {
        let known = Mutex::default();
        Self { trail: trail_id.to_owned(), storage, source, config, known }
    }

    /// What the configuration says is to be encrypted.
    pub fn config(&self) -> &EncryptionConfig {
        &self.config
    }

    /// Where its master key comes from.
    pub fn source(&self) -> &MasterSource {
        &self.source
    }

    /// The id of the trail.
    pub fn trail_id(&self) -> &str {
        &self.trail
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The master key.
    ///
    /// # Errors
    /// As [`MasterSource::open`].
    pub async fn master(&self) -> Result<Arc<MasterKey>> {
        if let Some(master) = &self.known().master {
            return Ok(Arc::clone(master));
        }
        let master = Arc::new(self.source.open()?);
        self.known().master = Some(Arc::clone(&master));
        Ok(master)
    }

    /// What the store says of all generations, the oldest first.
    ///
    /// # Errors
    /// `Integrity` for an object that is none; `Io`, `Store`.
    pub async fn list(&self) -> Result<Vec<GenerationInfo>> {
        let mut found: BTreeMap<u64, GenerationInfo> = BTreeMap::new();
        for slot in slots(&self.storage).await? {
            let object = KeyObject::get(&self.storage, slot, &self.trail).await?;
            let made = object.made_micros().unwrap_or_default();
            let (name, key) = (object.generation, object.wrapped.key);
            let info = found.entry(slot.generation).or_insert_with(|| GenerationInfo {
                name,
                made,
                master_keys: Vec::new(),
            });
            info.master_keys.push(key);
        }
        Ok(found.into_values().collect())
    }

    /// The generation of this name.
    ///
    /// # Errors
    /// `Key` if it is not in the store or the master key is not at hand, which says what was
    /// looked for and where; `Integrity`, `Io`, `Store`.
    pub async fn generation(&self, name: &str) -> Result<Arc<Generation>> {
        if let Some(known) = self.known().by_name.get(name) {
            return Ok(Arc::clone(known));
        }
        let number = number_in(name);
        let number = number.ok_or_else(|| Error::Key(format!("{name:?} is no generation")))?;
        let slots = slots(&self.storage).await?;
        let mut wrappings = Vec::new();
        for slot in slots.into_iter().filter(|slot| slot.generation == number) {
            let object = KeyObject::get(&self.storage, slot, &self.trail).await?;
            if object.generation == name {
                wrappings.push((slot, object));
            }
        }
        self.unwrapped(name, wrappings).await
    }

    /// Opens the newest wrapping that the master key fits.
    async fn unwrapped(
        &self,
        name: &str,
        wrappings: Vec<(Slot, KeyObject)>,
    ) -> Result<Arc<Generation>> {
        let place = format!("{}/keyring", self.storage.url());
        if wrappings.is_empty() {
            let message = format!("the generation {name} is needed and is not in {place}");
            return Err(Error::Key(message));
        }
        let names: Vec<&str> = wrappings.iter().map(|(_, o)| o.wrapped.key.as_str()).collect();
        let names = names.join(" or ");
        let needs = format!("the generation {name} needs the master key {names}");
        let looked = self.source.place();
        let master = self.master().await.map_err(|e| match e {
            Error::Key(_) | Error::NotFound(_) | Error::Usage(_) => {
                Error::Key(format!("{needs}, which was looked for in {looked}: {e}"))
            }
            other => other,
        })?;
        let fits = wrappings.iter().rev().find(|(_, o)| master.may_be(&o.wrapped.key));
        let Some((slot, object)) = fits else {
            return Err(Error::Key(format!(
                "{needs}, and the one in {looked} is {}",
                master.name()
            )));
        };
        let key = object.unwrap(&master, *slot).await?;
        let made = object.made_micros().unwrap_or_default();
        let (name, trail) = (name.to_owned(), self.trail.clone());
        let generation = Arc::new(Generation { name: name.clone(), trail, made, key });
        self.known().by_name.insert(name, Arc::clone(&generation));
        Ok(generation)
    }

    /// The newest generation, made if there is none.
    ///
    /// # Errors
    /// As [`generation`](Self::generation).
    pub async fn current(&self) -> Result<Arc<Generation>> {
        let slots = slots(&self.storage).await?;
        let Some(newest) = slots.last().map(|slot| slot.generation) else {
            return self.make(1).await;
        };
        let known = self.known().by_name.values().max_by_key(|g| number_in(&g.name)).cloned();
        if let Some(known) = known.filter(|g| number_in(&g.name) == Some(newest)) {
            return Ok(known);
        }
        let mut wrappings = Vec::new();
        for slot in slots.into_iter().filter(|slot| slot.generation == newest) {
            wrappings.push((slot, KeyObject::get(&self.storage, slot, &self.trail).await?));
        }
        let name = wrappings.first().map(|(_, o)| o.generation.clone()).unwrap_or_default();
        wrappings.retain(|(_, object)| object.generation == name);
        self.unwrapped(&name, wrappings).await
    }

    /// Whether the next generation is due, if the newest was made then.
    pub(crate) fn is_due(&self, made: i64, now: i64) -> bool {
        is_due(made, now, self.config.key_rotation)
    }

    /// The newest generation, after the next one was made if it is due.
    ///
    /// # Errors
    /// As [`generation`](Self::generation).
    pub async fn current_or_due(&self) -> Result<Arc<Generation>> {
        let current = self.current().await?;
        if self.is_due(current.made, now_micros()) {
            return self.rotate().await;
        }
        Ok(current)
    }

    /// Makes the next generation, for files that are written from now on.
    ///
    /// # Errors
    /// As [`generation`](Self::generation).
    pub async fn rotate(&self) -> Result<Arc<Generation>> {
        let slots = slots(&self.storage).await?;
        self.make(slots.last().map_or(1, |slot| slot.generation + 1)).await
    }

    /// Makes a generation. Whoever was first, what stands there then counts.
    async fn make(&self, number: u64) -> Result<Arc<Generation>> {
        let slot = Slot { generation: number, wrapping: 0 };
        let (master, key) = (self.master().await?, Secret::generate()?);
        let (name, made) = (name_of(number, &key), time_text(now_micros()));
        let object = KeyObject::wrap(&key, (&self.trail, &name, &made), &master).await?;
        match object.put(&self.storage, slot).await? {
            Create::Created => self.unwrapped(&name, vec![(slot, object)]).await,
            Create::Exists => {
                let object = KeyObject::get(&self.storage, slot, &self.trail).await?;
                self.generation(&object.generation).await
            }
        }
    }

    /// Wraps every generation under another master key as well, by new objects; no file is
    /// written anew. Gives the names of those that were not under it yet.
    ///
    /// # Errors
    /// As [`generation`](Self::generation) for the master key until now, and those of the new one.
    pub async fn rewrap(&self, master: &MasterKey) -> Result<Vec<String>> {
        let mut wrapped = Vec::new();
        for info in self.list().await? {
            if info.master_keys.iter().any(|name| master.is(name)) {
                continue;
            }
            let generation = self.generation(&info.name).await?;
            let made = time_text(generation.made);
            let of = (self.trail.as_str(), info.name.as_str(), made.as_str());
            let object = KeyObject::wrap(&generation.key, of, master).await?;
            let number = number_in(&info.name).unwrap_or_default();
            let mut slot = Slot { generation: number, wrapping: info.master_keys.len() as u64 };
            // Another one who does the same may be quicker.
            while object.put(&self.storage, slot).await? == Create::Exists {
                slot.wrapping += 1;
            }
            wrapped.push(info.name);
        }
        Ok(wrapped)
    }
}
