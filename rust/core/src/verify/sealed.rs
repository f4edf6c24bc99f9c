//! Parts of an encrypted segment, opened one by one: the Parquet library opens them for itself, and
//! tells nobody what the headers of pages say.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::thrift::crypto;
use crate::encryption::{Opening, is_encrypted};
use crate::segment::Keys;
use crate::{Error, Result};

/// What a part is. Each is bound to that, and to its place in the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// The header of this data page of its column chunk.
    DataPageHeader(usize),
    DictionaryPageHeader,
    /// Where the pages of a column chunk are, and which rows they hold.
    #[cfg(test)]
    OffsetIndex,
}

/// An encrypted file whose key is at hand.
pub(super) struct Sealed {
    key: LessSafeKey,
    /// What all its parts are bound to.
    file: Vec<u8>,
}

const DAMAGED: &str = "an encrypted part of it does not open";

impl Sealed {
    /// The segment at `path` with these bytes; `None` if it is not encrypted.
    ///
    /// # Errors
    /// `Key` if its key is not at hand, `Integrity` if what describes that is damaged.
    pub(super) fn of(path: &str, bytes: &[u8], keys: Keys<'_>) -> Result<Option<Self>> {
        if !is_encrypted(bytes) {
            return Ok(None);
        }
        let stored = crypto(bytes).map_err(|what| Error::integrity(path, what))?;
        let (key, mut file) = Opening::of(keys, path).parts(&stored.key)?;
        let key = UnboundKey::new(&AES_256_GCM, &key);
        let key = key.map_err(|_| Error::integrity(path, "its key has another length"))?;
        file.extend_from_slice(&stored.unique);
        Ok(Some(Self { key: LessSafeKey::new(key), file }))
    }

    /// Opens the part at the beginning of these bytes, of a column chunk (row group, column).
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn open(
        &self,
        bytes: &[u8],
        part: Part,
        place: (usize, usize),
    ) -> std::result::Result<Vec<u8>, &'static str> {
        let (length, rest) = bytes.split_first_chunk().ok_or(DAMAGED)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| DAMAGED)?;
        let module = rest.get(..length).ok_or(DAMAGED)?;
        let (nonce, sealed) = module.split_first_chunk::<12>().ok_or(DAMAGED)?;
        let mut text = sealed.to_vec();
        let aad = Aad::from(self.aad(part, place).ok_or(DAMAGED)?);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.key.open_in_place(nonce, aad, &mut text).map_err(|_| DAMAGED)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// What a part is bound to (Parquet modular encryption, section 4.4).
    fn aad(&self, part: Part, (group, column): (usize, usize)) -> Option<Vec<u8>> {
        let (kind, page) = match part {
            Part::DataPageHeader(page) => (4, Some(page)),
            Part::DictionaryPageHeader => (5, None),
            #[cfg(test)]
            Part::OffsetIndex => (7, None),
        };
        let mut aad = self.file.clone();
        aad.push(kind);
        for ordinal in [Some(group), Some(column), page].into_iter().flatten() {
            aad.extend_from_slice(&i16::try_from(ordinal).ok()?.to_le_bytes());
        }
        Some(aad)
    }

    /// A part with this content, as it stands in the file.
    #[cfg(test)]
    pub(super) fn seal(&self, text: &[u8], part: Part, place: (usize, usize)) -> Vec<u8> {
        let nonce = [7; 12];
        let mut sealed = text.to_vec();
        let aad = Aad::from(self.aad(part, place).unwrap());
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(unique, aad, &mut sealed).unwrap();
        let length = u32::try_from(12 + sealed.len()).unwrap();
        [&length.to_le_bytes()[..], &nonce, &sealed].concat()
    }
}
