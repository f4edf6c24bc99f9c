//! Aligned columns.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::failed;
use crate::error::Result;

/// Rows that decide how wide the columns are. Wider values in later rows are written in full
/// and push the rest of their line to the right.
const MEASURED: usize = 1000;

/// A table under way.
#[derive(Debug)]
pub(super) struct Table<W: Write> {
    out: W,
    header: Vec<String>,
    /// Numbers stand at the right.
    right: Vec<bool>,
    widths: Vec<usize>,
    waiting: Vec<Vec<String>>,
    started: bool,
}

impl<W: Write> Table<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Self {
        let header: Vec<String> =
            schema.fields().iter().map(|field| one_line(field.name())).collect();
        let widths = header.iter().map(|name| name.chars().count()).collect();
        let right = schema.fields().iter().map(|field| is_number(field.data_type())).collect();
        Self { out, header, right, widths, waiting: Vec::new(), started: false }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let options = FormatOptions::default().with_null("");
        let formatters = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).map_err(failed))
            .collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = formatters
                .iter()
                .map(|formatter| {
                    formatter.value(row).try_to_string().map(|text| one_line(&text)).map_err(failed)
                })
                .collect::<Result<_>>()?;
            if self.started {
                self.line(&cells)?;
                continue;
            }
            for (width, cell) in self.widths.iter_mut().zip(&cells) {
                *width = (*width).max(cell.chars().count());
            }
            self.waiting.push(cells);
            if self.waiting.len() == MEASURED {
                self.start()?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W> {
        self.start()?;
        Ok(self.out)
    }

    /// Writes the header and the rows that waited for it.
    fn start(&mut self) -> Result<()> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        let header = std::mem::take(&mut self.header);
        self.line(&header)?;
        let rule: Vec<String> = self.widths.iter().map(|width| "-".repeat(*width)).collect();
        self.line(&rule)?;
        for cells in std::mem::take(&mut self.waiting) {
            self.line(&cells)?;
        }
        Ok(())
    }

    fn line(&mut self, cells: &[String]) -> Result<()> {
        let mut line = String::new();
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                line.push_str("  ");
            }
            let padding = " ".repeat(self.widths[index].saturating_sub(cell.chars().count()));
            if self.right[index] {
                line.push_str(&padding);
            }
            line.push_str(cell);
            if !self.right[index] {
                line.push_str(&padding);
            }
        }
        writeln!(self.out, "{}", line.trim_end()).map_err(failed)
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// Control characters as escapes: a cell is one line, and cannot send commands to a terminal.
fn one_line(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}
