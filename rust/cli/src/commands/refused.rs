//! Telling which lines became no record.

use crate::session::Session;
use crate::text::count;

/// Prints `file:line: path: message`.
pub(crate) fn tell(session: &mut Session<'_>, file: &str, line: u64, path: &str, message: &str) {
    let place = if line == 0 { file.to_owned() } else { format!("{file}:{line}") };
    if path.is_empty() {
        session.note(format_args!("{place}: {message}"));
    } else {
        session.note(format_args!("{place}: {path}: {message}"));
    }
}

/// Says how many lines are not listed, if any.
pub(crate) fn tell_unlisted(session: &mut Session<'_>, file: &str, refused: u64, listed: usize) {
    let unlisted = refused.saturating_sub(listed as u64);
    if unlisted > 0 {
        let lines = count(unlisted, "more refused line");
        session.note(format_args!("{file}: {lines}, not listed"));
    }
}
