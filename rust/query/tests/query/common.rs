//! Trails built in memory for the tests of this crate.
#![allow(unreachable_pub, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::json::ArrayWriter;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use sealtrail_core::catalogue::catalogue;
use sealtrail_core::columns::Registry;
use sealtrail_core::config::EncryptionConfig;
use sealtrail_core::encryption::{Keyring, MasterSource, Sealing};
use sealtrail_core::json::{Canonicalizer, Limits, parse_canonical_timestamp};
use sealtrail_core::keys::{HmacKey, Secret};
use sealtrail_core::ledger::{AddedSegment, State};
use sealtrail_core::segment::{Row, Signer, build_segments};
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::ReadView;
use sealtrail_query::{Engine, EngineOptions, Params, QueryError, QueryResult};
use serde_json::{Value, json};

const TRAIL: &str = "0196f1f4-0000-4000-8000-000000000000";

/// A trail under construction.
pub struct TestTrail {
    pub store: Arc<dyn ObjectStore>,
    pub engine: Engine,
    registry: Registry,
    segments: Vec<Arc<AddedSegment>>,
    unflushed: Vec<Bytes>,
    frozen: Option<Arc<ReadView>>,
    /// What opens encrypted segments, and what new ones are encrypted with.
    pub keys: Option<Arc<Keyring>>,
    pub sealing: Option<Sealing>,
}

/// Canonical bytes of an object.
pub fn canonical(object: &Value) -> Bytes {
    let text = object.to_string();
    Bytes::copy_from_slice(
        Canonicalizer::default().object(text.as_bytes(), Limits::default()).unwrap().0,
    )
}

/// Canonical JSON of a value.
pub fn text_of(value: &Value) -> String {
    let object = canonical(&json!({"v": value}));
    String::from_utf8(object[5..object.len() - 1].to_vec()).unwrap()
}

/// A record: the given members over defaults for those that every record has.
pub fn record(number: usize, members: Value) -> Value {
    let minute = number % 60;
    let hour = number / 60 % 24;
    let day = 1 + number / 1440 % 28;
    let time = format!("2026-03-{day:02}T{hour:02}:{minute:02}:00.000Z");
    let mut record = json!({
        "event_type": "data.file_read",
        "timestamp": time,
        "audit_id": format!("id_{number:06}"),
        "recorded_at": time,
        "schema_version": 1,
    });
    for (key, value) in members.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

/// Rows as JSON objects without NULLs.
pub fn rows_of(batches: &[RecordBatch]) -> Vec<Value> {
    let mut writer = ArrayWriter::new(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap();
    serde_json::from_slice(&writer.into_inner()).unwrap_or_default()
}

impl TestTrail {
    pub fn new() -> Self {
        let options = EngineOptions { target_partitions: 2, ..EngineOptions::default() };
        Self {
            store: Arc::new(InMemory::new()),
            engine: Engine::new(&options).unwrap(),
            registry: Registry::default(),
            segments: Vec::new(),
            unflushed: Vec::new(),
            frozen: None,
            keys: None,
            sealing: None,
        }
    }

    /// One whose segments are encrypted.
    pub async fn encrypted() -> Self {
        let master = Secret::from_bytes([5; 32]).to_base64().to_string();
        let source = MasterSource::new(Some("env:MASTER"), &|_| Some(master.clone()));
        let config = EncryptionConfig { hot: true, ..EncryptionConfig::default() };
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let url = format!("memory://encrypted-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let keys = Keyring::new(TRAIL, Storage::open(&url).unwrap(), source, config);
        let sealing = Sealing::hot(&keys).await.unwrap();
        Self { keys: Some(Arc::new(keys)), sealing, ..Self::new() }
    }

    /// Adds the records as segments (one a partition).
    pub async fn segment(&mut self, records: &[Value]) -> &mut Self {
        let texts: Vec<Bytes> = records.iter().map(canonical).collect();
        let rows = records
            .iter()
            .zip(&texts)
            .map(|(value, text)| {
                let domain = value["event_type"].as_str().unwrap().split('.').next().unwrap();
                let domains = catalogue().domains();
                Row {
                    record: text,
                    timestamp: parse_canonical_timestamp(
                        value["timestamp"].as_str().unwrap().as_bytes(),
                    )
                    .unwrap(),
                    audit_id: value["audit_id"].as_str().unwrap(),
                    domain: u8::try_from(domains.iter().position(|d| d.name == domain).unwrap())
                        .unwrap(),
                }
            })
            .collect();
        let hmac = HmacKey::new(Secret::from_bytes([7; 32]));
        let signer = Signer {
            trail: TRAIL,
            writer: "w-0000000000000001",
            key: "0000000000000000".to_owned(),
            epoch: 1,
            hmac: &hmac,
            by_day: false,
            sealing: self.sealing.clone(),
        };
        for built in build_segments(rows, &signer, &mut self.registry).unwrap() {
            let path = built.added.path.as_str().into();
            self.store.put(&path, built.bytes.into()).await.unwrap();
            self.segments.push(Arc::new(built.added));
        }
        self.frozen = None;
        self
    }

    /// Adds records that are not in a segment.
    pub fn unflushed(&mut self, records: &[Value]) -> &mut Self {
        self.unflushed.extend(records.iter().map(canonical));
        self.frozen = None;
        self
    }

    pub fn view(&mut self) -> Arc<ReadView> {
        let view = self.frozen.get_or_insert_with(|| {
            let mut state = State::default();
            state.segments.clone_from(&self.segments);
            state.registry = self.registry.clone();
            Arc::new(ReadView {
                state: Arc::new(state),
                unflushed: self.unflushed.clone(),
                without_access: false,
                vault: None,
                archives: None,
                keys: self.keys.clone(),
            })
        });
        Arc::clone(view)
    }

    /// An answer that is not read yet.
    pub async fn query(&mut self, sql: &str) -> Result<QueryResult, QueryError> {
        let view = self.view();
        self.engine.sql(view, Arc::clone(&self.store), sql, Params::None).await
    }

    pub async fn try_query(
        &mut self,
        sql: &str,
        params: Params,
    ) -> Result<Vec<arrow::array::RecordBatch>, QueryError> {
        let view = self.view();
        self.engine.sql(view, Arc::clone(&self.store), sql, params).await?.collect().await
    }

    /// The rows as JSON objects without NULLs.
    pub async fn rows(&mut self, sql: &str) -> Vec<Value> {
        rows_of(&self.try_query(sql, Params::None).await.unwrap_or_else(|e| panic!("{sql}: {e}")))
    }

    /// The only value of a result of one row and column, as JSON (`null` for NULL).
    pub async fn value(&mut self, sql: &str) -> Value {
        let rows = self.rows(sql).await;
        assert_eq!(rows.len(), 1, "{sql}");
        rows[0].as_object().unwrap().values().next().cloned().unwrap_or(Value::Null)
    }

    pub async fn error(&mut self, sql: &str) -> QueryError {
        match self.try_query(sql, Params::None).await {
            Ok(_) => panic!("{sql} should fail"),
            Err(error) => error,
        }
    }

    pub async fn table(&mut self, sql: &str) -> String {
        let batches =
            self.try_query(sql, Params::None).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        pretty_format_batches(&batches).unwrap().to_string()
    }
}
