//! Retention as the doors offer it: plan, apply, status, and why a record is kept so long.

use std::collections::BTreeMap;

use datafusion::common::ScalarValue;
use sealtrail_core::catalogue::catalogue;
use sealtrail_core::config::PriceConfig;
use sealtrail_core::json::parse_timestamp;
use sealtrail_core::ledger::{ActiveHold, AddedSegment};
use sealtrail_core::retention::{Action, Decided, Draft, Event, Plan, Tier};
use sealtrail_core::trail::{
    CompactOptions, Deletion, MoveReport, Order, Orphans, SweepReport, Trail,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::error::{QueryError, Result};
use crate::holds::{filter_of, held};
use crate::search::times::text;
use crate::sql::Params;

/// How often a deletion is planned anew because the trail changed meanwhile.
const TRIES: usize = 5;

/// What retention is to do with a trail at `now` (microseconds since 1970, UTC), its holds heeded.
///
/// # Errors
/// As [`Draft::new`] and [`held`].
pub async fn plan(engine: &Engine, trail: &Trail, now: i64) -> Result<Plan> {
    let view = trail.view().await?;
    let state = &view.state;
    let policy = trail.policy_in_force(state)?;
    let archives = trail.archives();
    let archive = trail.archive().is_some();
    let draft = Draft::new(archives, state.clone(), &policy, now, archive).await?;
    let holds: Vec<(String, Value)> = state
        .lifecycle
        .holds
        .iter()
        .map(|(id, hold)| (id.clone(), Value::Object(hold.hold.matching.clone())))
        .collect();
    let store = trail.storage().object_store()?;
    let held = held(engine, &view, &store, draft.deleting(), &holds).await?;
    Ok(draft.finish(archives, &held).await?)
}

/// What was done.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Applied {
    /// What was deleted.
    pub deletion: Deletion,
    /// What moved to the archive.
    pub moved: MoveReport,
    /// Files that went, and those that stay for a grace period.
    pub swept: SweepReport,
    /// What was put and no entry names: a crash left it.
    pub orphans: Orphans,
}

/// Does what is due at `now`: deletes by the word of `order`, moves segments to the archive, and
/// removes the files of what was deleted or moved as long ago as the grace period of `options`, and
/// what crashes left that long ago. The progress of `options` is told of the deletion first, and
/// then, from zero again, of the move.
///
/// # Errors
/// As [`plan`], [`Trail::delete_planned`] and [`Trail::archive_planned`]. What is in the ledger by
/// then stays.
pub async fn apply(
    engine: &Engine,
    trail: &Trail,
    now: i64,
    order: &Order,
    options: &CompactOptions,
) -> Result<Applied> {
    let deletion = delete(engine, trail, now, order, options).await?;
    let moved = archive(engine, trail, now, options).await?;
    let swept = trail.sweep(options.grace).await?;
    let orphans = trail.remove_orphans(options.grace).await?;
    Ok(Applied { deletion, moved, swept, orphans })
}

async fn delete(
    engine: &Engine,
    trail: &Trail,
    now: i64,
    order: &Order,
    options: &CompactOptions,
) -> Result<Deletion> {
    let mut deletion = Deletion::default();
    for last in (0..TRIES).map(|n| n + 1 == TRIES) {
        let plan = plan(engine, trail, now).await?;
        match trail.delete_planned(&plan, order, options).await {
            Ok(more) => {
                deletion.entries.extend(more.entries);
                deletion.segments += more.segments;
                deletion.parts += more.parts;
                deletion.records += more.records;
                deletion.bytes += more.bytes;
                break;
            }
            // Another hold or policy came, or a segment was merged: plan anew.
            Err(sealtrail_core::Error::AlreadyExists(_)) if !last => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(deletion)
}

/// Moves to the archive what is due, if there is one.
async fn archive(
    engine: &Engine,
    trail: &Trail,
    now: i64,
    options: &CompactOptions,
) -> Result<MoveReport> {
    if trail.archive().is_none() {
        return Ok(MoveReport::default());
    }
    // What is left of segments that lost records may be due now.
    let plan = plan(engine, trail, now).await?;
    Ok(trail.archive_planned(&plan, options).await?)
}

/// What maintenance does of it, without anybody who approves: nothing unless the owner pinned a
/// policy, which then is the approval. Segments move if the configuration names an archive. Records
/// are deleted if the owner's key is on this host and opens without a passphrase; what was removed
/// is swept by [`Trail::maintain`].
///
/// # Errors
/// As [`apply`].
pub async fn maintain(
    engine: &Engine,
    trail: &Trail,
    now: i64,
    options: &CompactOptions,
) -> Result<Option<Applied>> {
    let view = trail.view().await?;
    let Some(policy) = &view.state.lifecycle.policy else { return Ok(None) };
    let mut applied = Applied::default();
    if trail.has_owner_key() {
        let approver = format!("owner, by the policy of entry {}", policy.entry);
        let order = Order { approver, reason: "retention policy".to_owned() };
        applied.deletion = delete(engine, trail, now, &order, options).await?;
    }
    applied.moved = archive(engine, trail, now, options).await?;
    Ok(Some(applied))
}

/// What is in a store, and what that costs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stored {
    /// Segments.
    pub segments: u64,
    /// Their records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What they cost in a month.
    pub cost_per_month: f64,
}

/// What is due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DueNow {
    /// Records to be deleted.
    pub delete_records: u64,
    /// Segments that are deleted whole, and those of which a part is.
    pub delete_segments: (u64, u64),
    /// Segments that may go to the archive.
    pub archive_segments: u64,
    /// Their records.
    pub archive_records: u64,
    /// Records that would be due for deletion, were they not held.
    pub held_records: u64,
}

/// Where a trail stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Number of the entry that holds the policy in force.
    pub policy: Option<u64>,
    /// The policy in force.
    pub policy_says: Option<Map<String, Value>>,
    /// Ids of active holds.
    pub holds: Vec<String>,
    /// In the trail itself.
    pub hot: Stored,
    /// In archives.
    pub archive: Stored,
    /// Where the archives are that hold some of it, by name; none where nothing says so.
    pub archives: BTreeMap<String, Option<String>>,
    /// What is due.
    pub due: DueNow,
    /// Records that were deleted so far.
    pub deleted: u64,
    /// Removed segments whose files may be there still.
    pub retired: u64,
    /// What was put and no entry names, in the trail and its archives: the next run removes it.
    pub orphans: Orphans,
}

/// What is where, what is due and what it costs.
///
/// # Errors
/// As [`plan`].
pub async fn status(
    engine: &Engine,
    trail: &Trail,
    now: i64,
    prices: &PriceConfig,
) -> Result<Status> {
    let plan = plan(engine, trail, now).await?;
    let view = trail.view().await?;
    let life = &view.state.lifecycle;
    let (mut hot, mut archive) = (Stored::default(), Stored::default());
    let mut archives = BTreeMap::new();
    for add in view.segments() {
        let place = if add.archive.is_some() { &mut archive } else { &mut hot };
        place.segments += 1;
        place.records += add.rows;
        place.bytes += add.bytes + add.gone.as_ref().map_or(0, |gone| gone.bytes);
        if let Some(name) = &add.archive {
            archives.entry(name.clone()).or_insert_with(|| trail.archives().url_of(name));
        }
    }
    hot.cost_per_month = hot.bytes as f64 / 1e9 * prices.hot_per_gb_month;
    archive.cost_per_month = archive.bytes as f64 / 1e9 * prices.archive_per_gb_month;
    let (whole, part) = (plan.count(Action::Delete), plan.count(Action::DeletePart));
    let (archive_segments, archive_records) = plan.count(Action::Archive);
    Ok(Status {
        policy: life.policy.as_ref().map(|policy| policy.entry),
        policy_says: life.policy.as_ref().map(|policy| policy.policy.clone()),
        holds: life.holds.keys().cloned().collect(),
        hot,
        archive,
        archives,
        due: DueNow {
            delete_records: whole.1 + part.1,
            delete_segments: (whole.0, part.0),
            archive_segments,
            archive_records,
            held_records: plan.steps.iter().map(|step| step.held).sum(),
        },
        deleted: life.deleted,
        retired: life.retired.len() as u64,
        orphans: trail.orphans().await?,
    })
}

/// Why a record is kept so long: which rules fit it, what each policy says, when it is due, and
/// which holds hold it. `None` if there is no such record.
///
/// # Errors
/// As [`Trail::get`], [`filter_of`] and [`Engine::ask`].
pub async fn explain(engine: &Engine, trail: &Trail, audit_id: &str) -> Result<Option<Value>> {
    let view = trail.view().await?;
    let Some((record, segment)) = trail.find_in(&view, audit_id).await? else { return Ok(None) };
    let record: Value = serde_json::from_slice(&record)
        .map_err(|e| sealtrail_core::Error::encoding(audit_id, e))?;
    let told = |name: &str| record[name].as_str().unwrap_or_default();
    let time = |name: &str| parse_timestamp(told(name), name);
    let (domain, _) = catalogue().split_event_type(told("event_type"))?;
    let level = record["resource"]["sensitivity_level"].as_str();
    let event =
        Event { domain, level, timestamp: time("timestamp")?, recorded_at: time("recorded_at")? };
    let explained = trail.policy_in_force(&view.state)?.explain(&event);
    let said: Vec<Value> = explained
        .said
        .iter()
        .map(|(voice, decided, dates)| {
            json!({
                "policy": voice,
                "rules": decided.fitted.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "decided": decided_by(decided),
                "archive": dates.archive.map(text),
                "delete": dates.delete.map(text),
            })
        })
        .collect();
    let mut held_by = Vec::new();
    for (id, ActiveHold { hold, .. }) in trail.holds().await? {
        let condition = filter_of(&Value::Object(hold.matching), 0)?.condition()?;
        let sql = format!("SELECT 1 FROM events WHERE audit_id = $1 AND ({condition}) LIMIT 1");
        let params = Params::List(vec![ScalarValue::from(audit_id)]);
        let store = trail.storage().object_store()?;
        let found = engine.sql(view.clone(), store, &sql, params).await?.collect().await?;
        if found.iter().any(|batch| batch.num_rows() > 0) {
            held_by.push(id);
        }
    }
    let (archive, delete) = (explained.dates.archive, explained.dates.delete);
    let floor = |tier: Tier| explained.said.iter().any(|(_, d, _)| d.tiers.contains_key(&tier));
    Ok(Some(json!({
        "audit_id": audit_id,
        "domain": domain,
        "sensitivity_level": level,
        "timestamp": record["timestamp"],
        "recorded_at": record["recorded_at"],
        "said": said,
        "archive": archive.map(text),
        "delete": delete.map(text),
        "floor": floor(Tier::Floor),
        "held_by": held_by,
        "place": segment.map(|segment| place(trail, &segment)),
    })))
}

/// Where a segment is.
fn place(trail: &Trail, segment: &AddedSegment) -> Value {
    let url = match &segment.archive {
        None => Some(trail.url().to_owned()),
        Some(name) => trail.archives().url_of(name),
    };
    json!({ "archive": segment.archive, "path": segment.path, "url": url })
}

fn decided_by(decided: &Decided) -> Value {
    let tiers = decided.tiers.iter().map(|(tier, (days, rules))| {
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        let said = json!({ "days": days, "rules": rules });
        (tier.name().to_owned(), said)
    });
    Value::Object(tiers.collect())
}

/// The `matching` of a new hold, out of what somebody wrote: times are made absolute.
///
/// # Errors
/// As [`filter_of`].
pub fn matching(written: &Value, now: i64) -> Result<Map<String, Value>> {
    match crate::holds::matching_of(&filter_of(written, now)?) {
        Value::Object(members) => Ok(members),
        _ => Err(QueryError::Parameter("matching: it is no object".to_owned())),
    }
}
