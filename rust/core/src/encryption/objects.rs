//! The objects of a keyring.

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use crate::keys::{HmacKey, MasterKey, Secret, Wrapped};
use crate::segment::canonical;
use crate::storage::{Create, Storage};
use crate::{Error, Result, json};

/// Folder of the keyring.
const FOLDER: &str = "keyring";
const ID: &[u8] = b"sealtrail generation id v1";

/// A generation under one master key, as it stands in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyObject {
    /// Name of the generation.
    pub(super) generation: String,
    /// When the generation was made.
    pub(super) made: String,
    pub(super) trail: String,
    v: u32,
    pub(super) wrapped: Wrapped,
}

/// Where an object stands: generation and wrapping, both counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) generation: u64,
    /// 0 is the first one, under the master key of when it was made.
    pub(super) wrapping: u64,
}

impl Slot {
    pub(super) fn path(self) -> String {
        format!("{FOLDER}/{:08}-{:08}.json", self.generation, self.wrapping)
    }

    fn parse(path: &str) -> Option<Self> {
        let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".json")?;
        let (generation, wrapping) = name.split_once('-')?;
        let slot = Self { generation: number(generation)?, wrapping: number(wrapping)? };
        (slot.generation > 0 && slot.path() == path).then_some(slot)
    }
}

fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// Whether an object with this path is one of a keyring.
pub(crate) fn is_keyring_object(path: &str) -> bool {
    Slot::parse(path).is_some()
}

/// The name of a generation: its number, and an id that does not help to find the key.
pub(super) fn name_of(number: u64, key: &Secret) -> String {
    let id = HmacKey::new(Secret::from_bytes(*key.expose())).mac(ID);
    format!("{number}-{}", HEXLOWER.encode(&id[..8]))
}

/// The number in the name of a generation, if it is one.
pub(super) fn number_in(name: &str) -> Option<u64> {
    let (number, id) = name.split_once('-')?;
    let digits = !number.starts_with('0') && number.len() <= 8;
    let hex = id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (digits && hex).then(|| self::number(number)).flatten()
}

/// What a generation is, for who wraps it.
pub(super) fn context(trail: &str, generation: &str) -> String {
    format!("generation {generation} of trail {trail}")
}

impl KeyObject {
    pub(super) async fn wrap(
        key: &Secret,
        (trail, generation, made): (&str, &str, &str),
        master: &MasterKey,
    ) -> Result<Self> {
        let wrapped = master.wrap(key.expose(), &context(trail, generation)).await?;
        let (generation, made) = (generation.to_owned(), made.to_owned());
        Ok(Self { generation, made, trail: trail.to_owned(), v: 1, wrapped })
    }

    /// Puts it, unless another one stands there.
    pub(super) async fn put(&self, storage: &Storage, slot: Slot) -> Result<Create> {
        storage.put_create(&slot.path(), Bytes::from(canonical(self)?)).await
    }

    /// Reads the object at a slot.
    pub(super) async fn get(storage: &Storage, slot: Slot, trail: &str) -> Result<Self> {
        let path = slot.path();
        let bytes = storage.get(&path).await?;
        let bad = || Error::integrity(&path, "no generation of this trail's keyring");
        let object: Self = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        let fits = object.v == 1
            && object.trail == trail
            && number_in(&object.generation) == Some(slot.generation)
            && object.made_micros().is_some()
            && BASE64.decode(object.wrapped.sealed.as_bytes()).is_ok()
            && canonical(&object)? == bytes;
        if fits { Ok(object) } else { Err(bad()) }
    }

    /// When the generation was made, in microseconds since 1970.
    pub(super) fn made_micros(&self) -> Option<i64> {
        json::parse_canonical_timestamp(self.made.as_bytes())
    }

    /// The key, which must be the one that the name is of.
    pub(super) async fn unwrap(&self, master: &MasterKey, slot: Slot) -> Result<Secret> {
        let key = master.unwrap(&self.wrapped, &context(&self.trail, &self.generation)).await?;
        if name_of(slot.generation, &key) == self.generation {
            return Ok(key);
        }
        Err(Error::integrity(slot.path(), "it holds another key than the one that it names"))
    }
}

/// The slots that are taken, in order.
pub(super) async fn slots(storage: &Storage) -> Result<Vec<Slot>> {
    let objects = storage.list(FOLDER).await?;
    let mut slots: Vec<Slot> = objects.iter().filter_map(|(path, _)| Slot::parse(path)).collect();
    slots.sort_unstable();
    Ok(slots)
}
