//! Checking an export or package, with nothing but the owner's public key.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::manifest::{ExportFormat, FileRole, Manifest, Position, SignedManifest};
use super::package::{CUSTODY, Layout, Member, PROOFS_SUFFIX, Package};
use super::report::Report;
use super::{custody, records};
use crate::{Error, Result};

/// Longest manifest.
const MOST_BYTES: u64 = 1 << 28;

/// Checks the package (a folder or a zip) or the exported file at `path` with the owner's public
/// key, a C2SP vkey. Needs no trail and no network, and takes every byte for an attacker's.
///
/// # Errors
/// `Key` if that is no vkey; `NotFound` or `Io` if the files cannot be read. What does not hold is
/// no error: the [`Report`] names it.
pub fn check(path: &Path, vkey: &str) -> Result<Report> {
    crate::note::parse_vkey(vkey)?;
    let package = match Package::open(path) {
        Ok(package) => package,
        Err(Error::Integrity { place, message }) => {
            let mut report = Report::new(String::new());
            report.find(&place, None, message);
            return Ok(report);
        }
        Err(e) => return Err(e),
    };
    let name = package.manifest_name();
    let manifest = package.member(&name).map_or_else(
        || Err(Error::NotFound(format!("{}: there is no {name}", path.display()))),
        |member| match member.bytes(MOST_BYTES) {
            Err(Error::Integrity { .. }) => Ok(Vec::new()),
            bytes => bytes,
        },
    )?;
    let mut report = Report::new(custody::digest(&manifest));
    match SignedManifest::check(&manifest, vkey) {
        Ok(signed) if manifest.ends_with(b"\n") => {
            report.manifest = Some(signed.manifest);
            report.signer = Some(signed.signer);
            report.signers = signed.signers;
        }
        Ok(_) => report.find(&name, None, "its last line break is missing"),
        Err(e) => report.find_error(&name, e)?,
    }
    let manifest = report.manifest.clone();
    let names = Names::of(&package, manifest.as_ref());
    check_names(&package, manifest.as_ref(), &names, &mut report);
    if let Some(manifest) = &manifest {
        check_files(&package, manifest, &names, &mut report)?;
    }
    check_records(&package, manifest.as_ref(), &names, vkey, &mut report)?;
    check_custody(&package, manifest.as_ref(), vkey, &mut report)?;
    tell(manifest.as_ref(), &mut report);
    report.holds = report.findings.is_empty();
    Ok(report)
}

/// Under which paths the files of the manifest are found.
struct Names(BTreeMap<String, String>);

impl Names {
    /// Beside each other, files may have been renamed together; in a package they may not.
    fn of(package: &Package, manifest: Option<&Manifest>) -> Self {
        let files = manifest.map_or(&[][..], |manifest| &manifest.files);
        let name = |path: &str, role| match (package.layout(), role) {
            (Layout::Beside, FileRole::Records) => package.named.clone(),
            (Layout::Beside, FileRole::Proofs) => format!("{}{PROOFS_SUFFIX}", package.named),
            _ => path.to_owned(),
        };
        Self(files.iter().map(|file| (file.path.clone(), name(&file.path, file.role))).collect())
    }

    fn found(&self, path: &str) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }
}

/// Names files that are missing, and such that do not belong there.
fn check_names(package: &Package, manifest: Option<&Manifest>, names: &Names, report: &mut Report) {
    let Some(manifest) = manifest else { return };
    for file in &manifest.files {
        let found = names.found(&file.path);
        if package.member(found).is_none() {
            report.find(found, None, "it is missing");
        } else if found != file.path {
            report.notes.push(format!("{found} was exported as {}", file.path));
        }
    }
    let custody = (manifest.format == ExportFormat::Package).then_some(CUSTODY);
    if let Some(custody) = custody.filter(|custody| package.member(custody).is_none()) {
        report.find(custody, None, "it is missing");
    }
    let manifest_name = package.manifest_name();
    let known = |path: &str| {
        path == manifest_name || Some(path) == custody || names.0.values().any(|name| name == path)
    };
    let added: Vec<&str> = package.paths().filter(|path| !known(path)).collect();
    for path in added {
        report.find(path, None, "it was added: the manifest does not name it");
    }
}

/// Compares lengths and hashes with the manifest's.
fn check_files(
    package: &Package,
    manifest: &Manifest,
    names: &Names,
    report: &mut Report,
) -> Result<()> {
    for file in &manifest.files {
        let found = names.found(&file.path);
        let Some(member) = package.member(found) else { continue };
        if member.len() != file.bytes {
            let (is, was) = (member.len(), file.bytes);
            report.find(found, None, format!("it has {is} bytes; {was} were exported"));
        } else if digest_of(member, found)? == file.sha256 {
            report.files += 1;
        } else {
            report.find(found, None, "its bytes are not those that were exported");
        }
    }
    Ok(())
}

fn digest_of(member: &Member, name: &str) -> Result<String> {
    let (mut reader, mut digest, mut chunk) = (member.reader(), Sha256::new(), vec![0; 1 << 18]);
    loop {
        let count = reader.read(&mut chunk).map_err(|e| Error::io(name, e))?;
        if count == 0 {
            return Ok(HEXLOWER.encode(&digest.finalize()));
        }
        digest.update(&chunk[..count]);
    }
}

/// Checks records against their proofs, where there are some.
fn check_records(
    package: &Package,
    manifest: Option<&Manifest>,
    names: &Names,
    vkey: &str,
    report: &mut Report,
) -> Result<()> {
    let path = |role| manifest.and_then(|manifest| manifest.file(role)).map(|f| f.path.as_str());
    let (records, proofs) = match (path(FileRole::Records), path(FileRole::Proofs)) {
        (Some(records), Some(proofs)) => {
            (names.found(records).to_owned(), names.found(proofs).to_owned())
        }
        _ if manifest.is_some() => return Ok(()),
        // What the records prove they prove without a manifest.
        _ if package.layout() == Layout::Beside => {
            (package.named.clone(), format!("{}{PROOFS_SUFFIX}", package.named))
        }
        _ => (super::RECORDS.to_owned(), super::PROOFS.to_owned()),
    };
    let (Some(of_records), Some(of_proofs)) = (package.member(&records), package.member(&proofs))
    else {
        return Ok(());
    };
    let checked = records::check(of_records, of_proofs, vkey)?;
    report.proven = checked.proven;
    let complete = checked.of_records.is_empty() && checked.of_proofs.is_empty();
    report.find_all(&records, checked.of_records);
    report.find_all(&proofs, checked.of_proofs);
    let Some(manifest) = manifest.filter(|_| complete) else { return Ok(()) };
    if checked.counts != manifest.counts || checked.proven != manifest.records {
        report.find(&records, None, "its counts are not those of the manifest");
    }
    let stated = checked.checkpoint.map(|stated| Position::new(stated.size, &stated.root));
    if stated.as_ref() != Some(&manifest.ledger) {
        report.find(&proofs, None, "they rest on another state of the ledger than the manifest");
    }
    Ok(())
}

fn check_custody(
    package: &Package,
    manifest: Option<&Manifest>,
    vkey: &str,
    report: &mut Report,
) -> Result<()> {
    if package.layout() == Layout::Beside {
        return Ok(());
    }
    let Some(log) = package.member(CUSTODY) else { return Ok(()) };
    let trail_id = manifest.map(|manifest| manifest.trail_id.as_str());
    custody::check(CUSTODY, log, vkey, trail_id, report)
}

/// What nobody can see from these files.
fn tell(manifest: Option<&Manifest>, report: &mut Report) {
    let Some(manifest) = manifest else {
        report.not_checked.push("which files belong to it: the manifest does not hold".to_owned());
        return;
    };
    if manifest.file(FileRole::Proofs).is_none() {
        report.not_checked.push(format!(
            "that these rows are the trail's: {} has no proofs, only the manifest's hashes",
            manifest.format.name()
        ));
    }
    report.not_checked.push(
        "that nothing of what was asked for was left out: who signed the manifest says so"
            .to_owned(),
    );
    if manifest.format == ExportFormat::Package {
        report.not_checked.push(super::CUSTODY_END.to_owned());
    }
    let size = manifest.ledger.size;
    let signers = report.signers.iter().filter(|signer| signer.revoked.is_none());
    let unknown = signers.map(|signer| {
        let writer = &signer.writer;
        format!("that none of the {size} entries revokes {writer}; who made the export says so")
    });
    let unknown: Vec<String> = unknown.collect();
    report.not_checked.extend(unknown);
    if manifest.unsealed > 0 {
        report.notes.push(format!(
            "{} records were durable where it was made and not in the ledger yet: they are not \
             part of it",
            manifest.unsealed
        ));
    }
}

/// The trail that an export or package says it is of: a hint where to look for its owner's key,
/// and nothing to trust.
pub fn claimed_trail(path: &Path) -> Option<String> {
    let package = Package::open(path).ok()?;
    let manifest = package.member(&package.manifest_name())?.bytes(MOST_BYTES).ok()?;
    let claim: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    Some(claim.get("body")?.get("trail_id")?.as_str()?.to_owned())
}
