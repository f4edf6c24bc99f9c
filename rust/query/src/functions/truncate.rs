//! `date_trunc` without a time zone's rules where the zone is UTC.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    ArrowTimestampType, DataType, FieldRef, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::Result;
use datafusion::functions::datetime::date_trunc;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

/// DataFusion's function, which takes the calendar apart for each row as soon as there is a zone:
/// 100 ns a row where a division takes one. All times of a trail are in UTC.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TruncateUdf {
    inner: Arc<ScalarUDF>,
}

impl TruncateUdf {
    pub(crate) fn udf() -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::new_from_impl(Self { inner: date_trunc() }))
    }
}

impl ScalarUDFImpl for TruncateUdf {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = match args.args.get(1).map(ColumnarValue::data_type) {
            Some(DataType::Timestamp(_, Some(zone))) if &*zone == "UTC" => zone,
            _ => return self.inner.invoke_with_args(args),
        };
        match &mut args.args[1] {
            ColumnarValue::Array(times) => *times = in_zone(times, None),
            ColumnarValue::Scalar(_) => return self.inner.invoke_with_args(args),
        }
        Ok(match self.inner.invoke_with_args(args)? {
            ColumnarValue::Array(times) => ColumnarValue::Array(in_zone(&times, Some(zone))),
            scalar @ ColumnarValue::Scalar(_) => scalar,
        })
    }
}

/// The same instants with another zone, which for UTC and none are the same numbers.
fn in_zone(times: &ArrayRef, zone: Option<Arc<str>>) -> ArrayRef {
    fn of<T: ArrowTimestampType>(times: &ArrayRef, zone: Option<Arc<str>>) -> ArrayRef {
        Arc::new(times.as_primitive::<T>().clone().with_timezone_opt(zone))
    }
    match times.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(times, zone),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            of::<TimestampMillisecondType>(times, zone)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            of::<TimestampMicrosecondType>(times, zone)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of::<TimestampNanosecondType>(times, zone),
        _ => Arc::clone(times),
    }
}
