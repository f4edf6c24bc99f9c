//! What is recorded of runs and restores: `system.backup` and `system.restore`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{BackupReport, RestoreOptions, RestoreReport, inspect};
use crate::access::Reader;
use crate::config::without_credentials;
use crate::storage::Storage;
use crate::trail::{OpenOptions, Settings, Trail, record_apart};
use crate::{Error, Result};

/// The event that tells of a run.
pub(super) const BACKUP: &str = "system.backup";

/// Where a run or a restore was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The `audit_id` of its record.
    pub audit_id: String,
    /// URL of the trail: the one that was copied or restored where this host may write to it, else
    /// the access trail of whoever did it.
    pub trail: String,
}

/// Who did it, and how long it took.
#[derive(Debug, Clone)]
pub struct Doer {
    /// Who, and from where.
    pub reader: Reader,
    /// From the beginning to the end.
    pub took: Duration,
}

impl BackupReport {
    /// Whether the run changed or looked for anything that is worth a record. One that found all in
    /// place, or copied nothing but the record of the one before, leaves none, or each would give
    /// the next something to copy.
    fn is_worth_telling(&self) -> bool {
        let done = self.removed + self.destroyed + self.confirmed + self.checked;
        self.news || done > 0 || !self.lost.is_empty()
    }
}

impl Trail {
    /// Records what became of a run to this destination: its report, or the code of its error
    /// ([`Error::kind`]). The record waits in the log for the next commit, and is so part of a
    /// later copy. Gives where it is; nothing if the run had nothing to do.
    ///
    /// # Errors
    /// Those of recording.
    pub async fn record_backup(
        &self,
        destination: &str,
        doer: &Doer,
        done: std::result::Result<&BackupReport, &str>,
    ) -> Result<Option<Recorded>> {
        if done.is_ok_and(|report| !report.is_worth_telling()) {
            return Ok(None);
        }
        let mut event = common(BACKUP, doer, self.defaults());
        event.insert("destination".to_owned(), json!(place(destination)));
        event.insert("trail_id".to_owned(), json!(self.info().trail_id));
        let mut resource = json!({ "type": "audit_trail", "path": self.url() });
        let mut operation = json!({ "action": "backup" });
        match done {
            Ok(report) => {
                resource["size_bytes"] = json!(report.bytes);
                operation["record_count"] = json!(report.records);
                let partial = !report.lost.is_empty();
                event.extend(known([
                    ("status", json!(if partial { "partial" } else { "completed" })),
                    ("severity", if partial { json!("error") } else { Value::Null }),
                    ("backup_id", json!(report.holder)),
                    ("ledger_size", json!(report.size)),
                    ("objects", json!(report.objects)),
                    ("objects_checked", some(report.checked)),
                    ("objects_removed", some(report.removed)),
                    ("objects_mended", some(report.mended.len() as u64)),
                    ("objects_lost", some(report.lost.len() as u64)),
                    ("keys_destroyed", some(report.destroyed)),
                    ("erasures_confirmed", some(report.confirmed)),
                    ("erasures_unconfirmed", some(report.unconfirmed)),
                ]));
            }
            Err(code) => event.extend(failed(code)),
        }
        event.insert("resource".to_owned(), resource);
        event.insert("operation".to_owned(), operation);
        let (log, audit_id) = self.record_doing(&to_text(&event)?).await?;
        log.settle_looks().await;
        Ok(Some(Recorded { audit_id, trail: log.url().to_owned() }))
    }
}

/// Records what became of a restore: its report, or the code of its error. It is recorded in the
/// restored trail if this host may write there without being let by the owner, because that would
/// make the restored trail another one than a primary that is still there; else, and if it failed,
/// in the access trail of whoever did it.
///
/// # Errors
/// Those of recording.
pub async fn record_restore(
    options: &RestoreOptions,
    open: OpenOptions,
    doer: &Doer,
    done: std::result::Result<&RestoreReport, &str>,
) -> Result<Recorded> {
    let copy = inspect(&options.copy).await.ok();
    let trail_id = copy.as_ref().map(|copy| copy.trail_id.clone());
    let (home, settings): (_, Settings) = (open.home.clone(), open.settings.clone());
    let mut event = common("system.restore", doer, &settings.defaults);
    let to = place(&options.destination);
    event.extend(known([
        ("backup_id", json!(copy.as_ref().map(|copy| &copy.holder))),
        ("destination", json!(to)),
        ("source", json!(place(&options.copy))),
        ("trail_id", json!(trail_id)),
    ]));
    let mut resource = json!({ "type": "audit_trail", "path": to });
    let mut operation = json!({ "action": "restore" });
    match done {
        Ok(report) => {
            resource["size_bytes"] = json!(report.bytes);
            operation["record_count"] = json!(report.records);
            event.extend(known([
                ("status", json!("completed")),
                ("ledger_size", json!(report.size)),
                ("objects", json!(report.objects)),
                ("keys_left_out", some(report.left_out)),
                ("copy_complete", json!(report.complete)),
            ]));
        }
        Err(code) => event.extend(failed(code)),
    }
    event.insert("resource".to_owned(), resource);
    event.insert("operation".to_owned(), operation);
    let event = to_text(&event)?;
    let restored = match done {
        Ok(report) => Trail::open(&report.url, open).await.ok(),
        Err(_) => None,
    };
    let (log, audit_id) = match restored {
        Some(trail) => trail.record_doing(&event).await?,
        None => record_apart(&home, &settings, (trail_id.as_deref(), &to), &event).await?,
    };
    log.settle_looks().await;
    Ok(Recorded { audit_id, trail: log.url().to_owned() })
}

/// A folder or URL as it is known everywhere, without credentials.
fn place(url: &str) -> String {
    let known = Storage::open(url).map(|storage| storage.url().to_owned());
    without_credentials(&known.unwrap_or_else(|_| url.to_owned()))
}

fn common(kind: &str, doer: &Doer, defaults: &[(&'static str, String)]) -> Map<String, Value> {
    let configured = defaults.iter().find(|(name, _)| *name == "user_id").map(|(_, user)| user);
    let reader = &doer.reader;
    let took = u64::try_from(doer.took.as_millis()).unwrap_or(u64::MAX);
    let details = known([
        ("os_user", json!(reader.os_user)),
        ("uid", json!(reader.uid)),
        ("sudo_user", json!(reader.sudo_user)),
        ("host", json!(reader.host)),
        ("pid", json!(reader.pid)),
    ]);
    known([
        ("event_type", json!(kind)),
        ("user_id", json!(configured.or(reader.os_user.as_ref()))),
        ("initiated_by", json!(reader.os_user)),
        ("source_ip", json!(reader.source_ip)),
        ("interface", json!(reader.door.to_string())),
        ("reader", Value::Object(details.collect())),
        ("duration_ms", json!(took)),
    ])
    .collect()
}

/// What an error says for itself may name what nobody is to read here; its code does not.
fn failed(code: &str) -> impl Iterator<Item = (String, Value)> {
    known([("status", json!("failed")), ("result_code", json!(code)), ("severity", json!("error"))])
}

fn some(count: u64) -> Value {
    if count == 0 { Value::Null } else { json!(count) }
}

/// Members without those that are not known.
fn known<const N: usize>(
    members: [(&'static str, Value); N],
) -> impl Iterator<Item = (String, Value)> {
    let known = members.into_iter().filter(|(_, value)| !value.is_null());
    known.map(|(name, value)| (name.to_owned(), value))
}

fn to_text(event: &Map<String, Value>) -> Result<Vec<u8>> {
    serde_json::to_vec(event).map_err(|e| Error::encoding("system.backup", e))
}
