use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::*;

fn file(rows: usize, group_rows: usize, filters: bool) -> Vec<u8> {
    let ids: ArrayRef = Arc::new((0..rows).map(|n| Some(id(n))).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("other", ids.clone()), ("audit_id", ids)]).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_bloom_filter_enabled("audit_id".into(), filters)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn id(n: usize) -> String {
    format!("id-{n}-{}", n * 7919)
}

fn may_hold(file: &[u8], filters: &Filters, id: &str) -> Vec<bool> {
    let bytes = |r: Range<u64>| &file[r.start as usize..r.end as usize];
    filters.blocks(id).map(|block| Filters::may_hold(bytes(block), id)).collect()
}

#[test]
fn each_value_is_in_the_filter_of_its_row_group_and_few_others_are_in_any() {
    let file = file(5000, 2000, true);
    let Told::Filters(filters) = Filters::of(&file, "audit_id") else { panic!() };
    for n in 0..5000 {
        assert!(may_hold(&file, &filters, &id(n))[n / 2000]);
    }
    let others = (5000..25_000).flat_map(|n| may_hold(&file, &filters, &id(n)));
    let (there, all) = others.fold((0, 0), |(there, all), may| (there + u32::from(may), all + 1));
    assert_eq!(all, 60_000);
    // 5 % by the writer's settings.
    assert!(there < 60_000 / 10, "{there}");
}

#[test]
fn it_says_how_much_of_the_end_it_needs_and_when_it_cannot_tell() {
    let file = file(500, 200, true);
    let Told::More(more) = Filters::of(&file[file.len() - 100..], "audit_id") else { panic!() };
    let end = &file[file.len() - more as usize..];
    assert_eq!(Filters::of(end, "audit_id"), Filters::of(&file, "audit_id"));
    assert_eq!(Filters::of(&file, "other"), Told::Nothing);
    assert_eq!(Filters::of(&file, "third"), Told::Nothing);
    assert_eq!(Filters::of(b"{}", "audit_id"), Told::Nothing);
    let mut encrypted = file.clone();
    encrypted.truncate(file.len() - 4);
    encrypted.extend(b"PARE");
    assert_eq!(Filters::of(&encrypted, "audit_id"), Told::Nothing);
    let mut damaged = file.clone();
    let middle = file.len() - more as usize / 2;
    damaged[middle..middle + 40].fill(0xff);
    assert!(!matches!(Filters::of(&damaged, "audit_id"), Told::More(_)));
    assert_eq!(Filters::of(&self::file(500, 200, false), "audit_id"), Told::Nothing);
}
