//! Proofs that one state of the ledger extends another.

use serde::{Deserialize, Serialize};

use super::file::{Hex, Kind, demand_version, hex, parse, unhex};
use super::{Proof, fails};
use crate::Result;
use crate::merkle::{self, Hash};
use crate::note::Checkpoint;
use crate::segment::canonical;

/// A size of the ledger's tree and its root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    root: Hex<32>,
    size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    from: State,
    kind: Kind,
    origin: String,
    path: Vec<Hex<32>>,
    to: State,
    v: u32,
}

/// What a proof of consistency shows: who trusts `to` may trust `from`, and the other way round
/// nothing of `from` was changed in `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// The earlier state.
    pub from: Checkpoint,
    /// The later state.
    pub to: Checkpoint,
}

impl Proof {
    /// The proof that the state `to` extends the state `from` of the same log.
    pub(crate) fn of_consistency(
        from: &Checkpoint,
        to: &Checkpoint,
        path: &[Hash],
    ) -> Result<Self> {
        let state = |c: &Checkpoint| State { root: Hex(c.root), size: c.size };
        let file = File {
            from: state(from),
            kind: Kind::Consistency,
            origin: to.origin.clone(),
            path: hex(path),
            to: state(to),
            v: 1,
        };
        canonical(&file).map(Self::new)
    }
}

/// Checks a proof of consistency.
///
/// It needs no key, and proves nothing about who signed either state: compare both with
/// checkpoints whose signatures were checked.
///
/// # Errors
/// `Integrity` if it does not hold.
pub fn check_consistency(proof: &[u8]) -> Result<Consistency> {
    let file: File = parse(proof)?;
    if file.kind != Kind::Consistency {
        return Err(fails("proof", "it is no proof of consistency"));
    }
    demand_version(file.v)?;
    let path = unhex(&file.path);
    let (from, to) = (&file.from, &file.to);
    if !merkle::verify_consistency(from.size, &from.root.0, to.size, &to.root.0, &path) {
        return Err(fails("path", "it does not lead from the earlier root to the later one"));
    }
    let checkpoint = |state: &State| Checkpoint {
        origin: file.origin.clone(),
        size: state.size,
        root: state.root.0,
    };
    Ok(Consistency { from: checkpoint(from), to: checkpoint(to) })
}
