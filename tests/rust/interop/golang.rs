//! `golang.org/x/mod/sumdb` judges our notes and trees, and we judge what it makes (`tests/go`).

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use data_encoding::BASE64;
use ed25519_dalek::SigningKey;
use sealtrail_core::merkle::{
    Hash, consistency_proof, inclusion_proof, leaf_hash, root, verify_consistency, verify_inclusion,
};
use sealtrail_core::note::{Checkpoint, parse_vkey, vkey};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{GOLDEN_ENTRIES, golden, installed, text};

const ORIGIN: &str = "example.com/audit";

struct Go {
    program: PathBuf,
    _folder: TempDir,
}

impl Go {
    /// Builds the program, or `None` without Go.
    fn build() -> Option<Self> {
        if !installed("go", "version") {
            return None;
        }
        let folder = TempDir::new().unwrap();
        let program = folder.path().join("interop");
        let build = Command::new("go")
            .args(["build", "-mod=vendor", "-buildvcs=false", "-o"])
            .args([&program, Path::new(".")])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/go"))
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", "off")
            .output();
        let build = build.unwrap();
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        Some(Self { program, _folder: folder })
    }

    /// What it made of the log, or why it refused it.
    fn judge(&self, log: &Value) -> Result<Value, String> {
        let mut run = Command::new(&self.program);
        run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = run.spawn().unwrap();
        child.stdin.take().unwrap().write_all(log.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            Some(0) => Ok(serde_json::from_slice(&output.stdout).unwrap()),
            Some(1) => Err(String::from_utf8(output.stderr).unwrap()),
            _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

fn base64(hash: &Hash) -> String {
    BASE64.encode(hash)
}

fn all_base64(path: Option<Vec<Hash>>) -> Vec<String> {
    path.unwrap().iter().map(base64).collect()
}

fn proof(index: usize, size: usize, leaf: &Hash, root: &Hash, path: Option<Vec<Hash>>) -> Value {
    let (leaf, root) = (base64(leaf), base64(root));
    json!({"Index": index, "Size": size, "Leaf": leaf, "Root": root, "Path": all_base64(path)})
}

/// A key for signing, in the form of Go's `note` package.
fn skey(name: &str, key: &SigningKey) -> String {
    let vkey = vkey(name, &key.verifying_key()).unwrap();
    let id = vkey.split('+').nth(1).unwrap();
    let secret = BASE64.encode(&[&[1], key.as_bytes().as_slice()].concat());
    format!("PRIVATE+KEY+{name}+{id}+{secret}")
}

/// The log with every proof of ours.
fn log(entries: &[Vec<u8>], note: &str, vkey: &str, origin: &str) -> Value {
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let (mut places, mut trees) = (Vec::new(), Vec::new());
    for size in 1..=leaves.len() {
        let tree = root(&leaves[..size]);
        trees.push(proof(0, size, &[0; 32], &tree, consistency_proof(&leaves, size)));
        for index in 0..size {
            let path = inclusion_proof(&leaves[..size], index);
            places.push(proof(index, size, &leaves[index], &tree, path));
        }
    }
    let entries: Vec<String> = entries.iter().map(|entry| BASE64.encode(entry)).collect();
    let skey = skey(ORIGIN, &SigningKey::from_bytes(&[7; 32]));
    json!({"Note": note, "Vkey": vkey, "Origin": origin, "Entries": entries,
        "Leaves": places, "Trees": trees, "Skey": skey})
}

fn hash(value: &Value) -> Hash {
    BASE64.decode(value.as_str().unwrap().as_bytes()).unwrap().try_into().unwrap()
}

/// Checks every proof that Go made, and that none holds for a neighbour.
fn check(log: &Value, made: &Value) {
    let entries = log["Entries"].as_array().unwrap();
    let bytes = entries.iter().map(|entry| BASE64.decode(entry.as_str().unwrap().as_bytes()));
    let leaves: Vec<Hash> = bytes.map(|entry| leaf_hash(&entry.unwrap())).collect();
    let (size, tree) = (leaves.len() as u64, root(&leaves));
    let path = |proof: &Value| {
        proof["Path"].as_array().map(|path| path.iter().map(hash).collect()).unwrap_or_default()
    };
    for proof in made["Leaves"].as_array().unwrap() {
        let (index, of) = (proof["Index"].as_u64().unwrap(), proof["Size"].as_u64().unwrap());
        let (leaf, root, path): (_, _, Vec<Hash>) =
            (leaves[usize::try_from(index).unwrap()], hash(&proof["Root"]), path(proof));
        assert!(verify_inclusion(&leaf, index, of, &path, &root), "{proof}");
        assert!(!verify_inclusion(&leaf, index + 1, of, &path, &root), "{proof}");
    }
    for proof in made["Trees"].as_array().unwrap() {
        let (old, root, path): (_, _, Vec<Hash>) =
            (proof["Size"].as_u64().unwrap(), hash(&proof["Root"]), path(proof));
        assert!(verify_consistency(old, &root, size, &tree, &path), "{proof}");
        assert!(!verify_consistency(old, &[9; 32], size, &tree, &path), "{proof}");
    }
    assert_eq!(made["Leaves"], log["Leaves"], "both make the same proofs");
    assert_eq!(made["Trees"].as_array().unwrap().len(), leaves.len());

    let public = SigningKey::from_bytes(&[7; 32]).verifying_key();
    let note = text(made, "Note");
    let origin = text(log, "Origin");
    let checkpoint = Checkpoint::verify_sole(note, ORIGIN, &public, origin).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (size, tree));
}

#[test]
fn logs_of_every_size_up_to_thirty() {
    let Some(go) = Go::build() else { return };
    let key = SigningKey::from_bytes(&[3; 32]);
    let signer = vkey(ORIGIN, &key.verifying_key()).unwrap();
    for size in 1_usize..=30 {
        let entries: Vec<_> = (0..size).map(|i| format!("entry {i} of {size}").into()).collect();
        let leaves: Vec<Hash> = entries.iter().map(|entry: &Vec<u8>| leaf_hash(entry)).collect();
        let (origin, tree) = (ORIGIN.to_owned(), root(&leaves));
        let checkpoint = Checkpoint { origin, size: size as u64, root: tree };
        let note = checkpoint.sign(ORIGIN, &key).unwrap();
        let log = log(&entries, &note, &signer, ORIGIN);
        check(&log, &go.judge(&log).unwrap());
    }
}

#[test]
fn the_golden_trail_and_nothing_near_it() {
    let Some(go) = Go::build() else { return };
    let read = |n: usize| fs::read(golden("audit/ledger").join(format!("{n:020}.json"))).unwrap();
    let entries: Vec<Vec<u8>> = (0..GOLDEN_ENTRIES).map(read).collect();
    let note = fs::read_to_string(golden("audit/checkpoint")).unwrap();
    let parsed = Checkpoint::parse(&note).unwrap();
    let origin = parsed.checkpoint.origin.clone();
    let name = &parsed.signatures[0].0;
    // The writer's key, as the owner authorised it.
    let authorised = entries.iter().find_map(|entry| {
        let entry: Value = serde_json::from_slice(entry).unwrap();
        let list = entry["body"]["authorizes"].as_array()?.clone();
        list.into_iter().find(|one| name.ends_with(text(one, "writer")))
    });
    let public = BASE64.decode(text(&authorised.unwrap(), "public").as_bytes()).unwrap();
    let public = sealtrail_core::keys::public_key(&public).unwrap();
    let writer = vkey(name, &public).unwrap();

    let log = log(&entries, &note, &writer, &origin);
    check(&log, &go.judge(&log).unwrap());

    let owner = fs::read_to_string(golden("owner.vkey")).unwrap();
    let (owner, _) = (owner.trim(), parse_vkey(&owner).unwrap());
    let wrong = [
        ("Vkey", json!(owner), "no verifiable signatures"),
        ("Note", json!(note.replace("\n18\n", "\n17\n")), "invalid signature"),
        (
            "Entries",
            json!(&log["Entries"].as_array().unwrap()[..GOLDEN_ENTRIES - 1]),
            "the entries say",
        ),
        ("Origin", json!("sealtrail/other"), "the entries say"),
        ("Leaves", json!([with(&log["Leaves"][9], "Index", json!(0))]), "invalid"),
        ("Trees", json!([with(&log["Trees"][4], "Root", log["Trees"][3]["Root"].clone())]), "inv"),
    ];
    for (member, value, expected) in wrong {
        let refusal = go.judge(&with(&log, member, value)).unwrap_err();
        assert!(refusal.contains(expected), "{member}: {refusal}");
    }
}

fn with(object: &Value, member: &str, value: Value) -> Value {
    let mut changed = object.clone();
    assert!(changed[member] != value, "{member} must change");
    changed[member] = value;
    changed
}
