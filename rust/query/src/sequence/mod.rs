//! Sequences: events in a given order, of one user, address or agent, within a time.
//!
//! ```text
//! auth.user_login[status=fail]{3,} auth.user_login[status=success]
//! ```
//!
//! # Grammar
//!
//! ```text
//! sequence   = part { part }                      64 parts at most, at least one of them a step
//! part       = step | absence
//! step       = event [ count ]
//! absence    = "!" event
//! event      = type [ "[" predicate { "," predicate } "]" ]
//! type       = a type such as auth.user_login, or a glob such as data.* or *.deleted
//! count      = "{" n "}" | "{" n "," "}" | "{" n "," m "}" | "+"        1 <= n <= m <= 1000000
//! predicate  = path test
//! path       = key { "[" position "]" } { "." key { "[" position "]" } }
//! key        = letters, digits, _ - @ $ | quoted
//! test       = ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" ) value
//!            | [ "not" ] "in" "(" value { "," value } ")"
//! value      = quoted | text without white space and , ( ) [ ] { } ' "
//! quoted     = "..." | '...'                      \ takes the meaning from the character after it
//! ```
//!
//! White space may stand between all of these. All predicates of an event must hold.
//!
//! - A path of one unquoted name that is a logical field of the search (`status`, `user_id`,
//!   `source_ip`, ...), or a column of the view `events` (`actor`, `outcome`, `session`, ...),
//!   means what it means there; any other path is looked up in the record, and so is a quoted one.
//! - An unquoted value that is a number also equals that number, `true` and `false` also those
//!   values, and `= null` holds where there is no value. A quoted value is text.
//! - `<` and its like compare with a number as numbers, with a time in RFC 3339 as times, and
//!   otherwise as text, by code points. They hold for values of that type only.
//! - In the glob of `~`, `*` stands for any characters, `?` for one, and `\` takes the meaning from
//!   the next; it compares the whole value, as text. For addresses it may be a network.
//! - `!=`, `!~` and `not in` hold wherever `=`, `~` and `in` do not: also without a value.
//!
//! # Meaning
//!
//! The events of one *key* (the values of the fields that `by` names) are looked at by themselves,
//! in the order of (`timestamp`, `audit_id`). An event without a value for one of these fields, or
//! with an empty one, takes no part.
//!
//! A *candidate* takes events in this order: for each step, in turn, as many as its count allows,
//! each one only once; other events may lie between them. It satisfies:
//!
//! - *Window*: from the first event to the last there is at most `within`.
//! - *Absence between two steps*: no such event lies between the last event of the one and the
//!   first event of the other.
//! - *Absence before the first step*: no such event lies before the first event and at most
//!   `within` away from it.
//!
//! Candidates become matches one after the other: the one that is *complete* first (at the event
//! with which every step has its least count), of several that of the earliest start, and of those
//! the one in which each event in turn goes to the earliest step that can have it: a step takes
//! as many events as its count allows, as long as the completion stays the same. Then:
//!
//! - If the last step may have more events, the match takes every further one of them, up to its
//!   greatest count, until `within` after its first event.
//! - *Absence after the last step*: the match is dropped if such an event comes after its last event
//!   and at most `within` after its first. That is decided when that time has passed, or at the end
//!   of the data, which count as all there is.
//!
//! The search for the next match of this key goes on after the last event of the match, dropped or
//! not: matches of one key never overlap. So fifty failed logins and a success are one match of
//! fifty-one events (of those within the window), not forty-eight matches.
//!
//! Matches come in the order in which they are decided, and are numbered in it from 1.

mod choose;
mod matcher;
mod output;
mod parser;
mod parts;
mod pass;
mod predicate;
mod records;
mod registers;
mod rows;

pub use matcher::{Match, MatchEvent};
pub use output::write_matches;
pub use parser::Sequence;
pub use pass::{Matches, SequenceQuery, search};
