//! How often segments are read.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use sealtrail_query::{Engine, EngineOptions};
use serde_json::{Value, json};

use crate::common::{TestTrail, record};

/// Remembers what is read.
#[derive(Debug)]
struct Counting {
    inner: Arc<dyn ObjectStore>,
    reads: Mutex<Vec<(Path, Range<u64>)>>,
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "counting {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Counting {
    async fn put_opts(&self, at: &Path, what: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(at, what, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Result<GetResult> {
        let range = match &how.range {
            Some(GetRange::Bounded(range)) => range.clone(),
            Some(GetRange::Offset(from)) => *from..u64::MAX,
            // From the end, or all of it.
            _ => 0..u64::MAX,
        };
        self.reads.lock().unwrap().push((at.clone(), range));
        self.inner.get_opts(at, how).await
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let reads = ranges.iter().map(|range| (at.clone(), range.clone()));
        self.reads.lock().unwrap().extend(reads);
        self.inner.get_ranges(at, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, below: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(below)
    }

    async fn list_with_delimiter(&self, below: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(below).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, how).await
    }
}

/// A trail whose reads are counted.
pub(crate) struct Counted {
    trail: TestTrail,
    store: Arc<Counting>,
}

impl Counted {
    async fn new() -> Self {
        Self::of((0..3).map(records)).await
    }

    /// Each of these in a segment.
    pub(crate) async fn of(segments: impl Iterator<Item = Vec<Value>>) -> Self {
        let mut trail = TestTrail::new();
        let inner = Arc::clone(&trail.store);
        let store = Arc::new(Counting { inner, reads: Mutex::default() });
        trail.store = Arc::clone(&store) as _;
        for segment in segments {
            trail.segment(&segment).await;
        }
        Self { trail, store }
    }

    /// How many segments were read from for the last question.
    pub(crate) fn touched(&self) -> usize {
        let reads = self.store.reads.lock().unwrap();
        reads.iter().map(|(path, _)| path).collect::<HashSet<_>>().len()
    }

    /// Asks, and tells how many footers and how many other ranges were read for it.
    pub(crate) async fn ask(&mut self, sql: &str, expected: Value) -> (usize, usize) {
        self.store.reads.lock().unwrap().clear();
        assert_eq!(self.trail.value(sql).await, expected, "{sql}");
        let view = self.trail.view();
        let size = |path: &Path| {
            let mut segments = view.segments().iter();
            segments.find(|segment| segment.path == path.as_ref()).unwrap().bytes
        };
        let reads = self.store.reads.lock().unwrap();
        // Only the footer lies at the end of a segment.
        let footers = reads.iter().filter(|(path, range)| range.end >= size(path)).count();
        (footers, reads.len() - footers)
    }
}

/// 1000 records of which every value of `team` is in ten.
fn records(part: usize) -> Vec<Value> {
    (0..1000)
        .map(|n| {
            let n = part * 1000 + n;
            let members = json!({
                "team": format!("team {}", n % 100), "user_id": format!("u{}", n % 500), "n": n,
            });
            record(n, members)
        })
        .collect()
}

/// Questions of all sorts, with their answers.
const QUESTIONS: [(&str, i64); 7] = [
    ("SELECT sum(n) FROM events", 4_498_500),
    ("SELECT count(*) FROM events WHERE team = 'team 7'", 30),
    ("SELECT count(*) FROM events WHERE user_id = 'u7'", 6),
    ("SELECT count(*) FROM events WHERE attrs ->> 'team' = 'team 7' AND n >= 1000", 20),
    ("SELECT count(DISTINCT event) FROM records", 3000),
    ("SELECT count(*) FROM events a JOIN events b ON a.audit_id = b.audit_id WHERE b.n < 5", 5),
    ("SELECT n FROM events ORDER BY n DESC LIMIT 1", 2999),
];

#[tokio::test]
async fn a_second_question_reads_no_footers_again() {
    for (first, answer) in QUESTIONS {
        let mut counted = Counted::new().await;
        let (footers, others) = counted.ask(first, json!(answer)).await;
        assert_eq!(footers, 3, "{first}");
        assert!(others > 0, "{first}");
        for (second, answer) in QUESTIONS {
            let (footers, others) = counted.ask(second, json!(answer)).await;
            assert_eq!(footers, 0, "{second} after {first}");
            assert!(others > 0, "{second} after {first}");
        }
    }
}

#[tokio::test]
async fn a_new_segment_costs_its_own_footer_only() {
    let mut counted = Counted::new().await;
    let (sql, answer) = QUESTIONS[0];
    assert_eq!(counted.ask(sql, json!(answer)).await.0, 3);
    counted.trail.segment(&[record(5000, json!({"n": 500})), record(5001, json!({"n": 1}))]).await;
    assert_eq!(counted.ask(sql, json!(answer + 501)).await.0, 1);
    assert_eq!(counted.ask(sql, json!(answer + 501)).await.0, 0);
}

#[tokio::test]
async fn footers_beyond_the_limit_are_read_again() {
    let mut counted = Counted::new().await;
    let options = EngineOptions { footer_cache: 0, ..EngineOptions::default() };
    counted.trail.engine = Engine::new(&options).unwrap();
    // Where ids decide which segments are opened, they are read for that too.
    for ((sql, answer), times) in [(QUESTIONS[0], 1), (QUESTIONS[1], 2), (QUESTIONS[0], 1)] {
        assert_eq!(counted.ask(sql, json!(answer)).await.0, 3 * times, "{sql}");
    }
}

#[tokio::test]
async fn segments_out_of_the_question_are_not_touched() {
    let mut counted = Counted::new().await;
    let sql = "SELECT count(user_agent) + count(*) FROM events WHERE \"timestamp\" < '2026-03-01T01:00:00Z'";
    assert_eq!(counted.ask(sql, json!(60)).await.0, 1);
    let sql = "SELECT count(user_agent) + count(*) FROM events WHERE domain = 'auth'";
    assert_eq!(counted.ask(sql, json!(0)).await, (0, 0));
}
