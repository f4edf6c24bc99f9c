//! Walking through one log file, with or without its key.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::frame::{Chain, FRAME_HEADER, Frame, Header, RawFrame, decode_header};
use super::{frame, place};
use crate::encryption::{Keyring, LogCipher, LogSealing};
use crate::keys::HmacKey;
use crate::{Error, Result};

/// Where the chain's start is in a header.
const CHAIN_AT: usize = 24;

/// One log file in memory, its header checked against its name.
pub(super) struct LogBytes<'a> {
    pub(super) path: &'a Path,
    pub(super) header: Header,
    bytes: Bytes,
    keys: Option<Arc<Keyring>>,
}

/// Reads the payloads of a file, whose key is only looked for when it is needed.
#[derive(Debug)]
pub(super) struct Reading {
    sealed: Option<([u8; 32], Vec<u8>)>,
    keys: Option<Arc<Keyring>>,
    cipher: Option<LogCipher>,
}

impl Reading {
    pub(super) fn new(header: &Header, keys: Option<Arc<Keyring>>) -> Self {
        let sealed = header.key.clone().map(|key| (header.chain, key));
        Self { sealed, keys, cipher: None }
    }

    /// Content hash and record; `None` if the payload is none.
    ///
    /// # Errors
    /// `Key` if it is encrypted and its key is not at hand.
    pub(super) fn content(
        &mut self,
        sequence: u64,
        payload: Bytes,
    ) -> Result<Option<(Option<[u8; 16]>, Bytes)>> {
        let Some((chain, wrapped)) = &self.sealed else { return Ok(frame::content(&payload)) };
        let cipher = match &self.cipher {
            Some(cipher) => cipher,
            None => {
                let (_, cipher) = LogSealing::open(self.keys.as_ref(), chain, wrapped)?;
                self.cipher.insert(cipher)
            }
        };
        let plain = cipher.open_frame(sequence, &payload).map(Bytes::from);
        Ok(plain.and_then(|plain| frame::content(&plain)))
    }
}

/// The good frames at the beginning of a file.
pub(super) struct Scan {
    /// Those above the number asked for.
    pub(super) frames: Vec<Frame>,
    /// One more than the last good frame's number, the file's first if there is none.
    pub(super) next: u64,
    /// The highest last synced number that a good frame names.
    pub(super) synced: u64,
    /// Where the good frames end.
    pub(super) stop: usize,
}

/// What is found behind damage.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Beyond {
    /// The highest number of a frame there.
    pub(super) sequence: u64,
    /// The highest last synced number that a frame there names.
    pub(super) synced: u64,
}

impl<'a> LogBytes<'a> {
    /// Files get their names when their header is synced, so a bad header is no crash's work.
    /// `keys` open encrypted frames.
    pub(super) fn new(
        path: &'a Path,
        first: u64,
        bytes: Bytes,
        keys: Option<Arc<Keyring>>,
    ) -> Result<Self> {
        match decode_header(&bytes) {
            Some(header) if header.first == first => Ok(Self { path, header, bytes, keys }),
            Some(_) => Err(Error::integrity(place(path, 16), "header of another log file")),
            None => Err(Error::integrity(place(path, 0), "no header of a log file of version 1")),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Reads good frames up to number `end` (exclusive) and returns those above `after`. With the
    /// key, MACs are checked.
    ///
    /// # Errors
    /// `Error::Integrity` where a checksum holds but number, MAC or payload are wrong.
    pub(super) fn scan(&self, after: u64, end: u64, key: Option<&HmacKey>) -> Result<Scan> {
        let mut chain = self.chain_start(key)?;
        let mut scan =
            Scan { frames: Vec::new(), next: self.header.first, synced: 0, stop: self.header.size };
        let mut reading = Reading::new(&self.header, self.keys.clone());
        while scan.next < end {
            let Some(raw) = RawFrame::parse(&self.bytes[scan.stop..]) else { break };
            let wrong = |what: &str| Err(Error::integrity(place(self.path, scan.stop), what));
            if raw.sequence != scan.next {
                return wrong("a frame with another number than the next");
            }
            if key.is_some_and(|key| chain.mac(key, raw.sequence, &[raw.payload]) != raw.mac) {
                return wrong("the frame's MAC is wrong: written with another key, or changed");
            }
            if raw.sequence > after || self.header.key.is_none() {
                let payload = self.bytes.slice(scan.stop + FRAME_HEADER..scan.stop + raw.size());
                let Some((content_hash, record)) = reading.content(raw.sequence, payload)? else {
                    return wrong("the payload is not of this version, or does not decrypt");
                };
                let (sequence, epoch) = (raw.sequence, self.header.epoch);
                if sequence > after {
                    scan.frames.push(Frame { sequence, epoch, content_hash, record });
                }
            }
            chain = Chain::Mac(raw.mac);
            scan.next += 1;
            scan.synced = scan.synced.max(raw.synced);
            scan.stop += raw.size();
        }
        Ok(scan)
    }

    fn chain_start(&self, key: Option<&HmacKey>) -> Result<Chain> {
        if let Some(key) = key
            && frame::chain_start(key, self.header.first) != self.header.chain
        {
            let what = "the header's chain start is wrong: written with another key, or changed";
            return Err(Error::integrity(place(self.path, CHAIN_AT), what));
        }
        Ok(Chain::Start(self.header.chain))
    }

    /// What a file that goes on with these records is encrypted with: as this one is.
    pub(super) fn sealing(&self) -> Result<Option<LogSealing>> {
        match &self.header.key {
            Some(key) => {
                LogSealing::open(self.keys.as_ref(), &self.header.chain, key).map(|(s, _)| Some(s))
            }
            None => Ok(None),
        }
    }

    /// Looks for whole frames from number `next` on behind the byte `stop`, where a good frame
    /// should have begun. Records cannot imitate frames: as canonical JSON they hold no zero
    /// bytes, and the numbers of frames do.
    pub(super) fn beyond(&self, stop: usize, next: u64) -> Beyond {
        let mut found = Beyond::default();
        let mut offset = stop.saturating_add(1);
        while offset < self.bytes.len() {
            match RawFrame::parse(&self.bytes[offset..]) {
                Some(raw) if raw.sequence >= next => {
                    found.sequence = found.sequence.max(raw.sequence);
                    found.synced = found.synced.max(raw.synced);
                    offset += raw.size();
                }
                _ => offset += 1,
            }
        }
        found
    }
}
