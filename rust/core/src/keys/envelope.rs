//! Objects sealed under a data key, chunk by chunk (FORMAT section 18).
//!
//! The STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár ("Online Authenticated-
//! Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): the nonce of a chunk holds its
//! number and whether it is the last, so chunks can neither be swapped nor left out, at the end
//! neither. Each object has a key of its own, so no nonce repeats.

use std::io::{self, Read, Write};

use ring::aead::{Aad, Nonce};
use zeroize::{Zeroize, Zeroizing};

use super::committed::{COMMITMENT, Committed, SALT, TAG};
use super::{Secret, random};
use crate::{Error, Result};

/// Bytes of the content in each chunk but the last, which may have fewer.
pub const ENVELOPE_CHUNK: usize = 64 * 1024;

const MAGIC: &[u8; 8] = b"SEALENV1";
const HEADER: usize = MAGIC.len() + SALT + COMMITMENT;
const INFO: &[u8] = b"sealtrail envelope v1";
const SEALED_CHUNK: usize = ENVELOPE_CHUNK + TAG;

/// Length of an envelope around so many bytes.
pub fn sealed_len(bytes: u64) -> u64 {
    let chunks = bytes.div_ceil(ENVELOPE_CHUNK as u64).max(1);
    HEADER as u64 + bytes + chunks * TAG as u64
}

/// Seals `bytes` under a data key. What opens it must name the same `aad`: what the object is.
///
/// # Errors
/// `Key` if the system's random source fails.
pub fn seal(key: &Secret, aad: &[u8], bytes: &[u8]) -> Result<Vec<u8>> {
    let capacity = usize::try_from(sealed_len(bytes.len() as u64)).unwrap_or(0);
    let mut writer = EnvelopeWriter::new(key, aad, Vec::with_capacity(capacity))?;
    writer.write_all(bytes).and_then(|()| writer.finish()).map_err(cause)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// `Key` if it was sealed under another key; `Integrity` if it is no envelope, was changed or cut,
/// or is of something else than `aad` says.
pub fn open(key: &Secret, aad: &[u8], bytes: &[u8]) -> Result<Vec<u8>> {
    let mut plain = Vec::with_capacity(bytes.len());
    match EnvelopeReader::new(key, aad, bytes)?.read_to_end(&mut plain) {
        Ok(_) => Ok(plain),
        Err(error) => {
            plain.zeroize();
            Err(cause(error))
        }
    }
}

/// Seals what is written to it; nothing counts before [`finish`](Self::finish).
pub struct EnvelopeWriter<W: Write> {
    chunks: Chunks,
    pending: Zeroizing<Vec<u8>>,
    out: W,
}

impl<W: Write> EnvelopeWriter<W> {
    /// Begins an envelope in `out`.
    ///
    /// # Errors
    /// `Key` if the system's random source fails, `Io` if `out` cannot be written.
    pub fn new(key: &Secret, aad: &[u8], out: W) -> Result<Self> {
        Self::with_salt(key, aad, random()?, out)
    }

    fn with_salt(key: &Secret, aad: &[u8], salt: [u8; SALT], mut out: W) -> Result<Self> {
        let committed = Committed::derive(key, &salt, INFO)?;
        let header = [&MAGIC[..], &salt, committed.commitment()].concat();
        out.write_all(&header).map_err(|e| Error::io("envelope", e))?;
        let chunks = Chunks { committed, aad: aad.to_vec(), next: 0 };
        Ok(Self { chunks, pending: Zeroizing::new(Vec::with_capacity(SEALED_CHUNK)), out })
    }

    /// Writes the last chunk and gives the writer back, which is not flushed.
    ///
    /// # Errors
    /// As those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        Ok(self.out)
    }

    /// Seals what is pending, in place.
    fn put(&mut self, last: bool) -> io::Result<()> {
        self.chunks.seal(&mut self.pending, last)?;
        self.out.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

impl<W: Write> Write for EnvelopeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits: only when more comes is it known not to be the last.
        if self.pending.len() == ENVELOPE_CHUNK && !bytes.is_empty() {
            self.put(false)?;
        }
        let room = bytes.len().min(ENVELOPE_CHUNK - self.pending.len());
        self.pending.extend_from_slice(&bytes[..room]);
        Ok(room)
    }

    /// Chunks are written when they are full.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Opens an envelope while it is read. Each byte that it gives is authentic, but only its end says
/// that nothing was cut off: who reads must read on to the end.
pub struct EnvelopeReader<R: Read> {
    chunks: Chunks,
    from: R,
    /// The chunk after the one that is read, sealed; empty before the first.
    ahead: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    ended: bool,
}

impl<R: Read> EnvelopeReader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// `Key` if it was sealed under another key, `Integrity` if it is no envelope, `Io`.
    pub fn new(key: &Secret, aad: &[u8], mut from: R) -> Result<Self> {
        let mut header = [0; HEADER];
        let read = fill(&mut from, &mut header).map_err(cause)?;
        if read != HEADER || !header.starts_with(MAGIC) {
            return Err(Error::integrity("envelope", "not sealed, or cut off"));
        }
        let (salt, commitment) = header[MAGIC.len()..].split_at(SALT);
        let salt = salt.try_into().map_err(|_| Error::integrity("envelope", "cut off"))?;
        let committed = Committed::derive(key, salt, INFO)?;
        if !committed.is(commitment) {
            let message = "sealed under another key than the one given, or its head was changed";
            return Err(Error::Key(message.to_owned()));
        }
        let chunks = Chunks { committed, aad: aad.to_vec(), next: 0 };
        let mut reader = Self {
            chunks,
            from,
            ahead: Vec::new(),
            plain: Zeroizing::default(),
            at: 0,
            ended: false,
        };
        reader.ahead = reader.sealed_chunk().map_err(cause)?;
        Ok(reader)
    }

    fn sealed_chunk(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = vec![0; SEALED_CHUNK];
        let read = fill(&mut self.from, &mut chunk)?;
        chunk.truncate(read);
        Ok(chunk)
    }

    /// Opens the chunk ahead, which is the last one if nothing follows it.
    fn advance(&mut self) -> io::Result<()> {
        let next = match self.ahead.len() {
            SEALED_CHUNK => self.sealed_chunk()?,
            _ => Vec::new(),
        };
        self.ended = next.is_empty();
        self.plain = Zeroizing::new(std::mem::replace(&mut self.ahead, next));
        self.chunks.open(&mut self.plain, self.ended)?;
        self.at = 0;
        Ok(())
    }
}

impl<R: Read> Read for EnvelopeReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() && !self.ended {
            self.advance()?;
        }
        let length = out.len().min(self.plain.len() - self.at);
        out[..length].copy_from_slice(&self.plain[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// The chunks of one envelope, in order.
struct Chunks {
    committed: Committed,
    aad: Vec<u8>,
    next: u32,
}

impl Chunks {
    /// Seven zero bytes, the chunk's number, and whether it is the last.
    fn nonce(&mut self, last: bool) -> io::Result<Nonce> {
        let mut nonce = [0; 12];
        nonce[7..11].copy_from_slice(&self.next.to_be_bytes());
        nonce[11] = u8::from(last);
        let full = || io::Error::other("more than 2^32 chunks");
        self.next = self.next.checked_add(1).ok_or_else(full)?;
        Ok(Nonce::assume_unique_for_key(nonce))
    }

    fn seal(&mut self, chunk: &mut Vec<u8>, last: bool) -> io::Result<()> {
        let nonce = self.nonce(last)?;
        let key = &self.committed.key;
        key.seal_in_place_append_tag(nonce, Aad::from(&self.aad), chunk)
            .map_err(|_| io::Error::other("a chunk cannot be encrypted"))
    }

    fn open(&mut self, chunk: &mut Zeroizing<Vec<u8>>, last: bool) -> io::Result<()> {
        let (number, nonce) = (self.next, self.nonce(last)?);
        match self.committed.key.open_in_place(nonce, Aad::from(&self.aad), chunk) {
            Ok(plain) => {
                let length = plain.len();
                chunk.truncate(length);
                Ok(())
            }
            Err(_) => {
                chunk.zeroize();
                let message = "changed, cut off, or of something else";
                let error = Error::integrity(format!("envelope, chunk {number}"), message);
                Err(io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }
    }
}

/// Reads until the buffer is full or nothing more comes.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// Our error out of one of the standard library.
fn cause(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::io("envelope", error),
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
