//! JSON functions and operators of the SQL dialect.
//!
//! They take JSON text and a path of member names (strings) and positions (integers, negative
//! from the end): `json_get(event, 'resource', 'path')`. The operators `->` (`json_get`), `->>`
//! (`json_as_text`), `?` (`json_contains`), `#>` and `#>>` (the same with an array of steps) are
//! planned as these functions.

mod eval;
mod meaning;
mod planner;
mod search;
mod truncate;

use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ExpressionPlacement, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

pub(crate) use eval::{Output, Texts, literal_path};
pub(crate) use meaning::{Meaning, MeaningUdf, outcome};
pub(crate) use planner::{JsonOperators, JsonRewriter};
pub(crate) use search::{Known, Search, SearchUdf};

use crate::json::Form;

/// Every function that is ours.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    let json = JsonFn::ALL.into_iter().map(|function| JsonUdf::udf(function, Form::Any));
    let meaning = Meaning::ALL.into_iter().map(MeaningUdf::udf);
    let search = Search::ALL.into_iter().map(SearchUdf::udf);
    json.chain(meaning).chain(search).chain([truncate::TruncateUdf::udf()]).collect()
}

/// What to read at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum JsonFn {
    /// JSON text; NULL for JSON `null`.
    Get,
    /// JSON text, `null` included.
    GetJson,
    /// The text of a string only.
    GetStr,
    /// An integer, also from `1.0` or `2e3`.
    GetInt,
    /// Any number.
    GetFloat,
    /// `true` or `false`.
    GetBool,
    /// The time of a string in RFC 3339 with an offset; microseconds, UTC.
    GetTimestamp,
    /// Any value as text; NULL for JSON `null`.
    AsText,
    /// Whether there is a value.
    Contains,
    /// Members of an object or elements of an array.
    Length,
    /// The member names of an object.
    ObjectKeys,
    /// The elements of an array as JSON text.
    GetArray,
    /// The elements of an array with their positions; used by the views over arrays.
    Entries,
}

impl JsonFn {
    /// Every function that SQL can call.
    pub(crate) const ALL: [Self; 13] = [
        Self::Get,
        Self::GetJson,
        Self::GetStr,
        Self::GetInt,
        Self::GetFloat,
        Self::GetBool,
        Self::GetTimestamp,
        Self::AsText,
        Self::Contains,
        Self::Length,
        Self::ObjectKeys,
        Self::GetArray,
        Self::Entries,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "json_get",
            Self::GetJson => "json_get_json",
            Self::GetStr => "json_get_str",
            Self::GetInt => "json_get_int",
            Self::GetFloat => "json_get_float",
            Self::GetBool => "json_get_bool",
            Self::GetTimestamp => "json_get_timestamp",
            Self::AsText => "json_as_text",
            Self::Contains => "json_contains",
            Self::Length => "json_length",
            Self::ObjectKeys => "json_object_keys",
            Self::GetArray => "json_get_array",
            Self::Entries => "json_entries",
        }
    }

    pub(crate) fn return_type(self) -> DataType {
        match self {
            Self::Get | Self::GetJson | Self::GetStr | Self::AsText => DataType::Utf8View,
            Self::GetInt => DataType::Int64,
            Self::GetFloat => DataType::Float64,
            Self::GetBool | Self::Contains => DataType::Boolean,
            Self::GetTimestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Length => DataType::UInt64,
            Self::ObjectKeys | Self::GetArray => DataType::new_list(DataType::Utf8, true),
            Self::Entries => DataType::new_list(DataType::Struct(entry_fields()), true),
        }
    }
}

/// The fields of an element of `json_entries`: its position from 0 and its JSON text.
pub(crate) fn entry_fields() -> Fields {
    Fields::from(vec![
        Field::new("index", DataType::Int64, true),
        Field::new("value", DataType::Utf8, true),
    ])
}

/// A JSON function as DataFusion sees it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct JsonUdf {
    pub(crate) function: JsonFn,
    form: Form,
    signature: Signature,
}

impl JsonUdf {
    /// The function for text of the given form; the form never changes a result, only its cost.
    pub(crate) fn udf(function: JsonFn, form: Form) -> Arc<ScalarUDF> {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Self { function, form, signature }))
    }
}

impl ScalarUDFImpl for JsonUdf {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let Some((text, path)) = types.split_first() else {
            return plan_err!("{} needs JSON text and a path", self.name());
        };
        let mut coerced = vec![coerce_text(self.name(), text)?];
        for (index, step) in path.iter().enumerate() {
            coerced.push(coerce_step(self.name(), index, step)?);
        }
        Ok(coerced)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.function.return_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        eval::invoke(self.function, self.form, &args)
    }

    fn placement(&self, args: &[ExpressionPlacement]) -> ExpressionPlacement {
        let Some((base, path)) = args.split_first() else {
            return ExpressionPlacement::KeepInPlace;
        };
        let base_fits =
            matches!(base, ExpressionPlacement::Column | ExpressionPlacement::MoveTowardsLeafNodes);
        if base_fits && path.iter().all(|p| *p == ExpressionPlacement::Literal) {
            ExpressionPlacement::MoveTowardsLeafNodes
        } else {
            ExpressionPlacement::KeepInPlace
        }
    }
}

fn coerce_text(name: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Utf8 | DataType::Utf8View => Ok(data_type.clone()),
        DataType::LargeUtf8 | DataType::Null => Ok(DataType::Utf8View),
        DataType::Dictionary(_, value) => coerce_text(name, value),
        other => plan_err!("{name} reads JSON text, not {other}"),
    }
}

fn coerce_step(name: &str, index: usize, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => {
            Ok(DataType::Utf8View)
        }
        DataType::Dictionary(_, value) => coerce_step(name, index, value),
        other if other.is_integer() => Ok(DataType::Int64),
        other => plan_err!(
            "step {} of the path of {name} is a member name or a position, not {other}",
            index + 1
        ),
    }
}
