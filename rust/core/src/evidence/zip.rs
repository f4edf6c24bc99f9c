//! Zip files of one form, in which every byte is known or belongs to a file (FORMAT section 22).
//!
//! Files are stored as they are: nothing can unpack to more than it is, and a byte that changes
//! shows, in the packaging too. Any program opens them.

use std::collections::BTreeMap;
use std::path::Path;

use flate2::Crc;

use super::package::{Member, is_plain};
use crate::storage::durable;
use crate::{Error, Result};

/// How a zip begins.
pub(super) const START: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
/// 1980-01-01T00:00:00, which stands for no time.
const DATE: u16 = 0x21;
/// Version 2.0, on Unix.
const MADE_BY: u16 = 0x0314;
const NEEDED: u16 = 20;
/// A plain file that all may read.
const MODE: u32 = 0o100_644 << 16;
const LOCAL_LEN: u64 = 30;
const CENTRAL_LEN: u64 = 46;
const END_LEN: u64 = 22;

/// What stands before and about a file.
struct Header {
    name: String,
    crc: u32,
    len: u32,
    at: u32,
}

impl Header {
    /// The fields that the local and the central header share.
    fn shared(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for field in [NEEDED, 0, 0, 0, DATE] {
            out.extend(field.to_le_bytes());
        }
        for field in [self.crc, self.len, self.len] {
            out.extend(field.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend([0, 0]);
        out
    }

    fn local(&self) -> Vec<u8> {
        [&START, self.shared().as_slice(), self.name.as_bytes()].concat()
    }

    fn central(&self) -> Vec<u8> {
        let mut out = [&CENTRAL, MADE_BY.to_le_bytes().as_slice(), &self.shared()].concat();
        // No comment, the first disk, no sign of text.
        out.extend([0; 6]);
        out.extend(MODE.to_le_bytes());
        out.extend(self.at.to_le_bytes());
        out.extend(self.name.as_bytes());
        out
    }
}

fn end(files: u16, central_len: u32, central_at: u32) -> Vec<u8> {
    let mut out = END.to_vec();
    out.extend([0; 4]);
    out.extend(files.to_le_bytes());
    out.extend(files.to_le_bytes());
    out.extend(central_len.to_le_bytes());
    out.extend(central_at.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// What does not go into a zip.
pub(super) fn too_large() -> Error {
    Error::Usage("a zip holds less than 4 GiB and 65,535 files; use a folder".to_owned())
}

/// The bytes of a zip of these files, in this order.
///
/// # Errors
/// `Usage` if it would be larger than a zip of this form can be.
pub(crate) fn write(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let large = too_large;
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let at = u32::try_from(out.len()).map_err(|_| large())?;
        let len = u32::try_from(bytes.len()).map_err(|_| large())?;
        let header = Header { name: name.clone(), crc: crc32(bytes), len, at };
        out.extend(header.local());
        out.extend(bytes);
        central.extend(header.central());
    }
    let at = u32::try_from(out.len()).map_err(|_| large())?;
    let files = u16::try_from(files.len()).map_err(|_| large())?;
    out.extend(&central);
    out.extend(end(files, central.len() as u32, at));
    if out.len() >= u32::MAX as usize { Err(large()) } else { Ok(out) }
}

/// The files of a zip.
///
/// # Errors
/// `Integrity` if it has another form than [`write`] gives it, or names a file twice or one that
/// lies elsewhere; `Io`.
pub(super) fn members(path: &Path) -> Result<BTreeMap<String, Member>> {
    let zip = Zip { path, len: durable::size(path)? };
    let at = zip.len.checked_sub(END_LEN).ok_or_else(|| zip.other("its end"))?;
    let last = zip.read(at, END_LEN)?;
    let (files, central_len) = (u16_at(&last, 10), u32_at(&last, 12));
    let central_at = at.checked_sub(u64::from(central_len)).ok_or_else(|| zip.other("its end"))?;
    let expected = end(files, central_len, u32::try_from(central_at).unwrap_or(u32::MAX));
    if last != expected {
        return Err(zip.other("its end"));
    }
    let central = zip.read(central_at, u64::from(central_len))?;
    let (mut rest, mut next, mut members) = (central.as_slice(), 0, BTreeMap::new());
    for _ in 0..files {
        let header = zip.header(rest, next)?;
        rest = &rest[header.central().len()..];
        let local = header.local();
        if zip.read(next, local.len() as u64)? != local {
            return Err(zip.other(&format!("what stands before {}", header.name)));
        }
        let (begin, len) = (next + LOCAL_LEN + header.name.len() as u64, u64::from(header.len));
        let member = Member::new(path.to_owned(), begin, len);
        zip.check_crc(&member, &header)?;
        next = begin + len;
        if members.contains_key(&header.name) {
            return Err(Error::integrity(header.name, "the zip holds two files of this name"));
        }
        if members.last_key_value().is_some_and(|(last, _)| *last > header.name) {
            return Err(zip.other("the order of its files"));
        }
        members.insert(header.name, member);
    }
    if !rest.is_empty() || next != central_at {
        return Err(zip.other("its list of files"));
    }
    Ok(members)
}

struct Zip<'a> {
    path: &'a Path,
    len: u64,
}

impl Zip<'_> {
    fn other(&self, what: &str) -> Error {
        let message = format!(
            "{what} is not as sealtrail writes it: it was changed, or packed by another program \
             (then unpack it, and check the folder)"
        );
        Error::integrity(self.path.display().to_string(), message)
    }

    fn read(&self, at: u64, len: u64) -> Result<Vec<u8>> {
        let bytes = durable::read_range(self.path, at..at.saturating_add(len))?;
        if bytes.len() as u64 == len { Ok(bytes) } else { Err(self.other("its end")) }
    }

    /// The first header of the rest of the central directory, of the file that begins at `next`.
    fn header(&self, rest: &[u8], next: u64) -> Result<Header> {
        let wrong = || self.other("its list of files");
        if (rest.len() as u64) < CENTRAL_LEN {
            return Err(wrong());
        }
        let name_len = usize::from(u16_at(rest, 28));
        let name = rest.get(CENTRAL_LEN as usize..CENTRAL_LEN as usize + name_len);
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).ok_or_else(wrong)?;
        if !is_plain(name) {
            let place = name.chars().take(100).collect::<String>();
            return Err(Error::integrity(place, "no file of a package is named so"));
        }
        let at = u32::try_from(next).map_err(|_| wrong())?;
        let header =
            Header { name: name.to_owned(), crc: u32_at(rest, 16), len: u32_at(rest, 20), at };
        if rest.starts_with(&header.central()) { Ok(header) } else { Err(wrong()) }
    }

    fn check_crc(&self, member: &Member, header: &Header) -> Result<()> {
        use std::io::Read;

        let (mut reader, mut crc, mut chunk) = (member.reader(), Crc::new(), vec![0; 1 << 16]);
        loop {
            let count = reader.read(&mut chunk).map_err(|e| Error::io(self.path, e))?;
            if count == 0 {
                break;
            }
            crc.update(&chunk[..count]);
        }
        if crc.sum() == header.crc {
            return Ok(());
        }
        Err(Error::integrity(&header.name, "its bytes are not those that were packed"))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
#[path = "zip_tests.rs"]
mod tests;
