//! The forms in which records leave the trail.

use std::path::Path;
use std::sync::Arc;

use sealtrail_core::evidence::{ExportFormat, FileItem, FileRole, PROOFS, PROOFS_SUFFIX, RECORDS};
use sealtrail_core::trail::{Attester, ReadView, Trail};

use super::flat::Flat;
use super::lake::LakeWriter;
use super::output::{Output, Written, with_suffix};
use super::progress::State;
use super::{Export, name_of};
use crate::error::{QueryError, Result};

/// Takes records, segment by segment.
pub(super) enum Sink {
    /// Canonical lines, and their proofs.
    Lines { records: Box<Output>, proofs: Box<Output> },
    /// Rows of a table.
    Flat(Box<Flat>),
    /// Events by class and day.
    Lake(Box<LakeWriter>),
}

impl Sink {
    pub(super) async fn open(
        export: &Export,
        trail: &Trail,
        view: &Arc<ReadView>,
        path: &Path,
        state: &State,
        attester: &mut Attester,
    ) -> Result<Self> {
        let format = export.format;
        match format {
            ExportFormat::Jsonl | ExportFormat::Package => {
                let (records, proofs) = match format {
                    ExportFormat::Package => (path.join(RECORDS), path.join(PROOFS)),
                    _ => (path.to_owned(), with_suffix(path, PROOFS_SUFFIX)),
                };
                let records = Output::open(&records, state.bytes)?;
                let proofs = Output::open(&proofs, state.proofs)?;
                for line in proofs.lines()? {
                    attester.take_up(&line?).await?;
                }
                Ok(Self::Lines { records: Box::new(records), proofs: Box::new(proofs) })
            }
            ExportFormat::Csv | ExportFormat::Parquet => {
                Ok(Self::Flat(Box::new(Flat::new(trail, view, format, path, state).await?)))
            }
            ExportFormat::Ocsf => {
                export.lake.check()?;
                let origin = trail.info().origin.clone();
                let since = export.since.as_ref().map(|since| since.size);
                let lake = export.lake.clone();
                let writer = LakeWriter::new(lake, path, origin, since, state.files.clone());
                Ok(Self::Lake(Box::new(writer)))
            }
        }
    }

    pub(super) async fn record(&mut self, record: &[u8]) -> Result<()> {
        match self {
            Self::Lines { records, .. } => {
                records.put(record)?;
                records.put(b"\n")?;
            }
            Self::Lake(lake) => lake.put(record)?,
            Self::Flat(flat) => {
                if flat.put(record) {
                    flat.flush().await?;
                }
            }
        }
        Ok(())
    }

    /// All records of a segment came; `part` proves them.
    pub(super) async fn end_segment(&mut self, part: Option<&[u8]>) -> Result<()> {
        if let (Self::Lines { proofs, .. }, Some(part)) = (self, part) {
            proofs.put(part)?;
            proofs.put(b"\n")?;
        }
        Ok(())
    }

    /// Makes what was written last, and notes how far that is; `false` where nothing can go on
    /// from there yet.
    pub(super) async fn sync(&mut self, state: &mut State) -> Result<bool> {
        match self {
            Self::Lines { records, proofs } => {
                records.sync()?;
                proofs.sync()?;
                (state.bytes, state.proofs) = (records.len(), proofs.len());
                Ok(true)
            }
            Self::Flat(flat) => flat.sync(state).await,
            Self::Lake(lake) => lake.sync(state),
        }
    }

    /// Gives the files their names.
    pub(super) async fn finish(
        self,
        path: &Path,
        format: ExportFormat,
        attester: &Attester,
        records: u64,
    ) -> Result<Vec<FileItem>> {
        let name = name_of(path)?;
        let (name, of_proofs) = match format {
            ExportFormat::Package => (RECORDS.to_owned(), PROOFS.to_owned()),
            _ => (name.clone(), format!("{name}{PROOFS_SUFFIX}")),
        };
        match self {
            Self::Lines { records: lines, mut proofs } => {
                proofs.put(&attester.shared(records).await?)?;
                proofs.put(b"\n")?;
                let of_records = item(name, FileRole::Records, lines.finish()?);
                let of_proofs = item(of_proofs, FileRole::Proofs, proofs.finish()?);
                Ok(vec![FileItem { records: Some(records), ..of_records }, of_proofs])
            }
            Self::Lake(lake) => Ok(lake.finish()?),
            Self::Flat(flat) => {
                let (rows, written) = flat.finish().await?;
                if rows != records {
                    let message = format!("{rows} rows were written of {records} records");
                    return Err(QueryError::Execution(message));
                }
                let item = item(name, FileRole::Records, written);
                Ok(vec![FileItem { records: Some(records), ..item }])
            }
        }
    }
}

fn item(path: String, role: FileRole, written: Written) -> FileItem {
    FileItem { bytes: written.bytes, path, records: None, role, sha256: written.sha256 }
}
