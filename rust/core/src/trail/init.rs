//! Making a trail.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;

use super::{now_micros, time_text};
use crate::config::Home;
use crate::keys::{OWNER, OwnerKey, Passphrase};
use crate::ledger::{Body, Kind, TrailInfo, entry_path};
use crate::merkle;
use crate::note::is_origin;
use crate::segment::{canonical, new_uuid};
use crate::storage::{Create, Storage};
use crate::{Error, Result};

/// Path of the trail's description of itself.
pub const TRAIL_FILE: &str = "trail.json";

/// What a new trail is to be.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// Where its keys go.
    pub home: Home,
    /// Partition by day instead of month: for millions of events a day.
    pub by_day: bool,
    /// Name of its log in checkpoints; `sealtrail/<trail id>` if not given.
    pub origin: Option<String>,
    /// Life of an HMAC key in seconds.
    pub epoch_seconds: u64,
    /// The owner's key, made elsewhere for this trail; it is not put into the keys folder.
    pub owner: Option<Arc<OwnerKey>>,
    /// Opens a locked key in the keys folder, where an `init` that broke off goes on.
    pub passphrase: Passphrase,
}

impl InitOptions {
    /// The defaults: partitioned by month, epochs of an hour.
    pub fn new(home: Home) -> Self {
        Self {
            home,
            by_day: false,
            origin: None,
            epoch_seconds: 3600,
            owner: None,
            passphrase: Passphrase::default(),
        }
    }
}

/// Makes a trail at `url` and the owner's keys for it.
///
/// # Errors
/// `AlreadyExists` if there is one, `Usage` for an unusable origin or URL, `Store` if the store
/// does not honour create-only puts, `Io`, `Key`.
pub async fn init(url: &str, options: &InitOptions) -> Result<Arc<TrailInfo>> {
    init_in(&Storage::open(url)?, options).await
}

pub(super) async fn init_in(storage: &Storage, options: &InitOptions) -> Result<Arc<TrailInfo>> {
    if !storage.list("ledger").await?.is_empty() {
        return Err(Error::AlreadyExists(format!("{} already holds a trail", storage.url())));
    }
    if options.epoch_seconds == 0 {
        return Err(Error::Usage("an epoch must last at least a second".to_owned()));
    }
    storage.probe_create().await?;
    let info = describe(storage, options).await?;
    let owner = owner_of(&info, options)?;
    create(storage, TRAIL_FILE, canonical(&info)?).await?;
    let mut body = Body::new(Kind::Init, OWNER, 0, time_text(now_micros()));
    body.owner = Some(BASE64.encode(owner.public().as_bytes()));
    body.trail = Some(info.clone());
    body.authorizes = Some(Vec::new());
    let entry = body.sign(0, merkle::empty_root(), &info, owner.signing(), &owner.hmac()?)?;
    create(storage, &entry_path(0), entry.to_bytes()?).await?;
    Ok(Arc::new(info))
}

/// The owner's key: the one given, the one in the keys folder, or a new one there.
fn owner_of(info: &TrailInfo, options: &InitOptions) -> Result<Arc<OwnerKey>> {
    let keys_dir = &options.home.keys_dir;
    if let Some(owner) = &options.owner {
        owner.demand_trail(&info.trail_id)?;
        owner.save_public(keys_dir, &info.origin)?;
        return Ok(Arc::clone(owner));
    }
    match OwnerKey::load(keys_dir, &info.trail_id, &options.passphrase) {
        Err(Error::NotFound(_)) => {
            let owner = OwnerKey::generate(&info.trail_id)?;
            owner.save(keys_dir, &info.origin)?;
            Ok(Arc::new(owner))
        }
        other => other.map(Arc::new),
    }
}

/// The description of a new trail, or that of one whose making was interrupted.
async fn describe(storage: &Storage, options: &InitOptions) -> Result<TrailInfo> {
    match storage.get(TRAIL_FILE).await {
        Ok(bytes) => {
            let info: TrailInfo = serde_json::from_slice(&bytes)
                .map_err(|e| Error::integrity(TRAIL_FILE, e.to_string()))?;
            // Only who holds its keys can go on with it.
            if options.owner.is_none() {
                OwnerKey::load(&options.home.keys_dir, &info.trail_id, &options.passphrase)?;
            }
            return Ok(info);
        }
        Err(Error::NotFound(_)) => {}
        Err(e) => return Err(e),
    }
    let trail_id = match &options.owner {
        Some(owner) => owner.trail_id().to_owned(),
        None => new_uuid()?,
    };
    let origin = options.origin.clone().unwrap_or_else(|| format!("sealtrail/{trail_id}"));
    if !is_origin(&origin) {
        let message = format!("{origin:?} cannot name a log: no spaces, no `+`, not empty");
        return Err(Error::Usage(message));
    }
    Ok(TrailInfo {
        created: time_text(now_micros()),
        epoch_seconds: options.epoch_seconds,
        format: 1,
        origin,
        partitioning: if options.by_day { "day" } else { "month" }.to_owned(),
        trail_id,
    })
}

async fn create(storage: &Storage, path: &str, bytes: Vec<u8>) -> Result<()> {
    match storage.put_create(path, Bytes::from(bytes)).await? {
        Create::Created => Ok(()),
        Create::Exists => Err(Error::AlreadyExists(format!(
            "{}: another process made {path} at the same time",
            storage.url()
        ))),
    }
}
