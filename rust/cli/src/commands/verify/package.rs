//! Checking what left a trail: exports and packages.

use std::io::Write;
use std::path::Path;

use sealtrail_core::Error;
use sealtrail_core::evidence::{self, Report};
use sealtrail_core::keys::{OwnerKey, trail_id_bytes};

use super::trust::vkey_text;
use crate::failure::Failure;
use crate::output::{ReportFormat, Stream};
use crate::session::Session;
use crate::text::{aligned, count};

/// Checks the package or exported file that is `named`, and prints what was found.
pub(super) fn run(
    session: &mut Session<'_>,
    named: &Path,
    key: Option<&str>,
    head: Option<&str>,
    output: Option<ReportFormat>,
) -> Result<u8, Failure> {
    let path = session.file(named);
    let vkey = match key {
        Some(key) => vkey_text(session, key)?,
        None => kept_key(session, &path)?,
    };
    let mut report = evidence::check(&path, vkey.trim())?;
    if let Some(head) = head {
        report.demand_custody_head(head);
    }
    match session.report_format(output) {
        ReportFormat::Json => {
            let text = serde_json::to_string_pretty(&report)
                .map_err(|error| Error::encoding("report", error))?;
            writeln!(session.out, "{text}")?;
        }
        ReportFormat::Table => print(&mut session.out, named, &report)?,
    }
    Ok(report.exit_code())
}

/// The key of the trail's owner that the user keeps.
fn kept_key(session: &Session<'_>, path: &Path) -> Result<String, Failure> {
    let id = evidence::claimed_trail(path);
    let known = id.filter(|id| trail_id_bytes(id).is_ok());
    let file = known.map(|id| session.home().map(|home| OwnerKey::vkey_path(&home.keys_dir, &id)));
    match file.transpose()? {
        Some(file) if file.exists() => {
            std::fs::read_to_string(&file).map_err(|e| Failure::io(file, e))
        }
        _ => {
            // A wrong path is worth more than a missing key.
            std::fs::metadata(path).map_err(|e| Failure::io(path, e))?;
            Err(Failure::usage("there is no key to check it with")
                .hint("--key takes the owner's public key (owner.vkey)"))
        }
    }
}

fn print(out: &mut Stream<'_>, path: &Path, report: &Report) -> std::io::Result<()> {
    let verdict = if report.holds { "HOLDS" } else { "TAMPERED" };
    writeln!(out, "{verdict}  {}", path.display())?;
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push([name.to_owned(), value]);
    if let Some(manifest) = &report.manifest {
        row("made", format!("{} by {}", manifest.created, manifest.asked_by.name()));
        if let Some(purpose) = &manifest.purpose {
            row("purpose", purpose.clone());
        }
        row("trail", format!("{} ({})", manifest.trail_id, manifest.origin));
        row("ledger", count(manifest.ledger.size, "entry"));
        row("records", count(manifest.records, "record"));
        row("signed by", report.signer.clone().unwrap_or_default());
    }
    row("manifest", report.manifest_sha256.clone());
    row("proven", count(report.proven, "record"));
    row("files", count(report.files, "file") + " as exported");
    for handover in &report.custody {
        let from = handover.from.as_ref().map_or(String::new(), |from| format!("{from} -> "));
        let purpose = handover.purpose.as_ref().map_or(String::new(), |text| format!(": {text}"));
        row("custody", format!("{} {from}{}{purpose}", handover.time, handover.to));
    }
    if let Some(head) = &report.custody_head {
        row("custody head", head.clone());
    }
    out.write_all(aligned("  ", &rows).as_bytes())?;
    for finding in &report.findings {
        writeln!(out, "finding: {finding}")?;
    }
    for line in &report.notes {
        writeln!(out, "  note: {line}")?;
    }
    for line in &report.not_checked {
        writeln!(out, "  not checked: {line}")?;
    }
    Ok(())
}
