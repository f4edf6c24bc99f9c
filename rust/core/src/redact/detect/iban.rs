//! International bank account numbers (ISO 13616): a known country, its length, check digits that
//! hold (ISO 7064, MOD 97-10).

use std::ops::Range;

use super::stands_alone;

/// Lengths by country, of the IBAN registry.
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 \
    CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 \
    HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 \
    ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 \
    SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let begins = |at: &usize| {
        bytes[*at].is_ascii_alphabetic()
            && bytes[*at + 1].is_ascii_alphabetic()
            && bytes[*at + 2].is_ascii_digit()
            && bytes[*at + 3].is_ascii_digit()
    };
    (0..bytes.len().saturating_sub(3)).filter(begins).filter_map(|at| at_place(text, at)).collect()
}

/// The number that begins here, written in one or in groups with single spaces.
fn at_place(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let length = length_of(&bytes[from..from + 2])?;
    let mut number = Vec::with_capacity(length);
    let mut at = from;
    while number.len() < length {
        let byte = *bytes.get(at)?;
        match byte {
            b' ' if number.len() >= 4 && bytes[at - 1] != b' ' => {}
            _ if byte.is_ascii_alphanumeric() => number.push(byte.to_ascii_uppercase()),
            _ => return None,
        }
        at += 1;
    }
    let range = from..at;
    (holds(&number) && stands_alone(text, &range)).then_some(range)
}

fn length_of(country: &[u8]) -> Option<usize> {
    let known = |entry: &&str| entry.as_bytes()[..2].eq_ignore_ascii_case(country);
    LENGTHS.split(' ').filter(|entry| entry.len() == 4).find(known)?.get(2..)?.parse().ok()
}

/// The rest modulo 97 of the number with its first four characters at its end, letters as 10 to 35.
fn holds(number: &[u8]) -> bool {
    let (head, account) = number.split_at(4);
    let rest = account.iter().chain(head).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter.saturating_sub(b'A')) + 10) % 97,
    });
    rest == 1
}
