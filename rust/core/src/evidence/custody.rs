//! Through whose hands a package went: one signed line for each.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::manifest::{Position, is_digest, now};
use super::package::Member;
use super::records::Lines;
use super::report::Report;
use super::signed::{self, Context};
use crate::trail::Attester;
use crate::{Error, Result};

/// Longest custody log.
const MOST_BYTES: u64 = 1 << 28;

/// A line of the log: that a package was made, or handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Who had it before; none where it was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// The ledger as the signer knew it.
    pub ledger: Position,
    /// Number of the line, from 0.
    pub n: u64,
    /// Hex SHA-256 of the manifest's file.
    pub package: String,
    /// Hex SHA-256 of the line before, without its line break; none in the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<String>,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purpose: Option<String>,
    /// When it was signed, by the signer's clock; RFC 3339, UTC.
    pub time: String,
    /// Who has it now.
    pub to: String,
    /// Version of the line.
    pub v: u32,
}

/// What is to be added to a custody log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewHandover {
    /// Who had it before; none where it was made.
    pub from: Option<String>,
    /// Who has it now.
    pub to: String,
    /// What for.
    pub purpose: Option<String>,
}

/// Hex SHA-256.
pub(super) fn digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The next line of a log whose lines are `log` (empty: the first), with its line break.
pub(crate) async fn next_line(
    attester: &Attester,
    manifest: &[u8],
    log: &[u8],
    new: NewHandover,
) -> Result<Vec<u8>> {
    let lines = log
        .strip_suffix(b"\n")
        .map_or(Vec::new(), |log| log.split(|byte| *byte == b'\n').collect::<Vec<_>>());
    let body = Handover {
        from: new.from,
        ledger: Position::new(attester.size(), &attester.root()),
        n: lines.len() as u64,
        package: digest(manifest),
        previous: lines.last().map(|line| digest(line)),
        purpose: new.purpose,
        time: now(),
        to: new.to,
        v: 1,
    };
    let mut line = attester.sign(Context::Custody, &body).await?;
    signed::check::<Handover>(&line, Context::Custody, &attester.vkey()?)?;
    line.push(b'\n');
    Ok(line)
}

/// Checks a log, and puts what it holds into the report.
pub(super) fn check(
    name: &str,
    log: &Member,
    vkey: &str,
    trail_id: Option<&str>,
    report: &mut Report,
) -> Result<()> {
    if log.len() > MOST_BYTES {
        report.find(name, None, "it is far too long");
        return Ok(());
    }
    let mut lines = Lines::of(log, "custody");
    let mut previous: Option<String> = None;
    loop {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(Error::Integrity { message, .. }) => {
                report.find(name, Some(lines.number), message);
                break;
            }
            Err(e) => return Err(e),
        };
        let number = lines.number;
        let found = check_line(&line, number - 1, previous.as_deref(), vkey, trail_id, report);
        match found {
            Ok(handover) => report.custody.push(handover),
            Err(Error::Integrity { place, message }) => {
                report.find(name, Some(number), format!("{place}: {message}"));
            }
            Err(e) => return Err(e),
        }
        previous = Some(digest(&line));
    }
    if lines.number == 0 {
        report.find(name, None, "it is empty");
    }
    report.custody_head = previous;
    Ok(())
}

fn check_line(
    line: &[u8],
    n: u64,
    previous: Option<&str>,
    vkey: &str,
    trail_id: Option<&str>,
    report: &mut Report,
) -> Result<Handover> {
    let wrong = |what: &str| Err(Error::integrity("body", what));
    let checked = signed::check::<Handover>(line, Context::Custody, vkey)?;
    let handover = checked.body;
    let stated = Position::new(checked.checkpoint.size, &checked.checkpoint.root);
    if handover.v != 1 || handover.ledger != stated {
        return wrong("it is of another version, or state of the ledger than its checkpoint");
    }
    if trail_id.is_some_and(|id| id != checked.info.trail_id) {
        return wrong("it was signed for another trail");
    }
    if handover.package != report.manifest_sha256 {
        return wrong("it is of another package");
    }
    if handover.n != n || handover.previous.as_deref() != previous {
        return wrong("it does not go on from the line before: lines were taken out or changed");
    }
    if handover.previous.as_deref().is_some_and(|digest| !is_digest(digest))
        || handover.from.is_none() != (n == 0)
    {
        return wrong("only the first line has nobody before");
    }
    let holder = report.custody.last().map(|last| last.to.clone());
    if let Some((from, holder)) = handover.from.as_ref().zip(holder)
        && *from != holder
    {
        let note = format!("custody line {}: from {from:?}, but {holder:?} had it", n + 1);
        report.notes.push(note);
    }
    Ok(handover)
}
