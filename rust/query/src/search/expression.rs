//! `--where`: an expression of SQL over any path of a record.
//!
//! Dotted names are paths (`resource.size_bytes`, `workflow_steps[0].status`; a name that SQL
//! would misread is quoted: `"x-y".z`). The columns of the view that say what others mean
//! (`actor`, `outcome`...) and the fixed columns go by their names, too. What a path is compared
//! with tells how its value is read: with numbers as a number, with text as text, with `true` and
//! `false` as such; two paths compare if their values are of one kind. A value of another kind
//! is NULL there, so that an answer never depends on which paths have columns.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CaseWhen, DataType, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Ident, Subscript, UnaryOperator, Value,
};

use crate::error::{QueryError, Result};
use crate::json::PathPart;
use crate::place;
use crate::search::condition::{Path, Want};
use crate::sql::parse_expression;

/// Functions of numbers.
const NUMERIC: [&str; 24] = [
    "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "exp", "floor", "gcd", "isnan", "ln",
    "log", "log10", "log2", "mod", "pow", "power", "round", "signum", "sin", "sqrt", "tan",
    "trunc",
];

/// The expression in SQL over the view `events`.
///
/// # Errors
/// `Sql` with the place if it cannot be read, or asks for what a condition cannot have.
pub(crate) fn rewrite(text: &str) -> Result<String> {
    let mut expr = parse_expression(text)?;
    let wrong = |message: String| QueryError::Sql(place::problem(text, message, 0, 0));
    visit(&mut expr, Want::Bool).map_err(wrong)?;
    Ok(expr.to_string())
}

type Visited = std::result::Result<(), String>;

/// Puts SQL in the place of each path.
fn visit(expr: &mut Expr, want: Want) -> Visited {
    if let Some(path) = path_of(expr) {
        *expr = raw(path.sql(want));
        return Ok(());
    }
    match expr {
        Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) => Ok(()),
        Expr::Nested(inner) => visit(inner, want),
        Expr::UnaryOp { op, expr: inner } => {
            visit(inner, if *op == UnaryOperator::Not { Want::Bool } else { Want::Number })
        }
        Expr::BinaryOp { .. } => binary(expr),
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            let both = kind(left).or(kind(right)).unwrap_or(Want::AsText);
            visit(left, both)?;
            visit(right, both)
        }
        Expr::InList { expr: tested, list, .. } => {
            let want = kind(tested).or(list.iter().find_map(kind)).unwrap_or(Want::AsText);
            visit(tested, want)?;
            list.iter_mut().try_for_each(|item| visit(item, want))
        }
        Expr::Between { expr: tested, low, high, .. } => {
            let want = kind(tested).or(kind(low)).or(kind(high)).unwrap_or(Want::AsText);
            [tested, low, high].into_iter().try_for_each(|part| visit(part, want))
        }
        Expr::Like { expr: tested, pattern, .. }
        | Expr::ILike { expr: tested, pattern, .. }
        | Expr::SimilarTo { expr: tested, pattern, .. } => {
            visit(tested, Want::Text)?;
            visit(pattern, Want::Text)
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => visit(inner, Want::Json),
        Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner) => visit(inner, Want::Bool),
        other => value(other, want),
    }
}

/// Expressions that make a value of values.
fn value(expr: &mut Expr, want: Want) -> Visited {
    match expr {
        Expr::Cast { expr: inner, data_type, .. } => {
            let want = if reads_json(data_type) { Want::Json } else { Want::AsText };
            visit(inner, want)
        }
        Expr::Ceil { expr: inner, .. } | Expr::Floor { expr: inner, .. } => {
            visit(inner, Want::Number)
        }
        Expr::Extract { expr: inner, .. }
        | Expr::Trim { expr: inner, .. }
        | Expr::AtTimeZone { timestamp: inner, .. } => visit(inner, Want::AsText),
        Expr::Position { expr: inner, r#in } => {
            visit(inner, Want::AsText)?;
            visit(r#in, Want::AsText)
        }
        Expr::Substring { expr: inner, substring_from, substring_for, .. } => {
            visit(inner, Want::AsText)?;
            let counts = [substring_from, substring_for];
            counts.into_iter().flatten().try_for_each(|count| visit(count, Want::Number))
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let tested = if operand.is_some() { Want::AsText } else { Want::Bool };
            operand.iter_mut().try_for_each(|operand| visit(operand, Want::AsText))?;
            for CaseWhen { condition, result } in conditions {
                visit(condition, tested)?;
                visit(result, want)?;
            }
            else_result.iter_mut().try_for_each(|result| visit(result, want))
        }
        Expr::Array(Array { elem, .. }) => elem.iter_mut().try_for_each(|item| visit(item, want)),
        Expr::Function(function) => arguments(function),
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
            Err("a condition has no SELECT in it; ask with sql".to_owned())
        }
        other => Err(format!("{other} has no meaning in a condition; ask with sql")),
    }
}

/// Whether JSON is read straight as the type of a cast.
fn reads_json(data_type: &DataType) -> bool {
    let name = data_type.to_string().to_ascii_uppercase();
    let times = ["TIME", "DATE", "INTERVAL"];
    !times.iter().any(|time| name.starts_with(time))
}

fn binary(expr: &mut Expr) -> Visited {
    let Expr::BinaryOp { left, op, right } = expr else { return Ok(()) };
    use BinaryOperator as Op;
    match op {
        Op::And | Op::Or | Op::Xor => {
            visit(left, Want::Bool)?;
            visit(right, Want::Bool)
        }
        Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
            if let (Some(a), Some(b)) = (path_of(left), path_of(right))
                && a.computed().is_none()
                && b.computed().is_none()
            {
                *expr = raw(compared(&a, op, &b));
                return Ok(());
            }
            let both = kind(left).or(kind(right)).unwrap_or(Want::AsText);
            visit(left, both)?;
            visit(right, both)
        }
        Op::Arrow | Op::LongArrow | Op::HashArrow | Op::HashLongArrow | Op::Question => {
            visit(left, Want::Json)
        }
        Op::StringConcat
        | Op::PGRegexMatch
        | Op::PGRegexIMatch
        | Op::PGRegexNotMatch
        | Op::PGRegexNotIMatch
        | Op::PGLikeMatch
        | Op::PGILikeMatch
        | Op::PGNotLikeMatch
        | Op::PGNotILikeMatch => {
            visit(left, Want::AsText)?;
            visit(right, Want::AsText)
        }
        Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo => {
            visit(left, Want::Number)?;
            visit(right, Want::Number)
        }
        other => Err(format!("the operator {other} has no meaning in a condition")),
    }
}

/// Two values compare if they are of one kind.
fn compared(a: &Path, op: &BinaryOperator, b: &Path) -> String {
    let kinds = [Want::Number, Want::Text, Want::Bool];
    let tests = kinds.map(|want| format!("{} {op} {}", a.sql(want), b.sql(want)));
    // The times of every record are no text.
    let time = [a, b].iter().any(|path| path.sql(Want::Text) == path.sql(Want::Number));
    if time {
        return format!("{} {op} {}", a.sql(Want::AsText), b.sql(Want::AsText));
    }
    format!("coalesce({})", tests.join(", "))
}

fn arguments(function: &mut Function) -> Visited {
    if function.over.is_some() || !function.within_group.is_empty() || function.filter.is_some() {
        return Err(format!("{function} has no meaning in a condition; ask with sql"));
    }
    let name = function.name.to_string().to_ascii_lowercase();
    let FunctionArguments::List(list) = &mut function.args else { return Ok(()) };
    for (index, argument) in list.args.iter_mut().enumerate() {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else { continue };
        let want = match name.as_str() {
            _ if NUMERIC.contains(&name.as_str()) => Want::Number,
            _ if name.starts_with("json_") && index == 0 => Want::Json,
            "coalesce" | "nullif" | "greatest" | "least" => Want::AsText,
            _ => Want::AsText,
        };
        visit(argument, want)?;
    }
    Ok(())
}

/// What an expression's values are, where that can be seen.
fn kind(expr: &Expr) -> Option<Want> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(..) => Some(Want::Number),
            Value::Boolean(_) => Some(Want::Bool),
            Value::SingleQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::DollarQuotedString(_) => Some(Want::Text),
            _ => None,
        },
        Expr::Nested(inner) => kind(inner),
        Expr::UnaryOp { op, expr } => match op {
            UnaryOperator::Not => Some(Want::Bool),
            UnaryOperator::Plus | UnaryOperator::Minus => kind(expr).or(Some(Want::Number)),
            _ => None,
        },
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo => {
                let other = |side: &Expr| !matches!(side, Expr::Interval(_));
                (other(left) && other(right)).then_some(Want::Number)
            }
            BinaryOperator::StringConcat | BinaryOperator::LongArrow => Some(Want::AsText),
            _ => None,
        },
        Expr::Function(function) => {
            let name = function.name.to_string().to_ascii_lowercase();
            NUMERIC.contains(&name.as_str()).then_some(Want::Number)
        }
        Expr::Ceil { .. } | Expr::Floor { .. } | Expr::Extract { .. } | Expr::Position { .. } => {
            Some(Want::Number)
        }
        _ => None,
    }
}

/// The path that an expression spells, if it is one.
fn path_of(expr: &Expr) -> Option<Path> {
    let key = |ident: &Ident| PathPart::Key(ident.value.clone());
    match expr {
        Expr::Identifier(ident) => Some(Path(vec![key(ident)])),
        Expr::CompoundIdentifier(idents) => Some(Path(idents.iter().map(key).collect())),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let Path(mut parts) = path_of(root)?;
            for access in access_chain {
                parts.push(match access {
                    AccessExpr::Dot(name) => match path_of(name)?.0.as_slice() {
                        [one] => one.clone(),
                        _ => return None,
                    },
                    AccessExpr::Subscript(Subscript::Index { index }) => position(index)?,
                    AccessExpr::Subscript(Subscript::Slice { .. }) => return None,
                });
            }
            Some(Path(parts))
        }
        _ => None,
    }
}

fn position(index: &Expr) -> Option<PathPart> {
    let (text, sign) = match index {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => (expr.to_string(), -1),
        other => (other.to_string(), 1),
    };
    text.parse::<i64>().ok().map(|index| PathPart::Index(sign * index))
}

/// SQL that is printed as it is.
fn raw(sql: String) -> Expr {
    Expr::Identifier(Ident::new(sql))
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
