//! What leaves a trail, and checking it without one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use sealtrail_core::access::{Question, Rows};
use sealtrail_core::evidence::{self, AskedBy, ExportFormat, NewHandover};
use sealtrail_core::trail::{ReadView, Trail};
use sealtrail_query::QueryError;
use sealtrail_query::export::{Export, Exported, Lake, asked};
use sealtrail_query::search::Search;
use serde::Serialize;
use serde_json::Value;

use crate::errors::usage;
use crate::progress::{self, Latest, Teller};
use crate::search::{Wanted, read};
use crate::trail::to_json;
use crate::verify::vkey_text;
use crate::{access, bridge};

/// What an export came to.
#[derive(Serialize)]
struct Report {
    path: PathBuf,
    manifest_path: PathBuf,
    manifest: evidence::Manifest,
    manifest_sha256: String,
    resumed: u64,
}

/// Exports what a search finds, as JSON of what became of it; `None` if nothing came since the last
/// export of the series. `format` is one of `sealtrail export`, or `package`.
pub(crate) fn export(
    py: Python<'_>,
    trail: &Trail,
    wanted: &str,
    (format, lake): (&str, Option<(String, String, String)>),
    (path, since_last, replace): (&Path, bool, bool),
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Vec<u8>>> {
    let wanted = read(py, wanted)?;
    let view = bridge::wait(py, async {
        // What this process recorded is to be part of it.
        trail.flush().await?;
        trail.view().await
    })?;
    let format = format_of(format)?;
    let kind = if format == ExportFormat::Package { "evidence" } else { "export" };
    let question = wanted.question(kind, view.size());
    let mut export = export_of(&wanted, &question, format)?;
    export.replace = replace;
    if let Some((source, region, account)) = lake {
        export.lake = Lake { source, region, account };
    }
    let mut path = path.to_owned();
    if since_last {
        let Some(next) = bridge::wait(py, export.next(trail, &view, &path))? else {
            return Ok(None);
        };
        export.since = Some(next.since);
        path = next.path;
    }
    let question = question.filter("output", path.display().to_string());
    let looking = access::ask(py, trail, question)?;
    let rows = Rows::default();
    let done = write(py, trail, &export, (view, path), (&rows, progress));
    let done: Exported = looking.answered(py, done, |_| rows.get())?;
    let Exported { path, manifest_path, manifest, manifest_sha256, resumed } = done;
    to_json(py, &Report { path, manifest_path, manifest, manifest_sha256, resumed }).map(Some)
}

/// Writes it, and tells how many rows were looked at, and of how many.
fn write(
    py: Python<'_>,
    trail: &Trail,
    export: &Export,
    (view, path): (Arc<ReadView>, PathBuf),
    (rows, progress): (&Rows, Option<&Bound<'_, PyAny>>),
) -> PyResult<Exported> {
    let latest: Latest<(u64, u64)> = Latest::default();
    let mut teller = Teller::new(Arc::clone(&latest), progress, |(done, of)| vec![done, of]);
    let watch = move |done: u64, of: u64| progress::set(&latest, (done, of));
    let work = async {
        if let Some(folder) = path.parent() {
            sealtrail_core::storage::durable::ensure_dir(folder)?;
        }
        match export.format {
            ExportFormat::Package => export.package(trail, &view, &path, rows, &watch).await,
            _ => export.run(trail, &view, &path, rows, &watch).await,
        }
    };
    let done = bridge::wait_with(py, work, |_| teller.tell())?;
    teller.tell_now()?;
    Ok(done)
}

fn format_of(name: &str) -> PyResult<ExportFormat> {
    let known = ["jsonl", "csv", "parquet", "ocsf", "package"];
    serde_json::from_value(Value::from(name))
        .map_err(|_| usage(format!("{name:?} is no format; there is {}", known.join(", "))))
}

fn export_of(wanted: &Wanted, question: &Question, format: ExportFormat) -> PyResult<Export> {
    let filter = wanted.search.filter.clone();
    if wanted.search != Search::new(filter.clone()) {
        let message = "exports have no order, limit, cursor or fields: they hold whole records";
        return Err(usage(message.to_owned()));
    }
    let mut said = wanted.keyword("filter");
    for name in ["since", "until"] {
        said[name] = wanted.keyword(name);
    }
    said["exclude_access"] = wanted.exclude_access.into();
    Ok(Export {
        filter,
        asked: asked(said),
        exclude_access: wanted.exclude_access,
        purpose: question.purpose.clone(),
        ..Export::new(format, AskedBy::of(&question.reader))
    })
}

/// Signs that a package was handed over; the new head of its custody log.
pub(crate) fn custody_add(
    py: Python<'_>,
    trail: &Trail,
    package: &Path,
    (from, to): (String, String),
    purpose: Option<String>,
) -> PyResult<String> {
    let view = bridge::wait(py, trail.view())?;
    let question = access::question("custody", view.size(), purpose)
        .filter("package", package.display().to_string())
        .filter("from", from.clone())
        .filter("to", to.clone());
    let new = NewHandover { from: Some(from), to, purpose: question.purpose.clone() };
    let looking = access::ask(py, trail, question)?;
    let head = bridge::wait(py, async {
        let attester = trail.attest(&view).await?;
        evidence::add_handover(package, &attester, new).await.map_err(QueryError::from)
    });
    looking.answered(py, head, |_| 0)
}

/// What the check of an export or package found, as JSON.
#[pyfunction]
pub(crate) fn check_package(
    py: Python<'_>,
    path: PathBuf,
    key: &str,
    custody_head: Option<&str>,
) -> PyResult<Vec<u8>> {
    let report = bridge::wait(py, async {
        let mut report = evidence::check(&path, vkey_text(key)?.trim())?;
        if let Some(head) = custody_head {
            report.demand_custody_head(head);
        }
        Ok::<_, sealtrail_core::Error>(report)
    })?;
    to_json(py, &report)
}
