//! What the text of a sequence says.

use crate::json::PathPart;

/// A step or an absence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) event: EventTest,
    pub(super) role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Occurs from so often to so often.
    Step {
        least: u32,
        most: u32,
    },
    Absent,
}

/// Which events are meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EventTest {
    /// A glob.
    pub(super) event_type: String,
    pub(super) predicates: Vec<Predicate>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Predicate {
    pub(super) path: FieldPath,
    pub(super) test: Test,
}

/// The path of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldPath {
    pub(super) parts: Vec<PathPart>,
    /// One unquoted name, which may be that of a logical field.
    pub(super) may_be_logical: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Test {
    /// Holds where `kind` does not.
    pub(super) negated: bool,
    pub(super) kind: TestKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TestKind {
    /// Equals one of these.
    AnyOf(Vec<Literal>),
    /// Matches the glob.
    Like(String),
    Compare(Comparison, Literal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value in the text of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) text: String,
    pub(super) quoted: bool,
    /// Index of the character where it begins.
    pub(super) at: usize,
}
