//! Verification, with the keys that the caller has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pyo3::prelude::*;
use sealtrail_core::access::ask_apart;
use sealtrail_core::anchors::Anchors;
use sealtrail_core::config::Home;
use sealtrail_core::encryption::MasterSource;
use sealtrail_core::keys::{OwnerKey, trail_id_bytes};
use sealtrail_core::ledger::entry_path;
use sealtrail_core::pins::{self, Pin, Pins};
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::{TRAIL_FILE, Trail};
use sealtrail_core::verify::{self, Level, Options, Pinning, Progress, Trust};
use sealtrail_core::{Error, Result, note};
use serde_json::Value;

use crate::access::{self, Looking};
use crate::bridge;
use crate::errors::{Raise, usage};
use crate::opening::{Place, owner_of, owner_of_environment, passphrase};
use crate::progress::{self, Latest, Teller};
use crate::trail::to_json;

pub(crate) struct Wish {
    pub(crate) level: String,
    pub(crate) key: Option<String>,
    pub(crate) owner_key: Option<String>,
    pub(crate) threads: usize,
    /// Records in this host's logs: of events, and of who looked.
    pub(crate) unsealed: (u64, u64),
    pub(crate) pinning: PinWish,
    /// Where the master key of the keyring comes from.
    pub(crate) master: MasterSource,
    /// Folders or URLs of archives by their names.
    pub(crate) archives: BTreeMap<String, String>,
}

/// Which checkpoints from outside to demand.
#[derive(Debug, Default, FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct PinWish {
    pin: Option<PathBuf>,
    no_pin: bool,
    require_pin: bool,
    since_last: bool,
    anchors: bool,
    archives: BTreeMap<String, String>,
}

impl PinWish {
    /// The archives that are known, and those that the caller named.
    pub(crate) fn archives(
        &mut self,
        known: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let mut archives = known.clone();
        archives.append(&mut self.archives);
        archives
    }

    pub(crate) fn pinning(self, home: &Home, url: &str) -> Result<Pinning> {
        if self.no_pin && (self.pin.is_some() || self.require_pin || self.since_last) {
            let message = "no_pin goes with none of pin, require_pin and since_last";
            return Err(Error::Usage(message.to_owned()));
        }
        Ok(Pinning {
            pins: (!self.no_pin).then(|| Pins::of(home)),
            file: self.pin,
            require: self.require_pin,
            since_last: self.since_last,
            anchors: self.anchors.then(|| Anchors::of(home, url)),
        })
    }
}

/// Verifies the trail at a URL, which may be too damaged to be opened.
#[pyfunction(name = "verify")]
#[pyo3(signature = (url, *, home, config, trail_id, level, key, owner_key, threads, pinning, progress, purpose))]
#[expect(clippy::too_many_arguments, reason = "the keywords of the Python function")]
pub(crate) fn verify_url(
    py: Python<'_>,
    url: Option<String>,
    home: Option<PathBuf>,
    config: Option<PathBuf>,
    trail_id: Option<String>,
    level: String,
    key: Option<String>,
    owner_key: Option<String>,
    threads: usize,
    mut pinning: PinWish,
    progress: Option<&Bound<'_, PyAny>>,
    purpose: Option<String>,
) -> PyResult<Vec<u8>> {
    let place = Place::find(py, home, config.as_deref())?;
    let url = place.url(url);
    let storage = Storage::open(&url).map_err(|error| error.raise(py))?;
    let trail_id = match trail_id {
        None if key.is_none() && owner_key.is_none() => {
            bridge::wait(py, claimed_id(&storage, &place.home))?
        }
        given => given,
    };
    let looking = ask(py, &place, &url, &level, purpose)?;
    let options = place.options(&url).map_err(|error| error.raise(py))?;
    let (archives, master) = (pinning.archives(&options.settings.archives), options.master);
    let unsealed = (0, 0);
    let wish = Wish { level, key, owner_key, threads, unsealed, pinning, archives, master };
    let report = verify(py, (&storage, trail_id.as_deref()), &place.home, wish, progress);
    looking.answered(py, report, |_| 0)
}

/// Records who verifies; apart, where the trail cannot be opened.
fn ask(
    py: Python<'_>,
    place: &Place,
    url: &str,
    level: &str,
    purpose: Option<String>,
) -> PyResult<Looking> {
    let options = place.options(url).map_err(|error| error.raise(py))?;
    let settings = options.settings.clone();
    let asked = bridge::wait(py, async {
        let trail = Trail::open(url, options).await.ok();
        let view = match &trail {
            Some(trail) => trail.view().await.ok(),
            None => None,
        };
        let size = view.map_or(0, |view| view.size());
        let question = access::question("verify", size, purpose).filter("level", level);
        match trail {
            Some(trail) => trail.ask(question).await,
            None => ask_apart(&place.home, &settings, (None, url), question).await,
        }
    });
    Looking::new(py, vec![asked?])
}

/// The id that the trail gives itself, if the keys folder has its key. It only chooses among the
/// caller's keys, and either place where it stands may have been tampered with.
async fn claimed_id(storage: &Storage, home: &Home) -> Result<Option<String>> {
    let places = [(TRAIL_FILE.to_owned(), "/trail_id"), (entry_path(0), "/body/trail/trail_id")];
    for (path, pointer) in places {
        let bytes = match storage.get(&path).await {
            Ok(bytes) => bytes,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let id = value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if trail_id_bytes(id).is_ok() && OwnerKey::vkey_path(&home.keys_dir, id).exists() {
            return Ok(Some(id.to_owned()));
        }
    }
    Ok(None)
}

pub(crate) fn verify(
    py: Python<'_>,
    (storage, trail_id): (&Storage, Option<&str>),
    home: &Home,
    wish: Wish,
    callback: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<u8>> {
    let level = match wish.level.as_str() {
        "deep" => Level::Deep,
        "quick" => Level::Quick,
        other => return Err(usage(format!("level is \"deep\" or \"quick\", not {other:?}"))),
    };
    let trust = trust((wish.key, wish.owner_key), home, trail_id);
    let trust = trust.map_err(|error| error.raise(py))?;
    let pinning = wish.pinning.pinning(home, storage.url()).map_err(|error| error.raise(py))?;
    let (unsealed, unsealed_looks) = wish.unsealed;
    let (archives, master) = (wish.archives, wish.master);
    let mut options =
        Options { level, unsealed, unsealed_looks, archives, master, ..Options::default() };
    if wish.threads > 0 {
        options.threads = wish.threads;
    }
    let latest: Latest<Progress> = Latest::default();
    let mut teller = Teller::new(Arc::clone(&latest), callback, |progress: Progress| {
        vec![progress.records, progress.of_records]
    });
    let cancel = Arc::new(AtomicBool::new(false));
    let (said, stop, storage) = (Arc::clone(&latest), Arc::clone(&cancel), storage.clone());
    let job = bridge::start(move || async move {
        let tell = move |progress| progress::set(&said, progress);
        verify::verify_pinned(&storage, trust, options, &pinning, &tell, &stop).await
    })?;
    let report = job.wait(py, &cancel, |_| teller.tell())?;
    teller.tell_now()?;
    to_json(py, &report)
}

/// The pin of a trail, if there is one.
pub(crate) fn pin(py: Python<'_>, storage: &Storage, home: &Home) -> PyResult<Option<Vec<u8>>> {
    let pin = Pins::of(home).load(storage.url()).map_err(|error| error.raise(py))?;
    pin.map(|pin| to_json(py, &pin)).transpose()
}

/// Makes the checkpoint in a note the pin of a trail.
pub(crate) fn set_pin(
    py: Python<'_>,
    (storage, trail_id): (&Storage, &str),
    home: &Home,
    note: &str,
    key: Option<String>,
) -> PyResult<()> {
    let trust = trust((key, None), home, Some(trail_id)).map_err(|error| error.raise(py))?;
    let checkpoint = bridge::wait(py, pins::read_note(storage, &trust.owner, note))?;
    let pin = Pin::new(storage.url(), &checkpoint, None);
    Pins::of(home).set(&pin).map_err(|error| error.raise(py))
}

/// Forgets the pin of a trail; whether there was one.
pub(crate) fn clear_pin(py: Python<'_>, storage: &Storage, home: &Home) -> PyResult<bool> {
    Pins::of(home).clear(storage.url()).map_err(|error| error.raise(py))
}

/// The keys that the caller named (a public one, the owner's), else those in the keys folder for the
/// trail of this id.
pub(crate) fn trust(
    (key, owner_key): (Option<String>, Option<String>),
    home: &Home,
    trail_id: Option<&str>,
) -> Result<Trust> {
    let secret = match (&owner_key, &key, trail_id) {
        (Some(reference), ..) => Some(owner_of(reference)?),
        (None, Some(_), _) => None,
        (None, None, Some(id)) => match OwnerKey::load(&home.keys_dir, id, &passphrase()) {
            Ok(secret) => Some(secret),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        },
        (None, None, None) => None,
    };
    let secret = match secret {
        None if key.is_none() => {
            owner_of_environment()?.filter(|owner| trail_id.is_none_or(|id| owner.trail_id() == id))
        }
        known => known,
    };
    let public = match (&key, &secret, trail_id) {
        (Some(key), ..) => public(key)?,
        (None, Some(secret), _) => secret.public(),
        (None, None, Some(id)) => {
            public(&OwnerKey::vkey_path(&home.keys_dir, id).to_string_lossy())
                .map_err(|_| no_key())?
        }
        (None, None, None) => return Err(no_key()),
    };
    if secret.as_ref().is_some_and(|secret| secret.public() != public) {
        let message = "key and owner_key are not halves of the same key";
        return Err(Error::Usage(message.to_owned()));
    }
    Ok(Trust { secret: secret.map(Arc::new), ..Trust::owner(public) })
}

fn no_key() -> Error {
    Error::Usage(
        "there is no key to verify with: pass key= (the owner's public key, or its file) or \
         owner_key= (the owner's key file)"
            .to_owned(),
    )
}

/// A public key, given as it is or as a file.
fn public(given: &str) -> Result<ed25519_dalek::VerifyingKey> {
    Ok(note::parse_vkey(&vkey_text(given)?)?.1)
}

/// A public key as text, given as it is or as a file.
pub(crate) fn vkey_text(given: &str) -> Result<String> {
    match std::fs::read_to_string(Path::new(given)) {
        Ok(text) => Ok(text),
        // A vkey has two `+`; everything else must have been meant as a file.
        Err(_) if given.splitn(3, '+').count() == 3 => Ok(given.to_owned()),
        Err(error) => Err(Error::io(given, error)),
    }
}
