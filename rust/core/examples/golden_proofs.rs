//! Makes the proofs of a golden trail, as a host without any key would:
//! `cargo run --release -p sealtrail-core --example golden_proofs -- tests/vectors/v1`.
//!
//! The same trail gives the same bytes each time: nothing is signed anew.

use std::fs;
use std::path::Path;

use sealtrail_core::config::{Config, Home};
use sealtrail_core::trail::{OpenOptions, Settings, Trail};
use sealtrail_core::{Error, Result, runtime};

/// Every so many records one is proven.
const EACH: usize = 48;
const STATES: [(u64, u64); 7] = [(0, 1), (1, 7), (3, 4), (4, 12), (6, 11), (12, 18), (18, 18)];

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| Error::Usage("name a folder".to_owned()))?;
    runtime()?.block_on(make(Path::new(&folder)))
}

async fn make(folder: &Path) -> Result<()> {
    let url = folder.join("audit").display().to_string();
    let home = Home::at(&folder.join("no-home"));
    let settings = Settings::from_config(&Config::default(), &url);
    let trail = Trail::open(&url, OpenOptions::new(home, settings)).await?;
    let proofs = folder.join("proofs");
    fs::create_dir_all(&proofs).map_err(|e| Error::io(&proofs, e))?;
    let write = |name: String, bytes: &[u8]| {
        let path = proofs.join(name);
        fs::write(&path, bytes).map_err(|e| Error::io(path, e))
    };
    let records = folder.join("records.jsonl");
    let records = fs::read_to_string(&records).map_err(|e| Error::io(records, e))?;
    for (n, record) in records.lines().enumerate() {
        let record: serde_json::Value =
            serde_json::from_str(record).map_err(|e| Error::encoding("records.jsonl", e))?;
        let id = record["audit_id"].as_str().unwrap_or_default();
        if n % EACH != 0 && !id.starts_with("given-") {
            continue;
        }
        let proof = trail.prove(id).await?;
        let proof = proof.ok_or_else(|| Error::NotFound(id.to_owned()))?;
        write(format!("{id}.record"), proof.as_bytes())?;
    }
    for (from, to) in STATES {
        let proof = trail.prove_consistency(from, Some(to)).await?;
        write(format!("{from}-{to}.consistency"), proof.as_bytes())?;
    }
    Ok(())
}
