use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use sealtrail_core::config::{Config, Home};
use sealtrail_core::evidence;
use sealtrail_core::keys::OWNER;
use sealtrail_core::note;
use sealtrail_core::record::Strictness;
use sealtrail_core::trail::{InitOptions, OpenOptions, Settings, init};

use super::*;

struct Place {
    dir: tempfile::TempDir,
    trail: Trail,
}

impl Place {
    /// A trail of several segments.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (home, url) = (Home::at(&dir.path().join("home")), dir.path().join("audit"));
        let url = url.display().to_string();
        init(&url, &InitOptions::new(home.clone())).await.unwrap();
        let settings = Settings::from_config(&Config::default(), &url);
        let trail = Trail::open(&url, OpenOptions::new(home, settings)).await.unwrap();
        let place = Self { dir, trail };
        for from in [0, 40, 80] {
            place.record(from..from + 40).await;
        }
        place
    }

    async fn record(&self, numbers: std::ops::Range<u32>) {
        for n in numbers {
            let kind = ["data.file_read", "auth.user_login", "agent.created"][n as usize % 3];
            let event = format!(
                r#"{{"agent_id":"a-{}","audit_id":"e-{n:04}","cost_usd":{}.5,"event_type":"{kind}","timestamp":"2026-{:02}-0{}T10:00:00Z","user_id":"u-{}"}}"#,
                n % 4,
                n,
                n % 3 + 1,
                n % 7 + 1,
                n % 5
            );
            self.trail.record(event.as_bytes(), Strictness::Lenient).await.unwrap();
        }
        self.trail.flush().await.unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn run(&self, export: &Export, name: &str) -> Exported {
        let view = self.trail.view().await.unwrap();
        let (path, rows) = (self.path(name), Rows::default());
        let done = export.run(&self.trail, &view, &path, &rows, &|_, _| ()).await.unwrap();
        assert!(!with_suffix(&done.path, ".progress").exists());
        assert!(!with_suffix(&done.path, ".part").exists());
        self.demand(&done);
        done
    }

    fn demand(&self, done: &Exported) {
        let name = self.trail.info().key_name(OWNER);
        let vkey = note::vkey(&name, &self.trail.owner_key().unwrap().public()).unwrap();
        let report = evidence::check(&done.path, &vkey).unwrap();
        assert!(report.holds, "{:?}", report.findings);
    }
}

fn export(format: ExportFormat) -> Export {
    Export::new(format, AskedBy { door: "cli".to_owned(), ..AskedBy::default() })
}

fn ids(done: &Exported) -> BTreeSet<String> {
    let text = std::fs::read_to_string(&done.path).unwrap();
    let id = |line: &str| {
        let id = json::get(line.as_bytes(), &["audit_id"]).and_then(json::string_value);
        id.unwrap().into_owned()
    };
    let ids: BTreeSet<String> = text.lines().map(id).collect();
    assert_eq!(ids.len(), text.lines().count());
    ids
}

#[tokio::test]
async fn an_export_finds_what_a_search_finds() {
    let place = Place::new().await;
    let filters = [
        Filter::default(),
        Filter::default().field("user_id", ["u-1", "u-3"]),
        Filter::default().field("event_type", ["auth.*"]).condition_of("cost_usd > 20"),
        Filter { text: vec!["a-2".to_owned()], ..Filter::default() },
        Filter::default().field("agent_id", ["!a-1"]),
        Filter {
            window: crate::search::Window {
                since: Some(1_767_600_000_000_000),
                until: Some(1_770_100_000_000_000),
            },
            ..Filter::default()
        },
        Filter::default().field("user_id", ["nobody"]),
    ];
    let engine = crate::Engine::new(&crate::EngineOptions::default()).unwrap();
    for (number, filter) in filters.into_iter().enumerate() {
        let view = place.trail.view().await.unwrap();
        let store = place.trail.storage().object_store().unwrap();
        let count = filter.count(&engine, view, store).await.unwrap();
        let question = Export { filter, ..export(ExportFormat::Jsonl) };
        let done = place.run(&question, &format!("{number}.jsonl")).await;
        assert_eq!(done.manifest.records, count, "{number}");
        assert_eq!(ids(&done).len() as u64, count);
        for format in [ExportFormat::Csv, ExportFormat::Parquet] {
            let other = Export { format, ..question.clone() };
            let other = place.run(&other, &format!("{number}.{}", format.name())).await;
            assert_eq!(other.manifest.counts, done.manifest.counts);
        }
    }
}

impl Place {
    /// An export that died after so many segments, with a line or file of which only a part was
    /// written.
    async fn cut(&self, question: &Export, path: &Path, after: usize) {
        let view = self.trail.view().await.unwrap();
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let watch = |_: u64, _: u64| {
            let seen = seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            assert!(seen < after, "the process dies here");
        };
        let dead = Rows::default();
        let run = question.run(&self.trail, &view, path, &dead, &watch);
        assert!(AssertUnwindSafe(run).catch_unwind().await.is_err());
        assert!(!path.is_file());
        let part = with_suffix(path, ".part");
        if part.exists() {
            let torn = [std::fs::read(&part).unwrap(), b"{\"audit_id\":\"to".to_vec()].concat();
            std::fs::write(&part, torn).unwrap();
        }
        if question.format == ExportFormat::Parquet {
            std::fs::write(with_suffix(path, ".rows-000099"), b"PAR1").unwrap();
        }
    }
}

/// What an export holds, whatever files it is in.
fn content(done: &Exported) -> Vec<String> {
    let files = done.manifest.files.iter().map(|file| match done.path.is_dir() {
        true => done.path.join(&file.path),
        false => done.path.with_file_name(&file.path),
    });
    let mut content = Vec::new();
    for file in files {
        if done.manifest.format == ExportFormat::Csv || file.extension().unwrap() != "parquet" {
            content.push(std::fs::read_to_string(&file).unwrap());
            continue;
        }
        let file = std::fs::File::open(&file).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
        for batch in reader.unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let mut out = arrow::json::LineDelimitedWriter::new(Vec::new());
            out.write(&batch).unwrap();
            content.extend(String::from_utf8(out.into_inner()).unwrap().lines().map(str::to_owned));
        }
    }
    content.sort();
    content
}

#[tokio::test]
async fn what_was_cut_short_goes_on() {
    let place = Place::new().await;
    let filter = Filter::default().field("user_id", ["!u-2"]);
    use ExportFormat::{Csv, Jsonl, Ocsf, Parquet};
    for format in [Jsonl, Csv, Parquet, Ocsf] {
        let question = Export { filter: filter.clone(), ..export(format) };
        let whole = place.run(&question, &format!("whole.{}", format.name())).await;
        let segments = place.trail.view().await.unwrap().segments().len();
        assert!(segments > 5, "{segments}");
        for after in 1..segments {
            let path = place.path(&format!("cut-{after}.{}", format.name()));
            place.cut(&question, &path, after).await;
            let view = place.trail.view().await.unwrap();
            let rows = Rows::default();
            let done = question.run(&place.trail, &view, &path, &rows, &|_, _| ()).await.unwrap();
            place.demand(&done);
            assert!(done.resumed > 0);
            assert_eq!(rows.get(), whole.manifest.records);
            if matches!(format, Jsonl | Csv) {
                let hashes = |done: &Exported| -> Vec<String> {
                    done.manifest.files.iter().map(|file| file.sha256.clone()).collect()
                };
                assert_eq!(hashes(&done), hashes(&whole), "{after} {format:?}");
            }
            assert_eq!(content(&done).len(), content(&whole).len());
            assert_eq!(content(&done), content(&whole), "{after} {format:?}");
            assert_eq!(done.manifest.counts, whole.manifest.counts);
            let left = std::fs::read_dir(place.dir.path()).unwrap().filter(|item| {
                let name = item.as_ref().unwrap().file_name().into_string().unwrap();
                name.contains(".rows-") || name.ends_with(".part") || name.ends_with(".progress")
            });
            assert_eq!(left.count(), 0);
        }
    }
}

#[tokio::test]
async fn a_series_of_events_leaves_nothing_out_and_fits_into_one_lake() {
    let place = Place::new().await;
    let question = export(ExportFormat::Ocsf);
    let (mut records, mut paths) = (0, BTreeSet::new());
    for round in 0..3 {
        let view = place.trail.view().await.unwrap();
        let folder = place.path("lake");
        let next = question.next(&place.trail, &view, &folder).await.unwrap().unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        let part = Export { since: Some(next.since), ..question.clone() };
        let rows = Rows::default();
        let done = part.run(&place.trail, &view, &next.path, &rows, &|_, _| ()).await.unwrap();
        place.demand(&done);
        records += done.manifest.records;
        let fresh = done.manifest.files.iter().all(|file| paths.insert(file.path.clone()));
        assert!(fresh, "two files of one name");
        assert!(question.next(&place.trail, &view, &folder).await.unwrap().is_none());
        place.record(200 + round * 10..205 + round * 10).await;
    }
    assert_eq!(records, 120 + 5 + 5);
}

#[tokio::test]
async fn what_goes_on_is_of_the_same_moment_and_question() {
    let place = Place::new().await;
    let question = export(ExportFormat::Jsonl);
    let view = place.trail.view().await.unwrap();
    let dies = |_: u64, _: u64| panic!("the process dies here");
    let path = place.path("a.jsonl");
    let rows = Rows::default();
    let run = question.run(&place.trail, &view, &path, &rows, &dies);
    assert!(AssertUnwindSafe(run).catch_unwind().await.is_err());
    place.record(120..130).await;
    let done = place.run(&question, "a.jsonl").await;
    assert!(done.resumed > 0);
    assert_eq!(done.manifest.records, 120);
    assert_eq!(done.manifest.ledger.size, view.size());
    // Another question begins anew.
    let other = place.path("b.jsonl");
    let run = question.run(&place.trail, &view, &other, &rows, &dies);
    assert!(AssertUnwindSafe(run).catch_unwind().await.is_err());
    let question = Export { filter: Filter::default().field("user_id", ["u-1"]), ..question };
    let done = place.run(&question, "b.jsonl").await;
    assert_eq!((done.resumed, done.manifest.records), (0, 26));
}

#[tokio::test]
async fn packages_are_whole() {
    let place = Place::new().await;
    let view = place.trail.view().await.unwrap();
    let question = Export { purpose: Some("x".to_owned()), ..export(ExportFormat::Package) };
    for name in ["case", "case.zip"] {
        let (path, rows) = (place.path(name), Rows::default());
        let done = question.package(&place.trail, &view, &path, &rows, &|_, _| ()).await.unwrap();
        place.demand(&done);
        assert_eq!(done.manifest.files.len(), 6);
        assert_eq!(rows.get(), 120);
        let again = question.package(&place.trail, &view, &path, &rows, &|_, _| ()).await;
        assert!(matches!(again, Err(QueryError::Core(Error::AlreadyExists(_)))));
        assert!(!with_suffix(&path, ".unpacked").exists());
    }
}
