//! Statements that a signer of the trail signed, with what leads there from the owner's key.

use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::keys;
use crate::ledger::TrailInfo;
use crate::note::Checkpoint;
use crate::proof::{Chain, Evidence, Item, Note, Signer, SignerItem, parse};
use crate::segment::canonical;
use crate::{Error, Result};

/// What a signature is for: none counts for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    Manifest,
    Custody,
}

impl Context {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Manifest => b"sealtrail manifest v1\n",
            Self::Custody => b"sealtrail custody v1\n",
        }
    }
}

/// The object that is written: the statement, the signature of `checkpoint.signer`, and the
/// members that every proof has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedFile<B> {
    pub(crate) body: B,
    pub(crate) checkpoint: Note,
    pub(crate) entries: Vec<Item>,
    pub(crate) sig: String,
    pub(crate) signers: Vec<SignerItem>,
}

/// What is signed.
pub(crate) fn signed_bytes(context: Context, body: &impl Serialize) -> Result<Vec<u8>> {
    Ok([context.text(), &canonical(body)?].concat())
}

/// A statement whose signature holds.
#[derive(Debug)]
pub(super) struct Checked<B> {
    pub(super) body: B,
    pub(super) info: TrailInfo,
    pub(super) checkpoint: Checkpoint,
    pub(super) signer: String,
    pub(super) signers: Vec<Signer>,
}

/// Reads a statement and checks it with the owner's public key.
pub(super) fn check<B: Serialize + DeserializeOwned>(
    bytes: &[u8],
    context: Context,
    vkey: &str,
) -> Result<Checked<B>> {
    let file: SignedFile<B> = parse(bytes)?;
    let evidence = Evidence {
        checkpoint: &file.checkpoint,
        entries: &file.entries,
        signers: &file.signers,
        subjects: &[],
    };
    let Chain { info, checkpoint, signers, public, .. } = Chain::check(&evidence, vkey)?;
    if !holds(&public, &signed_bytes(context, &file.body)?, &file.sig) {
        return Err(Error::integrity("signature", "it does not hold"));
    }
    Ok(Checked { body: file.body, info, checkpoint, signer: file.checkpoint.signer, signers })
}

fn holds(public: &VerifyingKey, message: &[u8], sig: &str) -> bool {
    let signature = BASE64.decode(sig.as_bytes());
    signature.is_ok_and(|signature| keys::verify_signature(public, message, &signature))
}
