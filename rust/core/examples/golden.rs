//! Makes the golden trail of `tests/vectors`: `cargo run --release --example golden -- FOLDER`.
//!
//! Two writers, epochs of a second (open, closed and empty ones), single records and bulk loads,
//! promoted columns of every type with misfits, exact numbers, generated and given ids, snapshots; a
//! run that was closed, a process that is gone without order, a writer that was revoked with records
//! in its log, and a checkpoint that somebody else signed too.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::Duration;

use sealtrail_core::config::{Config, Home};
use sealtrail_core::demo::{Generator, Options};
use sealtrail_core::keys::{OwnerKey, Passphrase};
use sealtrail_core::note::Checkpoint;
use sealtrail_core::record::Strictness;
use sealtrail_core::segment::SegmentFile;
use sealtrail_core::trail::{InitOptions, LoadOptions, OpenOptions, Settings, Trail, init};
use sealtrail_core::{Error, Result, runtime};

const FOREIGN: &str = r#"{"event_type":"data.vendor_scan","big":12345678901234567890,"net":{"port":443,"open":true,"empty":{}},"ratio":0.5,"tags":["a",{"b":null}],"n":1}
{"event_type":"data.vendor_scan","net":{"port":"https","open":false},"ratio":2,"n":2.5,"text":"é\u0001\"\\😀"}
{"event_type":"data.vendor_scan","net":{"port":8443},"ratio":1e-7,"n":"three","timestamp":"2026-09-30T23:59:59.999999Z"}
"#;

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| Error::Usage("name a folder".to_owned()))?;
    runtime()?.block_on(make(&folder))
}

async fn make(folder: &str) -> Result<()> {
    let url = format!("{folder}/audit");
    let home = Home::at(std::path::Path::new(&format!("{folder}/home")));
    let options = InitOptions { epoch_seconds: 1, ..InitOptions::new(home.clone()) };
    init(&url, &options).await?;
    let open = || async {
        let mut settings = Settings::from_config(&Config::default(), &url);
        settings.snapshot_spacing = 4;
        Trail::open(&url, OpenOptions::new(home.clone(), settings)).await
    };
    let (first, second) = (open().await?, open().await?);
    for (n, trail) in [&first, &second, &first].into_iter().enumerate() {
        let event = format!(
            r#"{{"event_type":"auth.user_login","audit_id":"given-{n}","user_id":"u{n}","status":"success"}}"#
        );
        trail.record(event.as_bytes(), Strictness::Strict).await?;
        let end = chrono::DateTime::from_timestamp(1_790_000_000, 0)
            .ok_or_else(|| Error::Usage("time".to_owned()))?;
        let generated = Options { seed: n as u64, days: 40, ..Options::new(60, end) };
        let mut text = FOREIGN.as_bytes().to_vec();
        let mut generator = Generator::new(generated)?;
        while generator.write_line(&mut text) {}
        trail.load(Box::new(Cursor::new(text)), &LoadOptions::default()).await?;
        tokio::time::sleep(Duration::from_millis(1700)).await;
    }
    first.close(true).await?;
    second.flush().await?;
    second.record(&login("given-recovered"), Strictness::Strict).await?;
    // As if it were killed: its log holds a record, and what it wrote is not closed.
    drop(second);
    let third = open().await?;
    third.record(&login("given-revoked"), Strictness::Strict).await?;
    third.flush().await?;
    let revoked = newest_writer(&third).await?;
    third.record(&login("given-adopted"), Strictness::Strict).await?;
    third.close(false).await?;
    third.revoke_writer(&revoked, "for the golden proofs").await?;
    let fourth = open().await?;
    fourth.record(&login("given-last"), Strictness::Strict).await?;
    fourth.close(true).await?;
    witness(&fourth, folder).await?;
    write_records(&fourth, folder).await
}

fn login(id: &str) -> Vec<u8> {
    format!(
        r#"{{"event_type":"auth.user_login","audit_id":"{id}","user_id":"u9","status":"success"}}"#
    )
    .into_bytes()
}

/// All records in canonical form, by their ids.
async fn write_records(trail: &Trail, folder: &str) -> Result<()> {
    let mut records = BTreeMap::new();
    for segment in trail.view().await?.segments() {
        let bytes = trail.storage().get(&segment.path).await?;
        let file = SegmentFile::open(&segment.path, bytes)?;
        let rows: Vec<usize> = (0..usize::try_from(segment.rows).unwrap_or(0)).collect();
        for record in file.records(&rows)? {
            let text = String::from_utf8(record).map_err(|e| Error::encoding("record", e))?;
            let value: serde_json::Value =
                serde_json::from_str(&text).map_err(|e| Error::encoding("record", e))?;
            records.insert(value["audit_id"].to_string(), text + "\n");
        }
    }
    let path = std::path::Path::new(folder).join("records.jsonl");
    let text = records.into_values().collect::<String>();
    std::fs::write(&path, text).map_err(|e| Error::io(path, e))
}

/// The writer of whom the newest entry is.
async fn newest_writer(trail: &Trail) -> Result<String> {
    let writers = trail.writers().await?;
    let newest = writers.into_iter().max_by_key(|writer| writer.recorded);
    newest.map(|writer| writer.id).ok_or_else(|| Error::NotFound("a writer".to_owned()))
}

/// Keeps the checkpoint with a line of a witness, whose key nobody has any more.
async fn witness(trail: &Trail, folder: &str) -> Result<()> {
    let note = trail.checkpoint().await?;
    let home = Home::at(std::path::Path::new(&format!("{folder}/witness")));
    let url = format!("{folder}/witness/audit");
    let witness = init(&url, &InitOptions::new(home.clone())).await?;
    let key = OwnerKey::load(&home.keys_dir, &witness.trail_id, &Passphrase::default())?;
    let stated = Checkpoint::parse(&note)?.checkpoint;
    let cosigned = stated.cosign("witness.example/golden", key.signing(), 1_790_000_000)?;
    let line = cosigned.lines().last().unwrap_or_default();
    trail.keep_cosigned(&format!("{note}{line}\n")).await.map(drop)
}
