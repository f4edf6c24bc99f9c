//! Importing other programs' logs, so that importing again adds nothing.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::{LoadOptions, Trail};
use crate::import::{FileImport, ImportOptions, Importer, Source, SourceEvent};
use crate::record::Strictness;
use crate::{Error, Result};

/// Bytes of JSON that are recorded together, so that each commit is worth a segment.
const FULL: usize = 64 << 20;
/// Lines that a report names; the others are counted.
const MAX_PROBLEMS: usize = 10_000;

/// How to follow and stop an import.
#[derive(Clone, Default)]
pub struct ImportRun {
    /// Told after each file and each commit.
    pub progress: Option<Arc<dyn Fn(ImportProgress) + Send + Sync>>,
    /// Set it to stop; what is committed by then stays.
    pub cancel: Arc<AtomicBool>,
}

impl std::fmt::Debug for ImportRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportRun").finish_non_exhaustive()
    }
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// Files read.
    pub files: u64,
    /// Files in all.
    pub of_files: u64,
    /// Events that they gave.
    pub events: u64,
    /// Events committed.
    pub recorded: u64,
}

/// A line of a log that was not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportProblem {
    /// The file.
    pub file: String,
    /// 1-based line, 0 for the whole file.
    pub line: u64,
    /// Path of the field that is wrong, empty for the whole line.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Files read.
    pub files: u64,
    /// Events that they gave.
    pub events: u64,
    /// New records, all committed.
    pub recorded: u64,
    /// Events that the trail had already, or that came more than once.
    pub known: u64,
    /// What was not finished yet and is left for the next import.
    pub unfinished: u64,
    /// Lines that could not be read.
    pub skipped: u64,
    /// Events that the recorder refused.
    pub refused: u64,
    /// The first 10,000 lines that were skipped or refused.
    pub problems: Vec<ImportProblem>,
}

impl Trail {
    /// Records what the logs under `paths` tell and the trail does not have yet, and commits it.
    ///
    /// Open the trail without default fields for this: imported events say themselves who acted.
    ///
    /// # Errors
    /// As [`Importer::open`] and [`load`](Self::load).
    pub async fn import(
        &self,
        source: Source,
        paths: &[PathBuf],
        options: &ImportOptions,
        run: &ImportRun,
    ) -> Result<ImportReport> {
        let mut importer = Importer::open(source, paths, options.clone())?;
        let of_files = importer.remaining().0;
        let mut import = Import {
            trail: self,
            run,
            of_files,
            batch: Batch::default(),
            report: ImportReport::default(),
        };
        while let Some(file) = importer.next() {
            if run.cancel.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            import.take(file).await?;
        }
        import.commit().await?;
        Ok(import.report)
    }
}

struct Import<'a> {
    trail: &'a Trail,
    run: &'a ImportRun,
    of_files: u64,
    batch: Batch,
    report: ImportReport,
}

impl Import<'_> {
    async fn take(&mut self, file: FileImport) -> Result<()> {
        let name = file.path.display().to_string();
        let report = &mut self.report;
        report.files += 1;
        report.events += file.events.len() as u64 + file.duplicates;
        report.known += file.duplicates;
        report.unfinished += file.unfinished.total();
        report.skipped += file.skipped.len() as u64;
        for skipped in file.skipped {
            report.add(&name, skipped.line, skipped.path, skipped.reason);
        }
        let ids: Vec<String> = file.events.iter().map(|e| e.audit_id().to_owned()).collect();
        let known = self.trail.contains(&ids).await?;
        for event in &file.events {
            if known.contains(event.audit_id()) {
                self.report.known += 1;
            } else {
                self.batch.push(&name, event)?;
            }
        }
        if self.batch.lines.len() >= FULL {
            self.commit().await?;
        }
        self.tell();
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        let Batch { lines, origins } = std::mem::take(&mut self.batch);
        if origins.is_empty() {
            return Ok(());
        }
        let options = LoadOptions {
            strictness: Strictness::Lenient,
            cancel: Arc::clone(&self.run.cancel),
            ..LoadOptions::default()
        };
        let done = self.trail.load(Box::new(Cursor::new(lines)), &options).await?;
        self.report.recorded += done.recorded;
        self.report.known += done.repeated;
        self.report.refused += done.refused;
        for problem in done.problems {
            let origin = usize::try_from(problem.line).ok().and_then(|line| origins.get(line - 1));
            if let Some((file, line)) = origin {
                self.report.add(file, *line, problem.path, problem.message);
            }
        }
        self.tell();
        Ok(())
    }

    fn tell(&self) {
        let ImportReport { files, events, recorded, .. } = self.report;
        if let Some(progress) = &self.run.progress {
            progress(ImportProgress { files, of_files: self.of_files, events, recorded });
        }
    }
}

impl ImportReport {
    fn add(&mut self, file: &str, line: u64, path: String, message: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(ImportProblem { file: file.to_owned(), line, path, message });
        }
    }
}

/// JSON lines, and the file and line that each comes from.
#[derive(Debug, Default)]
struct Batch {
    lines: Vec<u8>,
    origins: Vec<(Arc<str>, u64)>,
}

impl Batch {
    fn push(&mut self, file: &str, event: &SourceEvent) -> Result<()> {
        serde_json::to_writer(&mut self.lines, &event.event)
            .map_err(|error| Error::encoding(file, error))?;
        self.lines.push(b'\n');
        let file = match self.origins.last() {
            Some((last, _)) if &**last == file => Arc::clone(last),
            _ => file.into(),
        };
        self.origins.push((file, event.line));
        Ok(())
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
