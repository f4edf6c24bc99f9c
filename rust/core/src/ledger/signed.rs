//! Objects as read, and whose signatures on them hold: the costly part of folding, on all cores.

use std::collections::BTreeMap;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use rayon::prelude::*;

use super::entry::{Body, Entry};
use super::state::{State, public_key};
use crate::keys::{self, OWNER};
use crate::merkle::{self, Hash};
use crate::note::Checkpoint;

/// Keys that are tried for a writer. It has one, but objects that are no valid entries may claim
/// others for it.
const MOST_KEYS: usize = 4;

/// An object of the ledger, read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) leaf: Hash,
    pub(crate) entry: Result<Entry, String>,
    /// What an entry's HMAC and signature cover, empty if it is none.
    pub(crate) message: Vec<u8>,
    /// A key under which its signatures hold, if that was looked for.
    pub(super) signed: Option<Signed>,
}

impl Read {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let leaf = merkle::leaf_hash(bytes);
        let (entry, message) = match Entry::parse_signed(bytes) {
            Ok((entry, message)) => (Ok(entry), message),
            Err(e) => (Err(e), Vec::new()),
        };
        Self { leaf, entry, message, signed: None }
    }
}

/// The log's name, and the keys that entries may be signed with, those that they bring included.
/// Whoever reads a ledger in parts takes the same one for all of them.
#[derive(Debug, Default)]
pub(crate) struct Signers {
    origin: Option<String>,
    keys: BTreeMap<String, Vec<VerifyingKey>>,
}

impl Signers {
    /// Those that are known after the entries of `state`.
    pub(crate) fn of(state: &State) -> Self {
        let mut signers =
            Self { origin: state.info.as_ref().map(|i| i.origin.clone()), ..Self::default() };
        signers.keys.insert(OWNER.to_owned(), state.owner.into_iter().collect());
        for (id, writer) in &state.writers {
            signers.keys.insert(id.clone(), vec![writer.public]);
        }
        signers
    }

    /// Reads the objects that come next. What is found of their signatures only saves the fold
    /// from looking: it looks itself at whatever was not found here.
    pub(crate) fn read(&mut self, objects: &[Bytes]) -> Vec<Read> {
        let mut all: Vec<Read> = objects.par_iter().map(|bytes| Read::of(bytes)).collect();
        let entries = all.iter().filter_map(|read| read.entry.as_ref().ok());
        entries.for_each(|entry| self.learn(&entry.body));
        let Some(origin) = &self.origin else { return all };
        all.par_iter_mut().for_each(|read| {
            let Ok(entry) = &read.entry else { return };
            let ours = self.keys.get(entry.body.writer.as_str()).into_iter().flatten();
            let mut ours = ours.filter(|public| keys::key_id(public) == entry.body.key);
            let check = |public| Signed::check_message(entry, &read.message, public, origin).ok();
            read.signed = ours.find_map(check);
        });
        all
    }

    fn learn(&mut self, body: &Body) {
        if self.origin.is_none() {
            self.origin = body.trail.as_ref().map(|trail| trail.origin.clone());
            let owner = body.owner.as_deref().and_then(public_key);
            self.keys.entry(OWNER.to_owned()).or_default().extend(owner);
        }
        for authorization in body.authorizes.iter().flatten() {
            let known = self.keys.entry(authorization.writer.clone()).or_default();
            if known.len() < MOST_KEYS {
                let public = public_key(&authorization.public);
                known.extend(public.filter(|key| !known.contains(key)));
            }
        }
    }
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
        let message = entry.body.message().map_err(|e| e.to_string())?;
        Self::check_message(entry, &message, public, origin)
    }

    /// As [`check`](Self::check), where the entry's message is at hand.
    fn check_message(
        entry: &Entry,
        message: &[u8],
        public: &VerifyingKey,
        origin: &str,
    ) -> Result<Self, String> {
        if !entry.signs(message, public) {
            return Err("its signature does not hold".to_owned());
        }
        let name = format!("{origin}/{}", entry.body.writer);
        let checkpoint = Checkpoint::verify_sole(&entry.checkpoint, &name, public, origin)
            .map_err(|e| format!("its checkpoint does not hold: {e}"))?;
        Ok(Self { public: *public, origin: origin.to_owned(), checkpoint })
    }
}
