//! What a value of a filter is compared with: `value`, `data.*`, `203.0.113.0/24`, `!value`.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::error::{QueryError, Result};
use crate::search::condition::text_literal;

/// A value of a filter, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// What matches is left out.
    pub(crate) negated: bool,
    pub(crate) matcher: Matcher,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matcher {
    /// This text.
    Exact(String),
    /// Text of these parts.
    Glob(Vec<GlobPart>),
    /// An address in this network.
    Net(IpNet),
}

impl Matcher {
    /// What [`Pattern::parse`] reads as this matcher, where it is no network.
    pub(crate) fn text(&self) -> String {
        let escaped = |text: &str, out: &mut String| {
            for c in text.chars() {
                if matches!(c, '*' | '?' | '\\') || out.is_empty() && c == '!' {
                    out.push('\\');
                }
                out.push(c);
            }
        };
        let mut out = String::new();
        match self {
            Self::Exact(text) => escaped(text, &mut out),
            Self::Net(net) => escaped(&net.to_string(), &mut out),
            Self::Glob(parts) => parts.iter().for_each(|part| match part {
                GlobPart::Any => out.push('*'),
                GlobPart::One => out.push('?'),
                GlobPart::Text(text) => escaped(text, &mut out),
            }),
        }
        out
    }

    /// Whether a text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => text == exact,
            Self::Glob(parts) => glob_matches(parts, text),
            Self::Net(net) => address_in(text, net),
        }
    }
}

/// Whether an address lies in a network; an IPv4 address in IPv6 form is that IPv4 address.
pub(crate) fn address_in(text: &str, net: &IpNet) -> bool {
    text.parse::<IpAddr>()
        .is_ok_and(|address| net.contains(&address) || net.contains(&address.to_canonical()))
}

/// The usual way with one point to return to: what follows the last `*`.
fn glob_matches(parts: &[GlobPart], text: &str) -> bool {
    let (mut at, mut rest) = (0, text);
    let mut again: Option<(usize, &str)> = None;
    loop {
        let ahead = match parts.get(at) {
            None if rest.is_empty() => return true,
            None => None,
            Some(GlobPart::Any) => {
                at += 1;
                again = Some((at, rest));
                continue;
            }
            Some(GlobPart::One) => rest.chars().next().map(|c| &rest[c.len_utf8()..]),
            Some(GlobPart::Text(literal)) => rest.strip_prefix(literal.as_str()),
        };
        if let Some(after) = ahead {
            (at, rest) = (at + 1, after);
            continue;
        }
        let Some((from, tried)) = again else { return false };
        let Some(c) = tried.chars().next() else { return false };
        let tried = &tried[c.len_utf8()..];
        again = Some((from, tried));
        (at, rest) = (from, tried);
    }
}

/// A part of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GlobPart {
    Text(String),
    /// `?`: one character.
    One,
    /// `*`: any number of characters.
    Any,
}

impl Pattern {
    /// Takes a value apart. `!` at the beginning excludes, `*` stands for any characters, `?` for
    /// one, and `\` takes the meaning from the character after it.
    ///
    /// # Errors
    /// `Parameter` if nothing is left of it, or it ends with `\`.
    pub(crate) fn parse(field: &str, value: &str, addresses: bool) -> Result<Self> {
        let (negated, rest) = match value.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, value),
        };
        let wrong = |why: &str| QueryError::Parameter(format!("{field}: {value:?} {why}"));
        if rest.is_empty() {
            return Err(wrong("is empty; * stands for any value"));
        }
        let parts = glob(rest).ok_or_else(|| wrong("ends with \\; write \\\\ for one"))?;
        let matcher = match parts.as_slice() {
            [] => Matcher::Exact(String::new()),
            [GlobPart::Text(text)] => {
                let net = if addresses { network(text) } else { None };
                net.map_or_else(|| Matcher::Exact(text.clone()), Matcher::Net)
            }
            _ => Matcher::Glob(parts),
        };
        if addresses && rest.contains('/') && !matches!(matcher, Matcher::Net(_)) {
            return Err(wrong("is no network; write 203.0.113.0/24 or 2001:db8::/32"));
        }
        Ok(Self { negated, matcher })
    }

    /// The domain that every match of an event type has, if the pattern tells.
    pub(crate) fn domain(&self) -> Option<&str> {
        let start = match &self.matcher {
            Matcher::Exact(text) => text,
            Matcher::Glob(parts) => match parts.first()? {
                GlobPart::Text(text) => text,
                _ => return None,
            },
            Matcher::Net(_) => return None,
        };
        start.split_once('.').map(|(domain, _)| domain)
    }

    /// The other spelling of the same address that a record may have.
    pub(crate) fn same_address(text: &str) -> Option<String> {
        match text.parse::<IpAddr>().ok()? {
            IpAddr::V4(v4) => Some(v4.to_ipv6_mapped().to_string()),
            IpAddr::V6(_) => None,
        }
    }
}

/// The network that a text is: also a single IPv6 address, which has many spellings.
fn network(text: &str) -> Option<IpNet> {
    if text.contains('/') {
        return text.parse().ok();
    }
    match text.parse::<IpAddr>().ok()? {
        v6 @ IpAddr::V6(_) => Some(v6.into()),
        IpAddr::V4(_) => None,
    }
}

fn glob(text: &str) -> Option<Vec<GlobPart>> {
    let (mut parts, mut literal) = (Vec::new(), String::new());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let special = match c {
            '\\' => {
                literal.push(chars.next()?);
                continue;
            }
            '*' => GlobPart::Any,
            '?' => GlobPart::One,
            _ => {
                literal.push(c);
                continue;
            }
        };
        if !literal.is_empty() {
            parts.push(GlobPart::Text(std::mem::take(&mut literal)));
        }
        if special != GlobPart::Any || parts.last() != Some(&GlobPart::Any) {
            parts.push(special);
        }
    }
    if !literal.is_empty() {
        parts.push(GlobPart::Text(literal));
    }
    Some(parts)
}

/// The glob as the pattern of `LIKE`.
pub(crate) fn like(parts: &[GlobPart]) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            GlobPart::Any => out.push('%'),
            GlobPart::One => out.push('_'),
            GlobPart::Text(text) => {
                for c in text.chars() {
                    if matches!(c, '%' | '_' | '\\') {
                        out.push('\\');
                    }
                    out.push(c);
                }
            }
        }
    }
    out
}

/// SQL that is true where the text `expr` matches one of the patterns, whatever their sign.
pub(crate) fn any_of(expr: &str, matchers: &[&Matcher]) -> String {
    let mut exact: Vec<String> = Vec::new();
    let mut tests = Vec::new();
    for matcher in matchers {
        match matcher {
            Matcher::Exact(text) => exact.push(text_literal(text)),
            Matcher::Glob(parts) if parts.as_slice() == [GlobPart::Any] => {
                tests.push(format!("{expr} IS NOT NULL"));
            }
            Matcher::Glob(parts) => {
                tests.push(format!("{expr} LIKE {}", text_literal(&like(parts))));
            }
            Matcher::Net(net) => {
                tests.push(format!("ip_in({expr}, {})", text_literal(&net.to_string())));
            }
        }
    }
    match exact.as_slice() {
        [] => {}
        [one] => tests.insert(0, format!("{expr} = {one}")),
        several => tests.insert(0, format!("{expr} IN ({})", several.join(", "))),
    }
    either(tests)
}

/// The disjunction of these tests.
pub(crate) fn either(mut tests: Vec<String>) -> String {
    match tests.len() {
        0 => "false".to_owned(),
        1 => tests.remove(0),
        _ => format!("({})", tests.join(" OR ")),
    }
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
