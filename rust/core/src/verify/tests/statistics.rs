//! False statistics, page indexes and bloom filters under good signatures.

use parquet::basic::{BoundaryOrder, Type};
use parquet::data_type::ByteArray;
use parquet::file::metadata::{
    ColumnChunkMetaDataBuilder, ColumnIndexBuilder, OffsetIndexBuilder, ParquetMetaData,
    ParquetMetaDataBuilder,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::forge::{describe, rewrite, with_metadata};
use super::maker::{Maker, event, record};
use crate::segment::{BuiltSegment, SegmentFile};
use crate::verify::Report;

/// A trail whose one segment was changed after it was encoded, before it was signed.
fn changed(change: impl FnOnce(BuiltSegment) -> BuiltSegment) -> Report {
    let mut maker = Maker::new();
    let records: Vec<_> = (0..10).map(|i| record(&event(i, "data.file_read"))).collect();
    let built = maker.build(&records).pop().unwrap();
    let built = rewrite(built, maker.writer.hmac(), |_| {});
    maker.commit(&records, vec![change(built)], false);
    maker.verify(true)
}

fn column(parquet: &ParquetMetaData, name: &str) -> usize {
    let columns = parquet.row_group(0).columns();
    columns.iter().position(|c| c.column_path().string() == name).unwrap()
}

/// With other statistics of a column's row group.
fn statistics(name: &str, stated: Statistics) -> Report {
    chunk(name, |chunk| chunk.set_statistics(stated.clone()))
}

/// With something else said of a column's row group.
fn chunk(
    name: &str,
    edit: impl Fn(ColumnChunkMetaDataBuilder) -> ColumnChunkMetaDataBuilder,
) -> Report {
    changed(|built| {
        with_metadata(built, |parquet| {
            let c = column(parquet, name);
            let mut builder = ParquetMetaDataBuilder::new_from_metadata(parquet.clone());
            let groups = builder.take_row_groups();
            for group in groups {
                let mut columns = group.columns().to_vec();
                columns[c] = edit(columns[c].clone().into_builder()).build().unwrap();
                let group = group.into_builder().set_column_metadata(columns).build().unwrap();
                builder = builder.add_row_group(group);
            }
            builder.build()
        })
    })
}

fn text(min: &str, max: &str, nulls: u64, exact: bool) -> Statistics {
    let bytes = |s: &str| Some(ByteArray::from(s.as_bytes().to_vec()));
    let stated = ValueStatistics::new(bytes(min), bytes(max), None, Some(nulls), false);
    Statistics::ByteArray(stated.with_min_is_exact(exact).with_max_is_exact(exact))
}

fn assert_kinds(report: &Report, kinds: &[&str]) {
    let mut found = super::kinds(report);
    found.dedup();
    assert_eq!(found, kinds, "{:#?}", report.findings);
}

#[test]
fn false_statistics_are_found() {
    assert_kinds(&statistics("user_id", text("u0", "u2", 0, true)), &[]);
    assert_kinds(&statistics("user_id", text("a", "z", 0, false)), &[]);
    assert_kinds(&statistics("user_id", text("u1", "u2", 0, false)), &["statistics"]);
    assert_kinds(&statistics("user_id", text("u0", "u1", 0, false)), &["statistics"]);
    assert_kinds(&statistics("user_id", text("u0", "u2", 1, true)), &["statistics"]);
    assert_kinds(&statistics("user_id", text("a", "u2", 0, true)), &["statistics"]);
    let int = |min, max| {
        Statistics::Int64(ValueStatistics::new(Some(min), Some(max), None, Some(0), false))
    };
    assert_kinds(&statistics("tool_exit", int(0, 9)), &[]);
    assert_kinds(&statistics("tool_exit", int(1, 9)), &["statistics"]);
    assert_kinds(&statistics("tool_exit", int(0, 8)), &["statistics"]);
    let double = |min, max| {
        Statistics::Double(ValueStatistics::new(Some(min), Some(max), None, Some(0), false))
    };
    assert_kinds(&statistics("cost_usd", double(-0.0, 1.125)), &[]);
    assert_kinds(&statistics("cost_usd", double(0.5, 1.125)), &["statistics"]);
    assert_kinds(&statistics("cost_usd", double(f64::NAN, f64::NAN)), &["statistics"]);
    let truth = |min, max| {
        Statistics::Boolean(ValueStatistics::new(Some(min), Some(max), None, Some(0), false))
    };
    assert_kinds(&statistics("ok", truth(false, true)), &[]);
    assert_kinds(&statistics("ok", truth(true, true)), &["statistics"]);
    assert_kinds(&statistics("timestamp", int(0, 1)), &["statistics"]);
}

#[test]
fn a_false_count_of_distinct_values_is_found() {
    let stated = ValueStatistics::new(Some(0_i64), Some(9), Some(3), Some(0), false);
    assert_kinds(&statistics("tool_exit", Statistics::Int64(stated)), &["statistics"]);
}

/// With another page index of `user_id`: pages of `(min, max, nulls, null page)`.
fn page_index(pages: &[(&str, &str, i64, bool)], order: BoundaryOrder) -> Report {
    changed(|built| {
        with_metadata(built, |parquet| {
            let c = column(parquet, "user_id");
            let mut index = ColumnIndexBuilder::new(Type::BYTE_ARRAY);
            for (min, max, nulls, null_page) in pages {
                index.append(*null_page, min.as_bytes().to_vec(), max.as_bytes().to_vec(), *nulls);
            }
            index.set_boundary_order(order);
            let mut all: Vec<Vec<ColumnIndexMetaData>> = parquet.column_index().unwrap().clone();
            all[0][c] = index.build().unwrap();
            let builder = ParquetMetaDataBuilder::new_from_metadata(parquet.clone());
            builder.set_column_index(Some(all)).build()
        })
    })
}

#[test]
fn a_false_page_index_is_found() {
    let unordered = BoundaryOrder::UNORDERED;
    let good = [("u0", "u2", 0, false), ("u0", "u2", 0, false), ("u0", "u2", 0, false)];
    assert_kinds(&page_index(&good, unordered), &[]);
    for (i, bad) in [
        ("u1", "u2", 0, false),
        ("u0", "u0", 0, false),
        ("u0", "u2", 1, false),
        ("u0", "u2", -1, false),
        ("", "", 4, true),
        ("", "", 0, true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut pages = good;
        pages[0] = bad;
        let report = page_index(&pages, unordered);
        assert_kinds(&report, &["page_index"]);
        assert!(report.findings[0].rows[0].1 < 4, "{i}: {:?}", report.findings);
    }
    let wide = [("a", "z", 0, false), ("b", "z", 0, false), ("a", "z", 0, false)];
    assert_kinds(&page_index(&wide, BoundaryOrder::ASCENDING), &["page_index"]);
    assert_kinds(&page_index(&wide, BoundaryOrder::DESCENDING), &["page_index"]);
    assert_kinds(&page_index(&good, BoundaryOrder::ASCENDING), &[]);
    assert!(super::kinds(&page_index(&good[..2], unordered)).contains(&"page_index"));
}

/// With other places or rows of the pages of `user_id`.
fn offsets(edit: impl Fn(usize, &mut (i64, i32, i64))) -> Report {
    changed(|built| {
        with_metadata(built, |parquet| {
            let c = column(parquet, "user_id");
            let mut all = parquet.offset_index().unwrap().clone();
            let old = all[0][c].page_locations().clone();
            let ends = old.iter().skip(1).map(|l| l.first_row_index).chain([10]);
            let mut index = OffsetIndexBuilder::new();
            for (i, (location, end)) in old.iter().zip(ends).enumerate() {
                let rows = end - location.first_row_index;
                let mut page = (location.offset, location.compressed_page_size, rows);
                edit(i, &mut page);
                index.append_offset_and_size(page.0, page.1);
                index.append_row_count(page.2);
            }
            all[0][c] = index.build();
            let builder = ParquetMetaDataBuilder::new_from_metadata(parquet.clone());
            builder.set_offset_index(Some(all)).build()
        })
    })
}

#[test]
fn false_places_of_pages_are_found() {
    assert_kinds(&offsets(|_, _| {}), &[]);
    let report = offsets(|i, page| page.2 += if i == 0 { 1 } else { -i64::from(i == 1) });
    assert!(super::kinds(&report).contains(&"page_index"), "{:?}", report.findings);
    for (offset, size) in [(1, 0), (0, 1), (0, -1), (1 << 40, 0), (-(1 << 40), 0)] {
        let report = offsets(|i, page| {
            page.0 += if i == 1 { offset } else { 0 };
            page.1 += if i == 1 { size } else { 0 };
        });
        assert!(super::kinds(&report).contains(&"page_index"), "{:?}", report.findings);
    }
}

#[test]
fn false_sizes_of_a_column_are_found() {
    assert_kinds(&chunk("user_id", |chunk| chunk), &[]);
    for wrong in [9, 11] {
        let report = chunk("user_id", |chunk| chunk.set_num_values(wrong));
        assert!(super::kinds(&report).contains(&"page_index"), "{wrong}: {:?}", report.findings);
    }
    for more in [1_i64, 2] {
        let report = chunk("user_id", |chunk| {
            let built = chunk.build().unwrap();
            let length = built.compressed_size() + more;
            built.into_builder().set_total_compressed_size(length)
        });
        assert!(super::kinds(&report).contains(&"page_index"), "{more}: {:?}", report.findings);
    }
}

#[test]
fn a_false_bloom_filter_is_found() {
    let report = changed(|mut built| {
        let file = SegmentFile::open("made", built.bytes.clone()).unwrap();
        let c = column(file.parquet(), "session_id");
        let chunk = file.parquet().row_group(0).column(c);
        let from = chunk.bloom_filter_offset().unwrap() as usize;
        let to = from + chunk.bloom_filter_length().unwrap() as usize;
        // The header is shorter than the 32 bytes of a block.
        let mut bytes = built.bytes.to_vec();
        bytes[to - 32..to].fill(0);
        built.bytes = bytes.into();
        describe(&mut built);
        built
    });
    assert_kinds(&report, &["bloom"]);
    assert!(report.findings[0].message.contains("session_id"));
}

#[test]
fn a_bloom_filter_of_another_length_is_found() {
    for more in [-32, 32] {
        let report = chunk("session_id", |chunk| {
            let built = chunk.build().unwrap();
            let length = built.bloom_filter_length().unwrap() + more;
            built.into_builder().set_bloom_filter_length(Some(length))
        });
        assert!(super::kinds(&report).contains(&"bloom"), "{more}: {:?}", report.findings);
    }
}

#[test]
fn values_below_the_surface_are_compared_too() {
    // A row group of other rows than it says.
    let report = changed(|built| {
        with_metadata(built, |parquet| {
            let mut builder = ParquetMetaDataBuilder::new_from_metadata(parquet.clone());
            let group = builder.take_row_groups().pop().unwrap();
            let group = group.into_builder().set_num_rows(9).build().unwrap();
            builder.add_row_group(group).build()
        })
    });
    assert!(super::kinds(&report).contains(&"rows"), "{:?}", report.findings);
}
