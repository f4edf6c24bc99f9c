//! Runs of writers: what entries may say of them, and what a report tells.

use crate::keys::WriterKeys;
use crate::ledger::{Body, Kind, RecoveredLog, entry_path};
use crate::verify::Verdict;

use super::maker::{Maker, TIME, event, record};

fn log(records: u64, writer: &str) -> RecoveredLog {
    RecoveredLog { records, writer: writer.to_owned() }
}

fn put(maker: &mut Maker, body: Body) {
    let (signing, hmac) = (maker.writer.signing().clone(), maker.writer.hmac().clone());
    maker.put(body, &signing, &hmac);
}

/// Appends two records by an entry that says this too.
fn append(maker: &mut Maker, closed: Option<bool>, recovered: Option<Vec<RecoveredLog>>) {
    let from = maker.committed;
    let records = [record(&event(from, "data.export")), record(&event(from + 1, "data.export"))];
    let mut adds = Vec::new();
    for segment in maker.build(&records) {
        maker.roots.extend(&segment.roots);
        maker.objects.insert(segment.added.path.clone(), segment.bytes.to_vec());
        adds.push(segment.added);
    }
    let mut body = maker.append_body(&records, adds);
    (body.closed, body.recovered) = (closed, recovered);
    let before = maker.state.writers[maker.writer.id()].committed;
    put(maker, body);
    let now = maker.state.writers[maker.writer.id()].committed;
    maker.committed += now - before;
}

fn close(maker: &mut Maker, closed: Option<bool>, recovered: Option<Vec<RecoveredLog>>) {
    let epoch = maker.writer.epoch();
    let mut body = Body::new(Kind::Close, maker.writer.id(), epoch, TIME.to_owned());
    (body.closed, body.recovered) = (closed, recovered);
    put(maker, body);
}

fn begun() -> Maker {
    let mut maker = Maker::new();
    append(&mut maker, None, None);
    maker
}

#[test]
fn a_report_tells_of_runs_and_finds_nothing_in_them() {
    let mut maker = begun();
    let id = maker.writer.id().to_owned();
    let runs = maker.verify(true).runs;
    assert_eq!((runs.closed, runs.recovered.len(), runs.open.len()), (0, 0, 1));
    assert_eq!(runs.open[0].writer, id);
    append(&mut maker, None, Some(vec![log(1, &id)]));
    close(&mut maker, Some(true), Some(vec![log(0, &id)]));
    let report = maker.verify(true);
    assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &vec![]));
    assert_eq!((report.runs.closed, report.runs.open.len()), (1, 0));
    let told: Vec<_> = report.runs.recovered.iter().map(|run| (run.entry, run.records)).collect();
    assert_eq!(told, [(2, 1), (3, 0)]);
    let text = report.to_string();
    assert!(text.contains("1 run ended in order, 2 did not (1 record recovered"), "{text}");
    append(&mut maker, Some(true), None);
    assert_eq!(maker.verify(false).runs.closed, 2);
}

/// Each entry is invalid for what it says of runs, and for nothing else.
#[test]
fn an_entry_that_says_of_runs_what_cannot_be_is_invalid() {
    let unknown = "w-0123456789abcdef";
    let itself = "itself";
    let cases: [(&str, Option<bool>, Option<Vec<RecoveredLog>>); 6] = [
        ("`closed` is not `true`", Some(false), None),
        ("recovered nothing", None, Some(vec![])),
        ("recovered nothing", None, Some(vec![log(3, itself)])),
        ("recovers a log", None, Some(vec![log(1, itself), log(1, itself)])),
        ("recovers a log", None, Some(vec![log(1, unknown)])),
        ("recovers a log", Some(true), Some(vec![log(0, "owner")])),
    ];
    for (message, closed, recovered) in cases {
        let mut maker = begun();
        let id = maker.writer.id().to_owned();
        let own = |mut log: RecoveredLog| {
            log.writer = if log.writer == itself { id.clone() } else { log.writer };
            log
        };
        let recovered = recovered.map(|logs| logs.into_iter().map(own).collect());
        append(&mut maker, closed, recovered);
        let report = maker.verify(true);
        assert_eq!(super::kinds(&report), ["entry_invalid"], "{message}");
        assert_eq!(report.findings[0].object, entry_path(2));
        let found = report.findings[0].message.replace("recovers nothing", "recovered nothing");
        assert!(found.contains(message), "{found}");
    }
}

#[test]
fn the_log_of_another_writer_is_recovered_only_once_that_is_revoked() {
    for revoked in [false, true] {
        let mut maker = begun();
        let other = WriterKeys::generate(&maker.owner, "memory://made", 495_000).unwrap();
        let owner = maker.owner.clone();
        let mut body = Body::new(Kind::Authorize, "owner", 0, TIME.to_owned());
        body.authorizes = Some(vec![crate::ledger::Authorization {
            epoch: other.epoch(),
            hmac_key: other.hmac().id(),
            public: data_encoding::BASE64.encode(other.public().as_bytes()),
            writer: other.id().to_owned(),
        }]);
        maker.put(body, owner.signing(), &owner.hmac().unwrap());
        if revoked {
            let mut body = Body::new(Kind::Authorize, "owner", 0, TIME.to_owned());
            body.authorizes = Some(vec![]);
            let writer = other.id().to_owned();
            body.revokes = Some(vec![crate::ledger::Revocation { reason: String::new(), writer }]);
            maker.put(body, owner.signing(), &owner.hmac().unwrap());
        }
        append(&mut maker, None, Some(vec![log(2, other.id())]));
        let found = super::kinds(&maker.verify(true));
        assert_eq!(found, if revoked { vec![] } else { vec!["entry_invalid"] });
    }
}

#[test]
fn a_run_is_closed_once_and_only_if_it_began() {
    let mut maker = Maker::new();
    close(&mut maker, Some(true), None);
    append(&mut maker, None, None);
    close(&mut maker, None, None);
    let me = maker.writer.id().to_owned();
    close(&mut maker, Some(true), Some(vec![log(1, &me)]));
    close(&mut maker, Some(true), None);
    close(&mut maker, Some(true), None);
    let report = maker.verify(true);
    let places: Vec<_> = report.findings.iter().map(|f| f.object.clone()).collect();
    assert_eq!(places, [1, 3, 4, 6].map(entry_path));
    assert!(super::kinds(&report).iter().all(|kind| *kind == "entry_invalid"));
    assert_eq!(report.runs.closed, 1);
}

#[test]
fn the_owner_says_nothing_of_runs() {
    let mut maker = begun();
    let owner = maker.owner.clone();
    let mut body = Body::new(Kind::Authorize, "owner", 0, TIME.to_owned());
    body.revokes = Some(vec![crate::ledger::Revocation {
        reason: String::new(),
        writer: maker.writer.id().to_owned(),
    }]);
    body.authorizes = Some(vec![]);
    body.closed = Some(true);
    maker.put(body, owner.signing(), &owner.hmac().unwrap());
    assert_eq!(super::kinds(&maker.verify(true)), ["entry_invalid"]);
}
