//! What takes the place of a value: a mark, a keyed hash, or itself encrypted.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::mark;
use crate::config::RedactionAction;
use crate::keys::{HmacKey, PrivacyKey, random};
use crate::{Error, Result};

/// Bound to every encrypted value, so that it is taken for nothing else.
const AAD: &[u8] = b"sealtrail redaction v1";
const NONCE: usize = 12;

/// Keys for hashing and encrypting what is redacted, made from the trail's privacy key.
#[derive(Debug)]
pub struct RedactionKeys {
    hash: HmacKey,
    seal: HmacKey,
}

impl RedactionKeys {
    /// Those of a trail: `HKDF-SHA256(ikm privacy key, salt trail id, info "sealtrail redaction
    /// hash v1")`, and with `"sealtrail redaction encryption v1"`.
    ///
    /// # Errors
    /// `Key` if `trail_id` is none.
    pub fn derive(key: &PrivacyKey, trail_id: &str) -> Result<Self> {
        let derive = |info: &str| key.derive(trail_id, info.as_bytes());
        Ok(Self {
            hash: derive("sealtrail redaction hash v1")?,
            seal: derive("sealtrail redaction encryption v1")?,
        })
    }
}

/// Replaces values.
#[derive(Debug)]
pub(super) struct Cover(Option<RedactionKeys>);

impl Cover {
    pub(super) fn new(keys: Option<RedactionKeys>) -> Self {
        Self(keys)
    }

    pub(super) fn has_keys(&self) -> bool {
        self.0.is_some()
    }

    fn keys(&self) -> Result<&RedactionKeys> {
        self.0.as_ref().ok_or_else(|| Error::Key("there is no privacy key".to_owned()))
    }

    /// What stands for a text; `None` if nothing does.
    pub(super) fn text(
        &self,
        action: RedactionAction,
        what: &str,
        text: &str,
    ) -> Result<Option<String>> {
        self.value(action, what, text.as_bytes(), b's')
    }

    /// What stands for a value that is no text, given as JSON; `None` if nothing does.
    pub(super) fn json(
        &self,
        action: RedactionAction,
        what: &str,
        raw: &[u8],
    ) -> Result<Option<String>> {
        self.value(action, what, raw, b'j')
    }

    /// `kind` tells text from JSON when an encrypted value is read again.
    fn value(
        &self,
        action: RedactionAction,
        what: &str,
        bytes: &[u8],
        kind: u8,
    ) -> Result<Option<String>> {
        Ok(match action {
            RedactionAction::Drop => None,
            RedactionAction::Mask => Some(mark::masked(what)),
            RedactionAction::Hash => Some(mark::hashed(what, &self.keys()?.hash.tag16(&[bytes]))),
            RedactionAction::Encrypt => Some(mark::encrypted(what, &self.seal(bytes, kind)?)),
        })
    }

    fn seal(&self, bytes: &[u8], kind: u8) -> Result<Vec<u8>> {
        let nonce = random::<NONCE>()?;
        let mut body = Vec::with_capacity(bytes.len() + 17);
        body.push(kind);
        body.extend_from_slice(bytes);
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        aead(&self.keys()?.seal)?
            .seal_in_place_append_tag(nonce_of, Aad::from(AAD), &mut body)
            .map_err(|_| Error::Key("a value cannot be encrypted".to_owned()))?;
        Ok([&nonce[..], &body].concat())
    }

    /// Kind (`s` or `j`) and bytes of an encrypted value.
    pub(super) fn open(&self, sealed: &str) -> Result<(u8, Vec<u8>)> {
        let other = || Error::Key("a value was encrypted under another privacy key".to_owned());
        let bytes =
            data_encoding::BASE64URL_NOPAD.decode(sealed.as_bytes()).map_err(|_| other())?;
        let (nonce, body) = bytes.split_at_checked(NONCE).ok_or_else(other)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| other())?;
        let mut body = body.to_vec();
        let aead = aead(&self.keys()?.seal)?;
        let plain = aead.open_in_place(nonce, Aad::from(AAD), &mut body).map_err(|_| other())?;
        let (kind, plain) = plain.split_first().ok_or_else(other)?;
        Ok((*kind, plain.to_vec()))
    }
}

fn aead(key: &HmacKey) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.secret().expose())
        .map(LessSafeKey::new)
        .map_err(|_| Error::Key("a key has the wrong length".to_owned()))
}
