//! From file bytes to lines and JSON values.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::{Error, Result};

/// One line of a file.
pub(super) struct RawLine<'a> {
    /// 1-based.
    pub(super) number: u64,
    /// Without its line terminator.
    pub(super) bytes: &'a [u8],
    /// False for a last line without a terminator: it may still be being written.
    pub(super) terminated: bool,
}

/// The bytes of the file at `path`, unpacked when they are gzip.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice())
        .read_to_end(&mut plain)
        .map_err(|source| Error::io(path, source))?;
    Ok(plain)
}

/// The lines of `bytes`: terminated by `\n` or `\r\n`, a leading byte order mark left out.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = RawLine<'_>> {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut number = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        number += 1;
        let (line, terminated) = match memchr::memchr(b'\n', rest) {
            Some(end) => {
                let line = &rest[..end];
                rest = &rest[end + 1..];
                (line.strip_suffix(b"\r").unwrap_or(line), true)
            }
            None => (std::mem::take(&mut rest), false),
        };
        Some(RawLine { number, bytes: line, terminated })
    })
}

/// Parses one JSON value; the flag says that lone surrogates had to be replaced.
///
/// Programs that cut text by UTF-16 unit (JavaScript does) leave half an emoji as `\ud83d`, which
/// is not Unicode and which the parser refuses. Losing a whole tool call for that would be worse
/// than U+FFFD in its place.
pub(super) fn parse(bytes: &[u8]) -> std::result::Result<(Value, bool), serde_json::Error> {
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok((value, false)),
        Err(error) => match replace_lone_surrogates(bytes) {
            Cow::Borrowed(_) => Err(error),
            Cow::Owned(repaired) => serde_json::from_slice(&repaired).map(|value| (value, true)),
        },
    }
}

fn replace_lone_surrogates(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match unit(bytes, at) {
            Some(0xd800..=0xdbff) if matches!(unit(bytes, at + 6), Some(0xdc00..=0xdfff)) => {
                at += 12;
            }
            Some(0xd800..=0xdfff) => {
                let fixed = out.get_or_insert_with(|| bytes.to_vec());
                fixed[at + 2..at + 6].copy_from_slice(b"fffd");
                at += 6;
            }
            _ => at += 2,
        }
    }
    out.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// The UTF-16 unit of the escape `\uXXXX` that starts at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn lines_number_from_one_and_tell_an_open_end() {
        let all: Vec<_> = lines(b"\xef\xbb\xbfa\r\n\nb")
            .map(|l| (l.number, l.bytes.to_vec(), l.terminated))
            .collect();
        assert_eq!(
            all,
            [(1, b"a".to_vec(), true), (2, Vec::new(), true), (3, b"b".to_vec(), false)]
        );
    }

    #[test]
    fn half_an_emoji_is_replaced_and_told() {
        let (value, repaired) =
            parse(br#"{"a":"x\ud83d","b":"\udc00\ud83d\ude00 \\ud800"}"#).unwrap();
        assert!(repaired);
        assert_eq!(value["a"], "x\u{fffd}");
        assert_eq!(value["b"], "\u{fffd}\u{1f600} \\ud800");
        assert!(!parse(br#"{"a":"\ud83d\ude00"}"#).unwrap().1);
        assert!(parse(br#"{"a":"#).is_err());
    }

    #[test]
    fn gzip_with_several_members_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json.gz");
        let mut bytes = Vec::new();
        for part in ["ab", "cd"] {
            let mut gz = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::fast());
            gz.write_all(part.as_bytes()).unwrap();
            gz.finish().unwrap();
        }
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read_file(&path).unwrap(), b"abcd");
        std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
        assert_eq!(read_file(&path).unwrap_err().kind(), "io");
    }
}
