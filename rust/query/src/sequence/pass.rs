//! From a trail to its matches.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use object_store::ObjectStore;
use sealtrail_core::access::Rows;
use sealtrail_core::trail::ReadView;

use super::matcher::{Match, Matcher};
use super::parser::{Sequence, field_path};
use super::parts::{FieldPath, Part, Role};
use super::predicate::{condition, domain, key};
use super::registers::{Shape, Step};
use super::rows::Ordered;
use crate::engine::Engine;
use crate::error::Result;
use crate::search::condition::text_literal;
use crate::search::run::Place;
use crate::search::slices::slices;
use crate::search::{Filter, Window};

/// Which sequences are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceQuery {
    /// The steps.
    pub sequence: Sequence,
    /// From the first event of a match to its last, at most. Whole microseconds count.
    pub within: Duration,
    /// What the events of a match have in common: logical fields, dotted paths, or columns of the
    /// view `events`. If empty, [`Sequence::default_by`].
    pub by: Vec<String>,
    /// The events that take part: no other is seen, neither as a step nor as an absence.
    pub filter: Filter,
}

impl SequenceQuery {
    /// All events take part, tied together by the default.
    pub fn new(sequence: Sequence, within: Duration) -> Self {
        Self { sequence, within, by: Vec::new(), filter: Filter::default() }
    }

    /// The fields that the events of a match have in common.
    pub fn keys(&self) -> Vec<String> {
        if self.by.is_empty() {
            return vec![self.sequence.default_by().to_owned()];
        }
        self.by.iter().map(|name| name.trim().to_owned()).collect()
    }

    /// Whether all of it means something.
    ///
    /// # Errors
    /// As [`search`], for what needs no trail.
    pub fn check(&self) -> Result<()> {
        Plan::new(self).map(drop)
    }
}

/// What the pass asks of the trail, and what it does with the answer.
struct Plan {
    /// The parts that differ, each a boolean column.
    tests: Vec<String>,
    /// The parts of the matcher, as bits of those columns.
    shape: Shape,
    keys: Vec<String>,
    /// What all events that take part meet.
    condition: String,
}

impl Plan {
    fn new(query: &SequenceQuery) -> Result<Self> {
        let sequence = &query.sequence;
        let mut tests: Vec<String> = Vec::new();
        let mut bits = Vec::with_capacity(sequence.parts.len());
        for part in &sequence.parts {
            let test = condition(&part.event, &sequence.text)?;
            let known = tests.iter().position(|known| *known == test);
            bits.push(1 << known.unwrap_or(tests.len()));
            if known.is_none() {
                tests.push(test);
            }
        }
        let within = i64::try_from(query.within.as_micros()).unwrap_or(i64::MAX);
        let by = query.keys();
        let paths = by.iter().map(|name| field_path(name)).collect::<Result<Vec<FieldPath>>>()?;
        let mut condition = query.filter.condition()?;
        if let Some(domains) = domains(&sequence.parts) {
            condition = format!("{domains} AND {condition}");
        }
        Ok(Self {
            tests,
            shape: shape(&sequence.parts, &bits, within),
            keys: paths.iter().map(key).collect(),
            condition,
        })
    }

    /// The statement for the events of a window, in the order of their times.
    fn sql(&self, window: Window) -> Result<String> {
        let within = Filter { window, ..Filter::default() }.condition()?;
        let tests = self.tests.iter().enumerate();
        let columns = tests.map(|(n, test)| format!(", ({test}) IS TRUE AS _s{n}"));
        let keys = self.keys.iter().enumerate().map(|(n, key)| format!(", {key} AS _k{n}"));
        let columns: String = columns.chain(keys).collect();
        let any: Vec<String> = self.tests.iter().map(|test| format!("({test})")).collect();
        let present: Vec<String> =
            self.keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
        Ok(format!(
            "SELECT \"timestamp\" AS _t, audit_id AS _i, event_type AS _e{columns} FROM events \
             WHERE {within} AND {} AND ({}) AND {} ORDER BY _t",
            self.condition,
            any.join(" OR "),
            present.join(" AND "),
        ))
    }
}

/// The domains that the parts are of, if all of them tell: only those segments are read.
fn domains(parts: &[Part]) -> Option<String> {
    let mut names = parts.iter().map(|part| domain(&part.event)).collect::<Option<Vec<_>>>()?;
    names.sort_unstable();
    names.dedup();
    let names: Vec<String> = names.into_iter().map(text_literal).collect();
    Some(format!("domain IN ({})", names.join(", ")))
}

/// The parts as the matcher has them: absences belong to the step before them.
fn shape(parts: &[Part], bits: &[u64], within: i64) -> Shape {
    let mut shape = Shape { lead: 0, steps: Vec::new(), within };
    for (part, bit) in parts.iter().zip(bits) {
        match (part.role, shape.steps.last_mut()) {
            (Role::Step { least, most }, _) => {
                shape.steps.push(Step { bit: *bit, least, most, absent: 0 });
            }
            (Role::Absent, Some(step)) => step.absent |= bit,
            (Role::Absent, None) => shape.lead |= bit,
        }
    }
    shape
}

/// Finds the sequences in the trail as `view` shows it; `store` is rooted at the trail. One pass
/// over the events that fit some part, in the order of their times; it holds what may still
/// become a match, and sorts one slice of time at a time. Runs on the caller's tokio runtime.
///
/// # Errors
/// `Sequence`, `Sql` or `Parameter` for what means nothing; what [`Engine::sql`] fails with.
pub async fn search(
    engine: &Engine,
    view: Arc<ReadView>,
    store: Arc<dyn ObjectStore>,
    query: &SequenceQuery,
) -> Result<Matches> {
    let plan = Plan::new(query)?;
    let windows = slices(view.segments(), query.filter.window, false).into();
    let mut matches = Matches {
        by: query.keys(),
        matcher: Matcher::new(plan.shape.clone()),
        ordered: Ordered::new(plan.tests.len(), plan.keys.len()),
        place: Place { engine: engine.clone(), view, store },
        plan,
        windows,
        batches: None,
        left: None,
        given: Rows::default(),
        over: false,
    };
    // Planning the first slice tells what is wrong.
    matches.open().await?;
    Ok(matches)
}

/// The matches of a sequence, found as they are asked for. Dropping them stops the work.
pub struct Matches {
    by: Vec<String>,
    place: Place,
    plan: Plan,
    windows: VecDeque<Window>,
    batches: Option<BoxStream<'static, Result<RecordBatch>>>,
    ordered: Ordered,
    matcher: Matcher,
    /// Matches that are still wanted; all if `None`.
    left: Option<u64>,
    /// Events of the matches that were given.
    given: Rows,
    over: bool,
}

impl std::fmt::Debug for Matches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matches").field("by", &self.by).finish_non_exhaustive()
    }
}

impl Matches {
    /// The fields that the values of [`Match::key`] are of.
    pub fn by(&self) -> &[String] {
        &self.by
    }

    /// The same, but no more than so many; all if `None`.
    #[must_use]
    pub fn limit(mut self, limit: Option<u64>) -> Self {
        self.left = limit;
        self
    }

    /// The same; the events of each match that is given are added to `rows`.
    #[must_use]
    pub fn counted(mut self, rows: Rows) -> Self {
        self.given = rows;
        self
    }

    /// How many there are.
    ///
    /// # Errors
    /// What [`Engine::sql`] fails with.
    pub async fn count(mut self) -> Result<u64> {
        let mut count = 0;
        while self.next().await?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// The next match; `None` after the last.
    ///
    /// # Errors
    /// What [`Engine::sql`] fails with.
    pub async fn next(&mut self) -> Result<Option<Match>> {
        if self.left == Some(0) {
            return Ok(None);
        }
        let found = self.find().await?;
        if let Some(found) = &found {
            self.left = self.left.map(|left| left - 1);
            self.given.add(found.events.len() as u64);
        }
        Ok(found)
    }

    async fn find(&mut self) -> Result<Option<Match>> {
        loop {
            if let Some(found) = self.matcher.pop() {
                return Ok(Some(found));
            }
            if self.over {
                return Ok(None);
            }
            match &mut self.batches {
                Some(batches) => match batches.next().await.transpose()? {
                    Some(batch) => self.ordered.batch(&batch, &mut self.matcher)?,
                    None => self.batches = None,
                },
                None => {
                    if !self.open().await? {
                        self.ordered.finish(&mut self.matcher);
                        self.matcher.finish();
                        self.over = true;
                    }
                }
            }
        }
    }

    /// The matches as a stream, which ends with the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Match>> + Send {
        futures::stream::try_unfold(self, |mut matches| async {
            Ok(matches.next().await?.map(|found| (found, matches)))
        })
    }

    /// Opens the next slice; whether there is one.
    async fn open(&mut self) -> Result<bool> {
        let Some(window) = self.windows.pop_front() else { return Ok(false) };
        let answer = self.place.sql(&self.plan.sql(window)?).await?;
        self.batches = Some(answer.batches().boxed());
        Ok(true)
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}
