//! The copy's own store: its name, its key, and sealed objects in it.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::keys::envelope;
use crate::keys::{MasterKey, Secret, Wrapped, random};
use crate::ledger::TrailInfo;
use crate::segment::canonical;
use crate::storage::Storage;
use crate::storage::durable::TEMPORARY_PREFIX;
use crate::trail::{now_micros, time_text};
use crate::{Error, Result};

pub(super) const DESCRIPTION: &str = "copy.json";
pub(super) const OBJECTS: &str = "objects";
const KEYS: &str = "keys";
/// Envelopes above this size are made and opened where that holds up nobody.
const LARGE: usize = 256 * 1024;

/// What a copy says of itself, to everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub(super) created: String,
    pub(super) holder: String,
    pub(super) origin: String,
    pub(super) trail_id: String,
    pub(super) v: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    v: u32,
    wrapped: Wrapped,
}

/// A copy that this process has the key of. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) storage: Storage,
    pub(super) about: Arc<Description>,
    key: Arc<Secret>,
}

/// Where the copy has the object of the trail at `path`.
pub(super) fn sealed_path(path: &str) -> String {
    format!("{OBJECTS}/{path}")
}

/// What the copy at `storage` says of itself.
pub(super) async fn describe(storage: &Storage) -> Result<Description> {
    let bytes = match storage.get(DESCRIPTION).await {
        Err(Error::NotFound(_)) => {
            let message = format!("{} holds no copy of a trail", storage.url());
            return Err(Error::NotFound(message));
        }
        other => other?,
    };
    let about: Description = parse(&bytes, DESCRIPTION)?;
    if about.v != 1 {
        return Err(Error::integrity(DESCRIPTION, "a version that is not known here"));
    }
    Ok(about)
}

impl Place {
    /// The copy at `storage`.
    ///
    /// # Errors
    /// `NotFound` if there is none, `Key` if `master` is not its master key, `Integrity` if what
    /// it says of itself was changed.
    pub(super) async fn open(storage: Storage, master: &MasterKey) -> Result<Self> {
        let about = describe(&storage).await?;
        let key = load_key(&storage, &about, master).await?;
        Self::with(storage, about, key)
    }

    /// As [`open`](Self::open); where there is none yet, one is made for this trail.
    ///
    /// # Errors
    /// `Usage` if something else is there, or the copy of another trail.
    pub(super) async fn open_or_create(
        storage: Storage,
        master: &MasterKey,
        info: &TrailInfo,
    ) -> Result<Self> {
        let about = match describe(&storage).await {
            Err(Error::NotFound(_)) => {
                create(&storage, info).await?;
                describe(&storage).await?
            }
            other => other?,
        };
        if about.trail_id != info.trail_id {
            let message =
                format!("{} holds a copy of another trail, {}", storage.url(), about.trail_id);
            return Err(Error::Usage(message));
        }
        let key = match load_key(&storage, &about, master).await {
            // A run that was broken off here left no more than a name.
            Err(Error::NotFound(_)) => {
                demand_unused(&storage).await?;
                let key = Secret::generate()?;
                put_key(&storage, &about, master, &key, 0).await?;
                load_key(&storage, &about, master).await?
            }
            other => other?,
        };
        Self::with(storage, about, key)
    }

    fn with(storage: Storage, about: Description, key: Secret) -> Result<Self> {
        Ok(Self { storage, about: Arc::new(about), key: Arc::new(key) })
    }

    /// Puts the copy's key under another master key, too; both open the copy from then on.
    pub(super) async fn add_master(&self, master: &MasterKey) -> Result<()> {
        let numbers = key_numbers(&self.storage).await?;
        let next = numbers.last().map_or(0, |m| m + 1);
        put_key(&self.storage, &self.about, master, &self.key, next).await
    }

    /// Seals the object of the trail at `path`, or whatever else `aad` says.
    pub(super) async fn seal(&self, aad: Vec<u8>, bytes: Bytes) -> Result<Bytes> {
        let key = Arc::clone(&self.key);
        let length = bytes.len();
        apart(length, move || envelope::seal(&key, &aad, &bytes).map(Bytes::from)).await
    }

    /// Opens what [`seal`](Self::seal) made.
    pub(super) async fn unseal(&self, aad: Vec<u8>, bytes: Bytes) -> Result<Bytes> {
        let key = Arc::clone(&self.key);
        let length = bytes.len();
        apart(length, move || envelope::open(&key, &aad, &bytes).map(Bytes::from)).await
    }

    /// What an envelope around the object at `path` is bound to.
    pub(super) fn aad(&self, path: &str) -> Vec<u8> {
        format!("sealtrail copy object v1\n{}\n{path}", self.about.holder).into_bytes()
    }

    /// The object of the trail at `path`.
    ///
    /// # Errors
    /// `NotFound`; `Integrity` if it does not open: it was changed, or stood at another path.
    pub(super) async fn get(&self, path: &str) -> Result<Bytes> {
        let sealed = self.storage.get(&sealed_path(path)).await?;
        self.unseal(self.aad(path), sealed).await.map_err(|e| unopened(path, &e))
    }

    pub(super) async fn delete(&self, path: &str) -> Result<()> {
        self.storage.delete(&sealed_path(path)).await
    }
}

/// The error of an object that does not open. Its key commitment fails too where its head was
/// changed, so that is no matter of the key here: the copy's key opened something else before.
pub(super) fn unopened(path: &str, error: &Error) -> Error {
    let message = match error {
        Error::Integrity { message, .. } => message.clone(),
        other => other.to_string(),
    };
    Error::integrity(sealed_path(path), format!("it does not open: {message}"))
}

/// Work on large objects beside the runtime's own threads.
async fn apart<T: Send + 'static>(
    length: usize,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) if length >= LARGE => runtime
            .spawn_blocking(work)
            .await
            .map_err(|e| Error::io("envelope", std::io::Error::other(e)))?,
        _ => work(),
    }
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], path: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| Error::integrity(path, e.to_string()))
}

/// An object in a store, if it holds any. What a probe of the store left does not count.
pub(super) async fn anything(storage: &Storage) -> Result<Option<String>> {
    let mut all = storage.list("").await?.into_iter().map(|(path, _)| path);
    Ok(all.find(|path| !path.starts_with(TEMPORARY_PREFIX)))
}

/// A copy whose key was lost is none that was just begun: another key would not open it.
async fn demand_unused(storage: &Storage) -> Result<()> {
    let sealed = storage.list(OBJECTS).await?;
    if sealed.is_empty() && super::statement::numbers(storage).await?.is_empty() {
        return Ok(());
    }
    let message = "the copy's key is missing, and without it nothing in the copy can be read; put \
                   it back, or begin another copy elsewhere and forget this one";
    Err(Error::integrity(format!("{}/{KEYS}", storage.url()), message))
}

async fn create(storage: &Storage, info: &TrailInfo) -> Result<()> {
    if let Some(path) = anything(storage).await? {
        let message = format!(
            "{} is not empty (it has {path}) and holds no copy of a trail; give a place of its own",
            storage.url()
        );
        return Err(Error::Usage(message));
    }
    storage.probe_create().await?;
    let about = Description {
        created: time_text(now_micros()),
        holder: format!("copy-{}", HEXLOWER.encode(&random::<8>()?)),
        origin: info.origin.clone(),
        trail_id: info.trail_id.clone(),
        v: 1,
    };
    // Whoever was first, what stands there now counts.
    storage.put_create(DESCRIPTION, Bytes::from(canonical(&about)?)).await.map(drop)
}

fn context(about: &Description) -> String {
    format!("sealtrail copy {}", about.holder)
}

async fn put_key(
    storage: &Storage,
    about: &Description,
    master: &MasterKey,
    key: &Secret,
    number: u32,
) -> Result<()> {
    let wrapped = master.wrap(key.expose(), &context(about)).await?;
    let path = format!("{KEYS}/{number:08}.json");
    let file = canonical(&KeyFile { v: 1, wrapped })?;
    storage.put_create(&path, Bytes::from(file)).await.map(drop)
}

async fn key_numbers(storage: &Storage) -> Result<Vec<u32>> {
    let number = |path: &str| {
        let digits = path.strip_prefix(KEYS)?.strip_prefix('/')?.strip_suffix(".json")?;
        (digits.len() == 8).then(|| digits.parse().ok()).flatten()
    };
    let mut numbers = storage.pick_after(KEYS, KEYS, number).await?;
    numbers.sort_unstable();
    Ok(numbers)
}

/// The copy's key, if this master key opens it.
pub(super) async fn load_key(
    storage: &Storage,
    about: &Description,
    master: &MasterKey,
) -> Result<Secret> {
    let mut refused = None;
    for number in key_numbers(storage).await?.into_iter().rev() {
        let path = format!("{KEYS}/{number:08}.json");
        let file = parse::<KeyFile>(&storage.get(&path).await?, &path);
        let opened = match file {
            Ok(file) if file.v == 1 => master.unwrap(&file.wrapped, &context(about)).await,
            Ok(_) => Err(Error::integrity(path, "a version that is not known here")),
            Err(e) => Err(e),
        };
        match opened {
            Ok(key) => return Ok(key),
            // Another one may be whole.
            Err(e) => refused = refused.or(Some(e)),
        }
    }
    Err(refused.unwrap_or_else(|| Error::NotFound(format!("{}: it has no key", storage.url()))))
}
