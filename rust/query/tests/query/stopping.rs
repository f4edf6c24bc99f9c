//! A question can be stopped, and then holds nothing up.

use crate::common::{TestTrail, record};
use serde_json::{Value, json};

/// On a runtime with one thread nobody else runs until the question pauses: were there no pause,
/// this test would take as long as joining 20,000,000,000,000 rows.
#[tokio::test(flavor = "current_thread")]
async fn a_long_question_pauses_so_that_it_can_be_stopped() {
    let mut trail = TestTrail::new();
    let records: Vec<Value> = (0..3000).map(|n| record(n, json!({"cost_usd": 0.5}))).collect();
    trail.segment(&records).await.unflushed(&records[..20]);
    for sql in [
        "SELECT sum(a.cost_usd * b.cost_usd * c.cost_usd) FROM events a, events b, events c, events d",
        "SELECT count(*) FROM events a JOIN events b ON a.cost_usd = b.cost_usd \
         JOIN events c ON a.cost_usd = c.cost_usd AND a.cost_usd + b.cost_usd > c.cost_usd \
         JOIN events d ON d.cost_usd = c.cost_usd",
        "SELECT sum(v) FROM (SELECT unnest(range(0, 100000)) AS v FROM events a, events b, events c)",
    ] {
        let answer = trail.query(sql).await.expect("a plan");
        let work = tokio::spawn(answer.collect());
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(!work.is_finished(), "{sql}");
        work.abort();
        assert!(work.await.unwrap_err().is_cancelled(), "{sql}");
    }
    assert_eq!(trail.value("SELECT count(*) FROM events").await, json!(3020));
}
