//! The rules of entries that change what becomes of records.

use super::*;

/// A trail with three segments of one record each, and its bench.
fn trail() -> Bench {
    let mut bench = Bench::new();
    for n in 1..4 {
        let entry = bench.written(bench.append(u64::from(n), u64::from(n), n));
        bench.apply(&entry).unwrap();
    }
    bench
}

impl Bench {
    fn path(&self, n: usize) -> String {
        self.state.segments[n].path.clone()
    }

    fn compact(&self, n: u32) -> Body {
        let mut body = Body::new(Kind::Compact, self.writer.id(), 7, TIME.into());
        let mut add = self.append(1, 2, n).adds.unwrap().remove(0);
        add.batches = 2;
        body.adds = Some(vec![add]);
        body.removes = Some(vec![self.path(0), self.path(1)]);
        body
    }

    fn deletion(&self, n: u32) -> Body {
        let mut body = Body::new(Kind::Delete, OWNER, 0, TIME.into());
        body.adds = Some(vec![self.append(1, 1, n).adds.unwrap().remove(0)]);
        body.removes = Some(vec![self.path(0), self.path(1)]);
        let batch = GoneBatch {
            add: 0,
            entry: 1,
            gone: 1,
            index: 0,
            max: 2,
            min: 1,
            root: "00".repeat(32),
            rows: 1,
        };
        let life = &self.state.lifecycle;
        body.tombstone = Some(Tombstone {
            approver: "dpo".into(),
            batches: vec![batch],
            holds: life.holds.keys().cloned().collect(),
            policy: life.policy.as_ref().map(|p| p.entry),
            reason: "retention".into(),
        });
        body
    }

    fn owner(&self, kind: Kind) -> Body {
        Body::new(kind, OWNER, 0, TIME.into())
    }

    fn hold(&self, id: &str) -> Body {
        let mut body = self.owner(Kind::Hold);
        let matching = [("user_id".to_owned(), serde_json::json!(["u1"]))].into_iter().collect();
        let (by, reason) = ("legal".into(), "case 7".into());
        body.hold = Some(Hold { by, id: id.into(), matching, reason });
        body
    }

    fn sign_for(&self, body: Body) -> Entry {
        if body.writer == OWNER { self.owner_signed(body) } else { self.written(body) }
    }
}

#[test]
fn compaction_replaces_segments_and_keeps_what_counts() {
    let mut bench = trail();
    let before = bench.state.clone();
    let entry = bench.written(bench.compact(9));
    bench.apply(&entry).unwrap();
    let state = &bench.state;
    assert_eq!((state.rows, state.segments.len()), (3, 2));
    assert_eq!(state.segments[0], before.segments[2], "those that stay keep their order");
    let writer = bench.writer.id();
    assert_eq!(state.writers[writer].roots, before.writers[writer].roots, "no new batches");
    assert_eq!(state.writers[writer].committed, 3);
    assert_eq!(state.lifecycle.retired.keys().count(), 2);
    let mut again = bench.append(4, 4, 9);
    again.adds.as_mut().unwrap()[0].path = before.segments[0].path.clone();
    let entry = bench.written(again.clone());
    assert!(bench.apply(&entry).is_err(), "the path of a retired file is taken");
    let mut sweep = Body::new(Kind::Sweep, bench.writer.id(), 7, TIME.into());
    sweep.swept = Some(vec![before.segments[0].path.clone()]);
    let entry = bench.written(sweep.clone());
    bench.apply(&entry).unwrap();
    assert_eq!(bench.state.lifecycle.retired.len(), 1);
    let entry = bench.written(sweep);
    assert!(bench.apply(&entry).is_err(), "it is swept already");
}

#[test]
fn what_is_condemned_is_never_added() {
    let mut bench = trail();
    let path = |n: u32, end: &str| {
        format!("segments/domain=data/month=2026-09/00000000-0000-4000-8000-{n:012}{end}")
    };
    let condemn = |bench: &Bench, archive: Option<&str>, paths: &[String]| {
        let mut body = Body::new(Kind::Condemn, bench.writer.id(), 7, TIME.into());
        let archive = archive.map(str::to_owned);
        let orphan = |path: &String| Orphan { archive: archive.clone(), path: path.clone() };
        body.condemned = Some(paths.iter().map(orphan).collect());
        body
    };
    let mine = [path(9, ".parquet")];
    let refused: [(&str, Option<&str>, Vec<String>); 11] = [
        ("nothing", None, vec![]),
        ("twice", None, vec![mine[0].clone(), mine[0].clone()]),
        ("a live segment", None, vec![bench.path(0)]),
        ("no path of a segment", None, vec![format!("{}.gone", mine[0])]),
        ("another partitioning", None, vec![mine[0].replace("month=2026-09", "day=2026-09-01")]),
        ("no period", None, vec![mine[0].replace("2026-09", "2026-9")]),
        ("no month", None, vec![mine[0].replace("2026-09", "2026-13")]),
        ("no domain", None, vec![mine[0].replace("=data", "=dat")]),
        ("no UUID", None, vec![mine[0].replace("4000", "400g")]),
        ("something else", None, vec!["trail.json".to_owned()]),
        ("no archive's name", Some("../x"), mine.to_vec()),
    ];
    for (name, archive, paths) in refused {
        let entry = bench.written(condemn(&bench, archive, &paths));
        assert!(bench.apply(&entry).is_err(), "{name}");
    }
    let both = [mine[0].clone(), path(8, ".jsonl.zst")];
    let entry = bench.written(condemn(&bench, Some("cold"), &both));
    bench.apply(&entry).unwrap();
    assert_eq!(bench.state.lifecycle.condemned.len(), 2);
    let again = bench.written(condemn(&bench, None, &mine));
    assert!(bench.apply(&again).is_err(), "it is condemned already");
    // In the trail's own store, too, and by whatever adds it.
    for body in [bench.append(4, 4, 9), bench.compact(9), bench.deletion(9)] {
        let entry = bench.sign_for(body);
        assert!(bench.apply(&entry).is_err(), "{:?}", entry.body.kind);
    }
    let entry = bench.written(bench.compact(7));
    bench.apply(&entry).unwrap();
    let retired = bench.state.lifecycle.retired.keys().next().unwrap().clone();
    let entry = bench.written(condemn(&bench, None, &[retired]));
    assert!(bench.apply(&entry).is_err(), "a retired file is swept");
    let mut by_owner = condemn(&bench, None, &[path(6, ".parquet")]);
    (by_owner.writer, by_owner.epoch) = (OWNER.into(), 0);
    let entry = bench.owner_signed(by_owner);
    bench.apply(&entry).unwrap();
}

#[test]
fn every_rule_of_compaction_and_deletion_is_enforced() {
    let other = "segments/domain=data/month=2026-10/00000000-0000-4000-8000-000000000009.parquet";
    let cases: [(&str, bool, fn(&mut Body, &str)); 19] = [
        ("rows", false, |b, _| b.adds.as_mut().unwrap()[0].rows = 1),
        ("batches", false, |b, _| b.adds.as_mut().unwrap()[0].batches = 1),
        ("later rows", false, |b, _| b.adds.as_mut().unwrap()[0].max = 3),
        ("earlier rows", false, |b, _| b.adds.as_mut().unwrap()[0].min = 0),
        ("another partition", false, |b, other| b.adds.as_mut().unwrap()[0].path = other.into()),
        ("the path of a live segment", false, |b, _| {
            b.adds.as_mut().unwrap()[0].path = b.removes.as_ref().unwrap()[0].clone();
        }),
        ("nothing removed", false, |b, _| b.removes = None),
        ("removed twice", false, |b, _| {
            let path = b.removes.as_ref().unwrap()[0].clone();
            b.removes = Some(vec![path.clone(), path]);
        }),
        ("removed and not there", false, |b, other| {
            b.removes.as_mut().unwrap().push(other.into());
        }),
        ("brings records", false, |b, _| b.wal = Some(WalRange { from: 4, to: 4 })),
        ("an archive without a name", false, |b, _| {
            b.adds.as_mut().unwrap()[0].archive = Some("../x".into());
        }),
        ("an unknown format", false, |b, _| {
            b.adds.as_mut().unwrap()[0].format = Some("csv".into());
        }),
        ("an epoch before", false, |b, _| b.epoch = 6),
        ("an epoch after an open one", false, |b, _| b.epoch = 8),
        ("nobody approved", true, |b, _| b.tombstone.as_mut().unwrap().approver.clear()),
        ("too little is said to go", true, |b, _| b.adds = None),
        ("a hold that there is not", true, |b, _| {
            b.tombstone.as_mut().unwrap().holds.push("h".into());
        }),
        ("another policy", true, |b, _| b.tombstone.as_mut().unwrap().policy = Some(1)),
        ("a batch of later", true, |b, _| b.tombstone.as_mut().unwrap().batches[0].entry = 99),
    ];
    for (name, deletes, spoil) in cases {
        let mut bench = trail();
        let good = |bench: &Bench| if deletes { bench.deletion(9) } else { bench.compact(9) };
        let mut body = good(&bench);
        spoil(&mut body, other);
        let entry = bench.sign_for(body);
        assert!(bench.apply(&entry).is_err(), "{name}");
        assert_eq!(bench.state.segments.len(), 3, "{name}");
        let entry = bench.sign_for(good(&bench));
        assert_eq!(bench.apply(&entry).map(|_| ()), Ok(()), "after {name}");
    }
}

#[test]
fn deletion_names_the_holds_and_the_policy_in_force() {
    let mut bench = trail();
    let late = bench.deletion(9);
    let entry = bench.owner_signed(bench.hold("h1"));
    bench.apply(&entry).unwrap();
    let entry = bench.owner_signed(late.clone());
    assert!(bench.apply(&entry).is_err(), "it was planned before the hold");
    let mut policy = bench.owner(Kind::Policy);
    policy.policy = Some(Policy::new());
    let entry = bench.owner_signed(policy);
    bench.apply(&entry).unwrap();
    let entry = bench.owner_signed(bench.deletion(9));
    bench.apply(&entry).unwrap();
    assert_eq!((bench.state.rows, bench.state.lifecycle.deleted), (2, 1));
}

#[test]
fn holds_are_released_once() {
    let mut bench = trail();
    let entry = bench.owner_signed(bench.hold("h1"));
    bench.apply(&entry).unwrap();
    let entry = bench.owner_signed(bench.hold("h1"));
    assert!(bench.apply(&entry).is_err());
    let mut release = bench.owner(Kind::Release);
    release.release = Some(Release { by: "legal".into(), id: "h1".into(), reason: "over".into() });
    let entry = bench.owner_signed(release.clone());
    bench.apply(&entry).unwrap();
    assert!(bench.state.lifecycle.holds.is_empty());
    let entry = bench.owner_signed(release);
    assert!(bench.apply(&entry).is_err());
}

#[test]
fn an_erasure_is_confirmed_by_each_holder_once() {
    let mut bench = trail();
    let mut erase = bench.owner(Kind::Erase);
    let (approver, reason, subject) = ("dpo".into(), "request 12".into(), "5f".into());
    erase.erase = Some(Erase { approver, reason, subject });
    let entry = bench.owner_signed(erase);
    let n = bench.apply(&entry).unwrap().body.n;
    let mut word = Body::new(Kind::Erased, bench.writer.id(), 7, TIME.into());
    word.erased = Some(Erased { entry: n, holder: "host-1".into() });
    let entry = bench.written(word.clone());
    bench.apply(&entry).unwrap();
    let entry = bench.written(word.clone());
    assert!(bench.apply(&entry).is_err(), "confirmed already");
    word.erased = Some(Erased { entry: n + 1, holder: "host-2".into() });
    let entry = bench.written(word);
    assert!(bench.apply(&entry).is_err(), "no such erasure");
    assert_eq!(bench.state.lifecycle.erasures[&n].holders, ["host-1"]);
}

#[test]
fn a_copy_is_forgotten_once_and_by_the_owner() {
    let mut bench = trail();
    let of = |bench: &Bench, holder: &str, approver: &str| {
        let mut body = bench.owner(Kind::Forget);
        let (approver, holder, reason) = (approver.into(), holder.into(), "lost".into());
        body.forget = Some(Forget { approver, holder, reason });
        body
    };
    let copy = "copy-00ff00ff00ff00ff";
    for (holder, approver) in [("w-0011223344556677", "a"), ("store", "a"), (copy, ""), ("", "a")] {
        let entry = bench.owner_signed(of(&bench, holder, approver));
        assert!(bench.apply(&entry).is_err(), "{holder} {approver}");
    }
    let mut by_writer = of(&bench, copy, "a");
    (by_writer.writer, by_writer.epoch) = (bench.writer.id().into(), 7);
    let entry = bench.written(by_writer);
    assert!(bench.apply(&entry).is_err());
    let mut hold = bench.hold("h1");
    hold.forget = of(&bench, copy, "a").forget;
    let entry = bench.owner_signed(hold);
    assert!(bench.apply(&entry).is_err(), "a member of another kind");
    let entry = bench.owner_signed(of(&bench, copy, "a"));
    let n = bench.apply(&entry).unwrap().body.n;
    assert_eq!(bench.state.lifecycle.forgotten[copy].entry, n);
    let entry = bench.owner_signed(of(&bench, copy, "a"));
    assert!(bench.apply(&entry).is_err(), "twice");
}

#[test]
fn only_the_owner_orders_what_cannot_be_undone() {
    let mut bench = trail();
    let bodies = [bench.deletion(9), bench.hold("h1"), {
        let mut body = bench.owner(Kind::Policy);
        body.policy = Some(Policy::new());
        body
    }];
    for mut body in bodies {
        (body.writer, body.epoch) = (bench.writer.id().into(), 7);
        let entry = bench.written(body);
        assert!(bench.apply(&entry).is_err(), "{:?}", entry.body.kind);
    }
    let mut compact = bench.compact(9);
    (compact.writer, compact.epoch) = (OWNER.into(), 0);
    let entry = bench.owner_signed(compact);
    assert!(bench.apply(&entry).is_err(), "the owner moves nothing");
}
