//! From batches in the order of time to events in the order of (time, id).

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::TimestampMicrosecondType;

use super::matcher::{Incoming, Matcher, encode_key};
use crate::error::{QueryError, Result};

/// Puts events of one time into the order of their ids, also where they come in several batches.
#[derive(Debug)]
pub(super) struct Ordered {
    tests: usize,
    keys: usize,
    /// Events of one time, of which more may come.
    waiting: Vec<Row>,
}

/// An event that waits for others of its time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    time: i64,
    audit_id: String,
    mask: u64,
    key: String,
    event_type: String,
}

/// The columns of a batch.
struct Columns<'a> {
    times: &'a [i64],
    ids: &'a StringArray,
    event_types: &'a StringArray,
    tests: Vec<&'a BooleanArray>,
    keys: Vec<&'a StringArray>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch, tests: usize, keys: usize) -> Option<Self> {
        let columns = batch.columns();
        if columns.len() != 3 + tests + keys {
            return None;
        }
        let texts = |column: &'a std::sync::Arc<dyn Array>| column.as_string_opt::<i32>();
        Some(Self {
            times: columns[0].as_primitive_opt::<TimestampMicrosecondType>()?.values(),
            ids: texts(&columns[1])?,
            event_types: texts(&columns[2])?,
            tests: columns[3..3 + tests]
                .iter()
                .map(|column| column.as_boolean_opt())
                .collect::<Option<_>>()?,
            keys: columns[3 + tests..].iter().map(texts).collect::<Option<_>>()?,
        })
    }

    /// The event of a row; its key is written to `key`.
    fn event<'e>(&'e self, row: usize, key: &'e mut String) -> Incoming<'e> {
        let fits = |(bit, test): (usize, &&BooleanArray)| u64::from(test.value(row)) << bit;
        encode_key(self.keys.iter().map(|column| column.value(row)), key);
        Incoming {
            time: self.times[row],
            mask: self.tests.iter().enumerate().map(fits).sum(),
            key,
            audit_id: self.ids.value(row),
            event_type: self.event_types.value(row),
        }
    }
}

impl Ordered {
    /// For batches with a time, an id, an event type, then so many tests and so many keys.
    pub(super) fn new(tests: usize, keys: usize) -> Self {
        Self { tests, keys, waiting: Vec::new() }
    }

    /// Gives the events of a batch to the matcher, but for those of its last time.
    pub(super) fn batch(&mut self, batch: &RecordBatch, matcher: &mut Matcher) -> Result<()> {
        let unexpected = || QueryError::Execution("the events have an unknown form".to_owned());
        let columns = Columns::of(batch, self.tests, self.keys).ok_or_else(unexpected)?;
        let mut key = String::new();
        let mut from = 0;
        while from < columns.times.len() {
            let time = columns.times[from];
            let same = columns.times[from..].iter().take_while(|other| **other == time).count();
            let to = from + same;
            if self.waiting.first().is_some_and(|row| row.time != time) {
                self.finish(matcher);
            }
            if to == columns.times.len() || !self.waiting.is_empty() {
                for row in from..to {
                    self.waiting.push(Row::of(&columns.event(row, &mut key)));
                }
            } else if same == 1 {
                matcher.event(columns.event(from, &mut key));
            } else {
                let mut rows: Vec<usize> = (from..to).collect();
                rows.sort_by_key(|row| columns.ids.value(*row));
                for row in rows {
                    matcher.event(columns.event(row, &mut key));
                }
            }
            from = to;
        }
        Ok(())
    }

    /// Gives the events that wait to the matcher.
    pub(super) fn finish(&mut self, matcher: &mut Matcher) {
        self.waiting.sort_unstable();
        for row in self.waiting.drain(..) {
            matcher.event(Incoming {
                time: row.time,
                mask: row.mask,
                key: &row.key,
                audit_id: &row.audit_id,
                event_type: &row.event_type,
            });
        }
    }
}

impl Row {
    fn of(event: &Incoming<'_>) -> Self {
        Self {
            time: event.time,
            audit_id: event.audit_id.to_owned(),
            mask: event.mask,
            key: event.key.to_owned(),
            event_type: event.event_type.to_owned(),
        }
    }
}
