//! Encrypted trails, as they are used.

mod logs;

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::config::{Config, EncryptionConfig, Home, KeyRotation};
use crate::keys::{MasterKey, Secret};
use crate::record::Strictness;
use crate::segment::SegmentFile;
use crate::storage::Storage;
use crate::trail::{CompactOptions, InitOptions, LoadOptions, OpenOptions, Settings, Trail, init};
use crate::verify::{Level, Options, Report, Trust, Verdict, verify};
use crate::{Error, Result};

const WORDS: &str = "the-secret-of-the-file";

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        let options =
            InitOptions { epoch_seconds: 1 << 40, ..InitOptions::new(Home::at(place.dir.path())) };
        init(&place.url(), &options).await.unwrap();
        place.master("master", 1);
        place
    }

    fn url(&self) -> String {
        self.dir.path().join("audit").display().to_string()
    }

    /// Makes a master key, and gives its reference.
    fn master(&self, name: &str, byte: u8) -> String {
        let path = self.dir.path().join(name);
        let key = Secret::from_bytes([byte; 32]);
        crate::storage::durable::replace(
            &path,
            key.to_base64().as_bytes(),
            crate::storage::durable::Access::Private,
        )
        .unwrap();
        format!("file:{}", path.display())
    }

    fn config(&self) -> EncryptionConfig {
        let key = Some(format!("file:{}", self.dir.path().join("master").display()));
        EncryptionConfig { hot: true, key, ..EncryptionConfig::default() }
    }

    async fn open_with(&self, encryption: EncryptionConfig) -> Trail {
        let config = Config { encryption, ..Config::default() };
        let settings = Settings::from_config(&config, &self.url());
        let options = OpenOptions::new(Home::at(self.dir.path()), settings);
        Trail::open(&self.url(), options).await.unwrap()
    }

    async fn open(&self) -> Trail {
        self.open_with(self.config()).await
    }

    fn storage(&self) -> Storage {
        Storage::open(&self.url()).unwrap()
    }

    async fn report(&self, level: Level, key: Option<&str>) -> Report {
        let owner = self.open().await.owner_key().unwrap();
        let trust = Trust { secret: Some(Arc::clone(&owner)), ..Trust::owner(owner.public()) };
        let master = MasterSource::new(key, &|_| None);
        let options = Options { level, master, ..Options::default() };
        verify(&self.storage(), &trust, &options, &|_| {}, &Arc::default()).await.unwrap()
    }

    async fn deep(&self) -> Report {
        self.report(Level::Deep, self.config().key.as_deref()).await
    }

    /// All bytes of the trail's segments.
    async fn segments(&self) -> Vec<(String, Bytes)> {
        let storage = self.storage();
        let mut found = Vec::new();
        for (path, _) in storage.list("segments").await.unwrap() {
            let bytes = storage.get(&path).await.unwrap();
            found.push((path, bytes));
        }
        found
    }

    fn replace(&self, path: &str, bytes: &[u8]) {
        std::fs::write(self.dir.path().join("audit").join(path), bytes).unwrap();
    }
}

fn event(id: &str, level: &str) -> String {
    format!(
        r#"{{"event_type":"data.file_read","audit_id":"{id}","timestamp":"2026-03-01T00:00:00Z","note":"{WORDS}","resource":{{"path":"/p","sensitivity_level":"{level}"}}}}"#
    )
}

async fn record(trail: &Trail, ids: &[&str], level: &str) {
    for id in ids {
        trail.record(event(id, level).as_bytes(), Strictness::Strict).await.unwrap();
    }
    trail.flush().await.unwrap();
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

async fn all_there(trail: &Trail, ids: &[&str]) {
    for id in ids {
        let record = trail.get(id).await.unwrap().unwrap();
        assert!(has(&record, WORDS), "{id}");
    }
}

#[tokio::test]
async fn an_encrypted_trail_reads_and_verifies_as_any_other_and_tells_nothing() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, &["id-a", "id-b"], "high").await;
    let text: String = (0..500).map(|n| event(&format!("load-{n}"), "low") + "\n").collect();
    let input = Box::new(std::io::Cursor::new(text.into_bytes()));
    trail.load(input, &LoadOptions::default()).await.unwrap();
    all_there(&trail, &["id-a", "id-b", "load-0", "load-499"]).await;
    assert!(trail.get("load-500").await.unwrap().is_none());
    for (path, bytes) in place.segments().await {
        for text in [WORDS, "id-a", "load-1", "file_read"] {
            assert!(!has(&bytes, text), "{text} in {path}");
        }
        assert!(bytes.ends_with(b"PARE"));
        assert!(matches!(SegmentFile::open(&path, bytes), Err(Error::Key(_))));
    }
    for (path, _) in place.storage().list("ledger").await.unwrap() {
        let bytes = place.storage().get(&path).await.unwrap();
        assert!(!has(&bytes, "id-a") && !has(&bytes, "load-") && !has(&bytes, "file_read"));
    }
    trail.close(true).await.unwrap();
    let report = place.deep().await;
    assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &vec![]));
    assert_eq!(report.checked.records, 502);
    assert!(report.not_checked.iter().all(|what| !what.contains("master key")));
}

#[tokio::test]
async fn compaction_encrypts_what_it_merges_under_the_newest_generation() {
    let place = Place::new().await;
    let plain = place.open_with(EncryptionConfig::default()).await;
    record(&plain, &["id-a"], "high").await;
    plain.close(true).await.unwrap();
    assert!(has(&place.segments().await[0].1, "PAR1"));
    let trail = place.open().await;
    record(&trail, &["id-b"], "high").await;
    let first = trail.keys_status().await.unwrap();
    let newest = trail.rotate_key().await.unwrap();
    record(&trail, &["id-c"], "high").await;
    let before = trail.keys_status().await.unwrap();
    assert_eq!((before.generations.len(), before.plain.0), (2, 1));
    assert_eq!(before.generations[1].info.name, newest);
    assert_eq!(before.generations[0].info, first.generations[0].info);
    assert_eq!(before.generations.iter().map(|g| g.segments).collect::<Vec<_>>(), [1, 1]);
    let options = CompactOptions { grace: std::time::Duration::ZERO, ..CompactOptions::default() };
    assert_eq!(trail.compact(&options).await.unwrap().replaced, 3);
    let after = trail.keys_status().await.unwrap();
    assert_eq!((after.plain.0, after.generations[0].segments), (0, 0));
    assert_eq!(after.generations[1].segments, 1);
    all_there(&trail, &["id-a", "id-b", "id-c"]).await;
    trail.close(true).await.unwrap();
    assert!(place.segments().await.iter().all(|(_, bytes)| bytes.ends_with(b"PARE")));
    assert_eq!(place.deep().await.findings, vec![]);
    // With encryption switched off again, what was encrypted stays so.
    let mut off = place.config();
    off.hot = false;
    let trail = place.open_with(off).await;
    record(&trail, &["id-d"], "high").await;
    trail.compact(&options).await.unwrap();
    assert_eq!(trail.keys_status().await.unwrap().plain.0, 1);
    all_there(&trail, &["id-a", "id-d"]).await;
}

#[tokio::test]
async fn what_is_in_the_clear_is_encrypted_when_it_is_asked_for() {
    let place = Place::new().await;
    let plain = place.open_with(EncryptionConfig::default()).await;
    record(&plain, &["id-a"], "high").await;
    let encrypt = CompactOptions {
        encrypt: true,
        grace: std::time::Duration::ZERO,
        ..CompactOptions::default()
    };
    let refused = plain.compact(&encrypt).await.unwrap_err();
    assert!(matches!(refused, Error::Usage(_)), "{refused}");
    plain.close(true).await.unwrap();
    let trail = place.open().await;
    let alone = CompactOptions { encrypt: false, ..encrypt.clone() };
    assert_eq!(trail.compact(&alone).await.unwrap().replaced, 0);
    assert_eq!(trail.compact(&encrypt).await.unwrap().replaced, 1);
    assert_eq!(trail.compact(&encrypt).await.unwrap().replaced, 0);
    assert_eq!(trail.keys_status().await.unwrap().plain.0, 0);
    assert!(place.segments().await.iter().all(|(_, bytes)| bytes.ends_with(b"PARE")));
    all_there(&trail, &["id-a"]).await;
    trail.close(true).await.unwrap();
    assert_eq!(place.deep().await.findings, vec![]);
}

#[tokio::test]
async fn records_of_chosen_levels_stand_in_encrypted_segments_apart() {
    let place = Place::new().await;
    let levels = vec!["High".to_owned(), "critical".to_owned()];
    let config = EncryptionConfig { hot: false, sensitivity_levels: levels, ..place.config() };
    let trail = place.open_with(config).await;
    for (id, level) in [("id-a", "low"), ("id-b", "HIGH"), ("id-c", "critical"), ("id-d", "low")] {
        trail.record(event(id, level).as_bytes(), Strictness::Lenient).await.unwrap();
    }
    trail.flush().await.unwrap();
    let view = trail.view().await.unwrap();
    let kept: Vec<_> = view.segments().iter().map(|s| (s.key.is_some(), s.rows)).collect();
    assert_eq!(
        (kept.len(), kept.contains(&(true, 2)), kept.contains(&(false, 2))),
        (2, true, true)
    );
    record(&trail, &["id-e"], "low").await;
    record(&trail, &["id-f"], "high").await;
    trail.compact(&CompactOptions::default()).await.unwrap();
    let view = trail.view().await.unwrap();
    let kept: Vec<_> = view.segments().iter().map(|s| (s.key.is_some(), s.rows)).collect();
    assert_eq!(
        (kept.len(), kept.contains(&(true, 3)), kept.contains(&(false, 3))),
        (2, true, true)
    );
    all_there(&trail, &["id-a", "id-b", "id-c", "id-d", "id-e", "id-f"]).await;
    trail.close(true).await.unwrap();
    assert_eq!(place.deep().await.findings, vec![]);
}

#[tokio::test]
async fn without_the_key_signatures_and_hashes_are_checked_and_the_rest_is_said() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, &["id-a"], "high").await;
    trail.close(true).await.unwrap();
    let quick = place.report(Level::Quick, None).await;
    assert_eq!((quick.verdict, &quick.findings), (Verdict::Verified, &vec![]));
    assert!(quick.not_checked.iter().any(|what| what.contains("1 encrypted segments")));
    let generation = trail.keys_status().await.unwrap().generations[0].info.clone();
    let deep = place.report(Level::Deep, None).await;
    assert_eq!((deep.verdict, deep.verdict.exit_code()), (Verdict::Locked, 3));
    let said = deep.findings[0].to_string();
    for part in [&generation.name, &generation.master_keys[0], "SEALTRAIL_MASTER_KEY"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    // Another key is not the key.
    let other = place.master("other", 2);
    let deep = place.report(Level::Deep, Some(&other)).await;
    assert_eq!(deep.verdict, Verdict::Locked);
    assert!(deep.findings[0].message.contains("other"), "{}", deep.findings[0]);
    // What is changed is tampered with, whoever looks.
    let (path, bytes) = place.segments().await.remove(0);
    for at in [4, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        place.replace(&path, &changed);
        for key in [None, place.config().key.as_deref()] {
            for level in [Level::Quick, Level::Deep] {
                let report = place.report(level, key).await;
                assert_eq!(report.verdict, Verdict::Tampered, "byte {at}, {level:?}");
            }
        }
    }
}

#[tokio::test]
async fn no_file_opens_as_another_and_no_key_opens_another_file() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, &["id-a"], "high").await;
    record(&trail, &["id-b"], "high").await;
    let keys = trail.keyring().unwrap();
    let segments = place.segments().await;
    let [(a, bytes_a), (b, bytes_b)] = segments.as_slice() else { panic!("{segments:?}") };
    assert!(SegmentFile::open_with(a, bytes_a.clone(), Some(keys)).is_ok());
    let error = SegmentFile::open_with(b, bytes_a.clone(), Some(keys)).unwrap_err();
    assert!(matches!(error, Error::Integrity { .. }), "{error}");
    // The wrapped key of one in the other.
    let wrapped = |bytes: &[u8]| {
        let at = bytes.windows(13).rposition(|part| part == b"{\"generation\"").unwrap();
        let end = at + bytes[at..].iter().position(|b| *b == b'}').unwrap() + 1;
        at..end
    };
    let mut swapped = bytes_a.to_vec();
    swapped[wrapped(bytes_a)].copy_from_slice(&bytes_b[wrapped(bytes_b)]);
    let error = SegmentFile::open_with(a, swapped.into(), Some(keys)).unwrap_err();
    assert!(error.to_string().contains("another file's"), "{error}");
    // Every byte counts, whatever the ledger says, but for the mark at the begin of each Parquet.
    let whole = SegmentFile::open_with(a, bytes_a.clone(), Some(keys)).unwrap();
    let whole = whole.records(&[0]).unwrap();
    for at in (4..bytes_a.len()).step_by(7) {
        let mut changed = bytes_a.to_vec();
        changed[at] ^= 1;
        let opened = SegmentFile::open_with(a, changed.into(), Some(keys));
        let read = opened.and_then(|file| file.records(&[0]));
        assert!(read.map_or(true, |records| records == whole), "byte {at}");
    }
    place.replace(b, bytes_a);
    trail.close(true).await.unwrap();
    assert_eq!(place.report(Level::Quick, None).await.verdict, Verdict::Tampered);
}

fn keyring(place: &Place, key: &str) -> Keyring {
    let source = MasterSource::new(Some(key), &|_| None);
    Keyring::new("0190f0c5-7b1a-7cc2-9d3e-1f2a3b4c5d6e", place.storage(), source, place.config())
}

#[tokio::test]
async fn whoever_is_first_makes_the_generation() {
    let place = Place::new().await;
    let key = place.config().key.unwrap();
    let makers: Vec<_> = (0..8).map(|_| keyring(&place, &key)).collect();
    let made = futures::future::join_all(makers.iter().map(Keyring::current)).await;
    let names: Vec<String> = made.into_iter().map(|g| g.unwrap().name().to_owned()).collect();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    assert_eq!(makers[0].list().await.unwrap().len(), 1);
    let next = futures::future::join_all(makers.iter().map(Keyring::rotate)).await;
    let known = makers[1].list().await.unwrap();
    for generation in next {
        let name = generation.unwrap().name().to_owned();
        assert!(name != names[0] && known.iter().any(|info| info.name == name), "{name}");
    }
    let newest = known.last().unwrap().name.clone();
    assert_eq!(keyring(&place, &key).current().await.unwrap().name(), newest);
}

#[tokio::test]
async fn another_master_key_takes_over_without_a_file_written_anew() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, &["id-a"], "high").await;
    trail.rotate_key().await.unwrap();
    record(&trail, &["id-b"], "high").await;
    let before = place.segments().await;
    let reference = place.master("next", 7);
    let next = MasterKey::open(&reference).unwrap();
    let wrapped = trail.rewrap_keys(&next).await.unwrap();
    assert_eq!(wrapped.len(), 2);
    assert_eq!(trail.rewrap_keys(&next).await.unwrap(), Vec::<String>::new());
    trail.close(true).await.unwrap();
    assert_eq!(place.segments().await, before);
    let opened = place.open_with(EncryptionConfig { key: Some(reference), ..place.config() }).await;
    all_there(&opened, &["id-a", "id-b"]).await;
    record(&opened, &["id-c"], "high").await;
    assert_eq!(opened.keys_status().await.unwrap().generations.len(), 2);
    // The old one still opens what it opened.
    all_there(&place.open().await, &["id-a", "id-b", "id-c"]).await;
    let third =
        place.open_with(EncryptionConfig { key: Some(place.master("third", 9)), ..place.config() });
    let error = third.await.get("id-a").await.unwrap_err();
    assert!(matches!(error, Error::Key(_)));
    let error = error.to_string();
    for part in ["the generation ", next.name(), "third", "segments/"] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[tokio::test]
async fn a_lost_generation_is_named() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, &["id-a"], "high").await;
    let name = trail.keys_status().await.unwrap().generations[0].info.name.clone();
    for (path, _) in place.storage().list("keyring").await.unwrap() {
        assert!(is_keyring_object(&path));
        place.storage().delete(&path).await.unwrap();
    }
    let other = place.open().await;
    let error = other.get("id-a").await.unwrap_err().to_string();
    assert!(error.contains(&name) && error.contains("keyring"), "{error}");
    let status = other.keys_status().await.unwrap();
    assert_eq!((status.lost, status.generations.len()), (vec![name], 0));
}

#[tokio::test]
async fn no_byte_of_a_keyring_object_can_be_changed() {
    let place = Place::new().await;
    let key = place.config().key.unwrap();
    let name = keyring(&place, &key).current().await.unwrap().name().to_owned();
    let (path, _) = place.storage().list("keyring").await.unwrap().remove(0);
    let bytes = place.storage().get(&path).await.unwrap();
    let made = bytes.windows(6).position(|part| part == b"\"made\"").unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        place.replace(&path, &changed);
        let opened = keyring(&place, &key).generation(&name).await;
        // Only the time of making is the word of the object alone.
        let free = (made..made + 40).contains(&at);
        assert!(free || opened.is_err(), "byte {at}: {}", String::from_utf8_lossy(&changed));
    }
}

#[test]
fn generations_are_due_after_calendar_months() {
    let at = |text: &str| crate::json::parse_canonical_timestamp(text.as_bytes()).unwrap();
    let made = at("2026-01-31T12:00:00.000Z");
    for (rotation, before, due) in [
        (KeyRotation::Monthly, "2026-02-28T11:59:59.999Z", "2026-02-28T12:00:00.000Z"),
        (KeyRotation::Quarterly, "2026-04-30T11:59:59.999Z", "2026-04-30T12:00:00.000Z"),
        (KeyRotation::Yearly, "2027-01-31T11:59:59.999Z", "2027-01-31T12:00:00.000Z"),
    ] {
        assert!(!super::due::is_due(made, at(before), rotation), "{rotation:?}");
        assert!(super::due::is_due(made, at(due), rotation), "{rotation:?}");
    }
    assert!(!super::due::is_due(made, i64::MAX, KeyRotation::Never));
}

#[tokio::test]
async fn objects_that_are_no_parquet_are_sealed_too() -> Result<()> {
    let place = Place::new().await;
    let keys = keyring(&place, &place.config().key.unwrap());
    let (sealed, name) = seal_object(&keys, "a/b.jsonl", b"some lines").await?;
    assert!(is_generation(&name) && !has(&sealed, "some lines"));
    assert_eq!(open_object(&keys, "a/b.jsonl", &sealed).await?, b"some lines");
    assert!(open_object(&keys, "a/c.jsonl", &sealed).await.is_err());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(open_object(&keys, "a/b.jsonl", &changed).await.is_err(), "byte {at}");
        assert!(open_object(&keys, "a/b.jsonl", &sealed[..at]).await.is_err(), "{at} bytes");
    }
    Ok(())
}
