//! Snapshots: are they what the entries say, and what the entries give?

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::ledger::{Audit, Named};
use super::report::{Finding, Report};
use super::{Level, Run};
use crate::ledger::{snapshot, snapshot_path};
use crate::{Error, Result};

/// Checks every snapshot that an entry names. Nothing else in a verification looks at them.
pub(super) async fn check(run: &Run<'_>, audit: &Audit, report: &mut Report) -> Result<()> {
    for named in &audit.snapshots {
        run.demand_go()?;
        let path = snapshot_path(named.n);
        match run.storage.get(&path).await {
            Ok(bytes) => {
                report.checked.snapshots += 1;
                if let Some((kind, message)) = problem(named, bytes) {
                    report.findings.push(Finding::tampered(kind, path, message));
                } else if named.rows.is_none() && run.options.level == Level::Deep {
                    let n = named.n;
                    report.not_checked.push(format!(
                        "whether the snapshot as of {n} holds what the entries give: the ledger \
                         is broken before it"
                    ));
                }
            }
            Err(Error::NotFound(_)) => {
                let message = format!("entry {} names it, and it is not there", named.n);
                report.findings.push(Finding::missing("snapshot_missing", path, message));
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Kind and description of what is wrong with a snapshot's file.
fn problem(named: &Named, bytes: Bytes) -> Option<(&'static str, String)> {
    let said = &named.said;
    if bytes.len() as u64 != said.bytes {
        let message = format!("it has {} bytes, the ledger says {}", bytes.len(), said.bytes);
        return Some(("snapshot_size", message));
    }
    if HEXLOWER.encode(&Sha256::digest(&bytes)) != said.sha256 {
        return Some(("snapshot_digest", "its SHA-256 is not the one in the ledger".to_owned()));
    }
    let expected = named.rows?;
    // The bytes are a writer's, and may be made to crash a reader of Parquet.
    match catch_unwind(AssertUnwindSafe(|| snapshot::found(bytes))) {
        Ok(Ok(found)) if found == expected => None,
        Ok(Ok(_)) => {
            let message = format!("it does not hold what entries 0 to {} give", named.n - 1);
            Some(("snapshot_rows", message))
        }
        Ok(Err(e)) => Some(("snapshot_rows", e.to_string())),
        Err(_) => Some(("snapshot_rows", "reading it as Parquet crashed".to_owned())),
    }
}
