use super::*;
use crate::columns::Registry;
use crate::keys::{HmacKey, Secret};
use crate::merkle;
use bytes::Bytes;

fn key() -> HmacKey {
    HmacKey::new(Secret::from_bytes([3; 32]))
}

fn record(i: usize) -> String {
    let time = format!("2026-{:02}-10T08:{:02}:07.114Z", 8 + i % 2, i % 60);
    format!(
        r#"{{"audit_id":"id{i:07}","event_type":"data.x","n":{i},"recorded_at":"{time}","schema_version":1,"timestamp":"{time}"}}"#
    )
}

fn rows(records: &[String], ids: &[String]) -> Vec<BuiltSegment> {
    let rows = records
        .iter()
        .zip(ids)
        .enumerate()
        .map(|(i, (record, audit_id))| Row {
            record: record.as_bytes(),
            timestamp: crate::json::parse_canonical_timestamp(
                format!("2026-{:02}-10T08:{:02}:07.114Z", 8 + i % 2, i % 60).as_bytes(),
            )
            .unwrap(),
            audit_id,
            domain: 2,
        })
        .collect();
    let hmac = key();
    let signer = Signer {
        trail: "t",
        writer: "w-0000000000000000",
        key: "k".into(),
        epoch: 5,
        hmac: &hmac,
        by_day: false,
        sealing: None,
    };
    build_segments(rows, &signer, &mut Registry::default()).unwrap()
}

#[test]
fn rows_come_back_in_order_under_their_roots() {
    let count = 2 * (MAX_BATCH_ROWS + 10);
    let records: Vec<String> = (0..count).map(record).collect();
    let ids: Vec<String> = (0..count).map(|i| format!("id{i:07}")).collect();
    let built = rows(&records, &ids);
    assert_eq!(built.len(), 2);
    let mut seen = Vec::new();
    for segment in &built {
        let file = SegmentFile::open(&segment.added.path, segment.bytes.clone()).unwrap();
        assert_eq!(file.meta().batches.len(), 2);
        assert_eq!(file.meta().batches[1].rows, 10);
        assert!(key().verify(
            &file.meta().seal_message().unwrap(),
            &data_encoding::HEXLOWER.decode(file.seal().as_bytes()).unwrap()
        ));
        let reader = file.row_reader();
        let mut leaves = [Vec::new(), Vec::new()];
        let mut last = (String::new(), String::new());
        for batch in file.rows().unwrap() {
            let batch = batch.unwrap();
            let columns = reader.columns(&batch).unwrap();
            for row in 0..batch.num_rows() {
                let mut out = Vec::new();
                columns.record(row, &mut out).unwrap();
                let at = usize::from(columns.ordinal(row));
                let salt = file.meta().batches[at].salt_bytes().unwrap();
                let salt = merkle::batch_salt_at(&salt, leaves[at].len() as u64);
                leaves[at].push(merkle::record_leaf(&salt, &out));
                let text = String::from_utf8(out).unwrap();
                let place = (text[text.len() - 26..].to_owned(), text[..21].to_owned());
                assert!(place > last);
                last = place;
                seen.push(text);
            }
        }
        for (batch, leaves) in file.meta().batches.iter().zip(&leaves) {
            assert_eq!(batch.root_hash().unwrap(), merkle::root(leaves));
        }
    }
    seen.sort();
    assert_eq!(seen, records);
}

#[test]
fn single_rows_are_found_in_memory_and_on_disk() {
    let records: Vec<String> = (0..500).map(record).collect();
    let ids: Vec<String> = (0..500).map(|i| format!("id{i:07}")).collect();
    let built = rows(&records, &ids);
    let dir = tempfile::tempdir().unwrap();
    for segment in &built {
        let path = dir.path().join(&segment.added.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &segment.bytes).unwrap();
    }
    for id in [0, 1, 250, 499] {
        let segment = &built[id % 2].added.path;
        let memory = SegmentFile::open(segment, built[id % 2].bytes.clone()).unwrap();
        let disk = SegmentFile::open_local(segment, dir.path(), None).unwrap();
        for file in [&memory, &disk] {
            let found = file.find("audit_id", &ids[id]).unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(file.records(&found).unwrap(), [records[id].as_bytes()]);
            assert!(file.find("audit_id", "nobody").unwrap().is_empty());
            assert!(file.find("no_such_column", "x").unwrap().is_empty());
        }
        assert_eq!(disk.bytes().unwrap(), built[id % 2].bytes);
    }
}

#[test]
fn garbage_is_an_error() {
    let built = rows(&[record(0)], &["id0000000".to_owned()]);
    let bytes = &built[0].bytes;
    for cut in [0, 4, bytes.len() / 2, bytes.len() - 1] {
        let error = SegmentFile::open("p", bytes.slice(..cut)).unwrap_err();
        assert_eq!(error.kind(), "integrity");
    }
    assert!(SegmentFile::open("p", Bytes::from_static(b"PAR1")).is_err());
}
