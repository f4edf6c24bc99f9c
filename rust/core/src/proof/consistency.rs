//! Proofs that one state of the ledger extends another.

use serde::{Deserialize, Serialize};

use super::chain::{Chain, Evidence};
use super::file::{Hex, Item, Kind, Note, SignerItem, demand_version, parse, unhex};
use super::{Signer, TreeState, fails};
use crate::Result;
use crate::merkle;

/// A size of the ledger's tree and its root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateItem {
    pub(crate) root: Hex<32>,
    pub(crate) size: u64,
}

/// A proof of consistency; members as FORMAT section 13 names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsistencyFile {
    pub(crate) checkpoint: Note,
    pub(crate) entries: Vec<Item>,
    pub(crate) from: StateItem,
    pub(crate) kind: Kind,
    pub(crate) path: Vec<Hex<32>>,
    pub(crate) signers: Vec<SignerItem>,
    pub(crate) v: u32,
}

/// What a proof of consistency shows: the ledger of the later state, which is signed, begins with
/// that of the earlier one, unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consistency {
    /// The trail's id.
    pub trail_id: String,
    /// The name of its log.
    pub origin: String,
    /// The earlier state: compare it with a checkpoint kept from then.
    pub from: TreeState,
    /// The later state, which the checkpoint states. It has no time of its own.
    pub to: TreeState,
    /// Who signed the checkpoint: one of `signers`, or `owner`.
    pub checkpoint_signer: String,
    /// The writers whose signatures the proof rests on.
    pub signers: Vec<Signer>,
}

/// Checks a proof of consistency with the owner's public key, a C2SP vkey.
///
/// # Errors
/// `Key` if that is no vkey. `Integrity` if the proof does not hold: `place` names the step.
pub fn check_consistency(proof: &[u8], vkey: &str) -> Result<Consistency> {
    crate::note::parse_vkey(vkey)?;
    let file: ConsistencyFile = parse(proof)?;
    if file.kind != Kind::Consistency {
        return Err(fails("proof", "it is no proof of consistency"));
    }
    demand_version(file.v)?;
    let evidence = Evidence {
        checkpoint: &file.checkpoint,
        entries: &file.entries,
        signers: &file.signers,
        subjects: &[],
    };
    let Chain { info, checkpoint, signers, .. } = Chain::check(&evidence, vkey)?;
    let (from, path) =
        (TreeState { size: file.from.size, root: file.from.root.0 }, unhex(&file.path));
    let to = TreeState::of(&checkpoint);
    if !merkle::verify_consistency(from.size, &from.root, to.size, &to.root, &path) {
        return Err(fails("path", "it does not lead from the earlier root to the later one"));
    }
    let (trail_id, origin) = (info.trail_id, info.origin);
    let checkpoint_signer = file.checkpoint.signer;
    Ok(Consistency { trail_id, origin, from, to, checkpoint_signer, signers })
}
