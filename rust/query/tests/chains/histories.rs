//! Who is above what, and what is below it.

use sealtrail_query::QueryError;
use sealtrail_query::chain::{Kind, TraceOptions, trace};
use serde_json::json;

use crate::*;

/// mira logs in, her agent spawns a reader, which spawns a worker; ben does something else.
fn delegated() -> Vec<serde_json::Value> {
    vec![
        login("in", 0, "mira", json!({"session_id": "s", "source_ip": "198.51.100.23"})),
        login("other-in", 1, "ben", json!({"session_id": "t"})),
        spawned("spawn1", 2, "boss", "reader", json!({"authorized_by": "mira", "session_id": "s"})),
        spawned("spawn2", 3, "reader", "worker", json!({"session_id": "s"})),
        read("deep", 4, "worker", json!({"session_id": "s"})),
        read("middle", 5, "reader", json!({"session_id": "s"})),
        read(
            "high",
            6,
            "boss",
            json!({"session_id": "s", "user_context": {"initiated_by": "mira"}}),
        ),
        read(
            "bens",
            7,
            "boss",
            json!({"session_id": "t", "user_context": {"initiated_by": "ben"}}),
        ),
        event("out", 8, "auth.user_logout", json!({"user_id": "mira", "session_id": "s"})),
    ]
}

#[tokio::test]
async fn delegation_goes_up_to_the_login_of_the_session() {
    let trace = traced(&delegated(), "deep").await;
    assert_eq!(way(&trace, "deep"), "mira > in > s > boss > reader > worker > deep");
    assert_eq!(events(&trace), ["in", "deep"]);
    let worker = node(&trace, "worker").edge.as_ref().unwrap();
    assert_eq!((worker.relation, worker.audit_id.as_str()), ("spawned", "spawn2"));
    let session = node(&trace, "s").edge.as_ref().unwrap();
    assert_eq!((session.relation, session.audit_id.as_str()), ("authenticated", "in"));
    assert!(node(&trace, "deep").subject && !trace.cut && trace.notices.is_empty());
}

#[tokio::test]
async fn a_shared_agent_does_not_mix_users() {
    let trace = traced(&delegated(), "mira").await;
    assert_eq!(events(&trace), ["in", "spawn1", "spawn2", "deep", "middle", "high", "out"]);
    assert_eq!(way(&trace, "high"), "mira > in > s > boss > high");
    let ben = traced(&delegated(), "ben").await;
    assert_eq!(events(&ben), ["other-in", "bens"]);
    // The agent itself acted for both.
    let boss = traced(&delegated(), "boss").await;
    assert_eq!(way(&boss, "bens"), "ben > other-in > t > boss > bens");
    assert_eq!(way(&boss, "deep"), "mira > in > s > boss > reader > worker > deep");
}

#[tokio::test]
async fn what_an_event_began_is_under_it() {
    let trace = traced(&delegated(), "spawn1").await;
    assert_eq!(way(&trace, "deep"), "mira > in > s > boss > spawn1 > reader > worker > deep");
    assert_eq!(events(&trace), ["in", "spawn1", "spawn2", "deep", "middle"]);
    let login = traced(&delegated(), "in").await;
    assert_eq!(events(&login), ["in", "spawn1", "spawn2", "deep", "middle", "high", "out"]);
}

#[tokio::test]
async fn only_upwards_or_only_downwards() {
    let up = TraceOptions { down: false, ..TraceOptions::default() };
    let trace = traced_with(&delegated(), "reader", up).await;
    let names: Vec<_> = trace.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["mira", "in", "s", "boss", "reader"]);
    let down = TraceOptions { up: false, ..TraceOptions::default() };
    let trace = traced_with(&delegated(), "reader", down).await;
    let names: Vec<_> = trace.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["reader", "spawn2", "worker", "deep", "middle"]);
    assert!(trace.nodes[0].edge.is_none());
}

#[tokio::test]
async fn depth_number_and_time_are_bounds_that_are_told() {
    let shallow = TraceOptions { depth: Some(1), ..TraceOptions::default() };
    let trace = traced_with(&delegated(), "reader", shallow).await;
    assert_eq!(events(&trace), ["in", "spawn2", "middle"]);
    assert!(trace.cut && notices(&trace) == [("cut", None)], "{}", text(&trace));
    let few = TraceOptions { max_nodes: 2, ..TraceOptions::default() };
    let trace = traced_with(&delegated(), "s", few).await;
    assert!(trace.cut && trace.events == 2, "{}", text(&trace));
    // All of the session but its login, which is above it.
    let exact = TraceOptions { max_nodes: 6, ..TraceOptions::default() };
    let trace = traced_with(&delegated(), "s", exact).await;
    assert!(!trace.cut && trace.events == 6, "{}", text(&trace));
    let at = |minute: i64| 1_772_359_200_000_000 + minute * 60_000_000;
    let window = TraceOptions { since: Some(at(4)), until: Some(at(6)), ..TraceOptions::default() };
    let trace = traced_with(&delegated(), "s", window).await;
    assert_eq!(events(&trace), ["in", "deep", "middle"]);
}

#[tokio::test]
async fn a_login_without_a_session_is_inferred_unless_it_ended() {
    let act = |minute| event("act", minute, "data.export", json!({"user_id": "mira"}));
    let first = login("first", 0, "mira", json!({}));
    let second = login("second", 10, "mira", json!({"session_duration_seconds": 600}));
    let failed = event("bad", 12, "auth.user_login", json!({"user_id": "mira", "status": "fail"}));
    let out = event("out", 15, "auth.user_logout", json!({"user_id": "mira"}));
    let trace = traced(&[first.clone(), second.clone(), failed, act(14)], "act").await;
    assert_eq!(way(&trace, "act"), "mira > second > act?");
    let why = node(&trace, "act").edge.as_ref().unwrap().why.as_ref().unwrap();
    assert!(why.contains("the latest login of mira"), "{why}");
    // The second ran out after ten minutes; the first never did.
    let trace = traced(&[first.clone(), second.clone(), act(20)], "act").await;
    assert_eq!(way(&trace, "act"), "mira > first > act?");
    // A logout without a session ends all of them.
    let trace = traced(&[first, second, out, act(16)], "act").await;
    assert_eq!(way(&trace, "act"), "mira > act");
    assert_eq!(notices(&trace), [("no_authentication", Some("mira"))]);
}

#[tokio::test]
async fn two_users_on_one_session_stay_apart() {
    let events_ = [
        login("in1", 0, "mira", json!({"session_id": "s"})),
        login("in2", 1, "ben", json!({"session_id": "s"})),
        read("one", 2, "a", json!({"user_context": {"initiated_by": "mira", "session_id": "s"}})),
        read("two", 3, "a", json!({"user_context": {"initiated_by": "ben", "session_id": "s"}})),
        read("none", 4, "a", json!({"session_id": "s"})),
    ];
    let trace = traced(&events_, "s").await;
    assert_eq!(way(&trace, "one"), "mira > in1 > s > a > one");
    assert_eq!(way(&trace, "two"), "ben > in2 > s > a > two");
    assert_eq!(way(&trace, "none"), "s > a > none");
    assert_eq!(notices(&trace), [("several_users", Some("s"))]);
    assert_eq!(events(&traced(&events_, "ben").await), ["in2", "two"]);
}

#[tokio::test]
async fn a_cycle_is_shown_and_ends() {
    let events_ = [
        spawned("s1", 0, "b", "a", json!({})),
        spawned("s2", 0, "a", "b", json!({})),
        read("act", 1, "a", json!({})),
    ];
    let trace = traced(&events_, "act").await;
    assert_eq!(way(&trace, "act"), "a@ > b > a > act");
    assert!(node(&trace, "b").edge.as_ref().unwrap().cycle);
    assert_eq!(notices(&trace), [("cycle", Some("a"))]);
    let runs = [
        event("x", 0, "workflow.started", json!({"execution_id": "x", "parent_execution": "y"})),
        event("y", 1, "workflow.started", json!({"execution_id": "y", "parent_execution": "x"})),
    ];
    let trace = traced_with(&runs, "x", of(Kind::Execution)).await;
    assert_eq!(way(&trace, "y"), "y@ > x > y > y");
}

#[tokio::test]
async fn links_to_nothing_are_missing() {
    let events_ = [
        spawned("sp", 0, "gone", "a", json!({})),
        read("act", 1, "a", json!({"execution_id": "run"})),
        event(
            "st",
            0,
            "workflow.step_completed",
            json!({"execution_id": "run", "parent_execution": "lost", "step_name": "one"}),
        ),
    ];
    let trace = traced(&events_, "act").await;
    assert_eq!(way(&trace, "act"), "lost! > run > gone! > a > act");
    let missing = [("missing", Some("gone")), ("missing", Some("lost"))];
    assert_eq!(notices(&trace), missing);
    // Reachable from what is not there, too.
    let trace = traced(&events_, "lost").await;
    assert_eq!(events(&trace), ["st", "act"]);
}

#[tokio::test]
async fn a_delegation_chain_bridges_what_was_not_recorded() {
    let chain = json!(["mira", "top", "mid", "low"]);
    let events_ = [
        spawned("sp", 1, "mid", "low", json!({"delegation_chain": chain})),
        read("act", 2, "low", json!({})),
        read("tops", 3, "top", json!({})),
    ];
    let trace = traced(&events_, "act").await;
    assert_eq!(way(&trace, "act"), "mira > top > mid! > low > act");
    assert_eq!(events(&traced(&events_, "top").await), ["sp", "act", "tops"]);
    assert_eq!(events(&traced(&events_, "mira").await), ["sp", "act"]);
}

#[tokio::test]
async fn a_reused_agent_belongs_to_the_spawn_of_its_time_and_session() {
    let events_ = [
        spawned("sp1", 0, "p1", "helper", json!({"session_id": "s1"})),
        spawned("sp2", 1, "p2", "helper", json!({"session_id": "s2"})),
        read("first", 2, "helper", json!({"session_id": "s1"})),
        read("second", 3, "helper", json!({"session_id": "s2"})),
        read("loose", 4, "helper", json!({})),
    ];
    let trace = traced(&events_, "helper").await;
    assert_eq!(way(&trace, "first"), "s1 > p1! > helper > first");
    assert_eq!(way(&trace, "second"), "s2 > p2! > helper > second");
    assert_eq!(way(&trace, "loose"), "s2 > p2! > helper > loose");
    assert_eq!(events(&traced(&events_, "p1").await), ["sp1", "first"]);
    // A spawn that was denied governs nothing.
    let denied = [
        spawned("sp1", 0, "p1", "helper", json!({})),
        spawned("sp2", 1, "p2", "helper", json!({"status": "denied"})),
        read("act", 2, "helper", json!({})),
    ];
    assert_eq!(way(&traced(&denied, "act").await, "act"), "p1! > helper > act");
}

#[tokio::test]
async fn runs_are_under_who_began_them() {
    let events_ = [
        event(
            "st",
            0,
            "workflow.started",
            json!({"execution_id": "x", "agent_id": "boss", "session_id": "s", "initiated_by": "mira"}),
        ),
        event("in", 1, "workflow.started", json!({"execution_id": "y", "parent_execution": "x"})),
        read("act", 2, "worker", json!({"execution_id": "y"})),
        read("own", 3, "boss", json!({"execution_id": "x", "session_id": "s"})),
        spawned("sp", 4, "boss", "sub", json!({"execution_id": "x", "session_id": "s"})),
        read("subs", 5, "sub", json!({})),
    ];
    let trace = traced(&events_, "x").await;
    assert_eq!(way(&trace, "act"), "mira > s > boss > x > y > worker > act");
    assert_eq!(way(&trace, "own"), "mira > s > boss > x > own");
    assert_eq!(way(&trace, "subs"), "mira > s > boss > x > sub > subs");
    assert_eq!(trace.events, 6);
}

#[tokio::test]
async fn an_id_of_several_things_needs_its_kind() {
    let events_ = [
        read("act", 0, "same", json!({})),
        event("st", 1, "workflow.started", json!({"execution_id": "same"})),
    ];
    let mut trail = trail(&events_).await;
    let result = trace(&source(&mut trail), "same", &TraceOptions::default()).await;
    let Err(QueryError::Parameter(message)) = result else { panic!("{result:?}") };
    assert!(message.ends_with("execution, agent"), "{message}");
    for (kind, wanted) in [(Kind::Agent, "act"), (Kind::Execution, "st")] {
        let trace = trace(&source(&mut trail), "same", &of(kind)).await.unwrap().unwrap();
        assert_eq!((events(&trace), trace.kind), (vec![wanted], kind));
    }
    assert!(trace(&source(&mut trail), "same", &of(Kind::User)).await.unwrap().is_none());
    assert!(trace(&source(&mut trail), "x'y", &TraceOptions::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn credentials_lead_to_what_was_done_with_them() {
    let events_ = [
        event("made", 0, "auth.api_key_created", json!({"owner": "mira", "api_key_id": "key"})),
        event("use", 1, "data.export", json!({"credential_id": "key", "resource": {"path": "/x"}})),
        event("more", 2, "data.export", json!({"credential_id": "other", "user_id": "mira"})),
    ];
    let trace = traced(&events_, "key").await;
    assert_eq!(way(&trace, "use"), "mira > key > use");
    assert_eq!(events(&trace), ["use"]);
    let trace = traced(&events_, "made").await;
    assert_eq!(events(&trace), ["made", "use"]);
    assert_eq!(events(&traced(&events_, "mira").await), ["made", "use", "more"]);
}

#[tokio::test]
async fn an_event_is_under_its_own_session_and_run_whatever_its_agent_is_under() {
    let events_ = [
        spawned("sp", 0, "boss", "worker", json!({"session_id": "s", "execution_id": "x"})),
        read("act", 1, "worker", json!({"session_id": "t", "execution_id": "y"})),
        event("y", 1, "workflow.started", json!({"execution_id": "y", "parent_execution": "x"})),
    ];
    for (id, kind) in [("t", Kind::Session), ("y", Kind::Execution), ("x", Kind::Execution)] {
        let trace = traced_with(&events_, id, of(kind)).await;
        assert!(events(&trace).contains(&"act"), "{id}: {}", text(&trace));
    }
    let trace = traced(&events_, "act").await;
    assert_eq!(way(&trace, "act"), "s > x > y > boss! > worker > t > act");
}
