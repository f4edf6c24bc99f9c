//! What recognises sensitive values in a text.

mod email;
mod iban;
mod numbers;
mod secrets;

use std::ops::Range;

use crate::config::Detector;

pub(super) use secrets::is_secret_name;

/// Something that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it stands, in bytes of the text.
    pub range: Range<usize>,
    /// What it is.
    pub what: Detector,
}

/// What all detectors recognise in a text, in order and without overlaps. `name` is the name of
/// the member that has the text, or empty: some values show what they are only beside it.
pub fn find(text: &str, name: &str) -> Vec<Found> {
    find_in(text, name, |_| true)
}

/// As [`find`], by the detectors that are wanted.
pub(super) fn find_in(text: &str, name: &str, wanted: impl Fn(Detector) -> bool) -> Vec<Found> {
    let mut all: Vec<Found> = Vec::new();
    let mut add = |what: Detector, ranges: Vec<Range<usize>>| {
        all.extend(ranges.into_iter().map(|range| Found { range, what }));
    };
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if wanted(Detector::PrivateKey) || wanted(Detector::ApiKey) {
        for (what, range) in secrets::find(text, name) {
            if wanted(what) {
                add(what, vec![range]);
            }
        }
    }
    if digits >= 12 && wanted(Detector::Card) {
        add(Detector::Card, numbers::cards(text));
    }
    if digits >= 9 && wanted(Detector::Ssn) {
        add(Detector::Ssn, numbers::ssns(text, name));
    }
    if digits >= 7 && wanted(Detector::Iban) {
        add(Detector::Iban, iban::find(text));
    }
    if wanted(Detector::Email) {
        add(Detector::Email, email::find(text));
    }
    if digits >= 8 && wanted(Detector::Phone) {
        add(Detector::Phone, numbers::phones(text));
    }
    without_overlaps(all)
}

/// Of those that overlap, the one that begins first and is longest; the detectors above come in
/// the order of what they are sure of.
fn without_overlaps(mut all: Vec<Found>) -> Vec<Found> {
    all.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
    let mut end = 0;
    all.retain(|found| {
        let free = found.range.start >= end && !found.range.is_empty();
        if free {
            end = found.range.end;
        }
        free
    });
    all
}

/// Whether a value that stands at `range` is not part of something longer: a name, an id, a
/// decimal number, a path.
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let (before, after) = (text[..range.start].chars().next_back(), &text[range.end..]);
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if before.is_some_and(|c| joins(c) || matches!(c, '.' | '+' | '/' | '\\')) {
        return false;
    }
    let mut after = after.chars();
    match after.next() {
        Some('.' | ',' | ':' | '/') => !after.next().is_some_and(|c| c.is_ascii_digit()),
        next => !next.is_some_and(joins),
    }
}
