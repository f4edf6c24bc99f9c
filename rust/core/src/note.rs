//! Checkpoints: C2SP tlog-checkpoints in C2SP signed notes.
//!
//! Strict on purpose: of one statement there is one text, byte for byte.

use data_encoding::BASE64;
use ed25519_dalek::{SignatureError, SigningKey, VerifyingKey};
use signed_note::{Note, NoteError, VerifierList};

use crate::merkle::Hash;
use crate::{Error, Result, keys};

/// The algorithm byte of Ed25519 in C2SP verifier keys.
const ED25519: u8 = 1;
/// That of Ed25519 cosignatures, which tell the time of signing.
const COSIGNATURE: u8 = 4;

/// What a checkpoint says: a log's size and root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A note that is well-formed; its signatures are not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedNote {
    /// What the note says.
    pub checkpoint: Checkpoint,
    /// Name and key id of each signature line, in order.
    pub signatures: Vec<(String, u32)>,
}

impl Checkpoint {
    /// The text that is signed: three lines.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root))
    }

    /// The note, signed under this name.
    ///
    /// # Errors
    /// `Error::Key` if the name cannot stand in a note or the origin in a checkpoint.
    pub fn sign(&self, name: &str, key: &SigningKey) -> Result<String> {
        if !is_origin(&self.origin) {
            return Err(Error::Key(format!("{:?} cannot name a log", self.origin)));
        }
        let bad = |e: NoteError| Error::Key(format!("cannot sign as {name:?}: {e}"));
        let signer = Signer { name, key };
        let mut note = Note::new(self.text().as_bytes(), &[]).map_err(bad)?;
        note.add_sigs(&[&signer]).map_err(bad)?;
        String::from_utf8(note.to_bytes()).map_err(|e| Error::Key(e.to_string()))
    }

    /// The note with one C2SP cosignature (`cosignature/v1`), which says that the signer knew of no
    /// other checkpoint at `time`, in seconds since 1970.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn cosign(&self, name: &str, key: &SigningKey, time: u64) -> Result<String> {
        let id = cosigner_id(name, &key.verifying_key());
        let signature = keys::sign(key, &cosigned(time, self.text().as_bytes()));
        let blob = [&id.to_be_bytes()[..], &time.to_be_bytes(), &signature].concat();
        let note = format!("{}\n\u{2014} {name} {}\n", self.text(), BASE64.encode(&blob));
        Self::parse(&note)?;
        Ok(note)
    }

    /// Reads a note without checking its signatures.
    ///
    /// # Errors
    /// `Error::Integrity` unless the note is byte for byte as it would be written, with exactly
    /// the three lines of a checkpoint and at least one signature.
    pub fn parse(note: &str) -> Result<ParsedNote> {
        let bad = |what: &str| Error::integrity("checkpoint", what);
        let parsed = Note::from_bytes(note.as_bytes()).map_err(|_| bad("not a signed note"))?;
        if parsed.to_bytes() != note.as_bytes() {
            return Err(bad("not in the one form that a note has"));
        }
        let text = std::str::from_utf8(parsed.text()).map_err(|_| bad("not UTF-8"))?;
        let checkpoint = Self::from_text(text).ok_or_else(|| {
            bad("the text is not exactly origin, size and base64 root, a line each")
        })?;
        let signatures = signature_lines(note, text);
        if signatures.is_empty() {
            return Err(bad("no signature"));
        }
        Ok(ParsedNote { checkpoint, signatures })
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: BASE64.decode(root.as_bytes()).ok()?.try_into().ok()?,
        };
        // Writing it again also finds a sign or zeros before the size, and further lines.
        (is_origin(origin) && checkpoint.text() == text).then_some(checkpoint)
    }

    /// Reads a note and checks that this key signed it once under this name for this log.
    /// Lines of other signers (cosignatures) are allowed, and not checked.
    ///
    /// # Errors
    /// `Error::Integrity` as for [`parse`](Self::parse), and if the origin or signature is not
    /// the expected one.
    pub fn verify(note: &str, name: &str, public: &VerifyingKey, origin: &str) -> Result<Self> {
        let bad = |what: String| Error::integrity("checkpoint", what);
        let ParsedNote { checkpoint, signatures } = Self::parse(note)?;
        if checkpoint.origin != origin {
            return Err(bad(format!("is of log {:?}, not {origin:?}", checkpoint.origin)));
        }
        let verifier = Verifier::new(name, public);
        let ours = (name.to_owned(), verifier.id);
        match signatures.iter().filter(|line| **line == ours).count() {
            1 => {}
            0 => return Err(bad(format!("not signed by {name} with the expected key"))),
            _ => return Err(bad(format!("more than one signature by {name}"))),
        }
        let parsed = Note::from_bytes(note.as_bytes()).map_err(|e| bad(e.to_string()))?;
        let known = VerifierList::new(vec![Box::new(verifier)]);
        parsed.verify(&known).map_err(|e| bad(e.to_string()))?;
        Ok(checkpoint)
    }

    /// [`verify`](Self::verify) for the checkpoint in a ledger entry, which has one line only.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), and if other signature lines follow.
    pub fn verify_sole(
        note: &str,
        name: &str,
        public: &VerifyingKey,
        origin: &str,
    ) -> Result<Self> {
        if Self::parse(note)?.signatures.len() != 1 {
            return Err(Error::integrity("checkpoint", "more than one signature line"));
        }
        Self::verify(note, name, public, origin)
    }
}

/// A signer of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSigner {
    /// Its public key.
    pub public: VerifyingKey,
    /// Number of the entry that revoked it: no checkpoint that covers it may be its.
    pub revoked: Option<u64>,
}

impl LogSigner {
    fn demand_right(&self, size: u64) -> Result<(), String> {
        match self.revoked {
            Some(by) if size > by => {
                Err(format!("its signer was revoked by entry {by}, which it covers"))
            }
            _ => Ok(()),
        }
    }
}

/// The checkpoint in a note that a signer of the log `origin` signed. `signer_of` gives the key of
/// `owner` or of a writer. Lines of others are cosignatures.
///
/// # Errors
/// What is wrong with the note.
pub fn signed_checkpoint(
    note: &str,
    origin: &str,
    signer_of: impl Fn(&str) -> Option<LogSigner>,
) -> Result<Checkpoint, String> {
    let parsed = Checkpoint::parse(note).map_err(|_| "it is no signed checkpoint")?;
    let mut ours = parsed.signatures.iter().filter_map(|(name, _)| {
        let signer = name.strip_prefix(origin)?.strip_prefix('/')?;
        Some((name, signer_of(signer)?))
    });
    let (name, signer) = ours.next().ok_or("no signer of this trail signed it")?;
    let checkpoint = Checkpoint::verify(note, name, &signer.public, origin)
        .map_err(|_| "its signature does not hold")?;
    signer.demand_right(checkpoint.size)?;
    Ok(checkpoint)
}

/// A heartbeat: a checkpoint with exactly one line, the cosignature of a signer of the log
/// `origin`. Who signed it, and when, in seconds since 1970.
///
/// # Errors
/// What is wrong with the note.
pub fn heartbeat(
    note: &str,
    origin: &str,
    signer_of: impl Fn(&str) -> Option<LogSigner>,
) -> Result<(Checkpoint, String, u64), String> {
    let parsed = Checkpoint::parse(note).map_err(|_| "it is no signed checkpoint")?;
    let [(name, id)] = parsed.signatures.as_slice() else {
        return Err("it has more than one signature".to_owned());
    };
    let signer = name.strip_prefix(origin).and_then(|rest| rest.strip_prefix('/'));
    let found = signer.and_then(&signer_of).ok_or("no signer of this trail signed it")?;
    let public = found.public;
    if parsed.checkpoint.origin != origin || *id != cosigner_id(name, &public) {
        return Err("it is of another log, key or kind".to_owned());
    }
    let text = parsed.checkpoint.text();
    let line = note.strip_prefix(&text).unwrap_or_default().trim();
    let blob = line.rsplit(' ').next().and_then(|blob| BASE64.decode(blob.as_bytes()).ok());
    let blob = blob.filter(|blob| blob.len() == 76).ok_or("its signature has another length")?;
    let time = blob[4..12].try_into().map(u64::from_be_bytes).unwrap_or_default();
    if !keys::verify_signature(&public, &cosigned(time, text.as_bytes()), &blob[12..]) {
        return Err("its signature does not hold".to_owned());
    }
    found.demand_right(parsed.checkpoint.size)?;
    Ok((parsed.checkpoint, signer.unwrap_or_default().to_owned(), time))
}

/// Whether a note could be a heartbeat, and nothing else.
pub(crate) fn is_heartbeat(note: &str) -> bool {
    let blob = note.trim_end().rsplit(' ').next().and_then(|b| BASE64.decode(b.as_bytes()).ok());
    let one = Checkpoint::parse(note).is_ok_and(|parsed| parsed.signatures.len() == 1);
    one && blob.is_some_and(|blob| blob.len() == 76)
}

fn cosigned(time: u64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat()
}

fn cosigner_id(name: &str, public: &VerifyingKey) -> u32 {
    let mut key = vec![COSIGNATURE];
    key.extend_from_slice(public.as_bytes());
    signed_note::key_id(name, &key)
}

/// Name and key id of each signature line after the text.
fn signature_lines(note: &str, text: &str) -> Vec<(String, u32)> {
    let lines = note.strip_prefix(text).unwrap_or_default().lines();
    lines
        .filter(|line| !line.is_empty())
        .filter_map(|line| signed_note::Signature::from_bytes(line.as_bytes()).ok())
        .map(|signature| (signature.name().to_owned(), signature.id()))
        .collect()
}

/// Whether a text can name a log: not empty, no space or control character, no `+`.
pub fn is_origin(text: &str) -> bool {
    signed_note::is_key_name_valid(text) && !text.contains(char::is_control)
}

/// A public key as a C2SP verifier key: `<name>+<key id>+<base64>`.
///
/// # Errors
/// `Error::Key` if the name is empty or holds white space or `+`.
pub fn vkey(name: &str, public: &VerifyingKey) -> Result<String> {
    if !is_origin(name) {
        return Err(Error::Key(format!("{name:?} cannot be a key's name")));
    }
    Ok(signed_note::new_ed25519_verifier_key(name, public))
}

/// Reads a C2SP verifier key of an Ed25519 key. White space around it is ignored.
///
/// # Errors
/// `Error::Key` if it is not in the one form that [`vkey`] writes, or the key is unusable.
pub fn parse_vkey(text: &str) -> Result<(String, VerifyingKey)> {
    let text = text.trim();
    // What it is instead may be a secret, such as owner.json: it is not repeated.
    let bad = || {
        let message = "this is no public key; `owner.vkey` holds one (name+id+base64)";
        Error::Key(message.to_owned())
    };
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(_id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(bad());
    };
    let bytes = BASE64.decode(key.as_bytes()).map_err(|_| bad())?;
    let Some((&ED25519, bytes)) = bytes.split_first() else { return Err(bad()) };
    let public = keys::public_key(bytes).map_err(|_| bad())?;
    if vkey(name, &public).is_ok_and(|again| again == text) {
        Ok((name.to_owned(), public))
    } else {
        Err(bad())
    }
}

fn note_key_id(name: &str, public: &VerifyingKey) -> u32 {
    let mut key = vec![ED25519];
    key.extend_from_slice(public.as_bytes());
    signed_note::key_id(name, &key)
}

struct Signer<'a> {
    name: &'a str,
    key: &'a SigningKey,
}

impl signed_note::Signer for Signer<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn key_id(&self) -> u32 {
        note_key_id(self.name, &self.key.verifying_key())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(keys::sign(self.key, message).to_vec())
    }
}

struct Verifier {
    name: String,
    id: u32,
    public: VerifyingKey,
}

impl Verifier {
    fn new(name: &str, public: &VerifyingKey) -> Self {
        Self { name: name.to_owned(), id: note_key_id(name, public), public: *public }
    }
}

impl signed_note::Verifier for Verifier {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        keys::verify_signature(&self.public, message, signature)
    }
}

#[cfg(test)]
mod tests;
