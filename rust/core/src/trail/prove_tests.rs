//! Proofs out of real trails.

use std::collections::BTreeSet;

use super::*;
use crate::config::{Config, Home};
use crate::keys::OWNER;
use crate::ledger::entry_path;
use crate::note::{self, Checkpoint};
use crate::proof::{self, Checked};
use crate::storage::watched::Watched;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        // One epoch, so that no entry comes from the clock.
        let options = InitOptions { epoch_seconds: 1 << 40, ..InitOptions::new(place.home("a")) };
        init(&place.url(), &options).await.unwrap();
        place
    }

    fn url(&self) -> String {
        self.dir.path().join("audit").display().to_string()
    }

    fn home(&self, host: &str) -> Home {
        Home::at(&self.dir.path().join(host))
    }

    fn options(&self, host: &str) -> OpenOptions {
        let mut settings = Settings::from_config(&Config::default(), &self.url());
        settings.snapshot_spacing = 3;
        OpenOptions::new(self.home(host), settings)
    }

    async fn open(&self, host: &str) -> Trail {
        Trail::open(&self.url(), self.options(host)).await.unwrap()
    }

    async fn vkey(&self) -> String {
        let trail = self.open("a").await;
        let name = trail.info().key_name(OWNER);
        note::vkey(&name, &trail.owner_key().unwrap().public()).unwrap()
    }
}

fn event(id: &str, month: u32) -> String {
    format!(
        r#"{{"audit_id":"{id}","event_type":"data.file_read","n":{month},"resource":{{"path":"/é/{id}"}},"timestamp":"2026-{month:02}-03T04:05:06.007Z"}}"#
    )
}

async fn record(trail: &Trail, id: &str, month: u32) {
    trail.record(event(id, month).as_bytes(), Strictness::Lenient).await.unwrap();
}

async fn load(trail: &Trail, ids: impl Iterator<Item = String>) {
    let lines: Vec<String> = ids.enumerate().map(|(n, id)| event(&id, n as u32 % 2 + 1)).collect();
    let input = Box::new(std::io::Cursor::new(lines.join("\n").into_bytes()));
    let report = trail.load(input, &LoadOptions::default()).await.unwrap();
    assert_eq!(report.recorded, lines.len() as u64);
}

/// Proves a record and checks the proof; it shows exactly what the trail has.
async fn proven(trail: &Trail, id: &str, vkey: &str) -> Checked {
    let proof = trail.prove(id).await.unwrap().unwrap_or_else(|| panic!("{id} is not there"));
    let checked = proof::check(proof.as_bytes(), vkey).unwrap();
    assert_eq!(checked.audit_id, id);
    assert_eq!(checked.record.as_bytes(), trail.get(id).await.unwrap().unwrap());
    checked
}

#[tokio::test]
async fn every_record_of_several_writers_months_and_kinds_of_commit_is_proven() {
    let place = Place::new().await;
    let vkey = place.vkey().await;
    let mut ids = Vec::new();
    // Each writer holds its folder while the next one comes.
    let (first, second) = (place.open("a").await, place.open("a").await);
    for round in 0..5 {
        for (at, trail) in [&first, &second].into_iter().enumerate() {
            for month in 1..4 {
                let id = format!("w{at}-{round}-{month}");
                record(trail, &id, month).await;
                ids.push(id);
            }
            trail.flush().await.unwrap();
        }
    }
    let loaded: Vec<String> = (0..40).map(|n| format!("load-{n}")).collect();
    load(&first, loaded.iter().cloned()).await;
    ids.extend(loaded);
    let size = first.view().await.unwrap().size();
    assert!(first.view().await.unwrap().state.snapshot.is_some());
    let (mut writers, mut segments) = (BTreeSet::new(), BTreeSet::new());
    for id in &ids {
        let checked = proven(&first, id, &vkey).await;
        assert_eq!(checked.checkpoint.size, size);
        assert!(checked.signers.iter().any(|s| s.writer == checked.writer));
        assert!(checked.signers.iter().all(|s| s.revoked.is_none()));
        writers.insert(checked.writer);
        segments.insert(checked.segment);
    }
    assert_eq!((writers.len(), segments.len()), (2, 32));
    // A trail that was just opened proves the same.
    let again = place.open("a").await;
    proven(&again, &ids[7], &vkey).await;
    assert_eq!(again.prove("nothing").await.unwrap(), None);
}

#[tokio::test]
async fn batches_of_odd_sizes_are_proven_at_every_position() {
    for rows in [1_u64, 255, 256, 257, 600] {
        let place = Place::new().await;
        let vkey = place.vkey().await;
        let trail = place.open("a").await;
        let input: Vec<String> = (0..rows).map(|n| event(&format!("r-{n}"), 1)).collect();
        let input = Box::new(std::io::Cursor::new(input.join("\n").into_bytes()));
        trail.load(input, &LoadOptions::default()).await.unwrap();
        let mut positions = BTreeSet::new();
        for n in 0..rows {
            let proof = trail.prove(&format!("r-{n}")).await.unwrap().unwrap();
            let checked = proof::check(proof.as_bytes(), &vkey).unwrap();
            assert_eq!(checked.audit_id, format!("r-{n}"));
            let file: serde_json::Value = serde_json::from_slice(proof.as_bytes()).unwrap();
            assert_eq!(file["batch"]["rows"], rows);
            positions.insert(file["record"]["index"].as_u64().unwrap());
        }
        assert!(positions.into_iter().eq(0..rows), "{rows}");
    }
}

#[tokio::test]
async fn what_is_not_committed_is_not_proven() {
    let place = Place::new().await;
    let trail = place.open("a").await;
    record(&trail, "fresh", 1).await;
    let error = trail.prove("fresh").await.unwrap_err();
    assert!(matches!(&error, Error::Usage(text) if text.contains("flush")), "{error}");
    trail.flush().await.unwrap();
    proven(&trail, "fresh", &place.vkey().await).await;
}

/// A host without keys proves under what writers published, and no further.
#[tokio::test]
async fn a_reader_proves_what_a_published_checkpoint_covers() {
    let place = Place::new().await;
    let vkey = place.vkey().await;
    let (writer, reader) = (place.open("a").await, place.open("b").await);
    assert!(matches!(reader.checkpoint().await, Err(Error::NotFound(_))));
    for n in 0..3 {
        record(&writer, &format!("e{n}"), 1).await;
        writer.flush().await.unwrap();
    }
    let checked = proven(&reader, "e2", &vkey).await;
    assert_eq!(checked.checkpoint.size, 5);
    assert_eq!(Checkpoint::parse(&reader.checkpoint().await.unwrap()).unwrap().checkpoint.size, 5);
    // Without the hint, it is the checkpoint in the newest entry: of all before that.
    std::fs::remove_file(place.dir.path().join("audit/checkpoint")).unwrap();
    assert_eq!(proven(&reader, "e1", &vkey).await.checkpoint.size, 4);
    let error = reader.prove("e2").await.unwrap_err();
    assert!(matches!(&error, Error::Usage(text) if text.contains("covers")), "{error}");
    proven(&writer, "e2", &vkey).await;
}

#[tokio::test]
async fn checkpoints_are_the_signers_and_of_all_entries() {
    let place = Place::new().await;
    let trail = place.open("a").await;
    record(&trail, "e", 1).await;
    trail.flush().await.unwrap();
    let note = trail.checkpoint().await.unwrap();
    let view = trail.view().await.unwrap();
    let (id, writer) = view.state.writers.first_key_value().unwrap();
    let (info, public) = (trail.info(), writer.public);
    let checkpoint = Checkpoint::verify(&note, &info.key_name(id), &public, &info.origin).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (3, view.state.root()));
}

#[tokio::test]
async fn every_two_states_of_a_ledger_are_consistent() {
    let place = Place::new().await;
    let vkey = place.vkey().await;
    let (writer, reader) = (place.open("a").await, place.open("b").await);
    for n in 0..9 {
        record(&writer, &format!("e{n}"), 1).await;
        writer.flush().await.unwrap();
    }
    let ledger = writer.refreshed().await.unwrap();
    let size = ledger.state().size();
    assert_eq!(size, 11);
    for trail in [&writer, &reader] {
        for to in 1..=size {
            for from in 0..=to {
                let proof = trail.prove_consistency(from, Some(to)).await.unwrap();
                let shown = proof::check_consistency(proof.as_bytes(), &vkey).unwrap();
                assert_eq!((shown.from.size, shown.to.size), (from, to));
                assert_eq!(Some(shown.from.root), ledger.root_at(from));
                assert_eq!(Some(shown.to.root), ledger.root_at(to));
            }
        }
        let newest = trail.prove_consistency(3, None).await.unwrap();
        assert_eq!(newest, trail.prove_consistency(3, Some(size)).await.unwrap());
        for (from, to) in [(3, 2), (0, 0), (0, size + 1), (u64::MAX, u64::MAX)] {
            let error = trail.prove_consistency(from, Some(to)).await.unwrap_err();
            assert!(matches!(&error, Error::Usage(_)), "{error}");
        }
    }
}

#[tokio::test]
async fn a_segment_other_than_the_entry_names_proves_nothing() {
    let place = Place::new().await;
    let trail = place.open("a").await;
    load(&trail, (0..20).map(|n| format!("x-{n}"))).await;
    load(&trail, (0..20).map(|n| format!("y-{n}"))).await;
    let segments = trail.view().await.unwrap().segments().to_vec();
    assert_eq!(segments.len(), 4);
    let file = |n: usize| place.dir.path().join("audit").join(&segments[n].path);
    // A segment of the same trail, signed by the same writer, in the place of another one.
    std::fs::remove_file(file(0)).unwrap();
    std::fs::copy(file(2), file(0)).unwrap();
    assert_eq!(trail.prove("x-0").await.unwrap(), None);
    // One whose description is of other rows.
    let mut bytes = std::fs::read(file(1)).unwrap();
    let at = bytes.windows(3).rposition(|w| w == b"x-1").unwrap();
    bytes[at] ^= 1;
    std::fs::remove_file(file(1)).unwrap();
    std::fs::write(file(1), bytes).unwrap();
    for n in 0..20 {
        if let Ok(Some(proof)) = trail.prove(&format!("x-{n}")).await {
            let checked = proof::check(proof.as_bytes(), &place.vkey().await).unwrap();
            assert_eq!(checked.audit_id, format!("x-{n}"));
        }
    }
    assert!(trail.prove("y-3").await.unwrap().is_some());
}

#[tokio::test]
async fn a_cut_ledger_is_not_signed_for() {
    let place = Place::new().await;
    let trail = place.open("a").await;
    for n in 0..3 {
        record(&trail, &format!("e{n}"), 1).await;
        trail.flush().await.unwrap();
    }
    trail.close(true).await.unwrap();
    std::fs::remove_file(place.dir.path().join("audit").join(entry_path(5))).unwrap();
    let cut = place.open("a").await;
    for error in [cut.checkpoint().await.unwrap_err(), cut.prove("e0").await.unwrap_err()] {
        assert!(matches!(&error, Error::Integrity { .. }), "{error}");
    }
    // A reader elsewhere has what was published.
    let error = place.open("b").await.checkpoint().await.unwrap_err();
    assert!(matches!(&error, Error::Integrity { .. }), "{error}");
}

/// How many objects a proof costs grows with the logarithm of the number of entries.
#[tokio::test]
async fn few_entries_are_read_for_a_proof() {
    let dir = tempfile::tempdir().unwrap();
    let url = "memory://few-entries-for-a-proof";
    let home = Home::at(dir.path());
    let options = InitOptions { epoch_seconds: 1 << 40, ..InitOptions::new(home.clone()) };
    init(url, &options).await.unwrap();
    let (watched, storage) = Watched::of(&Storage::open(url).unwrap());
    let settings = Settings::from_config(&Config::default(), url);
    let options = OpenOptions::new(home, settings);
    let trail = Trail::open_in(storage, options).await.unwrap();
    for n in 0..64 {
        record(&trail, &format!("e{n:02}"), 1).await;
        trail.flush().await.unwrap();
    }
    trail.view().await.unwrap();
    for n in 0..64 {
        watched.take_gets();
        assert!(trail.prove(&format!("e{n:02}")).await.unwrap().is_some());
        let gets = watched.take_gets();
        assert!(gets.len() <= 14, "{n}: {gets:?}");
    }
}

#[tokio::test]
async fn what_a_writer_signed_before_its_revocation_is_proven_with_it() {
    let place = Place::new().await;
    let vkey = place.vkey().await;
    let trail = place.open("a").await;
    record(&trail, "before", 1).await;
    trail.flush().await.unwrap();
    let shown = proven(&trail, "before", &vkey).await;
    assert!(shown.signers.iter().all(|s| s.revoked.is_none()));
    let rotation = trail.rotate_writer().await.unwrap();
    record(&trail, "after", 1).await;
    trail.flush().await.unwrap();
    for trail in [trail, place.open("b").await] {
        let shown = proven(&trail, "before", &vkey).await;
        assert_eq!((&shown.writer, &shown.checkpoint_signer), (&rotation.old, &rotation.new));
        for signer in &shown.signers {
            let revoked = signer.revoked.as_ref().map(|r| (r.entry, r.reason.as_str()));
            let old = signer.writer == rotation.old;
            assert_eq!(revoked, old.then_some((rotation.entry, "rotated")));
        }
        let shown = proven(&trail, "after", &vkey).await;
        assert_eq!(shown.writer, rotation.new);
        // Of a state before the revocation, nothing is known of it.
        let proof = trail.prove_consistency(1, Some(rotation.entry)).await.unwrap();
        let shown = proof::check_consistency(proof.as_bytes(), &vkey).unwrap();
        assert!(shown.signers.iter().all(|s| s.revoked.is_none()));
    }
}

/// The keys of a revoked writer still lie on its host, but sign nothing.
#[tokio::test]
async fn a_host_of_revoked_writers_proves_under_the_checkpoints_of_others() {
    let place = Place::new().await;
    let vkey = place.vkey().await;
    let trail = place.open("a").await;
    record(&trail, "e", 1).await;
    trail.close(true).await.unwrap();
    let writer = trail.writers().await.unwrap()[0].id.clone();
    let entry = place.open("a").await.revoke_writer(&writer, "stolen").await.unwrap();
    let trail = place.open("a").await;
    let shown = proven(&trail, "e", &vkey).await;
    assert!(shown.checkpoint.size <= entry, "{shown:?}");
    let error = trail.prove_consistency(1, Some(entry + 1)).await.unwrap_err();
    assert!(matches!(&error, Error::NotFound(_)), "{error}");
}
