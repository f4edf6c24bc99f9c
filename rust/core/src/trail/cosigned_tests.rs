//! Lines of others beside a checkpoint outlive the hint.

use ed25519_dalek::SigningKey;

use super::*;
use crate::config::{Config, Home};
use crate::ledger::{CHECKPOINT_HINT, cosigned, entry_path};
use crate::note::Checkpoint;
use crate::verify::{Options, Report, Trust, Verdict, verify};

struct Place {
    _dir: tempfile::TempDir,
    trail: Trail,
}

async fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let (url, home) = (dir.path().join("audit").display().to_string(), Home::at(dir.path()));
    init(&url, &InitOptions::new(home.clone())).await.unwrap();
    let settings = Settings::from_config(&Config::default(), &url);
    let trail = Trail::open(&url, OpenOptions::new(home, settings)).await.unwrap();
    Place { _dir: dir, trail }
}

impl Place {
    async fn commit(&self) {
        let event = br#"{"event_type":"data.file_read"}"#;
        self.trail.record(event, Strictness::Lenient).await.unwrap();
        self.trail.flush().await.unwrap();
    }

    async fn hint(&self) -> String {
        let hint = self.trail.storage().get(CHECKPOINT_HINT).await.unwrap();
        String::from_utf8(hint.to_vec()).unwrap()
    }

    async fn report(&self) -> Report {
        let owner = self.trail.owner_key().unwrap();
        let (trust, options) = (Trust::owner(owner.public()), Options::default());
        let storage = self.trail.storage();
        verify(storage, &trust, &options, &|_| {}, &Arc::default()).await.unwrap()
    }

    async fn put(&self, path: &str, bytes: &[u8]) {
        self.trail.storage().put_hint(path, bytes.to_vec().into()).await.unwrap();
    }
}

/// The note with a line of somebody who has nothing to do with the trail.
fn witnessed(note: &str, name: &str) -> String {
    let key = SigningKey::from_bytes(&[7; 32]);
    let alone = Checkpoint::parse(note).unwrap().checkpoint.cosign(name, &key, 1_700_000_000);
    let alone = alone.unwrap();
    let line = alone.lines().last().unwrap();
    format!("{note}{line}\n")
}

#[tokio::test]
async fn what_others_signed_stays_when_newer_checkpoints_come() {
    let place = place().await;
    place.commit().await;
    let first = witnessed(&place.hint().await, "witness.example/w1");
    let both = witnessed(&first, "auditor");
    for note in [&first, &both, &first] {
        place.trail.keep_cosigned(note).await.unwrap();
    }
    place.commit().await;
    assert!(!place.hint().await.contains("witness"));
    let later = witnessed(&place.hint().await, "witness.example/w1");
    let kept = place.trail.keep_cosigned(&later).await.unwrap();
    assert_eq!((kept.checkpoint.size, kept.others.len()), (4, 1));
    let mut kept = place.trail.cosigned().await.unwrap();
    let newest = kept.pop().unwrap();
    assert_eq!((newest.note, newest.others), (later, vec!["witness.example/w1".to_owned()]));
    kept.sort_by_key(|kept| kept.others.len());
    let notes: Vec<_> = kept.iter().map(|kept| &kept.note).collect();
    assert_eq!(notes, [&first, &both]);
    let report = place.report().await;
    assert_eq!((report.verdict, report.checked.cosigned), (Verdict::Verified, 3));
    assert_eq!(report.notes, Vec::<String>::new());
    place.trail.close(true).await.unwrap();
}

#[tokio::test]
async fn only_our_checkpoints_with_lines_of_others_are_accepted() {
    let (ours, theirs) = (place().await, place().await);
    ours.commit().await;
    theirs.commit().await;
    let refused = async |note: &str| ours.trail.keep_cosigned(note).await.unwrap_err().kind();
    let hint = ours.hint().await;
    assert_eq!(refused(&hint).await, "usage", "nobody else signed it");
    assert_eq!(refused(&witnessed(&theirs.hint().await, "w")).await, "integrity");
    let line = witnessed(&hint, "w").lines().last().unwrap().to_owned();
    let text = Checkpoint::parse(&hint).unwrap().checkpoint.text();
    assert_eq!(refused(&format!("{text}\n{line}\n")).await, "integrity", "we did not sign it");
    assert_eq!(refused("").await, "integrity");
    assert_eq!(ours.trail.storage().list(cosigned::FOLDER).await.unwrap(), []);
}

#[tokio::test]
async fn a_kept_note_that_is_not_the_trails_is_a_finding() {
    let (place, other) = (place().await, place().await);
    place.commit().await;
    other.commit().await;
    let note = witnessed(&place.hint().await, "w");
    let size = place.trail.keep_cosigned(&note).await.unwrap().checkpoint.size;
    let path = cosigned::path(size, &note);
    let foreign = witnessed(&other.hint().await, "w");
    for bytes in [foreign.as_bytes(), b"", b"\xff", witnessed(&note, "v").as_bytes()] {
        place.put(&path, bytes).await;
        let report = place.report().await;
        assert_eq!(report.verdict, Verdict::Tampered);
        let found: Vec<_> = report.findings.iter().map(|f| (f.kind, &f.object)).collect();
        assert_eq!(found, [("cosigned", &path)]);
        if bytes != witnessed(&note, "v").as_bytes() {
            assert_eq!(place.trail.cosigned().await.unwrap_err().kind(), "integrity");
        }
    }
    place.put(&path, note.as_bytes()).await;
    assert_eq!(place.report().await.verdict, Verdict::Verified);
    // It is a checkpoint like any other, and tells of what was cut off.
    place.commit().await;
    let newer = witnessed(&place.hint().await, "w");
    place.trail.keep_cosigned(&newer).await.unwrap();
    place.trail.storage().delete(CHECKPOINT_HINT).await.unwrap();
    place.trail.storage().delete(&entry_path(3)).await.unwrap();
    let report = place.report().await;
    assert_eq!(report.verdict, Verdict::Missing);
    let found: Vec<_> = report.findings.iter().map(|f| (f.kind, f.object.clone())).collect();
    assert_eq!(found, [("entries_cut_off", cosigned::path(4, &newer))]);
}
