//! What some values of a column tell about how to encode all of them.

use std::collections::HashSet;

use arrow::array::{Array, StringArray};

use crate::{Error, Result};

/// Values spread over the column by which repetition is judged.
const SPREAD: usize = 4096;
/// Consecutive values that are compressed to see what suits them.
const RUN: usize = 1024;
/// The level that suits most columns.
pub(super) const ZSTD_LEVEL: i32 = 9;
/// A longer search, for texts.
pub(super) const TEXT_ZSTD_LEVEL: i32 = 12;
/// Hardly any search, for hashes and other random values: what it would find costs more than it
/// saves.
const QUICK_ZSTD_LEVEL: i32 = 1;
/// Mean length from which repeated values count as texts, in bytes.
const TEXT_BYTES: usize = 24;

/// How to encode a column of strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) dictionary: bool,
    pub(super) level: i32,
}

/// Chooses by samples. A dictionary is waste where most values of the column are different ones:
/// a compressor finds repetition among neighbours (a session, a trace) in the values themselves,
/// but not in random positions within a dictionary.
pub(super) fn coding(values: &StringArray) -> Result<Coding> {
    let count = values.len() - values.null_count();
    let text = values.value_data().len() >= count * TEXT_BYTES;
    let level = if text { TEXT_ZSTD_LEVEL } else { ZSTD_LEVEL };
    let step = values.len().div_ceil(SPREAD * 4).max(1);
    let spread = (0..values.len()).step_by(step).filter(|i| values.is_valid(*i)).take(SPREAD);
    let spread: Vec<&str> = spread.map(|i| values.value(i)).collect();
    let distinct = spread.iter().collect::<HashSet<_>>().len();
    if spread.len() < RUN || distinct * 2 < spread.len() {
        return Ok(Coding { dictionary: true, level });
    }
    let middle = (values.len() / 2).saturating_sub(RUN / 2);
    let run = (middle..values.len()).chain(0..middle).filter(|i| values.is_valid(*i)).take(RUN);
    let run: String = run.map(|i| values.value(i)).collect();
    let size = |level| {
        let packed = zstd::bulk::compress(run.as_bytes(), level);
        packed.map(|bytes| bytes.len()).map_err(|e| Error::encoding("zstd", e))
    };
    let usual = size(ZSTD_LEVEL)?;
    // A level must gain something to be worth being different.
    let level = if size(QUICK_ZSTD_LEVEL)? * 100 <= usual * 95 {
        QUICK_ZSTD_LEVEL
    } else if text && size(TEXT_ZSTD_LEVEL)? * 100 <= usual * 98 {
        TEXT_ZSTD_LEVEL
    } else {
        ZSTD_LEVEL
    };
    Ok(Coding { dictionary: false, level })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn of(value: impl Fn(u64) -> Option<String>) -> Coding {
        coding(&(0..20_000).map(value).collect()).unwrap()
    }

    fn hash(n: u64) -> String {
        data_encoding::HEXLOWER.encode(&Sha256::digest(n.to_be_bytes()))
    }

    #[test]
    fn hashes_are_coded_quickly_and_plain() {
        let expected = Coding { dictionary: false, level: QUICK_ZSTD_LEVEL };
        assert_eq!(of(|n| Some(hash(n))), expected);
        assert_eq!(of(|n| (n % 5 == 0).then(|| hash(n))), expected);
    }

    #[test]
    fn what_repeats_only_among_neighbours_goes_without_a_dictionary() {
        let coding = of(|n| Some(hash(n / 6)));
        assert_eq!((coding.dictionary, coding.level != QUICK_ZSTD_LEVEL), (false, true));
    }

    #[test]
    fn what_repeats_all_over_has_a_dictionary() {
        assert_eq!(of(|n| Some(hash(n % 500)[..8].to_owned())).level, ZSTD_LEVEL);
        assert_eq!(of(|n| Some(hash(n % 500))).level, TEXT_ZSTD_LEVEL);
        let few = of(|n| (n % 100 == 0).then(|| hash(n)));
        assert!(of(|n| Some(hash(n % 500))).dictionary && few.dictionary);
        assert!(of(|_| None).dictionary);
    }

    #[test]
    fn different_texts_are_searched() {
        let words: Vec<&str> =
            "the agent read a letter of complaint and wrote its owner a summary \
            that was sent after approval because policy demands it"
                .split_whitespace()
                .collect();
        let word = |hash: &str, at: usize| {
            words[usize::from_str_radix(&hash[at..at + 2], 16).unwrap() % words.len()]
        };
        let text =
            |n| (0..24).step_by(2).map(|at| word(&hash(n), at)).collect::<Vec<_>>().join(" ");
        let coding = of(|n| Some(text(n)));
        assert!(!coding.dictionary && coding.level >= ZSTD_LEVEL);
    }
}
