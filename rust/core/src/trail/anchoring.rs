//! The trail's anchors: copies of its checkpoints elsewhere.

use std::collections::BTreeMap;

use super::Trail;
use crate::anchors::{Anchor, AnchorState, Anchors, Publisher};
use crate::ledger::CHECKPOINT_HINT;
use crate::note;
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

    /// Sends the newest published checkpoint to one anchor, and returns its size; `None` if none
    /// was published yet.
    ///
    /// # Errors
    /// `Integrity` if the published checkpoint is not of this ledger, or if the anchor holds
    /// another one of its size; `Io` or `Store` if the anchor cannot be used.
    pub async fn publish_newest(&self, anchor: &Anchor) -> Result<Option<u64>> {
        let hint = match self.storage().get(CHECKPOINT_HINT).await {
            Ok(hint) => hint,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let ledger = self.refreshed().await?;
        let state = ledger.state();
        let bad = |what: &str| Error::integrity(CHECKPOINT_HINT, what);
        let text = std::str::from_utf8(&hint).map_err(|_| bad("it is no signed checkpoint"))?;
        let origin = &self.info().origin;
        let checkpoint = note::signed_checkpoint(text, origin, |signer| state.log_signer(signer))
            .map_err(|what| bad(&what))?;
        if ledger.root_at(checkpoint.size) != Some(checkpoint.root) {
            return Err(bad("it is of another ledger"));
        }
        anchor.publish(&checkpoint, text, false).await?;
        Ok(Some(checkpoint.size))
    }
}
