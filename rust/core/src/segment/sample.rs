//! What the values of a column tell about how to encode them.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};

use crate::{Error, Result};

/// Values that are looked at, evenly spread over the column.
const SAMPLE: usize = 4096;
/// Fewer values than these are not worth a special encoding.
const ENOUGH: usize = 1024;
/// Bytes that are not worth compressing.
const SMALL: usize = 640;
/// A zstd level that finds repetitions where there are any.
const THOROUGH: i32 = 9;

/// Whether a column is so small that to set up a compressor, and whenever it is read a
/// decompressor, costs more than the bytes it saves.
pub(super) fn is_small(values: &ArrayRef) -> bool {
    let present = values.len() - values.null_count();
    let missing = if values.null_count() > 0 { values.len().div_ceil(8) } else { 0 };
    let of_dictionary = |different: usize, bytes: usize| {
        let bits = different.next_power_of_two().trailing_zeros() as usize;
        bytes + (present * bits).div_ceil(8) + missing <= SMALL
    };
    if missing > SMALL {
        return false;
    }
    if let Some(texts) = values.as_string_opt::<i32>() {
        let mut bytes = 0;
        let mut seen = HashSet::new();
        let few = texts.iter().flatten().all(|text| {
            bytes += if seen.insert(text) { 4 + text.len() } else { 0 };
            bytes <= SMALL
        });
        return few && of_dictionary(seen.len(), bytes);
    }
    let mut seen = HashSet::new();
    let mut few = |number: u64| {
        seen.insert(number);
        seen.len() * 8 <= SMALL
    };
    let few = if let Some(integers) = values.as_primitive_opt::<Int64Type>() {
        integers.iter().flatten().all(|number| few(number.cast_unsigned()))
    } else if let Some(doubles) = values.as_primitive_opt::<Float64Type>() {
        doubles.iter().flatten().all(|number| few(number.to_bits()))
    } else {
        return values.as_boolean_opt().is_some() && of_dictionary(2, 0);
    };
    few && of_dictionary(seen.len(), seen.len() * 8)
}

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
    use std::sync::Arc;

    use super::*;
    use arrow::array::{BooleanArray, Int64Array};
    use sha2::{Digest, Sha256};

    fn column(value: impl Fn(u64) -> Option<String>) -> StringArray {
        (0..20_000).map(value).collect()
    }

    fn hash(n: u64) -> String {
        data_encoding::HEXLOWER.encode(&Sha256::digest(n.to_be_bytes()))
    }

    #[test]
    fn few_values_of_few_bytes_are_small() {
        let texts = |count: u64, of: u64| -> ArrayRef {
            Arc::new((0..count).map(|n| Some(format!("kind {}", n % of))).collect::<StringArray>())
        };
        assert!(is_small(&texts(2000, 3)) && !is_small(&texts(5000, 3)));
        assert!(is_small(&texts(100_000, 1)) && !is_small(&texts(500, 80)));
        let rare = |count| -> ArrayRef {
            Arc::new((0..count).map(|n| (n % 9 == 0).then_some(n)).collect::<Int64Array>())
        };
        assert!(is_small(&rare(90)) && !is_small(&rare(900)) && !is_small(&rare(9000)));
        let flags = |count| -> ArrayRef {
            Arc::new((0..count).map(|n| Some(n % 2 == 0)).collect::<BooleanArray>())
        };
        assert!(is_small(&flags(5000)) && !is_small(&flags(6000)));
        let times: ArrayRef = Arc::new(arrow::array::TimestampMicrosecondArray::from(vec![1, 2]));
        assert!(!is_small(&times));
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
