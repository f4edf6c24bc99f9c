//! RFC 3161 time stamps over checkpoints: a third party's word on when a ledger was that long.
//!
//! Only what needs no trust in us: the request, and whether a response grants it and is of the
//! same checkpoint. Whether its signature holds is for `openssl ts -verify` and the verifier's own
//! list of authorities.

use sha2::{Digest, Sha256};

use super::place;
use crate::{Error, Result};

/// `SEQUENCE { INTEGER 1, SEQUENCE { SEQUENCE { OID sha-256, NULL }, OCTET STRING (32 bytes) },
/// BOOLEAN TRUE (send certificates) }`, but for the 32 bytes.
const BEFORE: [u8; 24] = [
    0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
    0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];
const AFTER: [u8; 3] = [0x01, 0x01, 0xff];

/// The request (DER) for a time stamp over the SHA-256 of a note's bytes.
pub fn request(note: &str) -> Vec<u8> {
    [&BEFORE[..], &Sha256::digest(note.as_bytes()), &AFTER].concat()
}

/// Checks that a response grants a stamp, and that for this note. Not its signature.
///
/// # Errors
/// `Integrity` if it does not.
pub fn demand_granted(response: &[u8], note: &str) -> Result<()> {
    let bad = |what: &str| Error::integrity("time stamp", what);
    let (whole, rest) = item(response, 0x30).ok_or_else(|| bad("this is no response"))?;
    if !rest.is_empty() {
        return Err(bad("bytes follow the response"));
    }
    let (info, token) = item(whole, 0x30).ok_or_else(|| bad("this is no response"))?;
    let (status, _) = item(info, 0x02).ok_or_else(|| bad("it has no status"))?;
    // 0: granted; 1: granted with changes.
    if !matches!(status, [0 | 1]) || token.is_empty() {
        return Err(bad("the authority refused"));
    }
    // An octet string with the digest; authorities write what stands before it in two ways.
    let imprint = [&BEFORE[22..], Sha256::digest(note.as_bytes()).as_slice()].concat();
    if token.windows(imprint.len()).any(|window| window == imprint) {
        return Ok(());
    }
    Err(bad("it is not for this checkpoint"))
}

/// Content and rest of a DER item with this tag.
fn item(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first & 0x7f);
    if first & 0x80 != 0 {
        let bytes = rest.get(..length).filter(|bytes| (1..=4).contains(&bytes.len()))?;
        rest = &rest[length..];
        length = bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    }
    (found == tag && rest.len() >= length).then(|| rest.split_at(length))
}

/// Asks an authority, and gives its response, which grants the stamp.
///
/// # Errors
/// `Usage` for a URL that is none, `Io` if the authority cannot be reached, as
/// [`demand_granted`].
pub async fn ask(authority: &str, note: &str) -> Result<Vec<u8>> {
    let response = place::post_for(authority, "application/timestamp-query", request(note)).await?;
    demand_granted(&response, note)?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status 0 and a token that holds the digest of `hello`.
    fn response(status: u8) -> Vec<u8> {
        let mut token = vec![0x30, 0x22, 0x04, 0x20];
        token.extend(Sha256::digest(b"hello"));
        let mut whole = vec![0x30, 0x03, 0x02, 0x01, status];
        whole.extend(token);
        [&[0x30, whole.len() as u8][..], &whole].concat()
    }

    #[test]
    fn only_a_granted_stamp_for_this_note_counts() {
        assert_eq!(request("hello").len(), 59);
        for status in [0, 1] {
            demand_granted(&response(status), "hello").unwrap();
        }
        assert!(demand_granted(&response(2), "hello").is_err());
        assert!(demand_granted(&response(0), "other").is_err());
        let good = response(0);
        for cut in 0..good.len() {
            assert!(demand_granted(&good[..cut], "hello").is_err(), "{cut}");
        }
        assert!(demand_granted(&[good.as_slice(), b"x"].concat(), "hello").is_err());
        assert!(demand_granted(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00], "hello").is_err());
        assert!(demand_granted(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30], "hello").is_err());
    }
}
