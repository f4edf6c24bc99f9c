//! Planning of the JSON operators, and rewriting of chains and casts.

use arrow::array::Array;
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::{Alias, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Cast, Expr, TryCast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::{JsonFn, JsonUdf};
use crate::json::Form;

/// Plans `->`, `->>`, `?`, `#>` and `#>>`.
#[derive(Debug)]
pub(crate) struct JsonOperators;

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        _schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let (symbol, function, list) = match expr.op {
            BinaryOperator::Arrow => ("->", JsonFn::Get, false),
            BinaryOperator::LongArrow => ("->>", JsonFn::AsText, false),
            BinaryOperator::Question => ("?", JsonFn::Contains, false),
            BinaryOperator::HashArrow => ("#>", JsonFn::Get, true),
            BinaryOperator::HashLongArrow => ("#>>", JsonFn::AsText, true),
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let title = format!("{} {symbol} {}", spelling(&expr.left), spelling(&expr.right));
        let mut args = vec![expr.left];
        if list {
            args.extend(path_list(symbol, expr.right)?)
        } else {
            args.push(expr.right)
        }
        let call =
            Expr::ScalarFunction(ScalarFunction { func: JsonUdf::udf(function, Form::Any), args });
        Ok(PlannerResult::Planned(Expr::Alias(Alias::new(call, None::<&str>, title))))
    }
}

/// The steps of `array['a', 'b']`.
fn path_list(symbol: &str, list: Expr) -> Result<Vec<Expr>> {
    match list {
        Expr::ScalarFunction(call) if call.func.name() == "make_array" => Ok(call.args),
        Expr::Literal(ScalarValue::List(list), _) if list.len() == 1 => {
            let steps = list.value(0);
            (0..steps.len())
                .map(|i| Ok(Expr::Literal(ScalarValue::try_from_array(&steps, i)?, None)))
                .collect()
        }
        _ => plan_err!("{symbol} needs a path such as array['resource', 'path'] on its right"),
    }
}

/// How an operand reads in a column title.
fn spelling(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) => column.name.clone(),
        Expr::Alias(alias) => alias.name.clone(),
        Expr::Cast(cast) => spelling(&cast.expr),
        Expr::Literal(value, _) => match value.try_as_str().flatten() {
            Some(text) => format!("'{text}'"),
            None => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// Flattens `json_get(json_get(x, 'a'), 'b')` to one lookup, and reads the type of a cast
/// directly, so that `(attrs -> 'x')::text` is the text of a string without quotes.
#[derive(Debug)]
pub(crate) struct JsonRewriter;

impl FunctionRewrite for JsonRewriter {
    fn name(&self) -> &'static str {
        "json_lookups"
    }

    fn rewrite(
        &self,
        expr: Expr,
        _schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let rewritten = match &expr {
            Expr::ScalarFunction(call) => flatten(call),
            Expr::Cast(cast) => typed(cast.field.data_type(), &cast.expr)
                .map(|call| Expr::Cast(Cast { expr: Box::new(call), field: cast.field.clone() })),
            Expr::TryCast(cast) => typed(cast.field.data_type(), &cast.expr).map(|call| {
                Expr::TryCast(TryCast { expr: Box::new(call), field: cast.field.clone() })
            }),
            _ => None,
        };
        Ok(rewritten.map_or_else(|| Transformed::no(expr), Transformed::yes))
    }
}

/// The JSON function behind an expression, with its call.
fn json_call(expr: &Expr) -> Option<(JsonFn, &ScalarFunction)> {
    match expr {
        Expr::Alias(alias) => json_call(&alias.expr),
        Expr::ScalarFunction(call) => {
            Some((call.func.inner().downcast_ref::<JsonUdf>()?.function, call))
        }
        _ => None,
    }
}

fn flatten(outer: &ScalarFunction) -> Option<Expr> {
    outer.func.inner().downcast_ref::<JsonUdf>()?;
    let (base, path) = outer.args.split_first()?;
    let (JsonFn::Get | JsonFn::GetJson, inner) = json_call(base)? else { return None };
    let args = inner.args.iter().chain(path).cloned().collect();
    Some(Expr::ScalarFunction(ScalarFunction { func: outer.func.clone(), args }))
}

fn typed(target: &DataType, expr: &Expr) -> Option<Expr> {
    let (JsonFn::Get, call) = json_call(expr)? else { return None };
    let function = match target {
        DataType::Boolean => JsonFn::GetBool,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => JsonFn::AsText,
        other if other.is_floating() || other.is_decimal() => JsonFn::GetFloat,
        other if other.is_integer() => JsonFn::GetInt,
        _ => return None,
    };
    let func = JsonUdf::udf(function, Form::Any);
    Some(Expr::ScalarFunction(ScalarFunction { func, args: call.args.clone() }))
}
