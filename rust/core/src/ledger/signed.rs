//! Objects as read, and whose signatures on them hold: the costly part of folding, on all cores.

use std::collections::BTreeMap;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use rayon::prelude::*;

use super::entry::Entry;
use super::state::{State, public_key};
use crate::keys::{self, OWNER};
use crate::merkle::{self, Hash};
use crate::note::Checkpoint;

/// An object of the ledger, read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) leaf: Hash,
    pub(super) entry: Result<Entry, String>,
    /// A key under which its signatures hold, if that was looked for.
    pub(super) signed: Option<Signed>,
}

impl Read {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { leaf: merkle::leaf_hash(bytes), entry: Entry::parse(bytes), signed: None }
    }

    /// Reads objects that come after `state`. What is found of their signatures only saves the
    /// fold from looking: it looks itself at whatever was not found here.
    pub(super) fn all(state: &State, objects: &[Bytes]) -> Vec<Self> {
        let mut all: Vec<Self> = objects.par_iter().map(|bytes| Self::of(bytes)).collect();
        let Some((origin, keys)) = signers(state, &all) else { return all };
        all.par_iter_mut().for_each(|read| {
            let Ok(entry) = &read.entry else { return };
            let ours = keys.get(entry.body.writer.as_str()).into_iter().flatten();
            let mut ours = ours.filter(|public| keys::key_id(public) == entry.body.key);
            read.signed = ours.find_map(|public| Signed::check(entry, public, &origin).ok());
        });
        all
    }
}

/// The log's name, and the keys that entries may be signed with, those that they bring included.
fn signers(state: &State, all: &[Read]) -> Option<(String, BTreeMap<String, Vec<VerifyingKey>>)> {
    let bodies = || all.iter().filter_map(|read| read.entry.as_ref().ok()).map(|e| &e.body);
    let first = bodies().next();
    let info = state.info.as_deref().or_else(|| first?.trail.as_ref())?;
    let owner = state.owner.or_else(|| public_key(first?.owner.as_deref()?))?;
    let mut keys: BTreeMap<String, Vec<VerifyingKey>> = BTreeMap::new();
    keys.insert(OWNER.to_owned(), vec![owner]);
    for (id, writer) in &state.writers {
        keys.entry(id.clone()).or_default().push(writer.public);
    }
    for authorization in bodies().flat_map(|body| body.authorizes.iter().flatten()) {
        let known = keys.entry(authorization.writer.clone()).or_default();
        known.extend(public_key(&authorization.public));
    }
    Some((info.origin.clone(), keys))
}

/// What a key was found to have signed.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) public: VerifyingKey,
    /// The log in whose name.
    pub(crate) origin: String,
    pub(crate) checkpoint: Checkpoint,
}

impl Signed {
    /// Checks the entry's signature and its checkpoint's, made under its writer's name.
    pub(crate) fn check(
        entry: &Entry,
        public: &VerifyingKey,
        origin: &str,
    ) -> Result<Self, String> {
        if !entry.signed_by(public) {
            return Err("its signature does not hold".to_owned());
        }
        let name = format!("{origin}/{}", entry.body.writer);
        let checkpoint = Checkpoint::verify_sole(&entry.checkpoint, &name, public, origin)
            .map_err(|e| format!("its checkpoint does not hold: {e}"))?;
        Ok(Self { public: *public, origin: origin.to_owned(), checkpoint })
    }
}
