//! Making packages, and handing them over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::custody::{NewHandover, digest, next_line};
use super::facts::{Facts, SHOWN};
use super::manifest::{FileItem, FileRole, Manifest};
use super::package::{CUSTODY, Layout, MANIFEST, Member, Package};
use super::records::Lines;
use super::{CHECKPOINT, PROGRAM, RECORDS, SUMMARY_HTML, SUMMARY_PDF, html, pdf, zip};
use crate::storage::durable::{self, Access};
use crate::trail::Attester;
use crate::{Error, Result};

/// Checks a package without sealtrail.
const VERIFIER: &[u8] = include_bytes!("verify.py");
/// The largest zip.
const MOST_BYTES: u64 = u32::MAX as u64;

/// Makes a package of the files of records and proofs that stand in a folder.
#[derive(Debug)]
pub struct Maker<'a> {
    /// Signs it.
    pub attester: &'a Attester,
    /// The folder.
    pub folder: &'a Path,
    /// What for.
    pub purpose: Option<String>,
}

impl Maker<'_> {
    /// Adds what a package has beside records and proofs, which `manifest` names, then the
    /// manifest and the first line of the custody log. Gives the manifest's bytes.
    ///
    /// # Errors
    /// `Integrity` if the ledger does not prove the signer; `Io`, `Store`.
    pub async fn finish(&self, manifest: &mut Manifest) -> Result<Vec<u8>> {
        let mut first = Vec::new();
        let mut lines = Lines::of(&Member::file(&self.folder.join(RECORDS))?, "records");
        while first.len() < SHOWN
            && let Some(line) = lines.next()?
        {
            first.push(line);
        }
        let facts = Facts::of(manifest, &first, &self.attester.vkey()?, self.attester.signer());
        let files = [
            (CHECKPOINT, FileRole::Checkpoint, self.attester.checkpoint().as_bytes().to_vec()),
            (PROGRAM, FileRole::Program, VERIFIER.to_vec()),
            (SUMMARY_HTML, FileRole::Summary, html::page(&facts).into_bytes()),
            (SUMMARY_PDF, FileRole::Summary, pdf::document(&facts)),
        ];
        for (name, role, bytes) in files {
            durable::replace(&self.folder.join(name), &bytes, Access::Default)?;
            let (path, sha256) = (name.to_owned(), digest(&bytes));
            let bytes = bytes.len() as u64;
            manifest.files.push(FileItem { bytes, path, records: None, role, sha256 });
        }
        manifest.files.sort_by(|a, b| a.path.cmp(&b.path));
        let bytes = manifest.sign(self.attester).await?;
        let to = manifest.asked_by.name();
        let new = NewHandover { from: None, to, purpose: self.purpose.clone() };
        let line = next_line(self.attester, &bytes, &[], new).await?;
        durable::replace(&self.folder.join(CUSTODY), &line, Access::Default)?;
        durable::replace(&self.folder.join(MANIFEST), &bytes, Access::Default)?;
        Ok(bytes)
    }
}

/// Packs a folder into a zip, which replaces what is there.
///
/// # Errors
/// `Usage` if it would be too large for a zip, `Io`.
pub fn pack(folder: &Path, zip: &Path) -> Result<()> {
    let package = Package::open(folder)?;
    write_zip(&package.members, zip, &BTreeMap::new())
}

/// Writes a zip of these files; those of `others` count instead of those of the same path.
fn write_zip(
    members: &BTreeMap<String, Member>,
    zip: &Path,
    others: &BTreeMap<String, Vec<u8>>,
) -> Result<()> {
    let mut files = Vec::with_capacity(members.len());
    let mut total = 0;
    for (name, member) in members {
        total += member.len();
        if total > MOST_BYTES {
            return Err(zip::too_large());
        }
        let bytes = match others.get(name) {
            Some(bytes) => bytes.clone(),
            None => member.bytes(MOST_BYTES)?,
        };
        files.push((name.clone(), bytes));
    }
    durable::replace(zip, &zip::write(&files)?, Access::Default)
}

/// Signs that a package (a folder or a zip) went from one to the other, and adds that to its
/// custody log. Gives the SHA-256 (hex) of the new line, to be told by another way.
///
/// # Errors
/// `Integrity` if the package does not hold: what is not whole is not handed on; `Usage` if it is
/// none, or of another trail; `Io`, `Store`.
pub async fn add_handover(path: &Path, attester: &Attester, new: NewHandover) -> Result<String> {
    let package = Package::open(path)?;
    let named = |name: &str| package.member(name).cloned();
    let (Some(manifest), Some(log)) = (named(MANIFEST), named(CUSTODY)) else {
        let message = format!("{}: only evidence packages have a custody log", path.display());
        return Err(Error::Usage(message));
    };
    let report = super::check(path, &attester.vkey()?)?;
    if let Some(finding) = report.findings.first() {
        return Err(Error::integrity(path.display().to_string(), finding.to_string()));
    }
    let (manifest, mut log) = (manifest.bytes(MOST_BYTES)?, log.bytes(MOST_BYTES)?);
    let line = next_line(attester, &manifest, &log, new).await?;
    log.extend_from_slice(&line);
    let head = digest(line.strip_suffix(b"\n").unwrap_or(&line));
    match package.layout {
        Layout::Zip => {
            let others = BTreeMap::from([(CUSTODY.to_owned(), log)]);
            write_zip(&package.members, path, &others)?;
        }
        Layout::Folder | Layout::Beside => {
            let file: PathBuf = path.join(CUSTODY);
            durable::replace(&file, &log, Access::Default)?;
        }
    }
    Ok(head)
}
