//! Finding records by id.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::{ReadView, Trail};
use crate::json;
use crate::ledger::{AddedSegment, Bounds};
use crate::segment::SegmentFile;
use crate::segment::gone::Gone;
use crate::{Error, Result};

pub(super) const ID: &str = "audit_id";

impl Trail {
    /// The canonical record with this id, `None` if there is none.
    ///
    /// # Errors
    /// `Io`, `Store`, or `Integrity` if a segment is missing or unreadable.
    pub async fn get(&self, audit_id: &str) -> Result<Option<Vec<u8>>> {
        self.get_in(&*self.view().await?, audit_id).await
    }

    /// As [`get`](Self::get), at the moment of a view.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_in(&self, view: &ReadView, audit_id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.find_in(view, audit_id).await?.map(|(record, _)| record))
    }

    /// The canonical record with this id, and its segment if it is in one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn find_in(
        &self,
        view: &ReadView,
        audit_id: &str,
    ) -> Result<Option<(Vec<u8>, Option<Arc<AddedSegment>>)>> {
        if let Some(record) = view.unflushed.iter().find(|r| id_of(r).as_deref() == Some(audit_id))
        {
            return Ok(Some((record.to_vec(), None)));
        }
        let candidates = candidates(view, |min, max| min <= audit_id && audit_id <= max).rev();
        let candidates = self.that_may_hold(candidates.collect(), audit_id).await;
        let archives = self.archives();
        let (here, far): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|segment| archives.is_here(segment));
        // Ids that callers gave may lie in any segment: all cores look for them.
        let found = here.par_iter().find_map_first(|segment| {
            let file = self.shared.opened.get(&segment.path, || archives.open_here(segment));
            let record = file.and_then(|file| record_in(&file, audit_id)).transpose();
            record.map(|record| (Arc::clone(segment), record))
        });
        match found {
            Some((segment, Err(Error::NotFound(_)))) => return Err(self.missing(&segment).await),
            Some((segment, record)) => return Ok(Some((record?, Some(segment)))),
            None => {}
        }
        for segment in far {
            if let Some(record) = record_in(&self.segment(segment).await?, audit_id)? {
                return Ok(Some((record, Some(Arc::clone(segment)))));
            }
        }
        Ok(None)
    }

    /// Which of these ids the trail has, anywhere.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn contains(&self, ids: &[String]) -> Result<HashSet<String>> {
        self.contains_in(&*self.view().await?, ids).await
    }

    /// As [`contains`](Self::contains), at the moment of a view.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn contains_in(&self, view: &ReadView, ids: &[String]) -> Result<HashSet<String>> {
        let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let mut found: HashSet<String> = view
            .unflushed
            .iter()
            .filter_map(|r| id_of(r))
            .filter(|id| wanted.contains(id.as_str()))
            .collect();
        let mut sorted: Vec<&str> = wanted.iter().copied().collect();
        sorted.sort_unstable();
        let any_within = |min: &str, max: &str| {
            let at = sorted.partition_point(|id| *id < min);
            sorted.get(at).is_some_and(|id| *id <= max)
        };
        let segments: Vec<_> = candidates(view, any_within).cloned().collect();
        for segment in segments {
            found.extend(self.segment(&segment).await?.matching(ID, &wanted)?);
        }
        Ok(found)
    }

    /// Opens a segment; of a local one only what is looked at is read.
    pub(super) async fn segment(&self, segment: &AddedSegment) -> Result<SegmentFile> {
        match self.open_segment(segment).await {
            Err(Error::NotFound(_)) => Err(self.missing(segment).await),
            other => other,
        }
    }

    /// What the sidecar of a segment says of its removed rows.
    pub(super) async fn sidecar(&self, segment: &AddedSegment) -> Result<Gone> {
        self.archives().sidecar(segment).await
    }

    /// As [`segment`](Self::segment), but says `NotFound` where there is no file.
    pub(super) async fn open_segment(&self, segment: &AddedSegment) -> Result<SegmentFile> {
        self.archives().open(segment).await
    }
}

fn record_in(file: &SegmentFile, audit_id: &str) -> Result<Option<Vec<u8>>> {
    match file.find(ID, audit_id)?.first() {
        Some(&row) => Ok(file.records(&[row])?.pop()),
        None => Ok(None),
    }
}

/// Segments whose ids may lie where `within(min, max)` says, oldest first.
pub(super) fn candidates<'a>(
    view: &'a ReadView,
    within: impl Fn(&str, &str) -> bool + 'a,
) -> impl DoubleEndedIterator<Item = &'a Arc<AddedSegment>> {
    view.segments().iter().filter(move |segment| match segment.stats.get(ID) {
        Some(Bounds::Text(min, max)) => within(min, max),
        _ => true,
    })
}

pub(super) fn id_of(record: &[u8]) -> Option<String> {
    Some(json::string_value(json::get(record, &[ID])?)?.into_owned())
}
