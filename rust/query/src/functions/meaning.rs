//! Functions that give the views their meaning.
//!
//! Like the JSON lookups they are evaluated in the scan, where the adapter drops arguments that
//! a segment cannot have.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ExpressionPlacement, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;

use super::Texts;

/// What a function of this module does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Meaning {
    /// `first_present(a, b, ...)`: the first that is neither NULL nor empty.
    FirstPresent,
    /// `only_if(a, 'x', b)`: b where a is 'x', else NULL.
    OnlyIf,
    /// `outcome_of(status)`: `success`, `failure`, `denied` or `unknown`.
    OutcomeOf,
    /// `action_of(event_type)`: what follows the first dot.
    ActionOf,
}

impl Meaning {
    /// All of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::FirstPresent, Self::OnlyIf, Self::OutcomeOf, Self::ActionOf];

    fn name(self) -> &'static str {
        match self {
            Self::FirstPresent => "first_present",
            Self::OnlyIf => "only_if",
            Self::OutcomeOf => "outcome_of",
            Self::ActionOf => "action_of",
        }
    }

    fn takes(self, args: usize) -> bool {
        match self {
            Self::FirstPresent => args > 0,
            Self::OnlyIf => args == 3,
            Self::OutcomeOf | Self::ActionOf => args == 1,
        }
    }
}

/// A function of this module as DataFusion sees it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MeaningUdf {
    pub(crate) meaning: Meaning,
    signature: Signature,
}

impl MeaningUdf {
    pub(crate) fn udf(meaning: Meaning) -> Arc<ScalarUDF> {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Self { meaning, signature }))
    }
}

impl ScalarUDFImpl for MeaningUdf {
    fn name(&self) -> &str {
        self.meaning.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if !self.meaning.takes(types.len()) {
            return plan_err!("{} does not take {} arguments", self.name(), types.len());
        }
        Ok(vec![DataType::Utf8View; types.len()])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_scalar { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let array = evaluate(self.meaning, &arrays, rows)?;
        if all_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }

    fn placement(&self, args: &[ExpressionPlacement]) -> ExpressionPlacement {
        let any_column = args.iter().any(|arg| *arg != ExpressionPlacement::Literal);
        if any_column && args.iter().all(|arg| *arg != ExpressionPlacement::KeepInPlace) {
            ExpressionPlacement::MoveTowardsLeafNodes
        } else {
            ExpressionPlacement::KeepInPlace
        }
    }
}

fn evaluate(meaning: Meaning, arrays: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    if let (Meaning::FirstPresent, [only]) = (meaning, arrays)
        && let Some(array) = without_empty(only)
    {
        return Ok(array);
    }
    let texts = arrays.iter().map(Texts::new).collect::<Result<Vec<_>>>()?;
    let mut out = StringViewBuilder::with_capacity(rows);
    match (meaning, texts.as_slice()) {
        (Meaning::FirstPresent, _) => {
            for row in 0..rows {
                out.append_option(
                    texts.iter().find_map(|text| text.get(row).filter(|value| !value.is_empty())),
                );
            }
        }
        (Meaning::OnlyIf, [subject, wanted, value]) => {
            for row in 0..rows {
                let holds = subject.get(row).is_some() && subject.get(row) == wanted.get(row);
                out.append_option(value.get(row).filter(|_| holds));
            }
        }
        (Meaning::OutcomeOf, [status]) => {
            (0..rows).for_each(|row| out.append_value(outcome(status.get(row))))
        }
        (Meaning::ActionOf, [event_type]) => {
            for row in 0..rows {
                out.append_option(
                    event_type
                        .get(row)
                        .map(|text| text.split_once('.').map_or("", |(_, action)| action)),
                );
            }
        }
        _ => return exec_err!("wrong number of arguments"),
    }
    Ok(Arc::new(out.finish()))
}

/// The array itself where no value is empty: no copy for the common case.
fn without_empty(array: &ArrayRef) -> Option<ArrayRef> {
    let texts = Texts::new(array).ok()?;
    let any_empty = (0..array.len()).any(|row| texts.get(row).is_some_and(str::is_empty));
    (!any_empty && array.data_type() == &DataType::Utf8View).then(|| Arc::clone(array))
}

/// The outcome behind a source's own word, whatever its case; `-` and spaces count as `_`.
pub(crate) fn outcome(status: Option<&str>) -> &'static str {
    let Some(status) = status else { return "unknown" };
    if status.len() > 24 {
        return "unknown";
    }
    let word: String = status
        .trim()
        .chars()
        .map(|c| if c == '-' || c == ' ' { '_' } else { c.to_ascii_lowercase() })
        .collect();
    match word.as_str() {
        "success" | "successful" | "succeeded" | "succeed" | "ok" | "okay" | "pass" | "passed"
        | "complete" | "completed" | "done" | "finished" | "approve" | "approved" | "allow"
        | "allowed" | "grant" | "granted" | "accept" | "accepted" | "authorized" | "authorised"
        | "authenticated" | "permitted" | "true" => "success",
        "fail" | "failed" | "failure" | "error" | "errored" | "exception" | "timeout"
        | "timed_out" | "time_out" | "abort" | "aborted" | "cancel" | "cancelled" | "canceled"
        | "crash" | "crashed" | "invalid" | "expired" | "interrupted" | "killed"
        | "partial_failure" | "unsuccessful" | "not_found" | "false" => "failure",
        "deny" | "denied" | "reject" | "rejected" | "refuse" | "refused" | "block" | "blocked"
        | "forbid" | "forbidden" | "unauthorized" | "unauthorised" | "access_denied"
        | "permission_denied" | "disallowed" | "declined" | "decline" | "not_allowed"
        | "revoked" => "denied",
        _ => "unknown",
    }
}
