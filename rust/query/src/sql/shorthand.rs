//! What stands for columns without naming them or a star.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Select, SelectFlavor, SelectItem, Statement, TableFactor, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};

/// Writes `FROM events` out as `SELECT * FROM events`, which the planner would read as a list of
/// no columns. Tells whether the statement has this, or names columns by their position as in
/// `events AS e (a, b)`.
pub(super) fn expand(statement: &mut Statement) -> bool {
    let mut shorthand = Shorthand { found: false };
    // Nothing breaks off the visit.
    let _ = statement.visit(&mut shorthand);
    shorthand.found
}

struct Shorthand {
    found: bool,
}

impl VisitorMut for Shorthand {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.flavor == SelectFlavor::FromFirstNoSelect {
            select.flavor = SelectFlavor::Standard;
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
            self.found = true;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { alias: Some(alias), .. } = factor {
            self.found |= !alias.columns.is_empty();
        }
        ControlFlow::Continue(())
    }
}
