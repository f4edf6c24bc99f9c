//! The trail's anchors: copies of its checkpoints elsewhere.

use std::collections::BTreeMap;

use super::Trail;
use crate::anchors::{Anchor, AnchorState, Anchors, Publisher};
use crate::ledger::CHECKPOINT_HINT;
use crate::note::{self, Checkpoint};
use crate::{Error, Result};

impl Trail {
    /// The list of this trail's anchors on this host.
    pub fn anchors(&self) -> Anchors {
        Anchors::of(&self.shared.options.home, self.url())
    }

    /// How sending checkpoints from this host to its anchors went last, by their URLs.
    ///
    /// # Errors
    /// As [`Anchors::load`].
    pub fn anchor_states(&self) -> Result<BTreeMap<String, AnchorState>> {
        let mut states = Publisher::states(&self.state_dir());
        let list = self.anchors().list()?.into_iter();
        Ok(list
            .map(|Anchor { url, .. }| (states.remove(&url).unwrap_or_default(), url))
            .map(|(state, url)| (url, state))
            .collect())
    }

    /// The newest checkpoint that a writer published in the trail, and its note; `None` if there is
    /// none yet.
    ///
    /// # Errors
    /// `Integrity` if it is not of this ledger, `Io` or `Store`.
    pub async fn published_checkpoint(&self) -> Result<Option<(Checkpoint, String)>> {
        let hint = match self.storage().get(CHECKPOINT_HINT).await {
            Ok(hint) => hint,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let bad = |what: &str| Error::integrity(CHECKPOINT_HINT, what);
        let text = std::str::from_utf8(&hint).map_err(|_| bad("it is no signed checkpoint"))?;
        Ok(Some((self.demand_ours(text).await?, text.to_owned())))
    }

    /// The checkpoint in a note, if a signer of this trail signed it and the ledger extends it.
    ///
    /// # Errors
    /// `Integrity` if it is not so, `Io` or `Store`.
    pub async fn demand_ours(&self, note: &str) -> Result<Checkpoint> {
        let ledger = self.refreshed().await?;
        let (state, origin) = (ledger.state(), &self.info().origin);
        let bad = |what: &str| Error::integrity("checkpoint", what);
        let checkpoint = note::signed_checkpoint(note, origin, |signer| state.log_signer(signer))
            .map_err(|what| bad(&what))?;
        if ledger.root_at(checkpoint.size) != Some(checkpoint.root) {
            return Err(bad("it is of another ledger"));
        }
        Ok(checkpoint)
    }

    /// Sends the newest published checkpoint to one anchor, and returns its size; `None` if none
    /// was published yet.
    ///
    /// # Errors
    /// As [`published_checkpoint`](Self::published_checkpoint); `Integrity` if the anchor holds
    /// another one of its size; `Io` or `Store` if the anchor cannot be used.
    pub async fn publish_newest(&self, anchor: &Anchor) -> Result<Option<u64>> {
        let Some((checkpoint, note)) = self.published_checkpoint().await? else { return Ok(None) };
        anchor.publish(&checkpoint, &note, false).await?;
        Ok(Some(checkpoint.size))
    }
}
