//! The Thrift structures of a Parquet file, walked without believing them.
//!
//! Two purposes. The Parquet library reserves memory for as many list elements as a file claims,
//! and recurses as deep as its schema; a damaged footer must not abort the process. And page
//! headers say where pages begin and how many rows they have, which the page index repeats.

/// Deepest nesting of structures that our files have, and some more.
const MAX_DEPTH: usize = 16;
const MAGIC: &[u8] = b"PAR1";
/// Length of the footer's length and the magic bytes after it.
const TAIL: usize = 8;

/// What the walk meets.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A structure begins.
    Struct,
    /// A number.
    Int(i64),
    /// A text or bytes: where they begin and end.
    Bytes(usize, usize),
}

type Visit<'v> = &'v mut dyn FnMut(&[i16], Event) -> Result<(), &'static str>;

struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Field numbers from the outermost structure inwards; elements of lists add none.
    path: Vec<i16>,
}

const CUT: &str = "a structure of the Parquet file is cut off";
const CLAIM: &str = "a structure of the Parquet file claims more than the file has";

impl<'a> Compact<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, path: Vec::with_capacity(MAX_DEPTH) }
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        let byte = *self.bytes.get(self.at).ok_or(CUT)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, &'static str> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number in a structure of the Parquet file is too long")
    }

    fn int(&mut self) -> Result<i64, &'static str> {
        let raw = self.varint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), &'static str> {
        let left = (self.bytes.len() - self.at) as u64;
        if bytes > left {
            return Err(CLAIM);
        }
        self.at += bytes as usize;
        Ok(())
    }

    fn structure(&mut self, visit: Visit<'_>) -> Result<(), &'static str> {
        if self.path.len() >= MAX_DEPTH {
            return Err("the structures of the Parquet file nest too deeply");
        }
        visit(&self.path, Event::Struct)?;
        let mut id: i16 = 0;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Ok(());
            }
            id = match header >> 4 {
                0 => self.int()?.try_into().map_err(|_| CLAIM)?,
                delta => id.checked_add(i16::from(delta)).ok_or(CLAIM)?,
            };
            self.path.push(id);
            self.value(header & 0x0f, true, visit)?;
            self.path.pop();
        }
    }

    fn value(&mut self, kind: u8, field: bool, visit: Visit<'_>) -> Result<(), &'static str> {
        match kind {
            // A field's boolean is in its header.
            1 | 2 if field => Ok(()),
            1..=3 => self.skip(1),
            4..=6 => {
                let value = self.int()?;
                visit(&self.path, Event::Int(value))
            }
            7 => self.skip(8),
            8 => {
                let len = self.varint()?;
                let from = self.at;
                self.skip(len)?;
                visit(&self.path, Event::Bytes(from, self.at))
            }
            9 | 10 => self.list(visit),
            12 => self.structure(visit),
            _ => Err("a structure of the Parquet file has a field of a type not in use"),
        }
    }

    fn list(&mut self, visit: Visit<'_>) -> Result<(), &'static str> {
        let header = self.byte()?;
        let size = match header >> 4 {
            15 => self.varint()?,
            size => u64::from(size),
        };
        // Every element takes a byte at least.
        if size > (self.bytes.len() - self.at) as u64 {
            return Err(CLAIM);
        }
        for _ in 0..size {
            self.value(header & 0x0f, false, visit)?;
        }
        Ok(())
    }
}

/// Refuses files whose structures claim more than there is, before the Parquet library reads them.
///
/// # Errors
/// What is wrong.
pub(super) fn guard(file: &[u8]) -> Result<(), &'static str> {
    let tail = file.len().checked_sub(TAIL).filter(|&at| at >= MAGIC.len());
    let tail = tail.ok_or("it is too short for a Parquet file")?;
    let (length, magic) = file[tail..].split_at(4);
    if !file.starts_with(MAGIC) || magic != MAGIC {
        return Err("it does not begin and end as a Parquet file");
    }
    let length = length.iter().rev().fold(0, |n, &b| n << 8 | usize::from(b));
    let start = tail.checked_sub(length).ok_or("its footer is longer than the file")?;
    let mut elements = 0_u64;
    // Offset and length of the indexes, by field of the column chunk.
    let mut indexes: Vec<(i64, i64)> = Vec::new();
    let mut index = [0_i64; 8];
    let mut visit = |path: &[i16], event: Event| {
        match (path, event) {
            ([2], Event::Struct) => elements += 1,
            ([2, 5], Event::Int(children)) if children != 0 && elements > 1 => {
                return Err("its schema is not flat");
            }
            ([4, 1], Event::Struct) => index = [0; 8],
            ([4, 1, field @ 4..=7], Event::Int(value)) => {
                index[*field as usize] = value;
                if field % 2 == 1 {
                    indexes.push((index[*field as usize - 1], value));
                }
            }
            _ => {}
        }
        Ok(())
    };
    Compact::new(&file[start..tail]).structure(&mut visit)?;
    for (offset, length) in indexes {
        let part = usize::try_from(offset)
            .ok()
            .zip(usize::try_from(length).ok())
            .and_then(|(offset, length)| file.get(offset..offset.checked_add(length)?))
            .ok_or("its page index lies outside the file")?;
        Compact::new(part).structure(&mut |_, _| Ok(()))?;
    }
    Ok(())
}

/// What an encrypted file says of its encryption, before its footer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Crypto {
    /// What its parts are bound to, beside what is not stored.
    pub(super) unique: Vec<u8>,
    /// Metadata of the footer's key.
    pub(super) key: Vec<u8>,
}

/// Reads what an encrypted file says of its encryption.
///
/// # Errors
/// What is wrong.
pub(super) fn crypto(file: &[u8]) -> Result<Crypto, &'static str> {
    let tail = file.len().checked_sub(TAIL).ok_or("it is too short for a Parquet file")?;
    let length = file[tail..tail + 4].iter().rev().fold(0, |n, &b| n << 8 | usize::from(b));
    let start = tail.checked_sub(length).ok_or("its footer is longer than the file")?;
    let bytes = &file[start..tail];
    let mut found = Crypto::default();
    Compact::new(bytes).structure(&mut |path, event| {
        match (path, event) {
            ([1, 1, 2], Event::Bytes(from, to)) => found.unique = bytes[from..to].to_vec(),
            ([2], Event::Bytes(from, to)) => found.key = bytes[from..to].to_vec(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// What a page's header says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// 0 data, 2 dictionary, 3 data (version 2).
    pub(super) kind: i64,
    /// Size of header and content in the file.
    pub(super) size: i64,
    /// Number of values, missing ones included.
    pub(super) values: i64,
    /// Whether it repeats statistics.
    pub(super) statistics: bool,
}

/// Reads the header of the page that begins at `offset`.
///
/// # Errors
/// What is wrong.
pub(super) fn page_header(file: &[u8], offset: u64) -> Result<PageHeader, &'static str> {
    let bytes = usize::try_from(offset).ok().and_then(|offset| file.get(offset..));
    let mut compact = Compact::new(bytes.ok_or("a page lies outside the file")?);
    let mut header = PageHeader { kind: -1, values: -1, ..PageHeader::default() };
    let mut content = -1;
    compact.structure(&mut |path, event| {
        match (path, event) {
            ([1], Event::Int(kind)) => header.kind = kind,
            ([3], Event::Int(size)) => content = size,
            ([5 | 7 | 8, 1], Event::Int(values)) => header.values = values,
            ([5, 5] | [8, 8], Event::Struct) => header.statistics = true,
            _ => {}
        }
        Ok(())
    })?;
    let length = i64::try_from(compact.at).map_err(|_| CLAIM)?;
    header.size = length.checked_add(content).filter(|_| content >= 0).ok_or(CLAIM)?;
    Ok(header)
}
