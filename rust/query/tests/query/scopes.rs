//! Several trails, and tables that the caller brings, in one statement.

use std::io::Write;
use std::sync::Arc;

use datafusion::prelude::SessionContext;
use sealtrail_query::{CallersTable, Params, Scope, ScopedTrail};
use serde_json::{Value, json};

use crate::common::{TestTrail, record, rows_of};

/// Enough of each kind for columns of their own.
const COPIES: usize = 40;

/// Promotes `color_id` from `color.id` in one trail and from `color_id` in the other. There are
/// five kinds of records; those of kind `k` have ids `id_00k000` and on.
async fn two_trails() -> (TestTrail, Scope) {
    let (mut a, mut b) = (TestTrail::new(), TestTrail::new());
    let kind = |kind: usize, members: Value| -> Vec<Value> {
        (0..COPIES).map(|copy| record(kind * 1000 + copy, members.clone())).collect()
    };
    a.segment(&kind(1, json!({"color": {"id": "a-red"}, "user_id": "u1", "n": 1}))).await;
    a.segment(&kind(2, json!({"color": {"id": "a-blue"}, "user_id": "u2"}))).await;
    b.segment(&kind(3, third())).await;
    b.segment(&kind(
        4,
        json!({"color": {"id": "b-blue"}, "color_id": "b", "event_type": "auth.x"}),
    ))
    .await;
    b.unflushed(&kind(5, json!({"color_id": "b-late", "user_id": "u3", "n": 7})));
    let scoped = |name: &str, trail: &mut TestTrail| ScopedTrail {
        name: name.to_owned(),
        view: trail.view(),
        store: Arc::clone(&trail.store),
    };
    let scope = Scope::of_all(vec![scoped("a", &mut a), scoped("b", &mut b)]);
    (a, scope)
}

fn third() -> Value {
    json!({"color_id": "b-red", "user_id": "u1", "n": 2.5, "only_b": "x"})
}

async fn ask(trail: &TestTrail, scope: &Scope, sql: &str) -> Vec<Value> {
    let answer = trail.engine.ask(scope, sql, Params::None).await.unwrap();
    rows_of(&answer.collect().await.unwrap())
}

#[tokio::test]
async fn records_of_several_trails_say_which_they_are_from() {
    let (trail, scope) = two_trails().await;
    let sql = "SELECT _trail || substr(audit_id, 6, 1) AS kind, count(*) AS n FROM events \
               GROUP BY 1 ORDER BY 1";
    let kinds = ["a1", "a2", "b3", "b4", "b5"].map(|kind| json!({"kind": kind, "n": COPIES}));
    assert_eq!(ask(&trail, &scope, sql).await, kinds);
    let rows = ask(
        &trail,
        &scope,
        "SELECT _trail, count(*) AS n FROM data_events WHERE _trail <> 'a' GROUP BY 1",
    )
    .await;
    assert_eq!(rows, [json!({"_trail": "b", "n": 2 * COPIES})]);
    let rows = ask(&trail, &scope, "SELECT count(*) AS n FROM events").await;
    assert_eq!(rows, [json!({"n": 5 * COPIES})]);
}

#[tokio::test]
async fn a_name_means_one_path_in_all_trails() {
    let (trail, scope) = two_trails().await;
    let sql = "SELECT DISTINCT substr(audit_id, 6, 1) AS kind, color_id, \
               attrs ->> 'color_id' AS other, n, only_b FROM events ORDER BY 1";
    let rows = ask(&trail, &scope, sql).await;
    assert_eq!(
        rows,
        [
            json!({"kind": "1", "color_id": "a-red", "n": 1.0}),
            json!({"kind": "2", "color_id": "a-blue"}),
            json!({"kind": "3", "other": "b-red", "n": 2.5, "only_b": "x"}),
            json!({"kind": "4", "color_id": "b-blue", "other": "b"}),
            json!({"kind": "5", "other": "b-late", "n": 7.0}),
        ]
    );
    let filtered =
        ask(&trail, &scope, "SELECT count(*) AS n FROM events WHERE color_id = 'b-blue'").await;
    assert_eq!(filtered, [json!({"n": COPIES})]);
}

#[tokio::test]
async fn whole_records_come_back_from_every_trail() {
    let (trail, scope) = two_trails().await;
    let rows = ask(&trail, &scope, "SELECT event FROM events WHERE audit_id = 'id_003000'").await;
    let event: Value = serde_json::from_str(rows[0]["event"].as_str().unwrap()).unwrap();
    assert_eq!(event, record(3000, third()));
}

#[tokio::test]
async fn tables_of_the_caller_join() {
    let (trail, scope) = two_trails().await;
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("t.csv", "user_id,team,level\nu1,claims,3\nu3,\"legal, tax\",4\n"),
        ("t.tsv", "user_id\tteam\tlevel\nu1\tclaims\t3\nu3\tlegal, tax\t4\n"),
        (
            "t.jsonl",
            "{\"user_id\":\"u1\",\"team\":\"claims\",\"level\":3}\n\
             {\"user_id\":\"u3\",\"team\":\"legal, tax\",\"level\":4}\n",
        ),
    ] {
        let path = folder.path().join(file);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        let scope = scope.clone().with_table("staff", &CallersTable::read(&path).unwrap()).unwrap();
        let sql = "SELECT team, sum(level) AS level FROM events JOIN staff USING (user_id) \
                   GROUP BY team ORDER BY team";
        let rows = ask(&trail, &scope, sql).await;
        let expected = [
            json!({"team": "claims", "level": 6 * COPIES}),
            json!({"team": "legal, tax", "level": 4 * COPIES}),
        ];
        assert_eq!(rows, expected, "{file}");
    }
}

#[test]
fn a_file_that_is_no_table_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name: &str| CallersTable::read(&folder.path().join(name)).unwrap_err().to_string();
    assert!(error("absent.csv").contains("absent.csv"));
    std::fs::write(folder.path().join("x.docx"), b"text").unwrap();
    assert!(error("x.docx").contains("not a .parquet, .csv"));
    std::fs::write(folder.path().join("bad.parquet"), b"no parquet").unwrap();
    assert!(error("bad.parquet").contains("bad.parquet"));
}

#[tokio::test]
async fn another_session_reads_the_events_as_a_table() {
    let (trail, scope) = two_trails().await;
    let table = trail.engine.events_table(&scope).await.unwrap();
    let context = SessionContext::new();
    context.register_table("mine", table).unwrap();
    let frame = context
        .sql(
            "SELECT m.audit_id, m.actor, m.outcome FROM mine m WHERE m.user_id = 'u1' \
              AND m._trail = 'b' ORDER BY 1 LIMIT 1",
        )
        .await
        .unwrap();
    let rows = rows_of(&frame.collect().await.unwrap());
    assert_eq!(rows, [json!({"audit_id": "id_003000", "actor": "u1", "outcome": "unknown"})]);
    let frame = context.sql("SELECT count(*) AS n FROM mine").await.unwrap();
    assert_eq!(rows_of(&frame.collect().await.unwrap()), [json!({"n": 5 * COPIES})]);
}
