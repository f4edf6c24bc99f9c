//! Which authentication covers a moment.

use super::known::{At, Known};
use super::record::Record;
use super::time::rfc3339;

/// The authentication of `user` that covers `at`: that of the session, else the latest one before
/// that has not ended, with why it is taken to be it.
pub(super) fn covering(
    known: &Known,
    user: &str,
    session: Option<&str>,
    at: i64,
) -> Option<(At, Option<String>)> {
    let logins = known.logins(user);
    let of_session =
        |login: &At| session.is_some() && known.get(*login).session().map(|(_, id)| id) == session;
    let same: Vec<At> = logins.iter().copied().filter(of_session).collect();
    if !same.is_empty() {
        let before = same.iter().copied().rfind(|login| known.get(*login).at <= at);
        return before.or(same.first().copied()).map(|login| (login, None));
    }
    let login = logins
        .iter()
        .copied()
        .rfind(|login| known.get(*login).at <= at && ended(known, user, *login, at).is_none())?;
    let why = format!(
        "the latest login of {user} before {} that had not ended by logout or expiry",
        rfc3339(at)
    );
    Some((login, Some(why)))
}

/// When and by which event an authentication ended, if that was at or before `at`.
pub(super) fn ended(known: &Known, user: &str, login: At, at: i64) -> Option<(i64, At)> {
    let record = known.get(login);
    let session = record.session().map(|(_, id)| id);
    let logout = known.logouts(user).iter().copied().find(|logout| {
        let other = known.get(*logout);
        let id = other.session().map(|(_, id)| id);
        let same = session.is_none() || id.is_none() || id == session;
        same && other.order() > record.order() && other.at <= at
    });
    let logout = logout.map(|logout| (known.get(logout).at, logout));
    let expiry = expiry(record).filter(|end| *end <= at).map(|end| (end, login));
    logout.into_iter().chain(expiry).min()
}

fn expiry(login: &Record) -> Option<i64> {
    let seconds = login.value("session_duration_seconds").as_f64().filter(|s| *s >= 0.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates, as it should")]
    Some(login.at.saturating_add((seconds * 1e6) as i64))
}
