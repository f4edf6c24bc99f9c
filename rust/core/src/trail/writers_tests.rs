use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::config::{Config, Home};
use crate::keys::OwnerKey;
use crate::ledger::{Body, Close, Kind, entry_path};
use crate::note::Checkpoint;
use crate::record::Strictness;
use crate::storage::Create;
use crate::storage::durable::LockFile;
use crate::trail::adopt::Bequest;
use crate::trail::open::writer_folders;
use crate::trail::{InitOptions, OpenOptions, Settings, init, time_text};
use crate::verify::{Options, Report, Trust, Verdict, verify};

/// A trail and the homes of several hosts.
struct Hosts {
    dir: tempfile::TempDir,
}

impl Hosts {
    /// A trail whose owner's keys are on host `a`.
    async fn new() -> Self {
        let hosts = Self { dir: tempfile::tempdir().unwrap() };
        init(&hosts.url(), &InitOptions::new(hosts.home("a"))).await.unwrap();
        hosts
    }

    fn url(&self) -> String {
        self.dir.path().join("audit").display().to_string()
    }

    fn home(&self, host: &str) -> Home {
        Home::at(&self.dir.path().join(host))
    }

    async fn open(&self, host: &str) -> Trail {
        let mut settings = Settings::from_config(&Config::default(), &self.url());
        settings.snapshot_spacing = 4;
        let options = OpenOptions::new(self.home(host), settings);
        Trail::open(&self.url(), options).await.unwrap()
    }

    async fn owner(&self) -> Arc<OwnerKey> {
        self.open("a").await.owner_key().unwrap()
    }

    async fn verify(&self) -> Report {
        let owner = self.owner().await;
        let trust = Trust { secret: Some(owner.clone()), ..Trust::owner(owner.public()) };
        let trail = self.open("a").await;
        verify(trail.storage(), &trust, &Options::default(), &|_| {}, &Arc::default())
            .await
            .unwrap()
    }

    async fn demand_verified(&self, records: u64) {
        let report = self.verify().await;
        assert_eq!(report.findings, []);
        assert_eq!((report.verdict, report.committed), (Verdict::Verified, records));
    }

    /// Writes the file that brings a new writer to another host.
    async fn grant(&self) -> (String, WriterGrant) {
        let mut content = Vec::new();
        let keep = |bytes: &[u8]| {
            content = bytes.to_vec();
            Ok(())
        };
        let id = self.open("a").await.authorize_writer(keep).await.unwrap();
        (id, WriterGrant::parse(&content, "grant").unwrap())
    }
}

async fn record(trail: &Trail, id: &str) -> Result<String> {
    let event = format!(r#"{{"event_type":"data.file_read","audit_id":"{id}"}}"#);
    trail.record(event.as_bytes(), Strictness::Lenient).await
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for (path, _) in durable::list(from).unwrap() {
        std::fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        std::fs::copy(from.join(&path), to.join(&path)).unwrap();
    }
}

fn folder(trail: &Trail, writer: &str) -> PathBuf {
    trail.state_dir().join(writer)
}

fn keys(trail: &Trail, writer: &str) -> WriterKeys {
    let path = folder(trail, writer).join("writer.json");
    WriterKeys::load(&path, &trail.info().trail_id, trail.url()).unwrap()
}

#[tokio::test]
async fn a_host_without_the_owners_key_writes_with_what_it_was_granted() {
    let hosts = Hosts::new().await;
    let b = hosts.open("b").await;
    assert_eq!(record(&b, "x").await.unwrap_err().kind(), "key");
    let (id, grant) = hosts.grant().await;
    assert_eq!(b.install_writer(&grant).await.unwrap(), id);
    assert_eq!(b.install_writer(&grant).await.unwrap_err().kind(), "already_exists");
    record(&b, "x").await.unwrap();
    b.close(true).await.unwrap();
    let writers = b.writers().await.unwrap();
    assert_eq!(writers.len(), 1);
    assert_eq!((writers[0].id.as_str(), writers[0].committed, writers[0].here), (&*id, 1, true));
    // What a writer's host holds lets it do nothing in the owner's name.
    for refused in [
        b.authorize_writer(|_| Ok(())).await.err(),
        b.revoke_writer(&id, "?").await.err(),
        b.rotate_writer().await.err(),
    ] {
        assert_eq!(refused.unwrap().kind(), "not_found");
    }
    // A second host with the same keys would be the same writer twice.
    let refused = hosts.open("c").await.install_writer(&grant).await.unwrap_err();
    assert!(refused.to_string().contains("has written"), "{refused}");
    hosts.demand_verified(1).await;
}

#[tokio::test]
async fn a_grant_is_refused_for_another_trail_unknown_or_revoked_writers() {
    let (hosts, other) = (Hosts::new().await, Hosts::new().await);
    let (id, grant) = hosts.grant().await;
    let refused = other.open("b").await.install_writer(&grant).await.unwrap_err();
    assert_eq!(refused.kind(), "key");
    let a = hosts.open("a").await;
    a.revoke_writer(&id, "lost").await.unwrap();
    let refused = hosts.open("b").await.install_writer(&grant).await.unwrap_err();
    assert!(refused.to_string().contains("was revoked"), "{refused}");
    let owner = hosts.owner().await;
    let nobody = WriterKeys::generate(&owner, a.url(), 1).unwrap().to_grant().unwrap();
    let nobody = WriterGrant::parse(&nobody, "grant").unwrap();
    let refused = hosts.open("b").await.install_writer(&nobody).await.unwrap_err();
    assert!(refused.to_string().contains("is not authorised"), "{refused}");
}

#[tokio::test]
async fn a_grant_that_could_not_be_kept_authorises_nobody() {
    let hosts = Hosts::new().await;
    let a = hosts.open("a").await;
    let full = |_: &[u8]| Err(Error::Usage("no room".to_owned()));
    assert_eq!(a.authorize_writer(full).await.unwrap_err().kind(), "usage");
    assert_eq!(a.writers().await.unwrap(), []);
}

#[tokio::test]
async fn rotation_replaces_the_keys_and_loses_nothing() {
    let hosts = Hosts::new().await;
    let a = hosts.open("a").await;
    let mut previous: Option<String> = None;
    for round in 0..4 {
        record(&a, &format!("r{round}")).await.unwrap();
        let rotation = a.rotate_writer().await.unwrap();
        assert!(previous.replace(rotation.new.clone()).is_none_or(|new| new == rotation.old));
        let writers = a.writers().await.unwrap();
        let old = writers.iter().find(|w| w.id == rotation.old).unwrap();
        assert_eq!((old.revoked, old.committed), (Some(rotation.entry), 1));
        assert_eq!(writers.iter().filter(|w| w.revoked.is_none()).count(), 1);
    }
    record(&a, "last").await.unwrap();
    a.close(true).await.unwrap();
    assert_eq!(writer_folders(&a.state_dir()).unwrap().len(), 1);
    let report = hosts.verify().await;
    assert_eq!((report.verdict, report.checked.epoch_seals), (Verdict::Verified, 4));
    hosts.demand_verified(5).await;
}

#[tokio::test]
async fn what_a_revoked_writer_acknowledged_is_recorded_by_another() {
    let hosts = Hosts::new().await;
    let a = hosts.open("a").await;
    record(&a, "committed").await.unwrap();
    a.flush().await.unwrap();
    let id = a.writers().await.unwrap()[0].id.clone();
    for n in 0..20 {
        record(&a, &format!("pending{n}")).await.unwrap();
    }
    let owners = hosts.open("a").await;
    let entry = owners.revoke_writer(&id, "the host was taken over").await.unwrap();
    let refused = a.flush().await.unwrap_err().to_string();
    assert!(refused.contains(&format!("entry {entry} revoked writer")), "{refused}");
    a.close(false).await.unwrap();
    let a = hosts.open("a").await;
    record(&a, "after").await.unwrap();
    // To who repeats a call, nothing is recorded twice, though what it said is not known any more.
    assert_eq!(record(&a, "pending7").await.unwrap_err().kind(), "conflict");
    a.close(true).await.unwrap();
    for n in 0..20 {
        assert!(a.get(&format!("pending{n}")).await.unwrap().is_some());
    }
    assert!(!folder(&a, &id).exists());
    hosts.demand_verified(22).await;
}

#[tokio::test]
async fn an_adoption_that_broke_off_is_not_done_twice() {
    let hosts = Hosts::new().await;
    let a = hosts.open("a").await;
    for n in 0..5 {
        record(&a, &format!("p{n}")).await.unwrap();
    }
    let id = a.writers().await.unwrap()[0].id.clone();
    a.close(false).await.unwrap();
    hosts.open("a").await.revoke_writer(&id, "gone").await.unwrap();
    let (dir, away) = (folder(&a, &id), hosts.dir.path().join("away"));
    std::fs::rename(&dir, &away).unwrap();
    record(&a, "own").await.unwrap();
    copy(&away, &dir);
    let bequest = Bequest {
        keys: keys(&a, &id),
        _lock: LockFile::try_lock(&dir.join("lock")).unwrap().unwrap(),
        dir: dir.clone(),
    };
    let writer = a.writer().await.unwrap();
    writer.adopt(bequest, &a.refreshed().await.unwrap(), &Default::default()).unwrap();
    assert!(!dir.exists());
    // The folder is there again, as if its removal had not come to last.
    copy(&away, &dir);
    a.close(false).await.unwrap();
    let a = hosts.open("a").await;
    a.recover().await.unwrap();
    assert!(!dir.exists());
    a.close(true).await.unwrap();
    hosts.demand_verified(6).await;
}

#[tokio::test]
async fn only_writers_that_may_sign_are_revoked_and_that_once() {
    let hosts = Hosts::new().await;
    let (id, _) = hosts.grant().await;
    let a = hosts.open("a").await;
    a.revoke_writer(&id, "").await.unwrap();
    for id in [id.as_str(), "w-0123456789abcdef", "owner", ""] {
        assert_eq!(a.revoke_writer(id, "?").await.unwrap_err().kind(), "usage", "{id}");
    }
    assert_eq!(a.storage().list("ledger").await.unwrap().len(), 3);
    hosts.demand_verified(0).await;
}

#[tokio::test]
async fn a_snapshot_holds_revocations() {
    let hosts = Hosts::new().await;
    let (id, _) = hosts.grant().await;
    let a = hosts.open("a").await;
    let entry = a.revoke_writer(&id, "").await.unwrap();
    for n in 0..10 {
        record(&a, &n.to_string()).await.unwrap();
        a.flush().await.unwrap();
    }
    a.close(true).await.unwrap();
    let names = a.storage().list("ledger").await.unwrap();
    assert!(names.iter().any(|(path, _)| path.contains("snapshot")), "{names:?}");
    let again = hosts.open("a").await;
    assert_eq!(again.refreshed().await.unwrap().state().writers[&id].revoked, Some(entry));
    hosts.demand_verified(10).await;
}

/// Puts an entry that the writer signs with its own key, as if it might.
async fn sign_on(trail: &Trail, keys: &WriterKeys) {
    let ledger = trail.refreshed().await.unwrap();
    let state = ledger.state();
    let time = time_text(now_micros());
    let mut body = Body::new(Kind::Close, keys.id(), keys.epoch(), time);
    body.close = Some(Close { batches: 0, epoch: keys.epoch(), seal: "00".repeat(32) });
    let n = state.size();
    let entry = body.sign(n, state.root(), trail.info(), keys.signing(), keys.hmac()).unwrap();
    let bytes = Bytes::from(entry.to_bytes().unwrap());
    let put = trail.storage().put_create(&entry_path(n), bytes).await.unwrap();
    assert_eq!(put, Create::Created);
}

#[tokio::test]
async fn what_a_revoked_writer_signs_has_no_effect_and_shows() {
    let hosts = Hosts::new().await;
    let a = hosts.open("a").await;
    record(&a, "x").await.unwrap();
    let id = a.writers().await.unwrap()[0].id.clone();
    let stolen = keys(&a, &id);
    let rotation = a.rotate_writer().await.unwrap();
    sign_on(&a, &stolen).await;
    record(&a, "y").await.unwrap();
    a.close(true).await.unwrap();
    let report = hosts.verify().await;
    let entry = entry_path(rotation.entry + 1);
    let found: Vec<_> = report.findings.iter().map(|f| (f.kind, f.object.as_str())).collect();
    assert_eq!(found, [("entry_invalid", entry.as_str())]);
    let message = format!("entry {} revoked writer", rotation.entry);
    assert!(report.findings[0].message.contains(&message), "{:?}", report.findings);
    assert_eq!((report.verdict, report.committed), (Verdict::Tampered, 2));
}

#[tokio::test]
async fn a_checkpoint_of_a_revoked_writer_shows() {
    let hosts = Hosts::new().await;
    let a = hosts.open("a").await;
    record(&a, "x").await.unwrap();
    let id = a.writers().await.unwrap()[0].id.clone();
    let stolen = keys(&a, &id);
    a.rotate_writer().await.unwrap();
    hosts.demand_verified(1).await;
    let ledger = a.refreshed().await.unwrap();
    let (size, root) = (ledger.state().size(), ledger.state().root());
    let checkpoint = Checkpoint { origin: a.info().origin.clone(), size, root };
    let note = checkpoint.sign(&a.info().key_name(&id), stolen.signing()).unwrap();
    a.storage().put_hint("checkpoint", Bytes::from(note)).await.unwrap();
    let report = hosts.verify().await;
    assert_eq!(report.findings.iter().map(|f| f.kind).collect::<Vec<_>>(), ["hint"]);
    assert_eq!(report.verdict, Verdict::Tampered);
}

#[tokio::test]
async fn a_clock_that_jumped_far_does_not_take_the_keys_along() {
    let hosts = Hosts::new().await;
    let a = hosts.open("a").await;
    // Its keys are of 1970, so that the clock of today is one that jumped.
    let owner = hosts.owner().await;
    let old = WriterKeys::generate(&owner, a.url(), 5).unwrap();
    let _lock = lock_writer(&folder(&a, old.id())).unwrap();
    old.save(&folder(&a, old.id()).join("writer.json")).unwrap();
    drop(_lock);
    record(&a, "x").await.unwrap();
    a.flush().await.unwrap();
    assert_eq!(keys(&a, old.id()).epoch(), 5);
    a.close(true).await.unwrap();
    let report = hosts.verify().await;
    assert_eq!((report.verdict, report.committed), (Verdict::Verified, 2));
    let view = hosts.open("a").await.view().await.unwrap();
    let domains: Vec<_> =
        view.state.segments.iter().map(|s| s.partition(false).unwrap().0.to_owned()).collect();
    assert_eq!(domains, ["data", "system"], "the alert");
}
