//! Encrypted write-ahead logs.

use super::*;

/// All log files of the place's writers.
fn logs(place: &Place) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![place.dir.path().join("state")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "wal") {
                found.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
    }
    found
}

async fn log_only(trail: &Trail, ids: &[&str]) {
    for id in ids {
        trail.record(event(id, "high").as_bytes(), Strictness::Strict).await.unwrap();
    }
}

fn held(trail: &crate::trail::ReadView, id: &str) -> bool {
    trail.unflushed.iter().any(|record| has(record, id) && has(record, WORDS))
}

#[tokio::test]
async fn the_log_is_encrypted_and_others_on_the_host_read_it() {
    let place = Place::new().await;
    let trail = place.open().await;
    log_only(&trail, &["id-a", "id-b"]).await;
    for (path, bytes) in logs(&place) {
        assert!(bytes.starts_with(b"SEALWAL2"), "{}", path.display());
        assert!(!has(&bytes, WORDS) && !has(&bytes, "id-a"));
    }
    let other = place.open().await;
    let view = other.view().await.unwrap();
    assert!(held(&view, "id-a") && held(&view, "id-b"));
    let mut follower = other.follow_from_start().await.unwrap();
    let first = follower.next().await.unwrap();
    log_only(&trail, &["id-c"]).await;
    let more = follower.next().await.unwrap();
    let all: Vec<_> = first.iter().chain(more.iter()).collect();
    assert!(["id-a", "id-b", "id-c"].iter().all(|id| all.iter().any(|r| has(r, id))));
    let blind = place.open_with(EncryptionConfig::default()).await;
    let error = blind.view().await.unwrap_err();
    assert!(matches!(&error, Error::Key(what) if what.contains("generation 1-")), "{error}");
}

#[tokio::test]
async fn a_killed_writer_s_encrypted_log_is_recovered_whatever_its_end() {
    for torn in [0, 1, 7, 200] {
        let place = Place::new().await;
        let trail = place.open().await;
        log_only(&trail, &["id-a", "id-b", "id-c"]).await;
        let before = logs(&place);
        trail.close(false).await.unwrap();
        let (path, bytes) = before.iter().find(|(_, bytes)| bytes.len() > 500).unwrap();
        std::fs::write(path, [&bytes[..], &vec![7; torn]].concat()).unwrap();
        // Without the key nothing is lost: it is said which is missing.
        let mut none = place.config();
        none.key = Some(place.master("other", 3));
        let blind = place.open_with(none).await;
        let refused = blind.recover().await.unwrap_err();
        assert!(matches!(refused, Error::Key(_)), "{refused}");
        // A generation later, and twice: what was recovered is written anew in between.
        let trail = place.open().await;
        trail.rotate_key().await.unwrap();
        log_only(&trail, &["id-d"]).await;
        trail.close(false).await.unwrap();
        let trail = place.open().await;
        trail.recover().await.unwrap();
        all_there(&trail, &["id-a", "id-b", "id-c", "id-d"]).await;
        trail.close(true).await.unwrap();
        let report = place.deep().await;
        assert_eq!((report.verdict, report.checked.records), (Verdict::Verified, 4), "{torn}");
    }
}

#[tokio::test]
async fn no_byte_of_an_encrypted_log_can_be_changed() {
    let place = Place::new().await;
    let trail = place.open().await;
    log_only(&trail, &["id-a"]).await;
    let reader = place.open().await;
    let whole = reader.view().await.unwrap().unflushed.clone();
    let (path, bytes) = logs(&place).into_iter().find(|(_, b)| b.len() > 500).unwrap();
    for at in (0..bytes.len()).step_by(3) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        let found = reader.view().await.map(|view| view.unflushed.clone());
        // Who has no writer's keys cannot check the epoch in the header and the frame's MAC.
        assert!(found.as_ref().map_or(true, |found| *found == whole), "byte {at}");
    }
    std::fs::write(&path, &bytes).unwrap();
    trail.flush().await.unwrap();
    all_there(&trail, &["id-a"]).await;
}

#[tokio::test]
async fn the_log_stays_in_the_clear_where_it_is_said() {
    let place = Place::new().await;
    let trail = place.open_with(EncryptionConfig { wal: false, ..place.config() }).await;
    log_only(&trail, &["id-a"]).await;
    assert!(logs(&place).iter().any(|(_, bytes)| has(bytes, WORDS)));
    trail.close(false).await.unwrap();
    // And one of before is read when it is to be encrypted from now on.
    let trail = place.open().await;
    trail.recover().await.unwrap();
    all_there(&trail, &["id-a"]).await;
    assert!(logs(&place).iter().all(|(_, bytes)| !has(bytes, WORDS)));
}
