use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::place::superfluous;
use super::*;
use crate::config::{Config, Home};
use crate::note::Checkpoint;
use crate::record::Strictness;
use crate::trail::{InitOptions, OpenOptions, Settings, Trail, init};
use crate::verify::{Level, Options, Pinning, Report, Trust, Verdict, verify_pinned};

struct Ground {
    dir: tempfile::TempDir,
}

impl Ground {
    async fn new() -> Self {
        let ground = Self { dir: tempfile::tempdir().unwrap() };
        init(&ground.url(), &InitOptions::new(ground.home())).await.unwrap();
        ground
    }

    fn path(&self, name: &str) -> PathBuf {
        // As the system names it: temporary folders may be links.
        std::fs::canonicalize(self.dir.path()).unwrap().join(name)
    }

    fn url(&self) -> String {
        self.path("audit").display().to_string()
    }

    fn home(&self) -> Home {
        Home::at(&self.path("home"))
    }

    fn place(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    async fn open(&self) -> Trail {
        self.open_beating(std::time::Duration::ZERO).await
    }

    async fn open_beating(&self, heartbeat: std::time::Duration) -> Trail {
        let mut settings = Settings::from_config(&Config::default(), &self.url());
        settings.heartbeat = heartbeat;
        Trail::open(&self.url(), OpenOptions::new(self.home(), settings)).await.unwrap()
    }

    /// Each event in a commit of its own.
    async fn record(&self, events: usize) {
        let trail = self.open().await;
        for _ in 0..events {
            // The last one is committed by the entry that closes the run.
            trail.flush().await.unwrap();
            trail.record(br#"{"event_type":"data.export"}"#, Strictness::Lenient).await.unwrap();
        }
        trail.close(true).await.unwrap();
    }

    /// As a verifier who has seen nothing before.
    async fn verify(&self) -> Report {
        self.verify_at(Level::Deep).await
    }

    async fn verify_at(&self, level: Level) -> Report {
        let trail = self.open().await;
        let owner = trail.owner_key().unwrap();
        let trust = Trust { secret: Some(owner.clone()), ..Trust::owner(owner.public()) };
        let pinning = Pinning { anchors: Some(trail.anchors()), ..Pinning::default() };
        let (options, cancel) =
            (Options { level, threads: 1, ..Options::default() }, Arc::default());
        verify_pinned(trail.storage(), trust, options, &pinning, &|_| {}, &cancel).await.unwrap()
    }

    /// Takes away the entries from `size` on, and the hint; how many there were.
    fn cut(&self, size: u64) {
        let _ = std::fs::remove_file(self.path("audit/checkpoint"));
        for entry in std::fs::read_dir(self.path("audit/ledger")).unwrap() {
            let path = entry.unwrap().path();
            let n: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            if n >= size {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    fn files(&self, name: &str) -> Vec<PathBuf> {
        let found = crate::storage::durable::list(&self.path(name)).unwrap();
        found.into_iter().map(|(path, _)| self.path(name).join(path)).collect()
    }
}

#[tokio::test]
async fn the_list_knows_what_can_be_an_anchor() {
    let ground = Ground::new().await;
    let trail = ground.open().await;
    let (anchors, origin) = (trail.anchors(), trail.info().origin.clone());
    assert_eq!(anchors.list().unwrap(), []);
    let folder = anchors.add(&origin, &ground.place("a"), false).unwrap();
    assert_eq!(folder.kind, AnchorKind::Folder);
    assert_eq!(anchors.add(&origin, &ground.place("f"), true).unwrap().kind, AnchorKind::File);
    let http = anchors.add(&origin, "https://notary.example.com/x", false).unwrap();
    assert_eq!(http.kind, AnchorKind::Http);
    assert_eq!(anchors.list().unwrap().len(), 3);
    let again = anchors.add(&origin, &ground.place("a"), false).unwrap_err();
    assert_eq!(again.kind(), "already_exists");
    for bad in [
        ground.url(),
        format!("{}/ledger", ground.url()),
        "https://user:secret@example.com/".to_owned(),
        "https://".to_owned(),
        "ftp://example.com/x".to_owned(),
        String::new(),
    ] {
        let refused = anchors.add(&origin, &bad, false).unwrap_err();
        assert_eq!(refused.kind(), "usage", "{bad}");
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
    assert_eq!(anchors.add(&origin, "s3://bucket/x", true).unwrap_err().kind(), "usage");
    assert_eq!(anchors.add("other", &ground.place("b"), false).unwrap_err().kind(), "usage");
    assert_eq!(anchors.remove("nowhere").unwrap_err().kind(), "not_found");
    for url in [ground.place("a"), ground.place("f"), http.url] {
        anchors.remove(&url).unwrap();
    }
    assert_eq!(anchors.load().unwrap(), None);
}

#[test]
fn old_checkpoints_are_spaced_and_the_newest_stay() {
    let mut kept: Vec<u64> = Vec::new();
    for size in 1..=20_000 {
        kept.push(size);
        if size % 16 == 0 {
            let gone = superfluous(&kept);
            kept.retain(|size| !gone.contains(size));
            assert!(kept.ends_with(&(size - 7..=size).collect::<Vec<_>>()), "{size}: {kept:?}");
            assert!(kept.len() < 120, "{size}: {}", kept.len());
            assert_eq!(kept[0], 1);
        }
    }
    // However far back a trail is put, a checkpoint not much older tells.
    let age = |size: u64| 20_000 - size;
    for pair in kept.windows(2) {
        assert!(pair[1] - pair[0] <= age(pair[0]) / 2 + 2, "{pair:?}");
    }
    assert_eq!(superfluous(&[]), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_put_back_to_any_size_is_told_by_folder_and_file() {
    for file in [false, true] {
        let ground = Ground::new().await;
        let trail = ground.open().await;
        let place = ground.place(if file { "checkout.txt" } else { "anchor" });
        trail.anchors().add(&trail.info().origin, &place, file).unwrap();
        ground.record(4).await;
        let report = ground.verify().await;
        assert_eq!(report.findings, [], "{report}");
        assert_eq!((report.verdict, report.anchored), (Verdict::Verified, true));
        let size = report.size;
        let state = ground.open().await.anchor_states().unwrap().remove(&place).unwrap();
        assert_eq!((state.published, state.error), (Some(size), None));
        for left in (1..size).rev() {
            ground.cut(left);
            let report = ground.verify().await;
            let verdicts: Vec<Verdict> = report.findings.iter().map(|f| f.verdict).collect();
            // Below its writer's authorisation a note of the file says nothing; a folder has the
            // owner's entry too.
            let unknown = file && left == 1;
            let expected = if unknown { Verdict::Tampered } else { Verdict::RolledBack };
            assert_eq!(report.verdict, expected, "{left} {report}");
            assert!(verdicts.iter().all(|v| *v == expected), "{left} {report}");
            assert!(report.findings.iter().all(|f| f.object.starts_with(&place)), "{report}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_is_forked() {
    let ground = Ground::new().await;
    let trail = ground.open().await;
    trail.anchors().add(&trail.info().origin, &ground.place("anchor"), false).unwrap();
    ground.record(3).await;
    // The same writer goes on from an earlier state, as a copied host would, and sends nothing.
    let list = ground.path("home/anchors");
    std::fs::rename(&list, ground.path("kept")).unwrap();
    ground.cut(3);
    std::fs::remove_dir_all(ground.path("home/state")).unwrap();
    ground.record(3).await;
    std::fs::remove_dir_all(&list).ok();
    std::fs::rename(ground.path("kept"), &list).unwrap();
    let report = ground.verify().await;
    assert_eq!(report.verdict, Verdict::Forked, "{report}");
    assert!(report.findings.iter().all(|f| f.kind == "anchor"), "{report}");
    // And a writer that meets the other history's checkpoint in the anchor says so.
    ground.record(1).await;
    let trail = ground.open().await;
    let size = trail.view().await.unwrap().size();
    let held = trail.anchors().list().unwrap()[0].read(&trail.info().origin).await.unwrap();
    assert!(held.notes.iter().any(|(place, _)| place.ends_with(&format!("{size:020}"))));
    let key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let other = Checkpoint { origin: trail.info().origin.clone(), size, root: [9; 32] };
    let note = other.sign("x/owner", &key).unwrap();
    let refused = trail.anchors().list().unwrap()[0].publish(&other, &note, false).await;
    assert!(refused.unwrap_err().to_string().contains("fork"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_out_of_reach_fails_no_commit_and_gets_the_next() {
    let ground = Ground::new().await;
    let trail = ground.open().await;
    let place = ground.place("anchor");
    // A file where a folder must be.
    std::fs::write(&place, b"in the way").unwrap();
    trail.anchors().add(&trail.info().origin, &place, false).unwrap();
    ground.record(2).await;
    let state = ground.open().await.anchor_states().unwrap().remove(&place).unwrap();
    assert_eq!(state.published, None);
    assert!(state.error.is_some_and(|error| error.contains("anchor")));
    let report = ground.verify().await;
    assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Unanchored, 4));
    assert!(report.not_checked.iter().any(|what| what.contains(&place)), "{report}");
    std::fs::remove_file(&place).unwrap();
    assert_eq!(ground.verify().await.verdict, Verdict::Unanchored, "nothing is there yet");
    ground.record(1).await;
    let report = ground.verify().await;
    assert_eq!((report.verdict, report.anchored), (Verdict::Verified, true), "{report}");
    let state = ground.open().await.anchor_states().unwrap().remove(&place).unwrap();
    assert_eq!((state.published, state.error), (Some(report.size), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flipped_byte_in_an_anchor_is_told() {
    let ground = Ground::new().await;
    let trail = ground.open().await;
    trail.anchors().add(&trail.info().origin, &ground.place("anchor"), false).unwrap();
    ground.record(1).await;
    let files = ground.files("anchor");
    assert_eq!(files.len(), 2, "a checkpoint and the writer's authorisation: {files:?}");
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            let report = ground.verify_at(Level::Quick).await;
            assert_eq!(report.verdict, Verdict::Tampered, "{} {at} {report}", path.display());
        }
        std::fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(ground.verify().await.findings, []);
}

/// Keeps what was posted; answers GET with the newest checkpoint.
fn notary() -> (String, Arc<Mutex<Vec<(String, Vec<u8>)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/log", listener.local_addr().unwrap());
    let posted: Arc<Mutex<Vec<(String, Vec<u8>)>>> = Arc::default();
    let kept = Arc::clone(&posted);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &kept);
        }
    });
    (url, posted)
}

fn answer(mut stream: TcpStream, posted: &Mutex<Vec<(String, Vec<u8>)>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let (head, length) = loop {
        let read = stream.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length = text.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
        let length: usize = length.unwrap_or(0);
        if request.len() >= end + 4 + length {
            break (text[..end].to_owned(), end + 4);
        }
    };
    let body = match head.starts_with("post") {
        true => {
            let kind = if head.contains("application/json") { "entry" } else { "note" };
            posted.lock().unwrap().push((kind.to_owned(), request[length..].to_vec()));
            Vec::new()
        }
        false => {
            let all = posted.lock().unwrap();
            let newest = all.iter().rev().find(|(kind, _)| kind == "note");
            newest.map(|(_, body)| body.clone()).unwrap_or_default()
        }
    };
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_gets_and_gives_checkpoints() {
    let ground = Ground::new().await;
    let trail = ground.open().await;
    let (url, posted) = notary();
    trail.anchors().add(&trail.info().origin, &url, false).unwrap();
    ground.record(2).await;
    let kinds: Vec<String> = posted.lock().unwrap().iter().map(|(kind, _)| kind.clone()).collect();
    assert_eq!(kinds[0], "entry", "the writer's authorisation goes first");
    assert!(kinds.contains(&"note".to_owned()));
    let report = ground.verify().await;
    assert_eq!((report.verdict, report.anchored), (Verdict::Verified, true), "{report}");
    ground.cut(report.size - 1);
    assert_eq!(ground.verify().await.verdict, Verdict::RolledBack);
}

#[tokio::test]
async fn intents_fail_where_an_anchor_does_not_take_them() {
    let ground = Ground::new().await;
    let trail = ground.open().await;
    let entry = bytes::Bytes::from_static(b"{}");
    publish_intent(&trail.anchors(), 1, &entry).await.unwrap();
    let place = ground.place("anchor");
    trail.anchors().add(&trail.info().origin, &place, false).unwrap();
    publish_intent(&trail.anchors(), 1, &entry).await.unwrap();
    assert_eq!(ground.files("anchor").len(), 1);
    let writer = trail.authorize_writer(|_| Ok(())).await.unwrap();
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, b"in the way").unwrap();
    assert!(publish_intent(&trail.anchors(), 1, &entry).await.is_err());
    // What takes a right away must not be unsaid by putting the store back.
    let size = trail.view().await.unwrap().size();
    assert!(trail.revoke_writer(&writer, "lost").await.is_err());
    assert_eq!(trail.view().await.unwrap().size(), size);
    std::fs::remove_file(&place).unwrap();
    trail.revoke_writer(&writer, "lost").await.unwrap();
    assert_eq!(ground.files("anchor").len(), 1);
    ground.cut(size);
    let report = ground.verify().await;
    // As long as it was when the revocation was announced, and without it.
    assert_eq!(report.verdict, Verdict::RolledBack, "{report}");
    assert_eq!(report.findings[0].kind, "anchor_withheld");
    trail.revoke_writer(&writer, "lost").await.unwrap();
    assert_eq!(ground.verify().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_writer_gives_signs_of_life_and_the_ledger_does_not_grow() {
    let ground = Ground::new().await;
    let (url, posted) = notary();
    let anchors = ground.open().await.anchors();
    let origin = ground.open().await.info().origin.clone();
    for target in [ground.place("anchor"), url] {
        anchors.add(&origin, &target, false).unwrap();
    }
    ground.record(1).await;
    assert_eq!(ground.verify().await.heartbeat, None);
    let trail = ground.open_beating(std::time::Duration::from_millis(1)).await;
    trail.recover().await.unwrap();
    let size = trail.view().await.unwrap().size();
    let heartbeat = ground.path("audit/heartbeat");
    while !heartbeat.exists() || posted.lock().unwrap().len() < 4 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    trail.close(true).await.unwrap();
    let report = ground.verify().await;
    assert_eq!((report.findings.as_slice(), report.size), (&[][..], size), "{report}");
    let beat = report.heartbeat.clone().unwrap();
    assert_eq!(beat.size, size);
    assert!(beat.writer.starts_with("w-"), "{beat:?}");
    assert!(!report.notes.iter().any(|note| note.contains("heartbeat")), "{report}");
    let bytes = std::fs::read(&heartbeat).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&heartbeat, changed).unwrap();
        assert_eq!(ground.verify_at(Level::Quick).await.verdict, Verdict::Tampered, "{at}");
    }
    std::fs::write(&heartbeat, bytes).unwrap();
    // It tells of a cut as the checkpoint hint does.
    ground.cut(size - 1);
    let report = ground.verify().await;
    assert!(report.findings.iter().any(|f| f.kind == "entries_cut_off"), "{report}");
    assert_eq!(report.verdict, Verdict::RolledBack);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_writer_falls_silent() {
    let ground = Ground::new().await;
    ground.record(1).await;
    let trail = ground.open_beating(std::time::Duration::from_millis(1)).await;
    trail.recover().await.unwrap();
    let heartbeat = ground.path("audit/heartbeat");
    while !heartbeat.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let writer = trail.writers().await.unwrap().remove(0).id;
    ground.open().await.revoke_writer(&writer, "lost").await.unwrap();
    // Time for several more.
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    let home = ground.home();
    let pinning = Pinning::default();
    let trail = ground.open().await;
    let owner = crate::keys::OwnerKey::load(
        &home.keys_dir,
        &trail.info().trail_id,
        &crate::keys::Passphrase::default(),
    );
    let trust = Trust::owner(owner.unwrap().public());
    let (options, cancel) = (Options { threads: 1, ..Options::default() }, Arc::default());
    let report = verify_pinned(trail.storage(), trust, options, &pinning, &|_| {}, &cancel);
    let report = report.await.unwrap();
    assert_eq!(report.findings, [], "{report}");
    assert_eq!(report.heartbeat.unwrap().writer, writer);
}
