//! Reading a statement: dialect, placeholders, and what is refused.

mod dialect;
mod shorthand;

use std::collections::{HashMap, HashSet};

use datafusion::common::ParamValues;
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as PlannableStatement;
use datafusion::sql::sqlparser::ast::{Expr, Statement};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::error::{QueryError, Result};
use crate::place;
use dialect::TrailDialect;

/// Values for the placeholders of a statement.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Params {
    /// None.
    #[default]
    None,
    /// For `$1`, `$2`... or for `?` in order.
    List(Vec<ScalarValue>),
    /// For `$name`.
    Named(HashMap<String, ScalarValue>),
}

/// A statement that only reads.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) statement: PlannableStatement,
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// Distinct placeholders with their `$`, in order of appearance.
    placeholders: Vec<String>,
    /// Something stands for columns without naming them or a star.
    shorthand: bool,
}

/// What a statement asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows, or how they would be found.
    Query,
    /// Tables or columns.
    Listing,
}

/// The columns that a statement may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All that there are.
    All,
    /// Those that have one of these names, in lower case.
    Named(HashSet<String>),
}

impl Wanted {
    pub(crate) fn has(&self, column: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(&column.to_ascii_lowercase()),
        }
    }
}

impl Parsed {
    /// The columns that the statement may mean: all words of its text, unless it has something
    /// that stands for columns without naming them.
    pub(crate) fn wanted(&self) -> Wanted {
        if self.shorthand || self.kind() != Kind::Query {
            return Wanted::All;
        }
        let mut names = HashSet::new();
        let texts = self.tokens.iter().map(|token| &token.token);
        let texts: Vec<&Token> =
            texts.filter(|token| !matches!(token, Token::Whitespace(_))).collect();
        for (at, token) in texts.iter().enumerate() {
            match token {
                Token::Word(word) if word.keyword == Keyword::NATURAL => return Wanted::All,
                Token::Word(word) => names.insert(word.value.to_ascii_lowercase()),
                Token::Mul if !names_nothing(&texts[..at]) => return Wanted::All,
                _ => continue,
            };
        }
        Wanted::Named(names)
    }

    pub(crate) fn kind(&self) -> Kind {
        match &self.statement {
            PlannableStatement::Statement(statement) => match statement.as_ref() {
                Statement::Query(_) | Statement::Explain { .. } => Kind::Query,
                _ => Kind::Listing,
            },
            _ => Kind::Listing,
        }
    }
}

/// Parses one statement that only reads.
pub(crate) fn parse(sql: &str) -> Result<Parsed> {
    let dialect = TrailDialect;
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|error| place::syntax(sql, &ParserError::TokenizerError(error.to_string())))?;
    let (tokens, placeholders) = number_placeholders(tokens)?;
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens.clone());
    let mut statements = parser.parse_statements().map_err(|error| place::syntax(sql, &error))?;
    let Some(mut statement) = statements.pop() else {
        return Err(QueryError::Sql(place::problem(sql, "there is no statement".to_owned(), 1, 1)));
    };
    if !statements.is_empty() {
        let (line, column) = second_statement(&tokens);
        return Err(QueryError::Sql(place::problem(
            sql,
            "more than one statement".to_owned(),
            line,
            column,
        )));
    }
    if !reads_only(&statement) {
        return Err(refused(sql, &tokens));
    }
    let shorthand = shorthand::expand(&mut statement);
    Ok(Parsed {
        statement: PlannableStatement::Statement(Box::new(statement)),
        tokens,
        placeholders,
        shorthand,
    })
}

/// Parses one expression. Names in a dotted path are names, whatever else the words mean.
pub(crate) fn parse_expression(text: &str) -> Result<Expr> {
    let dialect = TrailDialect;
    let mut tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|error| place::syntax(text, &ParserError::TokenizerError(error.to_string())))?;
    let problem = |token: &TokenWithSpan, message: &str| {
        let start = token.span.start;
        QueryError::Sql(place::problem(text, message.to_owned(), start.line, start.column))
    };
    if let Some(token) = tokens.iter().find(|token| matches!(token.token, Token::Placeholder(_))) {
        return Err(problem(token, "a condition has no parameters"));
    }
    let period = |token: Option<&TokenWithSpan>| token.is_some_and(|t| t.token == Token::Period);
    for at in 0..tokens.len() {
        let dotted = period(tokens.get(at + 1)) || at > 0 && period(tokens.get(at - 1));
        if let Token::Word(word) = &mut tokens[at].token
            && dotted
        {
            word.keyword = Keyword::NoKeyword;
            word.quote_style = Some('"');
        }
    }
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().map_err(|error| place::syntax(text, &error))?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(problem(&next, "a condition is one expression"));
    }
    Ok(expr)
}

/// Whether a `*` after these tokens is that of `count(*)` or stands between operands.
fn names_nothing(before: &[&Token]) -> bool {
    let is =
        |token: &Token, known: Keyword| matches!(token, Token::Word(word) if word.keyword == known);
    match before {
        [.., Token::Word(function), Token::LParen] => function.value.eq_ignore_ascii_case("count"),
        // `SELECT DISTINCT ON (x) *`
        [.., Token::RParen] => !before
            .windows(2)
            .any(|pair| is(pair[0], Keyword::DISTINCT) && is(pair[1], Keyword::ON)),
        [.., Token::Word(word)] => word.keyword == Keyword::NoKeyword,
        [.., Token::Number(..) | Token::RBracket | Token::Placeholder(_)] => true,
        _ => false,
    }
}

fn reads_only(statement: &Statement) -> bool {
    match statement {
        Statement::Query(_)
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ExplainTable { .. } => true,
        Statement::Explain { statement, .. } => matches!(statement.as_ref(), Statement::Query(_)),
        _ => false,
    }
}

/// The error for a statement that would do something else than read.
fn refused(sql: &str, tokens: &[TokenWithSpan]) -> QueryError {
    let first = tokens.iter().find(|token| matches!(token.token, Token::Word(_)));
    let (word, line, column) = first.map_or((String::new(), 0, 0), |token| {
        (token.token.to_string().to_uppercase(), token.span.start.line, token.span.start.column)
    });
    let message = format!(
        "{word} is refused: SQL over a trail only reads (SELECT, EXPLAIN, SHOW TABLES, DESCRIBE)"
    );
    QueryError::ReadOnly(place::problem(sql, message, line, column))
}

/// The error for a plan that would do something else than read.
pub(crate) fn refused_plan(sql: &str, parsed: &Parsed) -> QueryError {
    refused(sql, &parsed.tokens)
}

fn second_statement(tokens: &[TokenWithSpan]) -> (u64, u64) {
    let after = tokens.iter().skip_while(|token| token.token != Token::SemiColon);
    let next = after
        .into_iter()
        .find(|token| !matches!(token.token, Token::SemiColon | Token::Whitespace(_)));
    next.map_or((0, 0), |token| (token.span.start.line, token.span.start.column))
}

/// Tells the placeholder `?` from the operator `?`, and numbers the former.
fn number_placeholders(tokens: Vec<TokenWithSpan>) -> Result<(Vec<TokenWithSpan>, Vec<String>)> {
    let mut placeholders: Vec<String> = Vec::new();
    let (mut counted, mut after_operand, mut any_dollar) = (0usize, false, false);
    let mut out = Vec::with_capacity(tokens.len());
    for mut token in tokens {
        if let Token::Placeholder(name) = &token.token {
            if name == "?" && after_operand {
                token.token = Token::Question;
            } else {
                let name = if name == "?" {
                    counted += 1;
                    format!("${counted}")
                } else {
                    any_dollar = true;
                    name.replacen('?', "$", 1)
                };
                if !placeholders.contains(&name) {
                    placeholders.push(name.clone());
                }
                token.token = Token::Placeholder(name);
            }
        }
        if !matches!(token.token, Token::Whitespace(_)) {
            after_operand = ends_operand(&token.token);
        }
        out.push(token);
    }
    if counted > 0 && any_dollar {
        return Err(QueryError::Parameter(
            "use either ? or $1 and $name for parameters, not both".to_owned(),
        ));
    }
    Ok((out, placeholders))
}

/// Whether an operator may follow the token.
fn ends_operand(token: &Token) -> bool {
    match token {
        Token::Word(word) => !matches!(
            word.keyword,
            Keyword::SELECT
                | Keyword::DISTINCT
                | Keyword::FROM
                | Keyword::WHERE
                | Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::SIMILAR
                | Keyword::TO
                | Keyword::BETWEEN
                | Keyword::ON
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE
                | Keyword::CASE
                | Keyword::LIMIT
                | Keyword::OFFSET
                | Keyword::BY
                | Keyword::HAVING
                | Keyword::VALUES
                | Keyword::INTERVAL
                | Keyword::ESCAPE
                | Keyword::IS
        ),
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::DollarQuotedString(_)
        | Token::Placeholder(_)
        | Token::RParen
        | Token::RBracket => true,
        _ => false,
    }
}

/// The values in the planner's form, after checking that every placeholder has one and every
/// value is used.
pub(crate) fn bind(parsed: &Parsed, params: Params) -> Result<Option<ParamValues>> {
    let wanted = &parsed.placeholders;
    let numbers: Option<Vec<usize>> = wanted.iter().map(|name| name[1..].parse().ok()).collect();
    match params {
        Params::None if wanted.is_empty() => Ok(None),
        Params::None => {
            Err(QueryError::Parameter(format!("no value is given for {}", wanted.join(", "))))
        }
        Params::List(values) => {
            let Some(numbers) = numbers else {
                return Err(QueryError::Parameter(format!(
                    "{} need values by name",
                    wanted.join(", ")
                )));
            };
            let highest = numbers.iter().copied().max().unwrap_or(0);
            if highest != values.len() {
                let message = format!(
                    "parameters of the statement: {highest}, values given: {}",
                    values.len()
                );
                return Err(QueryError::Parameter(message));
            }
            Ok((!values.is_empty()).then(|| ParamValues::from(values)))
        }
        Params::Named(values) => {
            let missing: Vec<&str> = wanted
                .iter()
                .filter(|name| !values.contains_key(&name[1..]))
                .map(String::as_str)
                .collect();
            if !missing.is_empty() {
                return Err(QueryError::Parameter(format!(
                    "no value is given for {}",
                    missing.join(", ")
                )));
            }
            let mut unused: Vec<&str> = values
                .keys()
                .map(String::as_str)
                .filter(|key| !wanted.iter().any(|name| name[1..] == **key))
                .collect();
            unused.sort_unstable();
            if !unused.is_empty() {
                return Err(QueryError::Parameter(format!(
                    "the statement has no ${}",
                    unused.join(", $")
                )));
            }
            Ok((!values.is_empty()).then(|| ParamValues::from(values)))
        }
    }
}

#[cfg(test)]
mod tests;
