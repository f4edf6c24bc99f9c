//! Makes the golden trail of `tests/vectors`: `cargo run --release --example golden -- FOLDER`.
//!
//! Two writers, epochs of a second (open, closed and empty ones), single records and bulk loads,
//! promoted columns of every type with misfits, exact numbers, generated and given ids, snapshots.

use std::io::Cursor;
use std::time::Duration;

use sealtrail_core::config::{Config, Home};
use sealtrail_core::demo::{Generator, Options};
use sealtrail_core::record::Strictness;
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
    second.close(true).await
}
