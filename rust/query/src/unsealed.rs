//! Personal fields in the clear: at the end of every answer, and in the functions `unsealed` and
//! `sealed_equals`. Without the trail's privacy key nothing changes.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBuilder, RecordBatch, RecordBatchOptions};
use arrow::array::{StringArray, StringBuilder, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, plan_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use sealtrail_core::json::{write_f64, write_i64, write_string};
use sealtrail_core::subjects::{KEY_MISSING, Vault};

use crate::functions::Texts;
use crate::scope::Scope;

/// How every sealed value begins.
const SEALED: &str = "sealed:1:";

/// The keys of the trails of a scope.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vaults(Arc<Vec<Arc<Vault>>>);

impl Vaults {
    pub(crate) fn of(scope: &Scope) -> Self {
        let vaults = scope.trails.iter().filter_map(|trail| trail.view.vault.clone());
        Self(Arc::new(vaults.collect()))
    }

    /// What is to be shown for a text, `None` where nothing changes. The trail that it is from has
    /// the key.
    fn shown(&self, text: &str) -> Option<String> {
        let mut lacking = None;
        for vault in self.0.iter() {
            match vault.shown(text) {
                Some(shown) if self.0.len() > 1 && shown.contains(KEY_MISSING) => {
                    lacking.get_or_insert(shown);
                }
                Some(shown) => return Some(shown),
                None => {}
            }
        }
        lacking
    }

    fn ready_waiting(&self, texts: &Texts<'_>, rows: usize) -> Result<()> {
        for vault in self.0.iter() {
            vault.ready_waiting((0..rows).filter_map(|row| texts.get(row))).map_err(failed)?;
        }
        Ok(())
    }

    fn is_equal(&self, text: &str, value: &[u8]) -> bool {
        self.0.iter().any(|vault| vault.is_equal(text, value))
    }
}

/// Two sessions have the same keys if they are those of the same trails.
impl PartialEq for Vaults {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Vaults {}

impl Hash for Vaults {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

fn failed(error: sealtrail_core::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// An answer with its personal fields in the clear. Its text columns are plain.
pub(crate) fn unsealed_stream(
    stream: SendableRecordBatchStream,
    vaults: &Vaults,
) -> SendableRecordBatchStream {
    let text = |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::List(_));
    if vaults.0.is_empty() || !stream.schema().fields().iter().any(|f| text(f.data_type())) {
        return stream;
    }
    let (schema, vaults) = (stream.schema(), vaults.clone());
    let batches = stream.then(move |batch| {
        let vaults = vaults.clone();
        async move { unsealed(batch?, &vaults).await }
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

async fn unsealed(batch: RecordBatch, vaults: &Vaults) -> Result<RecordBatch> {
    if !batch.columns().iter().any(has_sealed) {
        return Ok(batch);
    }
    for vault in vaults.0.iter() {
        for column in batch.columns() {
            let texts = texts_of(column);
            let texts = texts.iter().flat_map(|texts| texts.iter().flatten());
            vault.ready(texts).await.map_err(failed)?;
        }
    }
    let columns = batch.columns().iter().map(|column| of_column(column, vaults));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns.collect(), &options)?)
}

/// The text in a column, or in the lists of one.
fn texts_of(column: &ArrayRef) -> Option<&StringArray> {
    match column.data_type() {
        DataType::Utf8 => column.as_string_opt(),
        DataType::List(_) => column.as_list_opt::<i32>()?.values().as_string_opt(),
        _ => None,
    }
}

fn has_sealed(column: &ArrayRef) -> bool {
    texts_of(column).is_some_and(|texts| {
        let offsets = texts.value_offsets();
        let (from, to) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
        memchr::memmem::find(&texts.values()[from..to], SEALED.as_bytes()).is_some()
    })
}

fn of_column(column: &ArrayRef, vaults: &Vaults) -> ArrayRef {
    if !has_sealed(column) {
        return Arc::clone(column);
    }
    match column.data_type() {
        DataType::Utf8 => of_texts(column.as_string(), vaults),
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            let (field, offsets, values, nulls) = list.clone().into_parts();
            let values = of_texts(values.as_string(), vaults);
            Arc::new(arrow::array::ListArray::new(field, offsets, values, nulls))
        }
        _ => Arc::clone(column),
    }
}

fn of_texts(texts: &StringArray, vaults: &Vaults) -> ArrayRef {
    let mut out = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    for text in texts {
        match text.and_then(|text| vaults.shown(text)) {
            Some(shown) => out.append_value(shown),
            None => out.append_option(text),
        }
    }
    Arc::new(out.finish())
}

/// The functions of one session.
pub(crate) fn functions(vaults: &Vaults) -> [Arc<ScalarUDF>; 2] {
    [false, true].map(|equals| {
        let signature = Signature::user_defined(Volatility::Stable);
        let vaults = vaults.clone();
        Arc::new(ScalarUDF::new_from_impl(SealedUdf { equals, vaults, signature }))
    })
}

/// `unsealed(text)`, and `sealed_equals(text, value)`: whether a sealed field holds a value, or a
/// field that is not sealed is that value.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SealedUdf {
    equals: bool,
    vaults: Vaults,
    signature: Signature,
}

impl ScalarUDFImpl for SealedUdf {
    fn name(&self) -> &str {
        if self.equals { "sealed_equals" } else { "unsealed" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let text = |data_type: &DataType| match data_type {
            DataType::Utf8 => Ok(DataType::Utf8),
            DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => Ok(DataType::Utf8View),
            DataType::Dictionary(..) => Ok(DataType::Utf8View),
            other => plan_err!("{} reads text, not {other}", self.name()),
        };
        match (self.equals, types) {
            (false, [of]) => Ok(vec![text(of)?]),
            (true, [of, value]) => Ok(vec![text(of)?, wanted_type(value)]),
            (false, _) => plan_err!("unsealed takes one text"),
            (true, _) => plan_err!("sealed_equals takes a text and a value"),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(if self.equals { DataType::Boolean } else { DataType::Utf8View })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let Some(first) = args.args.first() else { return exec_err!("an argument is missing") };
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let length = if scalar { 1 } else { rows };
        let array = first.to_array(length)?;
        let texts = Texts::new(&array)?;
        self.vaults.ready_waiting(&texts, length)?;
        let out: ArrayRef = if self.equals {
            let Some(ColumnarValue::Scalar(value)) = args.args.get(1) else {
                return exec_err!("the value of sealed_equals must be the same for all rows");
            };
            self.equal(&texts, length, value)?
        } else {
            let mut out = StringViewBuilder::with_capacity(length);
            for row in 0..length {
                let text = texts.get(row);
                match text.and_then(|text| self.vaults.shown(text)) {
                    Some(shown) => out.append_value(shown),
                    None => out.append_option(text),
                }
            }
            Arc::new(out.finish())
        };
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?));
        }
        Ok(ColumnarValue::Array(out))
    }
}

impl SealedUdf {
    fn equal(&self, texts: &Texts<'_>, rows: usize, value: &ScalarValue) -> Result<ArrayRef> {
        let mut out = BooleanBuilder::with_capacity(rows);
        let wanted = canonical(value)?;
        for row in 0..rows {
            match (texts.get(row), &wanted) {
                (Some(text), Some((plain, json))) => out.append_value(
                    text == plain || text.starts_with(SEALED) && self.vaults.is_equal(text, json),
                ),
                _ => out.append_null(),
            }
        }
        Ok(Arc::new(out.finish()))
    }
}

fn wanted_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Boolean => DataType::Boolean,
        other if other.is_integer() => DataType::Int64,
        other if other.is_numeric() => DataType::Float64,
        _ => DataType::Utf8,
    }
}

/// A value as text and as canonical JSON; `None` for NULL.
fn canonical(value: &ScalarValue) -> Result<Option<(String, Vec<u8>)>> {
    let mut json = Vec::new();
    match value {
        ScalarValue::Utf8(Some(text)) => {
            write_string(text, &mut json);
            return Ok(Some((text.clone(), json)));
        }
        ScalarValue::Int64(Some(number)) => write_i64(*number, &mut json),
        ScalarValue::Float64(Some(number)) => write_f64(*number, &mut json),
        ScalarValue::Boolean(Some(holds)) => json.extend_from_slice(holds.to_string().as_bytes()),
        value if value.is_null() => return Ok(None),
        other => return exec_err!("sealed_equals does not compare with {other}"),
    }
    Ok(Some((String::from_utf8_lossy(&json).into_owned(), json)))
}
