//! Numbers of payment cards, of the United States' social security, and of telephones.

use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;

use super::stands_alone;

fn all(form: &'static OnceLock<Option<Regex>>, pattern: &str, text: &str) -> Vec<Range<usize>> {
    let form = form.get_or_init(|| Regex::new(pattern).ok());
    form.iter().flat_map(|form| form.find_iter(text)).map(|found| found.range()).collect()
}

fn digits(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect()
}

/// Numbers of cards (ISO/IEC 7812-1): of a network in use, in one or in the groups in which they
/// are printed, with a check digit that holds.
pub(super) fn cards(text: &str) -> Vec<Range<usize>> {
    static FORM: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = r"(?x)
        [0-9]{4}(?:\x20[0-9]{4}){3}(?:\x20[0-9]{3})? | [0-9]{4}(?:-[0-9]{4}){3}(?:-[0-9]{3})?
        | [0-9]{4}\x20[0-9]{6}\x20[0-9]{4,5} | [0-9]{4}-[0-9]{6}-[0-9]{4,5} | [0-9]{12,19}";
    let mut found = all(&FORM, pattern, text);
    found.retain(|range| {
        let number = digits(&text[range.clone()]);
        is_of_network(&number) && luhn(&number) && stands_alone(text, range)
    });
    found
}

/// Prefixes and lengths of Visa, Mastercard, American Express, Discover, Diners Club, JCB,
/// UnionPay and Maestro (whose shorter numbers look like any other).
fn is_of_network(number: &[u8]) -> bool {
    let head = |n: usize| number.iter().take(n).fold(0_u32, |head, d| head * 10 + u32::from(*d));
    let length = number.len();
    match (head(1), head(2), head(3), head(4)) {
        (4, ..) => matches!(length, 13 | 16 | 19),
        (_, 51..=55, ..) | (_, _, _, 2221..=2720) => length == 16,
        (_, 34 | 37, ..) => length == 15,
        (_, 65, ..) | (_, _, 644..=649, _) | (_, _, _, 6011) => matches!(length, 16 | 19),
        (_, 36 | 38 | 39, ..) | (_, _, 300..=305, _) => matches!(length, 14 | 16 | 19),
        (_, _, _, 3528..=3589) => matches!(length, 16 | 19),
        (_, 62, ..) => (16..=19).contains(&length),
        (.., 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763) => {
            matches!(length, 16 | 18 | 19)
        }
        _ => false,
    }
}

/// Whether the check digit holds (ISO/IEC 7812-1 annex B, the algorithm of Luhn).
fn luhn(number: &[u8]) -> bool {
    let doubled = |d: u8| if d > 4 { 2 * d - 9 } else { 2 * d };
    let sum = |(i, d): (usize, &u8)| u32::from(if i % 2 == 1 { doubled(*d) } else { *d });
    number.iter().rev().enumerate().map(sum).sum::<u32>() % 10 == 0
        && number.iter().any(|digit| *digit != 0)
}

/// Social security numbers as they are written, without those that are never given out: areas 000,
/// 666 and 9xx, group 00, serial 0000 (Social Security Administration, randomization of 2011).
/// Nine digits in one are a number only under a name that says so.
pub(super) fn ssns(text: &str, name: &str) -> Vec<Range<usize>> {
    static FORM: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}|[0-9]{9}";
    let name = name.to_ascii_lowercase().replace(['_', '-', ' '], "");
    let named = name.contains("ssn") || name.contains("socialsecurity");
    let mut found = all(&FORM, pattern, text);
    found.retain(|range| {
        let part = &text[range.clone()];
        let number = digits(part);
        let (area, group, serial) = (&number[..3], &number[3..5], &number[5..]);
        let given_out = area != [0, 0, 0]
            && area != [6, 6, 6]
            && area[0] != 9
            && group != [0, 0]
            && serial != [0, 0, 0, 0];
        given_out && (part.len() > 9 || named) && stands_alone(text, range)
    });
    found
}

/// Telephone numbers: international ones with `+` and an assigned country code (ITU-T E.164), and
/// those of the North American plan with separators.
pub(super) fn phones(text: &str) -> Vec<Range<usize>> {
    static INTERNATIONAL: OnceLock<Option<Regex>> = OnceLock::new();
    static AMERICAN: OnceLock<Option<Regex>> = OnceLock::new();
    let mut found = all(&INTERNATIONAL, r"\+[0-9](?:[ .()/-]{0,2}[0-9]){6,14}", text);
    found.retain(|range| {
        let number = digits(&text[range.clone()]);
        is_international(&number) && stands_alone(text, range)
    });
    let pattern = r"(?x) (?:1[-.\x20])?
        (?: \([2-9][0-9]{2}\)\x20?[2-9][0-9]{2}[-.\x20][0-9]{4}
          | [2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}
          | [2-9][0-9]{2}\.[2-9][0-9]{2}\.[0-9]{4}
          | [2-9][0-9]{2}\x20[2-9][0-9]{2}\x20[0-9]{4} )";
    let mut american = all(&AMERICAN, pattern, text);
    american.retain(|range| stands_alone(text, range));
    found.extend(american);
    found
}

/// Country codes of two digits whose first is not that of codes of three.
const TWO: [u32; 44] = [
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56,
    57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

fn is_international(number: &[u8]) -> bool {
    let head = |n: usize| number.iter().take(n).fold(0_u32, |head, d| head * 10 + u32::from(*d));
    let three = matches!(
        head(3),
        211..=213 | 216 | 218 | 220..=258 | 260..=269 | 290 | 291 | 297..=299 | 350..=359
            | 370..=378 | 380..=383 | 385..=387 | 389 | 420 | 421 | 423 | 500..=509 | 590..=599
            | 670 | 672..=683 | 685..=692 | 800 | 808 | 850 | 852 | 853 | 855 | 856 | 870 | 878
            | 880..=883 | 886 | 888 | 960..=968 | 970..=977 | 979 | 992..=996 | 998
    );
    let length = number.len();
    match head(1) {
        1 => length == 11 && number[1] >= 2 && number[4] >= 2,
        7 => length == 11,
        _ if TWO.contains(&head(2)) => (9..=15).contains(&length),
        _ => three && (8..=15).contains(&length),
    }
}
