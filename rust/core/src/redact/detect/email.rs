//! E-mail addresses: the forms of RFC 5321 that are in use, and of RFC 6531 (other than ASCII).

use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;

/// Names of files such as `icon@2x.png` look like addresses.
const FILES: [&str; 18] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "mjs", "ts", "json", "html",
    "service", "target", "socket", "timer", "lock",
];

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    static FORM: OnceLock<Option<Regex>> = OnceLock::new();
    if !text.contains('@') {
        return Vec::new();
    }
    let form = FORM.get_or_init(|| {
        Regex::new(
            r"(?x)
            [\w.!\#$%&'*+/=?^`{|}~-]+
            @
            (?:[\p{L}\p{N}-]+\.)+
            (?:\p{L}{2,} | xn--[a-zA-Z0-9-]+)",
        )
        .ok()
    });
    let found = form.iter().flat_map(|form| form.find_iter(text));
    found
        .map(|found| trimmed(text, found.range()))
        .filter(|range| is_address(text, range))
        .collect()
}

/// Without the punctuation of the sentence or URL around it: `<mailto:a@b.org>`, `user=a@b.org`.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let local = text[range.clone()].find('@').unwrap_or(0);
    let before = &text[range.start..range.start + local];
    let from = before.rfind(['=', '/', '?', '&', '`', '{', '|', '\'']).map_or(0, |at| at + 1);
    let dots = before[from..].len() - before[from..].trim_start_matches('.').len();
    range.start + from + dots..range.end
}

fn is_address(text: &str, range: &Range<usize>) -> bool {
    let address = &text[range.clone()];
    let Some((local, domain)) = address.split_once('@') else { return false };
    let last = domain.rsplit('.').next().unwrap_or_default().to_lowercase();
    // `git@host:path` names a place, not a person.
    let is_place = text[range.end..].starts_with(':') && local == "git";
    !local.is_empty() && !is_place && !FILES.contains(&last.as_str())
}
