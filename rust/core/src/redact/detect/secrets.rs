//! API keys, tokens and private keys, by the rules of gitleaks (`gitleaks.json`).

use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::bytes::{Captures, Regex, RegexBuilder};
use serde::Deserialize;

use crate::config::Detector;

/// Made from the rules of gitleaks by `python/tools/gitleaks_rules.py`; its licence stands beside.
const RULES: &str = include_str!("gitleaks.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleSet {
    allow: Allow,
    rules: Vec<Rule>,
    /// Where they come from.
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    regex: Form,
    /// In lower case; the text has one of them.
    keywords: Vec<String>,
    /// What is found has more Shannon entropy, in bits a character.
    #[serde(default)]
    entropy: f64,
    /// The group that holds the secret; else the first that holds anything.
    #[serde(default)]
    group: Option<usize>,
    #[serde(default)]
    allow: Vec<Allow>,
}

/// What is no secret although it looks like one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allow {
    #[serde(default)]
    regexes: Vec<Form>,
    /// In lower case.
    #[serde(default)]
    stopwords: Vec<String>,
    /// Whether the expressions are held against all that was found, not the secret in it.
    #[serde(default)]
    whole: bool,
}

/// An expression that is compiled when it is first needed. The syntax is that of Go, where classes
/// such as `\w` are of ASCII.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
struct Form {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl From<String> for Form {
    fn from(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }
}

impl Form {
    fn regex(&self) -> Option<&Regex> {
        let build = || RegexBuilder::new(&self.text).unicode(false).build().ok();
        self.compiled.get_or_init(build).as_ref()
    }
}

struct Scanner {
    rules: Vec<Rule>,
    allow: Allow,
    keywords: AhoCorasick,
    /// For each keyword the rules that have it.
    rules_of: Vec<Vec<usize>>,
}

fn scanner() -> Option<&'static Scanner> {
    static SCANNER: OnceLock<Option<Scanner>> = OnceLock::new();
    SCANNER.get_or_init(Scanner::new).as_ref()
}

impl Scanner {
    fn new() -> Option<Self> {
        let set: RuleSet = serde_json::from_str(RULES).ok()?;
        let mut words: Vec<&str> =
            set.rules.iter().flat_map(|r| &r.keywords).map(|w| &**w).collect();
        words.sort_unstable();
        words.dedup();
        let rules_of = words.iter().map(|word| {
            let has = |rule: &Rule| rule.keywords.iter().any(|keyword| keyword == word);
            set.rules.iter().enumerate().filter(|(_, r)| has(r)).map(|(i, _)| i).collect()
        });
        let rules_of = rules_of.collect();
        let keywords = AhoCorasick::builder().ascii_case_insensitive(true).build(&words).ok()?;
        Some(Self { rules: set.rules, allow: set.allow, keywords, rules_of })
    }
}

/// Secrets in a text. Many rules want to see what it is said to be, `api_key = "..."`, so they get
/// the text in quotes behind the name of its member.
pub(super) fn find(text: &str, name: &str) -> Vec<(Detector, Range<usize>)> {
    let Some(scanner) = scanner() else { return Vec::new() };
    let before = format!("{name}=\"");
    let whole = [before.as_bytes(), text.as_bytes(), b"\""].concat();
    let mut due = vec![false; scanner.rules.len()];
    for hit in scanner.keywords.find_overlapping_iter(&whole) {
        for rule in &scanner.rules_of[hit.pattern().as_usize()] {
            due[*rule] = true;
        }
    }
    let mut found = Vec::new();
    for rule in scanner.rules.iter().zip(&due).filter(|(_, due)| **due).map(|(rule, _)| rule) {
        let Some(regex) = rule.regex.regex() else { continue };
        for captures in regex.captures_iter(&whole) {
            let Some((secret, all)) = rule.secret(&captures) else { continue };
            let inside = secret.start >= before.len() && secret.end < whole.len();
            if inside && rule.counts(&whole[secret.clone()], &whole[all], &scanner.allow) {
                let range = secret.start - before.len()..secret.end - before.len();
                found.push((rule.what(), whole_chars(text, range)));
            }
        }
    }
    found
}

impl Rule {
    fn what(&self) -> Detector {
        if self.id == "private-key" { Detector::PrivateKey } else { Detector::ApiKey }
    }

    /// Where the secret stands, and all that was found.
    fn secret(&self, captures: &Captures<'_>) -> Option<(Range<usize>, Range<usize>)> {
        let all = captures.get(0)?.range();
        let group = match self.group {
            Some(group) => captures.get(group),
            None => captures.iter().skip(1).flatten().find(|group| !group.is_empty()),
        };
        Some((group.map_or(all.clone(), |group| group.range()), all))
    }

    fn counts(&self, secret: &[u8], all: &[u8], allow: &Allow) -> bool {
        let surprising = self.entropy == 0.0 || entropy(secret) > self.entropy;
        surprising
            && !allow.fits(secret, all)
            && !self.allow.iter().any(|allow| allow.fits(secret, all))
    }
}

impl Allow {
    fn fits(&self, secret: &[u8], all: &[u8]) -> bool {
        let shown = if self.whole { all } else { secret };
        let lower = secret.to_ascii_lowercase();
        self.regexes.iter().filter_map(Form::regex).any(|regex| regex.is_match(shown))
            || self
                .stopwords
                .iter()
                .any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
    }
}

/// Shannon entropy of the bytes, in bits each.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let total = bytes.len() as f64;
    let share = |count: &u32| f64::from(*count) / total;
    -counts.iter().filter(|count| **count > 0).map(share).map(|p| p * p.log2()).sum::<f64>()
}

/// Expressions over bytes may end within a character.
fn whole_chars(text: &str, range: Range<usize>) -> Range<usize> {
    let start = (0..=range.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = (range.end..=text.len()).find(|at| text.is_char_boundary(*at));
    start..end.unwrap_or(text.len())
}

/// Names of members that hold secrets whatever these look like, without `_` and `-`.
const NAMES: [&str; 34] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "apisecret",
    "apitoken",
    "auth",
    "authorization",
    "authtoken",
    "bearer",
    "bearertoken",
    "clientsecret",
    "cookie",
    "cookies",
    "credentials",
    "csrftoken",
    "dbpassword",
    "idtoken",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "proxyauthorization",
    "pwd",
    "refreshtoken",
    "secret",
    "secretaccesskey",
    "secretkey",
    "sessiontoken",
    "setcookie",
    "signingkey",
    "token",
    "userpassword",
    "xapikey",
    "xauthtoken",
];

/// Whether a member of this name holds a secret.
pub(in crate::redact) fn is_secret_name(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| !matches!(c, '_' | '-')).collect();
    NAMES.binary_search(&plain.to_ascii_lowercase().as_str()).is_ok()
}

#[cfg(test)]
pub(in crate::redact) mod tests {
    use super::{NAMES, scanner};

    #[test]
    fn every_rule_compiles() {
        let scanner = scanner().unwrap();
        assert!(scanner.rules.len() > 200);
        let forms = scanner.rules.iter().flat_map(|rule| {
            let allowed = rule.allow.iter().flat_map(|allow| &allow.regexes);
            std::iter::once(&rule.regex).chain(allowed)
        });
        for form in forms.chain(&scanner.allow.regexes) {
            assert!(form.regex().is_some(), "{}", form.text);
        }
    }

    #[test]
    fn names_are_sorted() {
        assert!(NAMES.is_sorted());
    }
}
