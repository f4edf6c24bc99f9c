//! What a few values of a column tell about how to encode all of them.

use std::collections::HashSet;

use arrow::array::{Array, StringArray};

use crate::{Error, Result};

/// Values that are looked at, evenly spread over the column.
const SAMPLE: usize = 4096;
/// Fewer values than these are not worth a special encoding.
const ENOUGH: usize = 1024;
/// A zstd level that finds repetitions where there are any.
const THOROUGH: i32 = 9;

/// Whether plain values and the quickest compression suit the column, as they do hashes: hardly two
/// values are the same, so that a dictionary is waste, and searching longer for what they have in
/// common makes them larger by 5 % or more (what it finds costs more than coding the bytes).
pub(super) fn suits_quick_coding(values: &StringArray) -> Result<bool> {
    let step = values.len().div_ceil(SAMPLE * 4).max(1);
    let sample: Vec<&str> = (0..values.len())
        .step_by(step)
        .filter(|i| values.is_valid(*i))
        .map(|i| values.value(i))
        .take(SAMPLE)
        .collect();
    let distinct = sample.iter().collect::<HashSet<_>>().len();
    if sample.len() < ENOUGH || distinct * 10 < sample.len() * 9 {
        return Ok(false);
    }
    let text = sample.concat();
    let size = |level| {
        let packed = zstd::bulk::compress(text.as_bytes(), level);
        packed.map(|bytes| bytes.len()).map_err(|e| Error::encoding("zstd", e))
    };
    Ok(size(1)? * 100 <= size(THOROUGH)? * 95)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn column(value: impl Fn(u64) -> Option<String>) -> StringArray {
        (0..20_000).map(value).collect()
    }

    fn hash(n: u64) -> String {
        data_encoding::HEXLOWER.encode(&Sha256::digest(n.to_be_bytes()))
    }

    #[test]
    fn it_suits_hashes_but_not_texts_nor_what_repeats() {
        assert!(suits_quick_coding(&column(|n| Some(hash(n)))).unwrap());
        assert!(suits_quick_coding(&column(|n| (n % 5 == 0).then(|| hash(n)))).unwrap());
        assert!(!suits_quick_coding(&column(|n| Some(hash(n % 500)))).unwrap());
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
        assert!(!suits_quick_coding(&column(|n| Some(text(n)))).unwrap());
        assert!(!suits_quick_coding(&column(|n| (n % 100 == 0).then(|| hash(n)))).unwrap());
        assert!(!suits_quick_coding(&column(|_| None)).unwrap());
    }
}
