//! What only the holder of the owner's secret can check: HMACs and seals.

use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use subtle::ConstantTimeEq;

use super::ledger::Signed;
use super::report::{Finding, Report};
use crate::Result;
use crate::keys::{EpochChain, HmacKey, OWNER, OwnerKey, roots_digest};
use crate::ledger::{Authorization, Entry, entry_path};
use crate::merkle::Hash;

/// Epochs that are folded for one writer at most: 114 years of hours, a few seconds of work.
const MAX_EPOCHS: u64 = 1_000_000;

/// The HMAC keys of a trail's signers.
#[derive(Debug)]
pub(super) struct Chains {
    owner: Arc<OwnerKey>,
    owner_hmac: HmacKey,
    writers: HashMap<String, Chain>,
}

/// Where the walk along a writer's keys stands.
#[derive(Debug)]
struct Chain {
    first: u64,
    epoch: u64,
    /// `None` once the chain became too long to walk.
    key: Option<HmacKey>,
}

/// Why there is no key for an epoch.
enum NoKey {
    Unknown,
    Past,
    TooFar,
}

impl Chains {
    /// The keys that this secret gives for a trail.
    pub(super) fn new(owner: Arc<OwnerKey>, trail_id: &str) -> Result<Self> {
        owner.demand_trail(trail_id)?;
        Ok(Self { owner_hmac: owner.hmac()?, owner, writers: HashMap::new() })
    }

    /// Checks an entry's HMAC, which is over `message`, and the keys that it authorises; the key of
    /// the entry's epoch.
    pub(super) fn entry(
        &mut self,
        entry: &Entry,
        message: &[u8],
        report: &mut Report,
    ) -> Option<HmacKey> {
        let body = &entry.body;
        let place = || entry_path(body.n);
        for authorization in body.authorizes.iter().flatten() {
            if !self.begin(authorization) {
                let message = format!(
                    "the first HMAC key of {} is not the one that the owner's secret gives",
                    authorization.writer
                );
                report.findings.push(Finding::tampered("hmac_key", place(), message));
            }
        }
        let key = match self.key(&body.writer, body.epoch) {
            Ok(key) => key,
            Err(NoKey::TooFar) => {
                report.not_checked.push(format!(
                    "HMACs and seals of {} from entry {} on: epoch {} is more than {MAX_EPOCHS} \
                     after its first",
                    body.writer, body.n, body.epoch
                ));
                return None;
            }
            Err(NoKey::Unknown | NoKey::Past) => {
                let message = format!("{} has no key for epoch {}", body.writer, body.epoch);
                report.findings.push(Finding::tampered("hmac_key", place(), message));
                return None;
            }
        };
        report.checked.hmacs += 1;
        if key.id() != body.hmac_key {
            let message = "its HMAC key id is not that of the key derived for its epoch";
            report.findings.push(Finding::tampered("hmac_key", place(), message));
        }
        if !entry.seals(message, &key) {
            let message = "its HMAC does not hold";
            report.findings.push(Finding::tampered("hmac", place(), message));
        }
        Some(key)
    }

    /// Begins a writer's chain; whether its first key is the authorised one.
    pub(super) fn begin(&mut self, authorization: &Authorization) -> bool {
        let Authorization { writer, epoch, hmac_key, .. } = authorization;
        let key = self.owner.writer_hmac(writer, *epoch).ok();
        let fits = key.as_ref().is_some_and(|key| key.id() == *hmac_key);
        let chain = Chain { first: *epoch, epoch: *epoch, key };
        self.writers.entry(writer.clone()).or_insert(chain);
        fits
    }

    /// The epoch in which a writer's chain begins.
    pub(super) fn first_epoch(&self, writer: &str) -> Option<u64> {
        self.writers.get(writer).map(|chain| chain.first)
    }

    /// Whether the walk along a writer's keys led to its last epoch.
    pub(super) fn is_whole(&self, writer: &str) -> bool {
        self.writers.get(writer).is_some_and(|chain| chain.key.is_some())
    }

    fn key(&mut self, writer: &str, epoch: u64) -> Result<HmacKey, NoKey> {
        if writer == OWNER {
            return Ok(self.owner_hmac.clone());
        }
        let chain = self.writers.get_mut(writer).ok_or(NoKey::Unknown)?;
        if epoch < chain.epoch {
            return Err(NoKey::Past);
        }
        if epoch - chain.first > MAX_EPOCHS {
            chain.key = None;
        }
        let mut key = chain.key.take().ok_or(NoKey::TooFar)?;
        for _ in chain.epoch..epoch {
            key = key.next_epoch().map_err(|_| NoKey::TooFar)?;
        }
        chain.epoch = epoch;
        chain.key = Some(key.clone());
        Ok(key)
    }
}

/// Recomputes the seals of a trail's epochs from the roots of their batches.
#[derive(Debug)]
pub(super) struct Seals {
    owner: Arc<OwnerKey>,
    writers: HashMap<String, Sealing>,
}

#[derive(Debug)]
struct Sealing {
    chain: EpochChain,
    /// Roots of the batches of the epoch that the chain stands at; `None` if not all are known.
    roots: Option<Vec<Hash>>,
}

impl Seals {
    pub(super) fn new(chains: &Chains) -> Self {
        Self { owner: chains.owner.clone(), writers: HashMap::new() }
    }

    /// Folds an entry of a writer. `roots` are those of its batches, `None` if not all are known.
    pub(super) fn entry(
        &mut self,
        signed: &Signed,
        first_epoch: u64,
        roots: Option<Vec<Hash>>,
        report: &mut Report,
    ) -> Result<()> {
        let sealing = match self.writers.remove(&signed.writer) {
            Some(sealing) => sealing,
            None => {
                let key = self.owner.writer_hmac(&signed.writer, first_epoch)?;
                Sealing { chain: EpochChain::new(first_epoch, key), roots: Some(Vec::new()) }
            }
        };
        let mut sealing = sealing.go_to(signed.epoch)?;
        sealing.roots = match (sealing.roots, roots) {
            (Some(mut all), Some(more)) => {
                all.extend(more);
                Some(all)
            }
            _ => None,
        };
        if let Some(close) = &signed.close {
            sealing = sealing.close(signed, &close.seal, report)?;
        }
        self.writers.insert(signed.writer.clone(), sealing);
        Ok(())
    }

    /// Names the epochs that have batches and no seal yet.
    pub(super) fn open(&self) -> impl Iterator<Item = String> {
        let open = |s: &Sealing| s.roots.as_ref().is_none_or(|roots| !roots.is_empty());
        let mut names: Vec<String> = self
            .writers
            .iter()
            .filter(|(_, sealing)| open(sealing))
            .map(|(writer, sealing)| format!("epoch {} of {writer}", sealing.chain.epoch()))
            .collect();
        names.sort();
        names.into_iter()
    }
}

impl Sealing {
    /// Folds empty epochs up to `epoch`. Batches that no seal covered stay out of the chain.
    fn go_to(self, epoch: u64) -> Result<Self> {
        if epoch <= self.chain.epoch() {
            return Ok(self);
        }
        let seal = match &self.roots {
            Some(roots) => self.chain.seal_with(roots.iter()),
            None => *self.chain.previous_seal(),
        };
        let chain = self.chain.advance(seal)?.ratchet_to(epoch)?;
        Ok(Self { chain, roots: Some(Vec::new()) })
    }

    fn close(self, signed: &Signed, stated: &str, report: &mut Report) -> Result<Self> {
        let epoch = self.chain.epoch();
        let stated: Option<Hash> =
            HEXLOWER.decode(stated.as_bytes()).ok().and_then(|s| s.try_into().ok());
        match (&self.roots, stated) {
            (None, _) => report.not_checked.push(format!(
                "the seal of epoch {epoch} of {}: not all of its segments are sound",
                signed.writer
            )),
            (Some(roots), Some(stated)) if self.holds(roots, &stated) => {
                report.checked.epoch_seals += 1;
            }
            _ => {
                let message =
                    format!("the seal of epoch {epoch} of {} does not hold", signed.writer);
                report.findings.push(Finding::tampered(
                    "epoch_seal",
                    entry_path(signed.n),
                    message,
                ));
            }
        }
        // Later epochs are judged by what was stated here, so that each is a check of its own.
        let chain = self.chain.advance(stated.unwrap_or_default())?;
        Ok(Self { chain, roots: Some(Vec::new()) })
    }

    fn holds(&self, roots: &[Hash], stated: &Hash) -> bool {
        let digest = roots_digest(roots);
        let seal = self.chain.hmac().epoch_seal(
            self.chain.previous_seal(),
            self.chain.epoch(),
            roots.len() as u64,
            &digest,
        );
        seal.ct_eq(stated).into()
    }
}
