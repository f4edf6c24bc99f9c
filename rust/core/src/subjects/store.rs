//! The objects that hold the keys of subjects, wrapped.

use bytes::Bytes;
use data_encoding::BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keys::SubjectKey;
use super::{Holder, Sid};
use crate::keys::{HmacKey, PrivacyKey, Secret, random};
use crate::segment::canonical;
use crate::storage::Storage;
use crate::trail::{now_micros, time_text};
use crate::{Error, Result};

/// Folder of the keys.
pub(crate) const FOLDER: &str = "subjects";
pub(crate) const ROOT: &str = "subjects/root.json";
const NONCE: usize = 12;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootFile {
    key: String,
    trail: String,
    v: u32,
    wrapped: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    made: String,
    v: u32,
    wrapped: String,
}

/// What the names and keys of subjects are made with.
#[derive(Debug)]
pub(super) struct Root {
    trail: [u8; 16],
    names: HmacKey,
    wrap: HmacKey,
}

impl Root {
    fn new(secret: &Secret, trail: [u8; 16]) -> Result<Self> {
        let derive = |info: &[u8]| HmacKey::derive(secret, &trail, &[info]);
        Ok(Self {
            names: derive(b"sealtrail subject id v1")?,
            wrap: derive(b"sealtrail subject wrap v1")?,
            trail,
        })
    }

    /// Whether the trail has one.
    pub(super) async fn is_there(storage: &Storage) -> Result<bool> {
        match storage.size(ROOT).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// That of the trail; `None` if nobody needed it yet.
    pub(super) async fn load(
        storage: &Storage,
        trail_id: &str,
        key: &PrivacyKey,
    ) -> Result<Option<Self>> {
        match storage.get(ROOT).await {
            Ok(bytes) => Self::unwrap(&bytes, trail_id, key).map(Some),
            Err(Error::NotFound(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// That of the trail, made if nobody did yet.
    pub(super) async fn load_or_create(
        storage: &Storage,
        trail_id: &str,
        key: &PrivacyKey,
    ) -> Result<Self> {
        loop {
            if let Some(root) = Self::load(storage, trail_id, key).await? {
                return Ok(root);
            }
            let file = wrapped_root(&Secret::generate()?, trail_id, key)?;
            // Whoever was first, what stands there now counts.
            storage.put_create(ROOT, Bytes::from(file)).await?;
        }
    }

    fn unwrap(bytes: &[u8], trail_id: &str, key: &PrivacyKey) -> Result<Self> {
        let (secret, trail) = unwrapped_root(bytes, trail_id, key)?;
        Self::new(&secret, trail)
    }

    pub(super) fn sid(&self, subject: &str) -> Sid {
        Sid(self.names.tag16(&[subject.as_bytes()]))
    }

    fn aad(&self, holder: Holder) -> Vec<u8> {
        let generation = holder.generation.to_be_bytes();
        [b"sealtrail subject key v1\n", &self.trail[..], &holder.sid.0, &generation].concat()
    }

    /// The key of a subject; `None` if there is none.
    pub(super) async fn key(
        &self,
        storage: &Storage,
        holder: Holder,
    ) -> Result<Option<SubjectKey>> {
        let path = path_of(holder);
        let bytes = match storage.get(&path).await {
            Ok(bytes) => bytes,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let bad = || Error::integrity(&path, "no key of a data subject");
        let file: KeyFile = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        let secret = unwrap(&self.wrap, &file.wrapped, &self.aad(holder)).ok_or_else(bad)?;
        if file.v != 1 {
            return Err(bad());
        }
        SubjectKey::new(holder, self.trail, secret).map(Some)
    }

    /// The key of a subject, made if there is none.
    pub(super) async fn key_or_create(
        &self,
        storage: &Storage,
        holder: Holder,
    ) -> Result<SubjectKey> {
        loop {
            if let Some(key) = self.key(storage, holder).await? {
                return Ok(key);
            }
            let wrapped = wrap(&self.wrap, &Secret::generate()?, &self.aad(holder))?;
            let file = KeyFile { made: time_text(now_micros()), v: 1, wrapped };
            storage.put_create(&path_of(holder), Bytes::from(canonical(&file)?)).await?;
        }
    }
}

/// Wraps the root under another key; what is encrypted stays as it is.
pub(super) async fn rewrap(
    storage: &Storage,
    trail_id: &str,
    old: &PrivacyKey,
    new: &PrivacyKey,
) -> Result<()> {
    let bytes = storage.get(ROOT).await?;
    let (secret, _) = unwrapped_root(&bytes, trail_id, old)?;
    storage.put_hint(ROOT, Bytes::from(wrapped_root(&secret, trail_id, new)?)).await
}

/// The keys that are in the store.
pub(super) async fn holders(storage: &Storage) -> Result<Vec<Holder>> {
    let objects = storage.list(FOLDER).await?;
    Ok(objects.iter().filter_map(|(path, _)| named(path)).collect())
}

/// Whether an object with this path is one of ours.
pub(crate) fn is_key_object(path: &str) -> bool {
    path == ROOT || named(path).is_some()
}

/// The holder whose key is at `path`.
pub(crate) fn named(path: &str) -> Option<Holder> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".json")?;
    Holder::parse(name)
}

/// Removes a key for good, as far as the store forgets what it deletes.
pub(super) async fn destroy(storage: &Storage, holder: Holder) -> Result<()> {
    storage.delete(&path_of(holder)).await
}

fn path_of(holder: Holder) -> String {
    format!("{FOLDER}/{holder}.json")
}

fn root_aad(trail: &[u8; 16]) -> Vec<u8> {
    [b"sealtrail subjects root v1\n", &trail[..]].concat()
}

fn root_wrap(trail_id: &str, key: &PrivacyKey) -> Result<HmacKey> {
    key.derive(trail_id, b"sealtrail subjects wrap v1")
}

fn wrapped_root(secret: &Secret, trail_id: &str, key: &PrivacyKey) -> Result<Vec<u8>> {
    let trail = crate::keys::trail_id_bytes(trail_id)?;
    let wrapped = wrap(&root_wrap(trail_id, key)?, secret, &root_aad(&trail))?;
    canonical(&RootFile { key: key.id(), trail: trail_id.to_owned(), v: 1, wrapped })
}

fn unwrapped_root(bytes: &[u8], trail_id: &str, key: &PrivacyKey) -> Result<(Secret, [u8; 16])> {
    let trail = crate::keys::trail_id_bytes(trail_id)?;
    let bad = || Error::integrity(ROOT, "not what wraps the keys of data subjects");
    let file: RootFile = serde_json::from_slice(bytes).map_err(|_| bad())?;
    if file.v != 1 || file.trail != trail_id {
        return Err(bad());
    }
    if file.key != key.id() {
        let (needed, here) = (&file.key, key.id());
        let message = format!("the trail's privacy key is {needed}, the one given is {here}");
        return Err(Error::Key(message));
    }
    let wrap = root_wrap(trail_id, key)?;
    Ok((unwrap(&wrap, &file.wrapped, &root_aad(&trail)).ok_or_else(bad)?, trail))
}

fn aead(key: &HmacKey) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.secret().expose())
        .map(LessSafeKey::new)
        .map_err(|_| Error::Key("a key has the wrong length".to_owned()))
}

fn wrap(key: &HmacKey, secret: &Secret, aad: &[u8]) -> Result<String> {
    let nonce = random::<NONCE>()?;
    let mut body = Zeroizing::new(secret.expose().to_vec());
    aead(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut *body)
        .map_err(|_| Error::Key("a key cannot be wrapped".to_owned()))?;
    Ok(BASE64.encode(&[&nonce[..], &body].concat()))
}

fn unwrap(key: &HmacKey, wrapped: &str, aad: &[u8]) -> Option<Secret> {
    let bytes = Zeroizing::new(BASE64.decode(wrapped.as_bytes()).ok()?);
    let (nonce, body) = bytes.split_at_checked(NONCE)?;
    let mut body = Zeroizing::new(body.to_vec());
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let plain = aead(key).ok()?.open_in_place(nonce, Aad::from(aad), &mut body).ok()?;
    let mut secret = Zeroizing::new([0; 32]);
    if plain.len() != secret.len() {
        return None;
    }
    secret.copy_from_slice(plain);
    Some(Secret::from_bytes(*secret))
}
