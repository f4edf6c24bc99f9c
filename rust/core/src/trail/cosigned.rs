//! Checkpoints of ours that others signed too: accepted, kept, shown.

use bytes::Bytes;

use super::Trail;
use crate::ledger::cosigned;
use crate::note::Checkpoint;
use crate::storage::Create;
use crate::{Error, Result};

/// A checkpoint with lines of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// What it states.
    pub checkpoint: Checkpoint,
    /// The signed note, all lines as they were handed in.
    pub note: String,
    /// Names of the others, in the order of their lines. Nobody checked their signatures here.
    pub others: Vec<String>,
}

impl Trail {
    /// Keeps a checkpoint of this trail that others signed too, beside the ledger: nothing that is
    /// published later replaces it. To keep the same note again does nothing.
    ///
    /// The signatures of others are not checked, for which their keys are needed.
    ///
    /// # Errors
    /// `Integrity` if no signer of this trail signed it or the ledger does not extend it; `Usage`
    /// if nobody else signed it; `Io` or `Store`.
    pub async fn keep_cosigned(&self, note: &str) -> Result<Cosigned> {
        let checkpoint = self.demand_ours(note).await?;
        let kept = self.cosigned_note(checkpoint, note)?;
        if kept.others.is_empty() {
            let message =
                "only signers of this trail signed it: there is nothing of others to keep";
            return Err(Error::Usage(message.to_owned()));
        }
        let path = cosigned::path(kept.checkpoint.size, note);
        match self.storage().put_create(&path, Bytes::copy_from_slice(note.as_bytes())).await? {
            Create::Created => Ok(kept),
            Create::Exists => Err(Error::integrity(path, "it is taken by other bytes")),
        }
    }

    /// The checkpoints with lines of others that are kept in the trail, by size.
    ///
    /// # Errors
    /// `Integrity` naming one that is not of this trail, `Io` or `Store`.
    pub async fn cosigned(&self) -> Result<Vec<Cosigned>> {
        let objects = self.storage().list(cosigned::FOLDER).await?;
        let mut kept = Vec::new();
        for (path, _) in objects.iter().filter(|(path, _)| cosigned::size_of(path).is_some()) {
            let bytes = self.storage().get(path).await?;
            let note = std::str::from_utf8(&bytes).unwrap_or_default();
            let checkpoint = self.demand_ours(note).await;
            let checkpoint = checkpoint.map_err(|e| Error::integrity(path, e.to_string()))?;
            kept.push(self.cosigned_note(checkpoint, note)?);
        }
        Ok(kept)
    }

    fn cosigned_note(&self, checkpoint: Checkpoint, note: &str) -> Result<Cosigned> {
        let ours = format!("{}/", self.info().origin);
        let names = Checkpoint::parse(note)?.signatures.into_iter().map(|(name, _)| name);
        let others = names.filter(|name| !name.starts_with(&ours)).collect();
        Ok(Cosigned { checkpoint, note: note.to_owned(), others })
    }
}
