//! Events of the `data` domain.

use super::areas::{AREAS, Area, Collection};
use super::line::Line;
use super::session::Scene;
use super::words::{FAULTS, HOSTS, REGIONS};

/// What is done to data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    FileRead,
    FileWrite,
    FileDelete,
    DbQuery,
    ApiCall,
    Export,
    Download,
    Transform,
    Filter,
    BatchJob,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Success,
    Denied,
    Error,
}

/// One access, by an agent of the session or by its user in person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DataStep {
    pub(super) op: Op,
    pub(super) end: End,
    pub(super) in_person: bool,
}

/// What is touched, and how much of it.
struct Target {
    area: &'static Area,
    collection: &'static Collection,
    records: u64,
    bytes: u64,
    /// The `LIMIT` of a query.
    limit: u64,
}

impl Op {
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::FileRead => "data.file_read",
            Self::FileWrite => "data.file_write",
            Self::FileDelete => "data.file_delete",
            Self::DbQuery => "data.db_query",
            Self::ApiCall => "data.api_call",
            Self::Export => "data.export",
            Self::Download => "data.download",
            Self::Transform => "data.transform",
            Self::Filter => "data.filter",
            Self::BatchJob => "data.batch_job",
        }
    }

    /// Action and tool.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::FileRead => ("read", "read_file"),
            Self::FileWrite => ("write", "write_file"),
            Self::FileDelete => ("delete", "delete_file"),
            Self::DbQuery => ("query", "run_query"),
            Self::ApiCall => ("call", "http_request"),
            Self::Export => ("export", "export_records"),
            Self::Download => ("download", "fetch_object"),
            Self::Transform => ("transform", "transform_table"),
            Self::Filter => ("filter", "filter_rows"),
            Self::BatchJob => ("batch", "run_batch"),
        }
    }
}

const PURPOSES: [&str; 6] =
    ["case_handling", "case_handling", "reporting", "quality_check", "audit_request", "training"];

impl Scene<'_> {
    pub(super) fn data(&mut self, step: DataStep, line: &mut Line<'_>) {
        let mut target = self.target(step.op);
        if step.end != End::Success {
            target.records = 0;
        }
        self.session.last_sensitivity = target.collection.sensitivity;
        if step.in_person {
            line.text("user_id", &self.user().id);
            line.text("source_ip", &self.session.source_ip);
        } else {
            line.text("agent_id", &self.actor().id);
            line.text("tool_name", step.op.words().1);
            line.hex("tool_use_id", "tool_", self.rng.next(), 12);
            line.text("execution_id", &self.session.execution_id);
        }
        self.trace(line);
        self.user_context(line);
        match step.op {
            Op::DbQuery => self.statement(&target, line),
            Op::ApiCall => self.request(step.end, &target, line),
            Op::BatchJob => self.batch(&target, line),
            Op::Transform | Op::Filter => self.rewrite(step.op, &target, line),
            Op::Export => {
                line.text("export_format", self.rng.pick(&["csv", "xlsx", "parquet"]));
                line.compose("destination", |line| {
                    line.push("sftp://").push(self.rng.pick(&HOSTS)).push(".example.org/in");
                });
            }
            _ => {}
        }
        if step.op != Op::ApiCall {
            self.resource(step.op, &target, line);
        }
        if !matches!(step.op, Op::Transform | Op::Filter) {
            self.operation(step.op, &target, line);
        }
        self.result(step, &target, line);
    }

    fn target(&mut self, op: Op) -> Target {
        let area =
            if self.rng.chance(800) { self.area() } else { &AREAS[self.rng.index(AREAS.len())] };
        let collection = &area.collections[self.rng.index(area.collections.len())];
        let most = if op == Op::BatchJob { 2_000_000 } else { 60_000 };
        let limit = self.rng.pick(&[1, 50, 100, 500, 10_000]);
        let mut records = self.rng.heavy(1, most);
        if op == Op::DbQuery {
            records = records.min(limit);
        }
        let bytes = 512 + records * self.rng.between(40, 700);
        Target { area, collection, records, bytes, limit }
    }

    fn user_context(&mut self, line: &mut Line<'_>) {
        let user = self.user();
        line.object("user_context", |line| {
            line.text("initiated_by", &user.id);
            line.text("session_id", &self.session.session_id);
            line.text("role", user.role);
            line.text("purpose", self.rng.pick(&PURPOSES));
        });
    }

    /// `/data/claims/photos/2026/09/eu-west/photos_20260914_0412.jpg`, or the same in a bucket.
    fn path(&mut self, target: &Target, path: &mut String) {
        use std::fmt::Write as _;
        let (area, name) = (target.area.name, target.collection.name);
        let bucket = target.bytes.is_multiple_of(3);
        // Mostly recent data.
        let age = self.rng.heavy(0, 700) as i64 * 86_400_000;
        let day = chrono::DateTime::from_timestamp_millis(self.now - age).unwrap_or_default();
        use chrono::Datelike as _;
        let (year, month) = (day.year(), day.month());
        let region = self.rng.pick(&REGIONS);
        let extension = target.collection.extension;
        let part = self.rng.below(2000);
        let root = if bucket { "s3://corp-" } else { "/data/" };
        // Writing to a String cannot fail.
        let _ = write!(
            path,
            "{root}{area}/{name}/{year}/{month:02}/{region}/{name}_{year}{month:02}{:02}_{part:04}.{extension}",
            day.day()
        );
    }

    fn resource(&mut self, op: Op, target: &Target, line: &mut Line<'_>) {
        let mut path = std::mem::take(&mut self.session.last_resource);
        path.clear();
        let kind = match op {
            Op::DbQuery | Op::Filter => {
                for part in ["db://warehouse/", target.area.name, ".", target.collection.name] {
                    path.push_str(part);
                }
                "table"
            }
            Op::BatchJob | Op::Transform => {
                for part in ["/data/", target.area.name, "/", target.collection.name, "/"] {
                    path.push_str(part);
                }
                "dataset"
            }
            _ => {
                self.path(target, &mut path);
                if path.starts_with('s') { "object" } else { "file" }
            }
        };
        let rewrites = matches!(op, Op::Transform | Op::Filter);
        line.object("resource", |line| {
            if !rewrites {
                line.text("type", kind);
            }
            line.text("path", &path);
            if !rewrites && op != Op::DbQuery {
                line.int("size_bytes", target.bytes);
            }
            line.text("sensitivity_level", target.collection.sensitivity);
            if !rewrites {
                line.text("classification", target.collection.classification);
            }
        });
        self.session.last_resource = path;
    }

    fn operation(&mut self, op: Op, target: &Target, line: &mut Line<'_>) {
        line.object("operation", |line| {
            line.text("action", op.words().0);
            if op == Op::FileRead {
                line.flag("partial", self.rng.chance(220));
            }
            line.int("record_count", target.records);
            if matches!(op, Op::FileRead | Op::FileWrite | Op::Export) {
                let columns = target.collection.columns;
                let used = self.rng.between(1, columns.len() as u64) as usize;
                line.list("columns_accessed", &columns[..used]);
                line.list("columns_redacted", target.collection.masked);
            }
        });
    }

    fn statement(&mut self, target: &Target, line: &mut Line<'_>) {
        let columns = target.collection.columns;
        let last = columns[columns.len() - 1];
        let used = self.rng.between(1, columns.len() as u64 - 1) as usize;
        line.text("database", "warehouse");
        line.compose("statement", |line| {
            line.push("SELECT ");
            for (at, column) in columns[..used].iter().enumerate() {
                line.push(if at > 0 { ", " } else { "" }).push(column);
            }
            line.push(" FROM ").push(target.area.name).push(".").push(target.collection.name);
            match self.rng.below(4) {
                0 => line.push(" WHERE region = $1"),
                1 => line.push(" WHERE ").push(last).push(" > $1 ORDER BY ").push(columns[0]),
                2 => line.push(" WHERE ").push(columns[0]).push(" = $1"),
                _ => line.push(" WHERE \"").push(last).push("\" IS NOT NULL"),
            };
            line.push(" LIMIT ").push_int(target.limit);
        });
        line.flag("statement_sanitized", true);
    }

    fn request(&mut self, end: End, target: &Target, line: &mut Line<'_>) {
        let mut url = std::mem::take(&mut self.session.last_resource);
        url.clear();
        for part in ["https://", self.rng.pick(&HOSTS), ".example.com/v2/", target.area.name, "/"] {
            url.push_str(part);
        }
        url.push_str(target.collection.name);
        line.text("endpoint", &url);
        self.session.last_resource = url;
        line.text("method", self.rng.pick(&["GET", "GET", "GET", "POST", "PATCH"]));
        let key = target.collection.columns[0];
        line.object("parameters", |line| {
            line.int(key, self.rng.between(100_000, 999_999));
            line.text("region", self.rng.pick(&REGIONS));
            line.int("page", self.rng.heavy(1, 40));
        });
        line.int(
            "http_status",
            match end {
                End::Success => self.rng.pick(&[200, 200, 200, 201, 204]),
                End::Denied => 403,
                End::Error => self.rng.pick(&[429, 500, 503, 504]),
            },
        );
        line.int("response_size_bytes", target.bytes);
        line.object("resource", |line| {
            line.text("type", "api");
            line.text("sensitivity_level", target.collection.sensitivity);
        });
    }

    fn batch(&mut self, target: &Target, line: &mut Line<'_>) {
        let length = (target.records / 4 + self.rng.between(1_000, 600_000)) as i64;
        line.hex("job_id", "job_", self.rng.next(), 10);
        line.compose("job_name", |line| {
            line.push("nightly_").push(target.area.name).push("_sync");
        });
        line.time("started_at", self.now - length);
        line.time("ended_at", self.now);
        line.int("records_failed", self.rng.heavy(0, 30));
    }

    fn rewrite(&mut self, op: Op, target: &Target, line: &mut Line<'_>) {
        let columns = target.collection.columns;
        let last = columns[columns.len() - 1];
        let mut kept = target.records;
        if op == Op::Filter {
            kept = kept * self.rng.between(5, 100) / 100;
            line.compose("condition", |line| {
                line.push(last).push(self.rng.pick(&[" IS NOT NULL", " = 'open'", " >= $1"]));
            });
        } else {
            line.compose("transformation", |line| {
                line.push(self.rng.pick(&["mask_", "normalise_", "cast_"])).push(last);
            });
        }
        for (key, stage) in [("inputs", "raw."), ("outputs", "clean.")] {
            let mut name = String::with_capacity(40);
            for part in [stage, target.area.name, ".", target.collection.name] {
                name.push_str(part);
            }
            line.list(key, &[&name]);
        }
        line.int("records_in", target.records);
        line.int("records_out", kept);
    }

    fn result(&mut self, step: DataStep, target: &Target, line: &mut Line<'_>) {
        let took = 2 + target.bytes / 400_000 + self.rng.heavy(0, 900);
        line.object("result", |line| {
            let status = match step.end {
                End::Success => "success",
                End::Denied => "denied",
                End::Error => "error",
            };
            line.text("status", status);
            match step.op {
                Op::FileRead => line.int("read_duration_ms", took),
                Op::FileWrite => line.int("write_duration_ms", took),
                _ => {}
            }
            let hashed =
                matches!(step.op, Op::FileRead | Op::FileWrite | Op::Export | Op::Download);
            if hashed && step.end == End::Success {
                line.compose("audit_hash", |line| {
                    line.push("sha256:");
                    for _ in 0..4 {
                        line.push_hex(self.rng.next(), 16);
                    }
                });
            }
        });
        if !matches!(step.op, Op::FileRead | Op::FileWrite) {
            line.int("duration_ms", took);
        }
        match step.end {
            End::Success => {}
            End::Denied => {
                let need = match target.collection.sensitivity {
                    "pii" | "phi" => "clearance",
                    _ => "scope",
                };
                line.compose("error_message", |line| {
                    line.push("missing ").push(need).push(" for ");
                    line.push(target.collection.sensitivity).push(" data");
                });
                line.text("severity", "warning");
            }
            End::Error => {
                line.text("error_message", self.rng.pick(&FAULTS).1);
                line.text("severity", "error");
            }
        }
    }
}
