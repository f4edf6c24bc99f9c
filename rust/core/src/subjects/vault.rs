//! The keys of a trail's subjects, as far as this process may have them.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::store::{self, Root};
use super::{Holder, Sid, SubjectKey};
use crate::keys::{PrivacyKey, PrivacySource};
use crate::storage::Storage;
use crate::{Error, Result};

/// Keys kept in memory at once; more are read again.
const KEPT: usize = 65_536;

/// The keys of a trail's subjects. They are read when they are needed, and wiped with it.
#[derive(Debug)]
pub struct Vault {
    trail_id: String,
    storage: Storage,
    source: PrivacySource,
    /// The trail's folder of keys on this host.
    folder: PathBuf,
    root: Mutex<Option<Arc<Root>>>,
    keys: Mutex<HashMap<Holder, Found>>,
    /// The newest entry that erases each subject.
    erased: RwLock<BTreeMap<Sid, u64>>,
}

/// What is known of a key.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    Key(Arc<SubjectKey>),
    /// It was destroyed, as an entry says.
    Erased,
    /// It is not in the store, and nothing says why.
    Missing,
}

impl Vault {
    /// That of a trail. Nothing is read before it is needed.
    pub(crate) fn new(
        trail_id: &str,
        storage: Storage,
        source: PrivacySource,
        folder: PathBuf,
    ) -> Self {
        Self {
            trail_id: trail_id.to_owned(),
            storage,
            source,
            folder,
            root: Mutex::default(),
            keys: Mutex::default(),
            erased: RwLock::default(),
        }
    }

    /// Takes note of which subjects the ledger says are erased, and forgets their keys.
    pub(crate) fn learn(&self, erased: impl IntoIterator<Item = (Sid, u64)>) {
        let mut known = self.erased.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for (sid, entry) in erased {
            let newest = known.entry(sid).or_default();
            changed |= *newest < entry;
            *newest = (*newest).max(entry);
        }
        if changed {
            self.keys().retain(|holder, _| !is_erased(&known, *holder));
        }
    }

    /// The privacy key, made where there is none, nothing says where it would be, and the trail
    /// has none yet: another host's would be another one.
    ///
    /// # Errors
    /// `Key` if it is not here, or what is configured cannot be used; `Io`, `Store`.
    pub async fn privacy_key(&self) -> Result<PrivacyKey> {
        match self.existing_privacy_key()? {
            Some(key) => Ok(key),
            // The key is made before the root: another thread or process may just have made both.
            None if Root::is_there(&self.storage).await? => {
                self.existing_privacy_key()?.ok_or_else(|| self.no_key())
            }
            None => self.source.load_or_create(&self.folder),
        }
    }

    /// The privacy key, `None` if this process has none.
    ///
    /// # Errors
    /// `Key` if what is configured cannot be used.
    pub fn existing_privacy_key(&self) -> Result<Option<PrivacyKey>> {
        self.source.load(&self.folder)
    }

    pub(crate) fn trail_id(&self) -> &str {
        &self.trail_id
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Holder, Found>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_root(&self) -> Option<Arc<Root>> {
        self.root.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep_root(&self, root: Root) -> Arc<Root> {
        let root = Arc::new(root);
        *self.root.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&root));
        root
    }

    /// `None` without the privacy key, or while the trail has no subjects.
    pub(super) async fn root(&self) -> Result<Option<Arc<Root>>> {
        if let Some(root) = self.known_root() {
            return Ok(Some(root));
        }
        let Some(key) = self.existing_privacy_key()? else { return Ok(None) };
        let root = Root::load(&self.storage, &self.trail_id, &key).await?;
        Ok(root.map(|root| self.keep_root(root)))
    }

    async fn root_for_writing(&self) -> Result<Arc<Root>> {
        if let Some(root) = self.known_root() {
            return Ok(root);
        }
        let key = self.privacy_key().await?;
        let root = Root::load_or_create(&self.storage, &self.trail_id, &key).await?;
        Ok(self.keep_root(root))
    }

    fn no_key(&self) -> Error {
        let file = self.folder.join(crate::keys::PRIVACY_KEY_FILE);
        Error::Key(format!(
            "personal fields are to be encrypted, and the trail's privacy key is not here: \
             copy it to {}, or set `redaction.key`",
            file.display()
        ))
    }

    /// The id that the store knows a subject by; `None` without the privacy key, or while the
    /// trail has no subjects.
    ///
    /// # Errors
    /// `Key` if the privacy key is another one, `Io` or `Store`.
    pub async fn sid(&self, subject: &str) -> Result<Option<Sid>> {
        Ok(self.root().await?.map(|root| root.sid(subject)))
    }

    /// Whether the store has the key under which a subject's values are encrypted now.
    pub(crate) async fn has_key(&self, sid: Sid) -> Result<bool> {
        let holder = self.current(sid);
        Ok(store::holders(&self.storage).await?.contains(&holder))
    }

    fn current(&self, sid: Sid) -> Holder {
        let erased = self.erased.read().unwrap_or_else(PoisonError::into_inner);
        Holder { sid, generation: erased.get(&sid).copied().unwrap_or(0) }
    }

    /// The key under which a subject's values are to be encrypted now.
    pub(super) async fn key_for_writing(&self, subject: &str) -> Result<Arc<SubjectKey>> {
        let root = self.root_for_writing().await?;
        let holder = self.current(root.sid(subject));
        if let Some(Found::Key(key)) = self.keys().get(&holder) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(root.key_or_create(&self.storage, holder).await?);
        self.keep(holder, Found::Key(Arc::clone(&key)));
        Ok(key)
    }

    /// The key that opens a value, if it is in memory already.
    pub(super) fn known_for_writing(&self, subject: &str) -> Option<Arc<SubjectKey>> {
        let holder = self.current(self.known_root()?.sid(subject));
        match self.keys().get(&holder) {
            Some(Found::Key(key)) => Some(Arc::clone(key)),
            _ => None,
        }
    }

    fn keep(&self, holder: Holder, found: Found) {
        let mut keys = self.keys();
        if keys.len() >= KEPT {
            keys.clear();
        }
        keys.insert(holder, found);
    }

    /// Reads the keys of these holders; `false` if this process may not have them.
    pub(super) async fn prepare(&self, holders: impl Iterator<Item = Holder>) -> Result<bool> {
        let mut root = None;
        for holder in holders {
            if is_erased(&self.erased.read().unwrap_or_else(PoisonError::into_inner), holder)
                || self.keys().contains_key(&holder)
            {
                continue;
            }
            if root.is_none() {
                root = self.root().await?;
            }
            let Some(root) = &root else { return Ok(false) };
            let found = match root.key(&self.storage, holder).await? {
                Some(key) => Found::Key(Arc::new(key)),
                None => Found::Missing,
            };
            self.keep(holder, found);
        }
        Ok(true)
    }

    /// What is known of a key that was prepared.
    pub(super) fn found(&self, holder: Holder) -> Option<Found> {
        if is_erased(&self.erased.read().unwrap_or_else(PoisonError::into_inner), holder) {
            return Some(Found::Erased);
        }
        self.keys().get(&holder).cloned()
    }

    /// Destroys the keys that the ledger says are erased, those that a backup brought back
    /// included; gives their number.
    ///
    /// # Errors
    /// `Io` or `Store`.
    pub async fn destroy_erased(&self) -> Result<u64> {
        let mut count = 0;
        for holder in store::holders(&self.storage).await? {
            let dead = {
                let erased = self.erased.read().unwrap_or_else(PoisonError::into_inner);
                is_erased(&erased, holder)
            };
            if dead {
                store::destroy(&self.storage, holder).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Puts another privacy key into effect. Whoever reads or writes personal fields needs it from
    /// then on; nothing is encrypted anew.
    ///
    /// # Errors
    /// `Key` if `old` is not the trail's, `NotFound` if the trail has no subjects, `Io`, `Store`.
    pub async fn rewrap(&self, old: &PrivacyKey, new: &PrivacyKey) -> Result<()> {
        store::rewrap(&self.storage, &self.trail_id, old, new).await
    }
}

fn is_erased(erased: &BTreeMap<Sid, u64>, holder: Holder) -> bool {
    erased.get(&holder.sid).is_some_and(|entry| *entry > holder.generation)
}
