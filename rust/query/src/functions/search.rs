//! Functions that searches use.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, BooleanBuilder, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ExpressionPlacement, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use ipnet::IpNet;

use super::Texts;
use crate::json::{self, Elements, Form};
use crate::search::{Pattern, address_in};
use crate::words::Word;

/// What a function of this module does. All arguments are text; NULL finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Search {
    /// `ip_in(address, '203.0.113.0/24')`: whether the address lies in the network.
    IpIn,
    /// `any_element(json, 'member', 'pattern')`: whether a text in an array, or the member of an
    /// object in it, matches a pattern with `*` and `?`.
    AnyElement,
    /// `record_has(json, 'word')`: whether a value somewhere in it contains the word, whatever
    /// its case. Names of members do not count.
    RecordHas,
}

impl Search {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::IpIn, Self::AnyElement, Self::RecordHas];

    fn name(self) -> &'static str {
        match self {
            Self::IpIn => "ip_in",
            Self::AnyElement => "any_element",
            Self::RecordHas => "record_has",
        }
    }

    fn arguments(self) -> usize {
        match self {
            Self::IpIn | Self::RecordHas => 2,
            Self::AnyElement => 3,
        }
    }
}

/// A function of this module as DataFusion sees it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SearchUdf {
    pub(crate) search: Search,
    signature: Signature,
}

impl SearchUdf {
    pub(crate) fn udf(search: Search) -> Arc<ScalarUDF> {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Self { search, signature }))
    }
}

impl ScalarUDFImpl for SearchUdf {
    fn name(&self) -> &str {
        self.search.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() != self.search.arguments() {
            return plan_err!("{} takes {} arguments", self.name(), self.search.arguments());
        }
        Ok(vec![DataType::Utf8View; types.len()])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some((subject, literals)) = args.args.split_first() else {
            return exec_err!("{} has no arguments", self.name());
        };
        let literals = literals.iter().map(literal).collect::<Result<Vec<_>>>()?;
        let all_scalar = matches!(subject, ColumnarValue::Scalar(_));
        let rows = if all_scalar { 1 } else { args.number_rows };
        let array = evaluate(self.search, &subject.to_array(rows)?, &literals)?;
        if all_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(array)))
    }

    fn placement(&self, args: &[ExpressionPlacement]) -> ExpressionPlacement {
        let fits = |place: &ExpressionPlacement| {
            matches!(place, ExpressionPlacement::Column | ExpressionPlacement::MoveTowardsLeafNodes)
        };
        match args.split_first() {
            Some((subject, rest))
                if fits(subject) && rest.iter().all(|a| *a == ExpressionPlacement::Literal) =>
            {
                ExpressionPlacement::MoveTowardsLeafNodes
            }
            _ => ExpressionPlacement::KeepInPlace,
        }
    }
}

/// The text of an argument that has to be a literal.
fn literal(value: &ColumnarValue) -> Result<Option<&str>> {
    match value {
        ColumnarValue::Scalar(scalar) => Ok(scalar.try_as_str().flatten()),
        ColumnarValue::Array(_) => exec_err!("only the first argument can be a column"),
    }
}

fn evaluate(search: Search, subject: &ArrayRef, literals: &[Option<&str>]) -> Result<BooleanArray> {
    let texts = Texts::new(subject)?;
    match (search, literals) {
        (Search::IpIn, [Some(network)]) => {
            let Ok(network) = network.parse::<IpNet>() else {
                return exec_err!("{network:?} is no network; write 203.0.113.0/24");
            };
            Ok(each(&texts, subject.len(), |text| address_in(text, &network)))
        }
        (Search::AnyElement, [Some(member), Some(pattern)]) => {
            let pattern = match Pattern::parse("pattern", pattern, false) {
                Ok(pattern) => pattern,
                Err(error) => return exec_err!("{error}"),
            };
            let found = |text: &str| any_element(text, member, &pattern);
            Ok(each(&texts, subject.len(), found))
        }
        (Search::RecordHas, [Some(word)]) => {
            let word = Word::new(word);
            Ok(each(&texts, subject.len(), |text| word.in_json(text, Form::Any)))
        }
        _ => Ok(BooleanArray::new_null(subject.len())),
    }
}

/// The test of each text; rows of dictionaries come again and again.
fn each(texts: &Texts<'_>, rows: usize, test: impl Fn(&str) -> bool) -> BooleanArray {
    let mut known = match texts {
        Texts::View(array) => Some(Known::new(array)),
        Texts::Utf8(_) => None,
    };
    let mut out = BooleanBuilder::with_capacity(rows);
    for row in 0..rows {
        out.append_option(texts.get(row).map(|text| match &mut known {
            Some(known) => known.get(row, || test(text)),
            None => test(text),
        }));
    }
    out.finish()
}

/// Remembers the results for values that come again within one array: its views are equal only
/// if they are of the same text.
pub(crate) struct Known<'a> {
    views: &'a [u128],
    slots: Vec<(u128, Option<bool>)>,
}

impl<'a> Known<'a> {
    const SLOTS: usize = 512;

    pub(crate) fn new(array: &'a StringViewArray) -> Self {
        Self { views: array.views(), slots: vec![(0, None); Self::SLOTS] }
    }

    /// The result for the value of a row, computed unless it is known.
    pub(crate) fn get(&mut self, row: usize, compute: impl FnOnce() -> bool) -> bool {
        let view = self.views[row];
        // The odd constant spreads lengths, prefixes and offsets over the upper bits.
        #[allow(clippy::cast_possible_truncation)]
        let mixed = ((view >> 64) as u64 ^ view as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = usize::try_from(mixed >> 55).unwrap_or(0) % Self::SLOTS;
        match self.slots[slot] {
            (known, Some(result)) if known == view => result,
            _ => {
                let result = compute();
                self.slots[slot] = (view, Some(result));
                result
            }
        }
    }
}

fn any_element(list: &str, member: &str, pattern: &Pattern) -> bool {
    let Some(mut elements) = Elements::new(list) else { return false };
    let matches = |raw: &str| json::as_str(raw).is_some_and(|text| pattern.matcher.matches(&text));
    elements.any(|element| {
        if member.is_empty() {
            return matches(element);
        }
        json::get(element, &[json::PathPart::Key(member.to_owned())], Form::Any)
            .is_some_and(matches)
    })
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
