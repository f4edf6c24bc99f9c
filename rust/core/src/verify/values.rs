//! What can be checked of many values at once, column by column.

use arrow::array::{Array, AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};

use super::description::excerpt;
use super::rows::Reading;
use crate::columns::ColumnType;
use crate::json::{self, MAX_SAFE_INTEGER};
use crate::record::SCHEMA_VERSION;

impl Reading<'_, '_> {
    /// Checks what can be checked of many values at once.
    pub(super) fn values(&mut self, batch: &RecordBatch, base: u64) {
        for c in 0..self.columns.len() {
            let array = batch.column(c + 1);
            let wrong: Option<&str> = match self.columns[c].kind {
                ColumnType::Int64 => (!integers_fit(array.as_primitive::<Int64Type>()))
                    .then_some("holds an integer beyond 2^53-1"),
                ColumnType::Float64 => (!doubles_fit(array.as_primitive::<Float64Type>()))
                    .then_some("holds a number that no record has"),
                ColumnType::Timestamp => {
                    let times = array.as_primitive::<TimestampMicrosecondType>();
                    let fits = |time: i64| (0..=json::MAX_MICROS).contains(&time);
                    let extent = arrow::compute::min(times).zip(arrow::compute::max(times));
                    extent
                        .is_some_and(|(min, max)| !fits(min) || !fits(max))
                        .then_some("holds a time outside the years 1970 to 2254")
                }
                ColumnType::Utf8 | ColumnType::Boolean => None,
            };
            let to = base + (batch.num_rows() as u64).saturating_sub(1);
            if let Some(wrong) = wrong {
                let message = format!("column {:?} {wrong}", excerpt(&self.columns[c].name));
                self.problem("representation", message, base, to);
            }
            if self.required.contains(&c) && array.null_count() > 0 {
                let message = format!("{} is missing", self.columns[c].name);
                for row in (0..array.len()).filter(|&row| array.is_null(row)) {
                    self.problem("record", message.clone(), base + row as u64, base + row as u64);
                }
            }
        }
        self.times(batch, base);
    }

    /// Checks the period of `timestamp`, the range of `recorded_at`, and `schema_version`.
    fn times(&mut self, batch: &RecordBatch, base: u64) {
        let [timestamp, _, _, recorded, version] = self.required;
        let by_day = self.checked.task.facts.info.by_day();
        let rows = |array: &TimestampMicrosecondArray, wrong: &dyn Fn(i64) -> bool| -> Vec<u64> {
            let range = arrow::compute::min(array).zip(arrow::compute::max(array));
            if !range.is_some_and(|(min, max)| wrong(min) || wrong(max)) {
                return Vec::new();
            }
            let rows =
                (0..array.len()).filter(|&row| array.is_valid(row) && wrong(array.value(row)));
            rows.map(|row| base + row as u64).collect()
        };
        let period = &self.file.meta().period;
        let times = batch.column(timestamp + 1).as_primitive::<TimestampMicrosecondType>();
        let elsewhere = rows(times, &|time| json::period(time, by_day) != *period);
        let recorded = batch.column(recorded + 1).as_primitive::<TimestampMicrosecondType>();
        let range = self.checked.task.signed.recorded;
        let outside =
            rows(recorded, &|time| range.is_some_and(|(from, to)| !(from..=to).contains(&time)));
        for row in elsewhere {
            self.problem("partition", "the record is of another period", row, row);
        }
        for row in outside {
            let message = "recorded_at lies outside the range of the ledger entry";
            self.problem("recorded", message, row, row);
        }
        let versions = batch.column(version + 1).as_primitive::<Int64Type>();
        if versions.iter().flatten().any(|version| version != SCHEMA_VERSION) {
            let to = base + versions.len() as u64 - 1;
            self.problem("record", "schema_version is not 1", base, to);
        }
    }
}

fn integers_fit(values: &arrow::array::Int64Array) -> bool {
    let fits = |value: i64| (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).contains(&value);
    let extent = arrow::compute::min(values).zip(arrow::compute::max(values));
    extent.is_none_or(|(min, max)| fits(min) && fits(max))
}

/// Whether all are doubles that a record can hold as numbers: finite, not -0, and no integers
/// beyond 2^53-1, which all larger doubles are.
fn doubles_fit(values: &arrow::array::Float64Array) -> bool {
    values.iter().flatten().all(|value| {
        value.abs() <= MAX_SAFE_INTEGER as f64 && value.to_bits() != (-0.0_f64).to_bits()
    })
}
