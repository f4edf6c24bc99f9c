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

/// Whether the values are like random ones: hardly two are the same, and a search for parts that
/// they have in common gains nothing over coding their bytes. A dictionary of them is waste, too.
pub(super) fn is_random(values: &StringArray) -> Result<bool> {
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
    Ok(size(1)? <= size(THOROUGH)?)
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
    fn hashes_are_random_and_what_repeats_is_not() {
        assert!(is_random(&column(|n| Some(hash(n)))).unwrap());
        assert!(is_random(&column(|n| (n % 5 == 0).then(|| hash(n)))).unwrap());
        assert!(!is_random(&column(|n| Some(hash(n % 500)))).unwrap());
        let subject = |n| ["invoice", "claim", "letter of complaint", "scan"][n as usize % 4];
        let text = |n| format!("{} {} sent to {}", subject(n / 3), &hash(n)[..6], subject(n / 7));
        assert!(!is_random(&column(|n| Some(text(n)))).unwrap());
        assert!(!is_random(&column(|n| (n % 100 == 0).then(|| hash(n)))).unwrap());
        assert!(!is_random(&column(|_| None)).unwrap());
    }
}
