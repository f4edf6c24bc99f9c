//! Segments that a writer with the right keys makes to deceive.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use data_encoding::{BASE64, HEXLOWER};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataWriter};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::ColumnPath;
use sha2::{Digest, Sha256};

use crate::columns::{Assembler, Values};
use crate::keys::HmacKey;
use crate::merkle;
use crate::segment::{
    BLOOM_COLUMNS, BuiltSegment, SegmentFile, SegmentMeta, batch_list_root, canonical,
};

/// Rows of a page: few, so that small segments have several.
pub(super) const PAGE_ROWS: usize = 4;

/// A segment taken apart.
#[derive(Debug)]
pub(super) struct Forgery {
    pub(super) rows: RecordBatch,
    pub(super) meta: SegmentMeta,
    /// The seal to write instead of the right one.
    pub(super) seal: Option<Option<String>>,
    /// Further metadata entries.
    pub(super) more: Vec<KeyValue>,
}

impl Forgery {
    pub(super) fn column(&self, name: &str) -> usize {
        self.rows.schema().index_of(name).unwrap()
    }

    pub(super) fn set(&mut self, name: &str, array: ArrayRef) {
        let at = self.column(name);
        let mut arrays = self.rows.columns().to_vec();
        let mut fields: Vec<Field> =
            self.rows.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
        fields[at] = Field::new(name, array.data_type().clone(), array.null_count() > 0);
        arrays[at] = array;
        self.rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    }

    pub(super) fn set_text(&mut self, name: &str, row: usize, value: Option<&str>) {
        let at = self.column(name);
        let old = self.rows.column(at).as_string::<i32>().clone();
        let changed =
            |i: usize| if i == row { value } else { old.is_valid(i).then(|| old.value(i)) };
        self.set(name, Arc::new((0..old.len()).map(changed).collect::<StringArray>()));
    }

    /// Makes batch 0 commit to the rows as they are now.
    pub(super) fn rehash(&mut self) {
        let columns: Vec<_> = self.meta.columns.iter().map(|c| c.logical()).collect();
        let values: Vec<Values<'_>> =
            (0..columns.len()).map(|c| Values::of(self.rows.column(c + 1)).unwrap()).collect();
        let rest = self.rows.column_by_name("_rest").map(|r| r.as_string::<i32>());
        let batch = &mut self.meta.batches[0];
        let salt = batch.salt_bytes().unwrap();
        let leaves: Vec<_> = (0..self.rows.num_rows())
            .map(|row| {
                let rest = rest.filter(|r| r.is_valid(row)).map(|r| r.value(row).as_bytes());
                let mut out = Vec::new();
                let _ = Assembler::new(&columns).row(&values, row, rest, &mut out);
                merkle::record_leaf(&merkle::batch_salt_at(&salt, row as u64), &out)
            })
            .collect();
        batch.root = HEXLOWER.encode(&merkle::root(&leaves));
        batch.tree = Some(BASE64.encode(&merkle::level_hashes(&leaves, 8).concat()));
        batch.rows = leaves.len() as u64;
        self.meta.rows = batch.rows;
    }
}

/// Writes a segment again after `edit`, sealed with `hmac`, and describes it for the ledger.
pub(super) fn rewrite(
    mut segment: BuiltSegment,
    hmac: &HmacKey,
    edit: impl FnOnce(&mut Forgery),
) -> BuiltSegment {
    let file = SegmentFile::open("made", segment.bytes.clone().into()).unwrap();
    let batches: Vec<RecordBatch> = file.rows().unwrap().map(Result::unwrap).collect();
    let rows = concat_batches(&batches[0].schema(), &batches).unwrap();
    let mut forgery = Forgery { rows, meta: file.meta().clone(), seal: None, more: Vec::new() };
    edit(&mut forgery);
    let text = String::from_utf8(canonical(&forgery.meta).unwrap()).unwrap();
    let right = HEXLOWER.encode(&hmac.mac(&forgery.meta.seal_message().unwrap()));
    let seal = forgery.seal.unwrap_or(Some(right));
    let mut metadata = vec![KeyValue::new("sealtrail".to_owned(), text)];
    metadata.extend(seal.map(|seal| KeyValue::new("sealtrail.seal".to_owned(), seal)));
    metadata.extend(forgery.more);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_key_value_metadata(Some(metadata));
    for name in BLOOM_COLUMNS.iter().filter(|name| forgery.rows.column_by_name(name).is_some()) {
        properties = properties.set_column_bloom_filter_enabled(ColumnPath::from(*name), true);
    }
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(Vec::new(), forgery.rows.schema(), options).unwrap();
    writer.write(&forgery.rows).unwrap();
    segment.bytes = writer.into_inner().unwrap().into();
    segment.added.rows = forgery.meta.rows;
    segment.added.batches = forgery.meta.batches.len() as u64;
    segment.added.root = HEXLOWER.encode(&batch_list_root(&forgery.meta.batches).unwrap());
    segment.roots = forgery.meta.batches.iter().filter_map(|b| b.root_hash()).collect();
    describe(&mut segment);
    segment
}

/// Makes the ledger's description fit the bytes.
pub(super) fn describe(segment: &mut BuiltSegment) {
    segment.added.bytes = segment.bytes.len() as u64;
    segment.added.sha256 = HEXLOWER.encode(&Sha256::digest(&segment.bytes));
}

/// Gives a segment's file other Parquet metadata.
pub(super) fn with_metadata(
    mut segment: BuiltSegment,
    edit: impl FnOnce(&ParquetMetaData) -> ParquetMetaData,
) -> BuiltSegment {
    let file = SegmentFile::open("made", segment.bytes.clone().into()).unwrap();
    let metadata = edit(file.parquet());
    let mut bytes = Vec::new();
    let mut out = TrackedWrite::new(&mut bytes);
    std::io::Write::write_all(&mut out, &segment.bytes).unwrap();
    ParquetMetaDataWriter::new_with_tracked(out, &metadata).finish().unwrap();
    segment.bytes = bytes.into();
    describe(&mut segment);
    segment
}
