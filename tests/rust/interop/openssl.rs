//! The `openssl` command line checks what a trail says, from the owner's key to one record.
//!
//! It knows nothing of sealtrail: signature, HMAC, key derivation and hashes are its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::VerifyingKey;
use sealtrail_core::note::{Checkpoint, parse_vkey};
use sealtrail_core::segment::SegmentFile;
use serde_json::Value;
use tempfile::TempDir;

use crate::{GOLDEN_ENTRIES, golden, installed, text};

/// What stands before an Ed25519 public key in DER (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

struct OpenSsl(TempDir);

impl OpenSsl {
    fn find() -> Option<Self> {
        installed("openssl", "version").then(|| Self(TempDir::new().unwrap()))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn run(&self, arguments: &[&str], files: &[(&str, &Path)]) -> (bool, Vec<u8>) {
        let mut run = Command::new("openssl");
        run.args(arguments);
        for (option, file) in files {
            run.arg(option).arg(file);
        }
        let output = run.current_dir(self.0.path()).output().unwrap();
        (output.status.success(), output.stdout)
    }

    fn signature_holds(&self, public: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
        let key = self.file("public.der", &[SPKI.as_slice(), public.as_bytes()].concat());
        let message = self.file("message", message);
        let signature = self.file("signature", signature);
        let verify = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"];
        let files = [("-inkey", &*key), ("-in", &*message), ("-sigfile", &*signature)];
        self.run(&verify, &files).0
    }

    fn sha256(&self, message: &[u8]) -> Vec<u8> {
        let message = self.file("hashed", message);
        self.output(&["dgst", "-sha256", "-binary", message.to_str().unwrap()])
    }

    fn hmac(&self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let message = self.file("authenticated", message);
        let key = format!("hexkey:{}", HEXLOWER.encode(key));
        let file = message.to_str().unwrap();
        self.output(&["dgst", "-sha256", "-mac", "HMAC", "-macopt", &key, "-binary", file])
    }

    fn hkdf(&self, ikm: &[u8], salt: &[u8], info: &[u8]) -> Vec<u8> {
        let option = |name: &str, bytes: &[u8]| format!("{name}:{}", HEXLOWER.encode(bytes));
        let (key, salt) = (option("hexkey", ikm), option("hexsalt", salt));
        let info = option("hexinfo", info);
        let mut arguments = vec!["kdf", "-binary", "-keylen", "32", "-kdfopt", "digest:SHA256"];
        for option in [&key, &salt, &info] {
            arguments.extend(["-kdfopt", option]);
        }
        arguments.push("HKDF");
        self.output(&arguments)
    }

    fn output(&self, arguments: &[&str]) -> Vec<u8> {
        let (worked, output) = self.run(arguments, &[]);
        assert!(worked, "openssl {arguments:?}");
        output
    }
}

fn base64(text: &str) -> Vec<u8> {
    BASE64.decode(text.as_bytes()).unwrap()
}

fn entry(n: usize) -> Value {
    let bytes = fs::read(golden("audit/ledger").join(format!("{n:020}.json"))).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn message(entry: &Value) -> Vec<u8> {
    // The golden bodies hold nothing that another writer of JSON would spell otherwise.
    format!("sealtrail entry v1\n{}", entry["body"]).into_bytes()
}

#[test]
fn the_owner_signed_the_writer_and_the_writer_the_checkpoint() {
    let Some(openssl) = OpenSsl::find() else { return };
    let vkey = fs::read_to_string(golden("owner.vkey")).unwrap();
    let (_, owner) = parse_vkey(&vkey).unwrap();
    let note = fs::read_to_string(golden("audit/checkpoint")).unwrap();
    let (signed, signatures) = note.split_once("\n\n").unwrap();
    let signed = format!("{signed}\n");
    let (name, signature) = signatures.trim().rsplit_once(' ').unwrap();

    let mut writer = None;
    for n in 0..GOLDEN_ENTRIES {
        let entry = entry(n);
        if text(&entry["body"], "writer") != "owner" {
            continue;
        }
        let mut signed = message(&entry);
        signed.extend(HEXLOWER.decode(text(&entry, "hmac").as_bytes()).unwrap());
        let signature = base64(text(&entry, "sig"));
        assert!(openssl.signature_holds(&owner, &signed, &signature), "entry {n}");
        signed[20] ^= 1;
        assert!(!openssl.signature_holds(&owner, &signed, &signature), "entry {n}, changed");
        for one in entry["body"]["authorizes"].as_array().into_iter().flatten() {
            if name.ends_with(text(one, "writer")) {
                let public = base64(text(one, "public")).try_into().unwrap();
                writer = Some(VerifyingKey::from_bytes(&public).unwrap());
            }
        }
    }
    let writer = writer.unwrap();
    let signature = &base64(signature)[4..];
    assert!(openssl.signature_holds(&writer, signed.as_bytes(), signature));
    assert!(!openssl.signature_holds(&owner, signed.as_bytes(), signature));
    assert!(!openssl.signature_holds(&writer, signed.trim_end().as_bytes(), signature));
    assert_eq!(Checkpoint::parse(&note).unwrap().checkpoint.text(), signed);
}

#[test]
fn hmacs_and_derived_keys() {
    let Some(openssl) = OpenSsl::find() else { return };
    let owner: Value = serde_json::from_slice(&fs::read(golden("owner.json")).unwrap()).unwrap();
    let root = base64(text(&owner, "root_secret"));
    let trail = HEXLOWER.decode(text(&owner, "trail_id").replace('-', "").as_bytes()).unwrap();
    let mut checked = 0;
    let authorised = entry(1)["body"]["authorizes"][0].clone();
    for n in 0..GOLDEN_ENTRIES {
        let entry = entry(n);
        let (body, id) = (&entry["body"], text(&entry["body"], "writer"));
        let mut key = if id == "owner" {
            openssl.hkdf(&root, &trail, b"sealtrail owner hmac v1")
        } else if id == text(&authorised, "writer") {
            let start = authorised["epoch"].as_u64().unwrap().to_be_bytes();
            let info = [b"sealtrail writer hmac v1\n", id.as_bytes(), &start].concat();
            openssl.hkdf(&root, &trail, &info)
        } else {
            continue;
        };
        for _ in authorised["epoch"].as_u64().unwrap()..body["epoch"].as_u64().unwrap() {
            key = openssl.hkdf(&key, &[], b"sealtrail epoch v1");
        }
        let hmac = HEXLOWER.encode(&openssl.hmac(&key, &message(&entry)));
        assert_eq!(hmac, text(&entry, "hmac"), "entry {n}");
        checked += 1;
    }
    assert!(checked > 4, "{checked} entries");
}

/// The batch of one record has the record's leaf as its root.
#[test]
fn the_leaf_of_a_record() {
    let Some(openssl) = OpenSsl::find() else { return };
    let (mut folders, mut checked) = (vec![golden("audit/segments")], 0);
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let file = SegmentFile::open(path.to_str().unwrap(), bytes.into()).unwrap();
            let [batch] = file.meta().batches.as_slice() else { continue };
            if batch.rows != 1 {
                continue;
            }
            let record = file.records(&[0]).unwrap().remove(0);
            let salt = [batch.salt_bytes().unwrap().as_slice(), &[0; 8]].concat();
            let salt = &openssl.sha256(&salt)[..16];
            let leaf = openssl.sha256(&[&[0], salt, &record].concat());
            assert_eq!(leaf, batch.root_hash().unwrap(), "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 3, "{checked} segments");
}
