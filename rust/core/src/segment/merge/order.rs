//! The rows of all inputs in their one order: by time, id and content.

use std::cmp::Ordering;
use std::sync::Arc;

use super::rows::{InputRows, Loaded};
use crate::Result;
use crate::columns::LogicalColumn;

use super::Input;

/// Rows that follow each other in an input and in the merged segment alike.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) rows: Arc<Loaded>,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// An input that has rows left.
struct Cursor<'a> {
    rows: InputRows<'a>,
    loaded: Arc<Loaded>,
    at: usize,
}

/// Merges inputs. Only those are open whose times the merge has reached.
pub(super) struct Merging<'a> {
    /// Inputs not opened yet, the earliest last, with the ordinal of their first batch.
    waiting: Vec<(&'a Input<'a>, u16)>,
    columns: &'a [LogicalColumn],
    /// Rows that are read of an input at a time.
    read_rows: usize,
    /// A heap of the open ones by their next row, the first row's first.
    open: Vec<Cursor<'a>>,
    /// Rows whose value does not fit, by column of the merged segment; of inputs that are done.
    pub(super) misfits: Vec<u64>,
}

impl<'a> Merging<'a> {
    /// `inputs` are in the order of their first times, which is that of their batches.
    pub(super) fn new(
        inputs: &'a [Input<'a>],
        columns: &'a [LogicalColumn],
        read_rows: usize,
    ) -> Self {
        let mut first = 0_u16;
        let mut waiting: Vec<_> = inputs
            .iter()
            .map(|input| {
                let at = first;
                first = first.wrapping_add(input.batches_left());
                (input, at)
            })
            .collect();
        waiting.reverse();
        Self { waiting, columns, read_rows, open: Vec::new(), misfits: vec![0; columns.len()] }
    }

    /// The next rows that come from one input; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Span>> {
        self.open_due()?;
        let Some(first) = self.open.first() else { return Ok(None) };
        let to = self.end_of_run(first)?;
        let span = Span { rows: Arc::clone(&first.loaded), from: first.at, to };
        self.advance(to)?;
        Ok(Some(span))
    }

    /// Opens the inputs whose first row may come next.
    fn open_due(&mut self) -> Result<()> {
        while let Some((input, first_batch)) = self.waiting.last() {
            let next = self.open.first().map(|cursor| cursor.loaded.key(cursor.at).0);
            if next.is_some_and(|time| time < input.min) {
                return Ok(());
            }
            let mut rows = InputRows::open(input, self.columns, (*first_batch, self.read_rows))?;
            self.waiting.pop();
            match rows.next()? {
                Some(loaded) => {
                    self.open.push(Cursor { rows, loaded: Arc::new(loaded), at: 0 });
                    self.rise()?;
                }
                None => self.count(&rows),
            }
        }
        Ok(())
    }

    /// The row of the first cursor before which another input's row comes, or its rows end.
    fn end_of_run(&self, first: &Cursor<'_>) -> Result<usize> {
        let (loaded, rows) = (&first.loaded, first.loaded.rows);
        // Of a heap's others the least is one of the next two.
        let mut other: Option<&Cursor<'_>> = None;
        for cursor in self.open.get(1..self.open.len().min(3)).into_iter().flatten() {
            if other.is_none_or(|least| compare(cursor, least).is_ok_and(Ordering::is_lt)) {
                other = Some(cursor);
            }
        }
        let least = other.map(|cursor| cursor.loaded.key(cursor.at));
        let opens = self.waiting.last().map(|(input, _)| input.min);
        let goes_on = |row: usize| {
            let key = loaded.key(row);
            least.is_none_or(|least| key < least) && opens.is_none_or(|time| key.0 < time)
        };
        if goes_on(rows - 1) {
            return Ok(rows);
        }
        // The first row comes in any case; then by doubling steps to beyond the end, and halves.
        let (mut low, mut step) = (first.at + 1, 1);
        while low + step < rows && goes_on(low + step - 1) {
            low += step;
            step *= 2;
        }
        let mut high = rows.min(low + step);
        while low < high {
            let middle = low + (high - low) / 2;
            if goes_on(middle) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// The first cursor's rows before `to` are taken.
    fn advance(&mut self, to: usize) -> Result<()> {
        let Some(first) = self.open.first_mut() else { return Ok(()) };
        first.at = to;
        if first.at == first.loaded.rows {
            match first.rows.next()? {
                Some(loaded) => (first.loaded, first.at) = (Arc::new(loaded), 0),
                None => {
                    let done = self.open.swap_remove(0);
                    self.count(&done.rows);
                }
            }
        }
        self.sink()
    }

    fn count(&mut self, rows: &InputRows<'_>) {
        for (sum, more) in self.misfits.iter_mut().zip(&rows.misfits) {
            *sum += more;
        }
    }

    /// Moves the last of the heap up to its place.
    fn rise(&mut self) -> Result<()> {
        let mut at = self.open.len() - 1;
        while at > 0 {
            let above = (at - 1) / 2;
            if compare(&self.open[at], &self.open[above])?.is_ge() {
                break;
            }
            self.open.swap(at, above);
            at = above;
        }
        Ok(())
    }

    /// Moves the first of the heap down to its place.
    fn sink(&mut self) -> Result<()> {
        let mut at = 0;
        loop {
            let mut least = at;
            for below in [2 * at + 1, 2 * at + 2] {
                if below < self.open.len() && compare(&self.open[below], &self.open[least])?.is_lt()
                {
                    least = below;
                }
            }
            if least == at {
                return Ok(());
            }
            self.open.swap(at, least);
            at = least;
        }
    }
}

fn compare(a: &Cursor<'_>, b: &Cursor<'_>) -> Result<Ordering> {
    match a.loaded.key(a.at).cmp(&b.loaded.key(b.at)) {
        Ordering::Equal => Ok(a.loaded.record(a.at)?.cmp(&b.loaded.record(b.at)?)),
        order => Ok(order),
    }
}
