//! What is read from disks and stores that others can write to: none of it may panic, or take
//! memory out of proportion, whatever the bytes are. Each tells whether it accepted them. `rust/fuzz` gives these functions to libFuzzer.

use std::path::Path;
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use sealtrail_core::json::{Limits, is_canonical};
use sealtrail_core::keys::{HmacKey, Secret};
use sealtrail_core::ledger::Entry;
use sealtrail_core::note::{Checkpoint, parse_vkey, vkey};
use sealtrail_core::proof::{Shown, check_any};
use sealtrail_core::record::{Checker, IdSource, Rules, Strictness};
use sealtrail_core::segment::{SegmentFile, batch_list_root};
use sealtrail_core::wal::{WalSnapshot, recover};

/// The key of the logs in the corpus.
pub(crate) fn log_key() -> HmacKey {
    HmacKey::new(Secret::from_bytes([7; 32]))
}

/// An event. What is accepted becomes a record in canonical form.
pub(crate) fn record(bytes: &[u8]) -> bool {
    let rules = Rules {
        limits: Limits::default(),
        max_future: 86_400_000_000,
        defaults: Vec::new(),
        content_key: Arc::new(log_key()),
        redactor: None,
        sealer: None,
    };
    let mut accepted = false;
    for strictness in [Strictness::Lenient, Strictness::Strict] {
        let mut checker = Checker::default();
        let Ok(checked) = checker.check(bytes, &rules, strictness) else { continue };
        let stamp = IdSource::new(0).unwrap().stamp(1_790_000_000_000_000);
        let mut out = Vec::new();
        if checked.stamp(&stamp, &rules, None, &mut out).is_ok() {
            assert!(is_canonical(&out, rules.limits), "{}", String::from_utf8_lossy(&out));
            accepted = true;
        }
    }
    accepted
}

/// A log file of a writer that died, and how much of it was known to be synced.
pub(crate) fn log(bytes: &[u8]) -> bool {
    let Some((synced, file)) = bytes.split_first() else { return false };
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let dir = dir.unwrap();
    std::fs::write(dir.path().join(format!("{:020}.wal", 1)), file).unwrap();
    std::fs::write(dir.path().join("synced"), synced.to_string()).unwrap();
    if let Ok(snapshot) = WalSnapshot::open(dir.path()) {
        let _ = snapshot.frames(0);
    }
    let key_of = |_| Ok(Some(log_key()));
    let recovered = recover(dir.path(), &key_of, 0);
    if let Ok(recovered) = &recovered {
        let numbers = recovered.frames.iter().map(|frame| frame.sequence);
        assert!(numbers.eq(1..recovered.next));
        // Recovery reads what it wrote. A torn tail stays until the log goes on in a new file.
        let again = recover(dir.path(), &key_of, 0).unwrap();
        assert_eq!(again.frames.len(), recovered.frames.len());
    }
    recovered.is_ok()
}

/// A ledger entry. There is one form of each.
pub(crate) fn entry(bytes: &[u8]) -> bool {
    let Ok(entry) = Entry::parse(bytes) else { return false };
    assert_eq!(entry.to_bytes().unwrap(), bytes);
    let _ = entry.body.message();
    let _ = Checkpoint::parse(&entry.checkpoint);
    true
}

/// A checkpoint, and a verifier key. There is one form of each.
pub(crate) fn note(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if let Ok(parsed) = Checkpoint::parse(text) {
        assert!(text.starts_with(&format!("{}\n", parsed.checkpoint.text())));
        assert!(!parsed.signatures.is_empty());
        return true;
    }
    let Ok((name, public)) = parse_vkey(text) else { return false };
    assert_eq!(vkey(&name, &public).unwrap(), text.trim());
    true
}

/// A proof of the golden trail. Whatever is accepted shows what is so.
pub(crate) fn proof(bytes: &[u8]) -> bool {
    let records = include_str!("../../vectors/v1/records.jsonl");
    let vkey = include_str!("../../vectors/v1/owner.vkey");
    match check_any(bytes, vkey) {
        Ok(Shown::Record(shown)) => assert!(records.lines().any(|record| record == shown.record)),
        Ok(Shown::Consistency(shown)) => assert!(shown.from.size <= shown.to.size),
        Err(error) => {
            assert_eq!(error.exit_code(), 4, "{error}");
            return false;
        }
    }
    true
}

/// The description that a segment carries: its columns and batches.
pub(crate) fn mapping(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let pairs = [("sealtrail", text), ("sealtrail.seal", "00")];
    let pairs = pairs.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(pairs.into())).build();
    let schema = Arc::new(arrow::datatypes::Schema::empty());
    let mut file = Vec::new();
    ArrowWriter::try_new(&mut file, schema, Some(properties)).unwrap().close().unwrap();
    let Ok(segment) = SegmentFile::open("fuzz", file.into()) else { return false };
    let meta = segment.meta();
    let _ = meta.seal_message();
    let _ = batch_list_root(&meta.batches);
    for batch in &meta.batches {
        let _ = (batch.salt_bytes(), batch.root_hash());
    }
    assert!(meta.columns.iter().all(|column| column.logical().path == column.path));
    let _ = segment.row_reader();
    true
}

/// A whole segment, as far as our code reads it by itself.
pub(crate) fn segment(bytes: &[u8]) -> bool {
    SegmentFile::open("fuzz", bytes.to_vec().into()).is_ok()
}
