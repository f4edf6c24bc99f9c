//! Descriptions of segments that are wrong in one way each, so that one check alone must tell.

use arrow::array::RecordBatch;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::forge::{Forgery, rewrite};
use super::maker::{Maker, event, record};
use super::*;
use crate::merkle;
use crate::segment::BatchMeta;

fn forged(edit: impl FnOnce(&mut Forgery)) -> Maker {
    let mut maker = Maker::new();
    let values: Vec<Value> = (0..10).map(|i| event(i, "data.file_read")).collect();
    let records: Vec<_> = values.iter().map(record).collect();
    let built = maker.build(&records).pop().unwrap();
    let built = rewrite(built, maker.writer.hmac(), edit);
    maker.commit(&records, vec![built], false);
    maker
}

fn found(maker: &Maker, level: Level) -> Vec<&'static str> {
    kinds(&maker.verify_as(&maker.trust(true), level))
}

#[test]
fn a_batch_without_records_is_found() {
    let maker = forged(|f| {
        let salt = [7; 32];
        f.meta.batches.push(BatchMeta {
            commitment: HEXLOWER.encode(&Sha256::digest(salt)),
            gone: None,
            origin: None,
            id: format!("{}:1", f.meta.segment),
            root: HEXLOWER.encode(&merkle::root_from_level(&[])),
            rows: 0,
            salt: Some(BASE64.encode(&salt)),
            tree: Some(String::new()),
        });
    });
    for level in [Level::Quick, Level::Deep] {
        assert_eq!(found(&maker, level), ["batches"]);
    }
}

#[test]
fn batches_that_do_not_add_up_are_found_without_reading_a_row() {
    let maker = forged(|f| f.meta.batches[0].rows -= 1);
    assert_eq!(found(&maker, Level::Quick), ["batches"]);
    let deep = found(&maker, Level::Deep);
    assert!(deep.len() > 1 && deep.iter().all(|kind| *kind == "batches"), "{deep:?}");
}

#[test]
fn columns_in_another_order_are_found() {
    let maker = forged(|f| {
        f.meta.columns.swap(0, 1);
        let mut order: Vec<usize> = (0..f.rows.num_columns()).collect();
        order.swap(1, 2);
        let rows: RecordBatch = f.rows.project(&order).unwrap();
        f.rows = rows;
    });
    for level in [Level::Quick, Level::Deep] {
        assert_eq!(found(&maker, level), ["columns"]);
    }
}

#[test]
fn a_fixed_column_of_another_path_is_found() {
    let maker = forged(|f| {
        let column = f.meta.columns.iter_mut().find(|c| c.name == "session_id").unwrap();
        column.path = vec!["another_id".to_owned()];
        f.rehash();
    });
    for level in [Level::Quick, Level::Deep] {
        assert_eq!(found(&maker, level), ["columns"]);
    }
}
