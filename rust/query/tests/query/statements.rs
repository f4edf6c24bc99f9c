//! Views with the columns that a statement names answer as the whole views do.

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use sealtrail_query::{Params, QueryError};
use serde_json::{Value, json};

use crate::common::{TestTrail, record};

/// Records of all domains with promoted columns of odd names, in two segments and unflushed.
async fn trail() -> TestTrail {
    let types = [
        "data.file_read",
        "auth.user_login",
        "agent.spawned",
        "workflow.execution",
        "system.error",
    ];
    let records: Vec<Value> = (0..60)
        .map(|n| {
            record(
                n,
                json!({
                    "event_type": types[n % 5], "user_id": format!("u{}", n % 4),
                    "agent_id": format!("a{}", n % 3), "cost_usd": n % 7, "status": "ok",
                    "session_id": format!("s{}", n % 2), "Team": format!("T{}", n % 6),
                    "a.b": n, "q\"x": n % 2 == 0, "count": n, "select": "s", "é": n % 3,
                    "workflow_steps": [{"step_name": "one"}, {"step_name": "two"}],
                }),
            )
        })
        .collect();
    let mut trail = TestTrail::new();
    trail.segment(&records[..25]).await.segment(&records[25..50]).await.unflushed(&records[50..]);
    trail
}

/// Column names and rows, in no order.
fn answer(batches: &[RecordBatch]) -> (Vec<String>, Vec<String>) {
    let names = batches.first().map_or_else(Vec::new, |batch| {
        batch.schema().fields().iter().map(|field| field.name().clone()).collect()
    });
    let mut rows: Vec<String> = batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(|row| batch.slice(row, 1)))
        .map(|row| pretty_format_batches(&[row]).unwrap().to_string())
        .map(|table| {
            table
                .lines()
                .nth(3)
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    rows.sort();
    (names, rows)
}

async fn ask(trail: &mut TestTrail, sql: &str) -> Result<(Vec<String>, Vec<String>), QueryError> {
    trail.try_query(sql, Params::None).await.map(|batches| answer(&batches))
}

/// Statements with `@` before the views that are asked both ways.
const STATEMENTS: [&str; 62] = [
    "SELECT count(*) FROM @events e",
    "SELECT count(*) FROM @auth_events",
    "SELECT 1 FROM @events e",
    "SELECT DISTINCT outcome FROM @events e",
    "SELECT user_id FROM @events e WHERE domain = 'auth'",
    "SELECT e.user_id AS who, e.\"Team\" FROM @events AS e",
    "SELECT USER_ID AS \"A\", \"user_id\" AS b, User_Id AS \"USER_ID\" FROM @events e",
    "SELECT events.user_id FROM @events AS events",
    "SELECT \"a.b\", \"q\"\"x\", \"é\", \"select\", \"count\" FROM @events e",
    "SELECT e.\"a.b\" + 1, \"E\".\"Team\" FROM @events e JOIN @events \"E\" ON e.\"a.b\" = \"E\".\"a.b\"",
    "SELECT cost_usd * 2, 2 * cost_usd, (cost_usd) * 3, (1) * cost_usd FROM @events e",
    "SELECT count * 2 FROM @events e",
    "SELECT count(*) * count FROM @events e GROUP BY count",
    "SELECT status AS user_id FROM @events e WHERE user_id = 'u1'",
    "SELECT status AS user_id FROM @events e ORDER BY user_id",
    "SELECT status AS x, count(*) FROM @events e GROUP BY x",
    "SELECT upper(user_id) AS user_id, count(*) FROM @events e GROUP BY user_id",
    "SELECT user_id, count(*) AS n FROM @events e GROUP BY 1 HAVING count(*) > 3 ORDER BY 2 DESC, 1",
    "SELECT user_id, agent_id, sum(cost_usd) FROM @events e GROUP BY ROLLUP (user_id, agent_id)",
    "SELECT user_id, agent_id, count(*) FROM @events e GROUP BY GROUPING SETS ((user_id), (agent_id), ())",
    "SELECT audit_id FROM @events e ORDER BY \"a.b\" DESC NULLS LAST LIMIT 5 OFFSET 2",
    "SELECT audit_id, cost_usd FROM @events e ORDER BY 2, 1 LIMIT 7",
    "SELECT user_id, row_number() OVER (PARTITION BY user_id ORDER BY \"timestamp\") AS n FROM @events e",
    "SELECT audit_id, lag(cost_usd, 1) OVER w, sum(cost_usd) OVER w FROM @events e WINDOW w AS (PARTITION BY agent_id ORDER BY audit_id)",
    "SELECT audit_id FROM @events e QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY audit_id) = 1",
    "SELECT count(*) FILTER (WHERE \"q\"\"x\") AS n, count(DISTINCT session) FROM @events e",
    "WITH t AS (SELECT user_id, cost_usd FROM @events e) SELECT sum(cost_usd), user_id FROM t GROUP BY user_id",
    "WITH t (who, cost) AS (SELECT user_id, cost_usd FROM @events e) SELECT who, cost FROM t",
    "WITH t AS (SELECT * FROM @events e) SELECT count(*), max(actor) FROM t",
    "WITH user_id AS (SELECT agent_id FROM @events e) SELECT agent_id FROM user_id",
    "WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT r.n, e.user_id FROM r JOIN @events e ON e.\"a.b\" = r.n",
    "SELECT s.action FROM (SELECT action, domain FROM @events e WHERE outcome = 'success') AS s WHERE s.domain = 'agent'",
    "SELECT who FROM (SELECT user_id, agent_id FROM @events e) AS s (who, what)",
    "SELECT user_id FROM @events e WHERE cost_usd = (SELECT max(cost_usd) FROM @events f)",
    "SELECT user_id FROM @events e WHERE agent_id IN (SELECT agent_id FROM @auth_events f WHERE cost_usd > 3)",
    "SELECT a.audit_id FROM @events a WHERE EXISTS (SELECT 1 FROM @events b WHERE b.user_id = a.agent_id OR b.count = a.count + 1)",
    "SELECT a.audit_id FROM @events a WHERE NOT EXISTS (SELECT * FROM @data_events b WHERE b.audit_id = a.audit_id)",
    "SELECT a.audit_id, (SELECT max(b.cost_usd) FROM @events b WHERE b.user_id = a.user_id) AS m FROM @events a",
    "SELECT user_id, b.status FROM @events a JOIN @events b USING (audit_id, user_id)",
    "SELECT count(*) FROM @events a JOIN @data_events b USING (session_id)",
    "SELECT a.user_id, b.cost_usd FROM @events a LEFT JOIN @auth_events b ON a.audit_id = b.audit_id AND b.\"Team\" = 'T1'",
    "SELECT a.user_id, b.user_id FROM @data_events a FULL JOIN @auth_events b ON a.cost_usd = b.cost_usd",
    "SELECT a.user_id FROM @data_events a CROSS JOIN @auth_events b WHERE a.agent_id < b.agent_id",
    "SELECT a.user_id FROM @data_events a, @auth_events b WHERE a.agent_id = b.agent_id",
    "SELECT a.user_id FROM @events a NATURAL JOIN (SELECT audit_id, status FROM @data_events d) AS b",
    "SELECT a.audit_id, s.v FROM @data_events a, LATERAL (SELECT b.cost_usd AS v FROM @events b WHERE b.audit_id = a.audit_id) AS s",
    "SELECT a.user_id, s.n FROM @data_events a CROSS JOIN LATERAL (SELECT count(*) AS n FROM @events b WHERE b.user_id = a.user_id) AS s",
    "SELECT user_id FROM @auth_events e UNION SELECT agent_id FROM @data_events f",
    "SELECT user_id, cost_usd FROM @auth_events e UNION ALL SELECT agent_id, count FROM @data_events f",
    "SELECT user_id FROM @events e INTERSECT SELECT user_id FROM @data_events f",
    "SELECT user_id FROM @events e EXCEPT SELECT user_id FROM @data_events f WHERE count > 40",
    "SELECT cost_usd FROM @auth_events e UNION BY NAME SELECT user_id, cost_usd FROM @data_events f",
    "SELECT * FROM @events e WHERE cost_usd = 1",
    "SELECT e.*, e.user_id AS again FROM @auth_events e",
    "SELECT * EXCEPT (event, attrs) FROM @events e",
    "SELECT * EXCLUDE (event) FROM @data_events e",
    "SELECT * REPLACE (upper(user_id) AS user_id) FROM @data_events e",
    "SELECT DISTINCT ON (user_id) * FROM @events e ORDER BY user_id, audit_id",
    "SELECT DISTINCT ON (user_id) user_id, cost_usd FROM @events e ORDER BY user_id, audit_id",
    "SELECT attrs ->> 'Team', event -> 'cost_usd', attrs ? 'count' FROM @events e WHERE attrs ->> 'Team' = 'T2'",
    "SELECT CASE WHEN actor = 'u1' THEN session ELSE domain END, CAST(cost_usd AS BIGINT) FROM @events e",
    "SELECT s.step_name, count(*) FROM @workflow_steps s JOIN @events e ON s.audit_id = e.audit_id GROUP BY s.step_name",
];

#[tokio::test]
async fn a_statement_answers_as_over_all_columns() {
    let mut trail = trail().await;
    let mut failures = Vec::new();
    for statement in STATEMENTS {
        let named = statement.replace('@', "");
        let whole: String = statement
            .split('@')
            .enumerate()
            .map(|(at, text)| match text.find([' ', ',']).unwrap_or(text.len()) {
                _ if at == 0 => text.to_owned(),
                end => format!("(SELECT * FROM {}){}", &text[..end], &text[end..]),
            })
            .collect();
        match (ask(&mut trail, &named).await, ask(&mut trail, &whole).await) {
            (Ok(got), Ok(wanted)) if got == wanted && !wanted.1.is_empty() => {}
            (got, wanted) => failures.push(format!("{named}: {got:?}, not {wanted:?}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What stands for all columns without a star, or for columns by their position; what is an error
/// over all columns is one.
#[tokio::test]
async fn columns_that_are_not_named_are_not_lost() {
    let mut trail = trail().await;
    let mut failures = Vec::new();
    for (short, long) in [
        ("FROM events", "SELECT * FROM events"),
        (
            "SELECT count(*) FROM (FROM data_events)",
            "SELECT count(*) FROM (SELECT * FROM data_events)",
        ),
        ("SELECT actor FROM (FROM data_events)", "SELECT actor FROM (SELECT * FROM data_events)"),
        (
            "SELECT user_id, count(*) FROM events GROUP BY ALL",
            "SELECT user_id, count(*) FROM (SELECT * FROM events) GROUP BY ALL",
        ),
        ("SELECT x FROM events AS e (x)", "SELECT x FROM (SELECT * FROM events) AS e (x)"),
        (
            "SELECT x, user_id FROM events AS e (x, user_id)",
            "SELECT x, user_id FROM (SELECT * FROM events) AS e (x, user_id)",
        ),
        (
            "SELECT user_id FROM events AS e (x, user_id, y)",
            "SELECT user_id FROM (SELECT * FROM events) AS e (x, user_id, y)",
        ),
        ("SELECT e FROM events e", "SELECT e FROM (SELECT * FROM events) e"),
        ("SELECT count(e) FROM events e", "SELECT count(e) FROM (SELECT * FROM events) e"),
        (
            "SELECT count(DISTINCT *) FROM events",
            "SELECT count(DISTINCT *) FROM (SELECT * FROM events)",
        ),
        ("SELECT count(e.*) FROM events e", "SELECT count(e.*) FROM (SELECT * FROM events) e"),
    ] {
        match (ask(&mut trail, short).await, ask(&mut trail, long).await) {
            (Ok(got), Ok(wanted)) if got == wanted => {}
            // Not in this SQL.
            (Err(_), Err(_)) => {}
            (got, wanted) => failures.push(format!("{short}: {got:?}, not {wanted:?}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
