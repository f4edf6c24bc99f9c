//! Checking a copy by itself: the trail is not needed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::place::{Place, sealed_path};
use super::statement::{Statement, numbers, path_of};
use super::store::{CopyStore, Damage};
use super::work::Work;
use crate::keys::MasterKey;
use crate::storage::Storage;
use crate::verify::{Finding, Options, Pinning, Progress, Report, Trust, verify_pinned};
use crate::{Error, Result};

const PARALLEL: usize = 32;

/// What a copy holds, and what is wrong with it.
#[derive(Debug, Clone, Serialize)]
pub struct CopyReport {
    /// The copy's name, under which it is a holder of keys.
    pub holder: String,
    /// Number of the statement that was checked: the newest that holds.
    pub statement: u64,
    /// The copy is complete up to here: it has so many ledger entries and what belongs to them.
    pub size: u64,
    /// When that was, by the clock of who made the copy; RFC 3339, UTC.
    pub complete: String,
    /// The verification of the trail that the copy holds, with the findings of the copy.
    #[serde(flatten)]
    pub report: Report,
}

/// Verifies a copy: that every object opens and is what stood at its name, and then all that a
/// verification of the trail says, against the pins of the copy's own URL.
///
/// # Errors
/// `NotFound` if there is no copy or it has no statement; `Key` if `master` is not its key; as
/// [`verify_pinned`]. What is wrong with the copy is in the report.
pub async fn verify(
    destination: &str,
    master: &MasterKey,
    trust: Trust,
    options: Options,
    pinning: &Pinning,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &Arc<AtomicBool>,
) -> Result<CopyReport> {
    let place = Place::open(Storage::open(destination)?, master).await?;
    verify_in(&place, trust, options, pinning, progress, cancel).await
}

pub(super) async fn verify_in(
    place: &Place,
    trust: Trust,
    options: Options,
    pinning: &Pinning,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &Arc<AtomicBool>,
) -> Result<CopyReport> {
    let options = Options { together: true, ..options };
    let mut findings = Vec::new();
    let statement = Arc::new(newest_that_holds(place, &mut findings).await?);
    let damage = Damage::default();
    let storage = CopyStore::storage(place, &statement, &damage)?;
    let work = Work::new(PARALLEL, 0, None, cancel);
    findings.extend(check_loose(place, &statement, &work).await?);
    let mut report = verify_pinned(&storage, trust, options, pinning, progress, cancel).await?;
    findings.extend(check_state(&statement, &report));
    let damage = std::mem::take(&mut *damage.lock().unwrap_or_else(|e| e.into_inner()));
    let named: BTreeSet<String> = findings.iter().map(|f| f.object.clone()).collect();
    findings.extend(
        damage
            .into_iter()
            .filter(|(path, _)| !named.contains(path))
            .map(|(path, why)| Finding::tampered("copy_object", path, why)),
    );
    findings.append(&mut report.findings);
    report.findings = findings;
    report.conclude();
    let Statement { head, .. } = &*statement;
    Ok(CopyReport {
        holder: place.about.holder.clone(),
        statement: head.n,
        size: head.size,
        complete: head.time.clone(),
        report,
    })
}

/// The newest statement that holds; those after it become findings.
async fn newest_that_holds(place: &Place, findings: &mut Vec<Finding>) -> Result<Statement> {
    for n in numbers(&place.storage).await?.into_iter().rev() {
        match place.statement(n).await {
            Ok(statement) => return Ok(statement),
            Err(Error::Integrity { message, .. }) => {
                findings.push(Finding::tampered("copy_statement", path_of(n), message));
            }
            // Another process removes old ones.
            Err(Error::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
    }
    match findings.first() {
        Some(finding) => Err(Error::integrity(&finding.object, &finding.message)),
        None => {
            let message = format!("{}: no run has completed this copy yet", place.storage.url());
            Err(Error::NotFound(message))
        }
    }
}

/// The objects that no entry names: all of them are there, and open.
async fn check_loose(place: &Place, statement: &Statement, work: &Work) -> Result<Vec<Finding>> {
    let findings = std::sync::Mutex::new(Vec::new());
    let found = &findings;
    let check = |path: String| async move {
        let finding = match place.get(&path).await {
            Ok(_) => return Ok(()),
            Err(Error::NotFound(_)) => {
                let message = "the copy's statement counts it in, and it is not there";
                Finding::missing("copy_object", sealed_path(&path), message)
            }
            Err(Error::Integrity { message, .. }) => {
                Finding::tampered("copy_object", sealed_path(&path), message)
            }
            Err(e) => return Err(e),
        };
        found.lock().unwrap_or_else(|e| e.into_inner()).push(finding);
        Ok(())
    };
    let items = statement.loose.iter().map(|path| (0, path.clone()));
    work.each(items, PARALLEL, check).await?;
    let mut findings = findings.into_inner().unwrap_or_else(|e| e.into_inner());
    findings.sort_by(|a: &Finding, b| a.object.cmp(&b.object));
    Ok(findings)
}

/// The ledger is the one that the statement is about.
fn check_state(statement: &Statement, report: &Report) -> Option<Finding> {
    let head = &statement.head;
    if (report.size, &report.root) == (head.size, &head.root) {
        return None;
    }
    let message = format!(
        "it says that the copy has {} entries with root {}; it has {} with root {}",
        head.size, head.root, report.size, report.root
    );
    Some(Finding::tampered("copy_statement", path_of(head.n), message))
}
