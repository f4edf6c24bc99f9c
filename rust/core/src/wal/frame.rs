//! The bytes of log files: a header, then frames.

use bytes::Bytes;

use crate::encryption::{LogCipher, LogSealing};
use crate::keys::HmacKey;
use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"SEALWAL1";
/// Of a file whose frames are encrypted: the wrapped key follows the header, its length (16 bits)
/// first.
const SEALED_MAGIC: &[u8; 8] = b"SEALWAL2";
/// Magic, epoch, first sequence number, chain start.
pub(super) const FILE_HEADER: usize = 56;
/// Length, checksum, sequence number, last synced sequence number, MAC.
pub(super) const FRAME_HEADER: usize = 40;
/// Flags and content hash, before the record.
const PAYLOAD_HEADER: usize = 17;
/// Where the bytes begin that the checksum covers.
const CHECKED: usize = 8;
const FLAG_GIVEN_ID: u8 = 1;

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its number in the writer's log; the first is 1.
    pub sequence: u64,
    /// The epoch under whose key it was written.
    pub epoch: u64,
    /// The keyed hash of the event as the caller gave it, where the caller gave the id.
    pub content_hash: Option<[u8; 16]>,
    /// The canonical record.
    pub record: Bytes,
}

/// What a file's header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) epoch: u64,
    pub(super) first: u64,
    pub(super) chain: [u8; 32],
    /// The wrapped key, if the frames are encrypted.
    pub(super) key: Option<Vec<u8>>,
    /// Where the frames begin.
    pub(super) size: usize,
}

/// What the next frame's MAC begins with: the chain start, or the MAC of the frame before.
#[derive(Debug, Clone)]
pub(super) enum Chain {
    Start([u8; 32]),
    Mac([u8; 16]),
}

impl Chain {
    pub(super) fn start(key: &HmacKey, first: u64) -> Self {
        Self::Start(chain_start(key, first))
    }

    /// The MAC of the next frame.
    pub(super) fn mac(&self, key: &HmacKey, sequence: u64, payload: &[&[u8]]) -> [u8; 16] {
        let previous: &[u8] = match self {
            Self::Start(start) => start,
            Self::Mac(mac) => mac,
        };
        let sequence = sequence.to_be_bytes();
        let mut parts = vec![previous, &sequence];
        parts.extend_from_slice(payload);
        key.tag16(&parts)
    }
}

pub(super) fn chain_start(key: &HmacKey, first: u64) -> [u8; 32] {
    key.mac_parts(&[b"sealtrail wal v1\n", &first.to_be_bytes()])
}

/// A header, and what encrypts the frames of the file, if `sealing` says that it is to.
pub(super) fn encode_header(
    key: &HmacKey,
    epoch: u64,
    first: u64,
    sealing: Option<&LogSealing>,
) -> Result<(Vec<u8>, Option<LogCipher>)> {
    let chain = chain_start(key, first);
    let mut header = if sealing.is_some() { SEALED_MAGIC.to_vec() } else { MAGIC.to_vec() };
    header.extend_from_slice(&epoch.to_be_bytes());
    header.extend_from_slice(&first.to_be_bytes());
    header.extend_from_slice(&chain);
    let Some(sealing) = sealing else { return Ok((header, None)) };
    let (cipher, wrapped) = sealing.begin(&chain)?;
    let length = u16::try_from(wrapped.len());
    let length = length.map_err(|_| Error::Key("a wrapped key is too long".to_owned()))?;
    header.extend_from_slice(&length.to_be_bytes());
    header.extend_from_slice(&wrapped);
    Ok((header, Some(cipher)))
}

/// Reads a header; `None` if these bytes do not begin with one.
pub(super) fn decode_header(bytes: &[u8]) -> Option<Header> {
    let (magic, rest) = bytes.split_first_chunk()?;
    let (epoch, rest) = rest.split_first_chunk()?;
    let (first, rest) = rest.split_first_chunk()?;
    let (chain, rest) = rest.split_first_chunk()?;
    let (epoch, first) = (u64::from_be_bytes(*epoch), u64::from_be_bytes(*first));
    let (key, size) = match magic {
        MAGIC => (None, FILE_HEADER),
        SEALED_MAGIC => {
            let (length, rest) = rest.split_first_chunk()?;
            let key = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
            (Some(key.to_vec()), FILE_HEADER + 2 + key.len())
        }
        _ => return None,
    };
    Some(Header { epoch, first, chain: *chain, key, size })
}

/// Appends a frame to `out` and moves the chain on. The payload's length must fit into 32 bits.
/// Checksum and MAC are over what is in the file: encrypted, if `cipher` is there.
pub(super) fn encode_frame(
    out: &mut Vec<u8>,
    key: &HmacKey,
    chain: &mut Chain,
    (sequence, synced): (u64, u64),
    content_hash: Option<&[u8; 16]>,
    record: &[u8],
    cipher: Option<&LogCipher>,
) -> Result<()> {
    let mut head = [0; PAYLOAD_HEADER];
    if let Some(hash) = content_hash {
        head[0] = FLAG_GIVEN_ID;
        head[1..].copy_from_slice(hash);
    }
    let sealed = match cipher {
        Some(cipher) => {
            let mut payload = Vec::with_capacity(PAYLOAD_HEADER + record.len() + LogCipher::TAG);
            payload.extend_from_slice(&head);
            payload.extend_from_slice(record);
            cipher.seal(sequence, &mut payload)?;
            Some(payload)
        }
        None => None,
    };
    let payload: [&[u8]; 2] = match &sealed {
        Some(sealed) => [sealed, &[]],
        None => [&head, record],
    };
    let mac = chain.mac(key, sequence, &payload);
    let start = out.len();
    let length = payload[0].len() + payload[1].len();
    out.extend_from_slice(&(length as u32).to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&synced.to_be_bytes());
    out.extend_from_slice(&mac);
    payload.iter().for_each(|part| out.extend_from_slice(part));
    let checksum = crc32c::crc32c(&out[start + CHECKED..]);
    out[start + 4..start + CHECKED].copy_from_slice(&checksum.to_be_bytes());
    *chain = Chain::Mac(mac);
    Ok(())
}

/// Whether a record of this many bytes fits into a frame.
pub(super) fn fits(record: usize) -> bool {
    u32::try_from(PAYLOAD_HEADER + LogCipher::TAG + record).is_ok()
}

/// A frame whose checksum holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawFrame<'a> {
    pub(super) sequence: u64,
    pub(super) synced: u64,
    pub(super) mac: [u8; 16],
    pub(super) payload: &'a [u8],
}

impl<'a> RawFrame<'a> {
    /// Reads the frame that begins here; `None` if there is no whole one with a right checksum.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (checksum, rest) = rest.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        if length < PAYLOAD_HEADER {
            return None;
        }
        let checked = rest.get(..FRAME_HEADER - CHECKED + length)?;
        let (sequence, rest) = checked.split_first_chunk()?;
        let (synced, rest) = rest.split_first_chunk()?;
        let (mac, payload) = rest.split_first_chunk()?;
        let frame = Self {
            sequence: u64::from_be_bytes(*sequence),
            synced: u64::from_be_bytes(*synced),
            mac: *mac,
            payload,
        };
        // Cheap test first: a search for frames in damaged bytes calls this at every one.
        if frame.synced >= frame.sequence {
            return None;
        }
        (crc32c::crc32c(checked) == u32::from_be_bytes(*checksum)).then_some(frame)
    }

    /// The bytes that the frame takes in the file.
    pub(super) fn size(&self) -> usize {
        FRAME_HEADER + self.payload.len()
    }
}

/// Content hash and record of a payload in the clear; `None` if it is not of this version.
pub(super) fn content(payload: &Bytes) -> Option<(Option<[u8; 16]>, Bytes)> {
    let (flags, rest) = payload.split_first()?;
    let hash: [u8; 16] = *rest.first_chunk()?;
    let record = || payload.slice(PAYLOAD_HEADER..);
    match *flags {
        0 if hash == [0; 16] => Some((None, record())),
        FLAG_GIVEN_ID => Some((Some(hash), record())),
        _ => None,
    }
}
