//! Chains over hand-built histories.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../query/common.rs"]
#[allow(dead_code)]
mod common;
mod ends;
mod histories;
mod pictures;
mod related;

use sealtrail_query::chain::{Kind, Node, NodeKind, Source, Trace, TraceOptions, trace};
use serde_json::{Value, json};

use crate::common::TestTrail;

/// An event; `minute` counts from 2026-03-01T10:00Z.
pub(crate) fn event(id: &str, minute: u32, event_type: &str, members: Value) -> Value {
    let time = format!("2026-03-01T{:02}:{:02}:00.000Z", 10 + minute / 60, minute % 60);
    let mut event = json!({
        "event_type": event_type,
        "timestamp": time,
        "recorded_at": time,
        "audit_id": id,
        "schema_version": 1,
    });
    for (key, value) in members.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

pub(crate) fn login(id: &str, minute: u32, user: &str, more: Value) -> Value {
    let mut event =
        event(id, minute, "auth.user_login", json!({"user_id": user, "status": "success"}));
    for (key, value) in more.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

pub(crate) fn spawned(id: &str, minute: u32, parent: &str, agent: &str, more: Value) -> Value {
    let links = json!({"agent_id": agent, "parent_agent_id": parent});
    let mut event = event(id, minute, "agent.spawned", links);
    for (key, value) in more.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

pub(crate) fn read(id: &str, minute: u32, agent: &str, more: Value) -> Value {
    let facts = json!({"agent_id": agent, "resource": {"path": format!("/{id}.csv")}});
    let mut event = event(id, minute, "data.file_read", facts);
    for (key, value) in more.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

/// Half of the events in segments, half not yet.
pub(crate) async fn trail(events: &[Value]) -> TestTrail {
    let mut trail = TestTrail::new();
    let (flushed, unflushed) = events.split_at(events.len() / 2);
    if !flushed.is_empty() {
        trail.segment(flushed).await;
    }
    trail.unflushed(unflushed);
    trail
}

pub(crate) fn source(trail: &mut TestTrail) -> Source<'_> {
    let view = trail.view();
    Source { engine: &trail.engine, view, store: std::sync::Arc::clone(&trail.store) }
}

pub(crate) async fn traced(events: &[Value], id: &str) -> Trace {
    traced_with(events, id, TraceOptions::default()).await
}

pub(crate) async fn traced_with(events: &[Value], id: &str, options: TraceOptions) -> Trace {
    let mut trail = trail(events).await;
    trace(&source(&mut trail), id, &options).await.unwrap().unwrap()
}

/// Only what is of one kind.
pub(crate) fn of(kind: Kind) -> TraceOptions {
    TraceOptions { kind: Some(kind), ..TraceOptions::default() }
}

/// The names from the top down to the event (or thing) called `name`; `?` marks what is inferred,
/// `!` what is missing, `@` what closes a cycle.
pub(crate) fn way(trace: &Trace, name: &str) -> String {
    let node = trace.nodes.iter().rev().find(|node| node.name == name);
    let mut node = node.unwrap_or_else(|| panic!("no {name} in {}", text(trace)));
    let mut names = vec![shown(node)];
    while let Some(parent) = &node.parent {
        node = trace.nodes.iter().find(|node| node.id == *parent).unwrap();
        names.push(shown(node));
    }
    names.reverse();
    names.join(" > ")
}

fn shown(node: &Node) -> String {
    let inferred = node.edge.as_ref().is_some_and(|edge| edge.inferred);
    let marks = [(inferred, "?"), (node.missing, "!"), (node.cycle, "@")];
    let marks = marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| *mark);
    format!("{}{}", node.name, marks.collect::<String>())
}

pub(crate) fn text(trace: &Trace) -> String {
    trace.to_tree(sealtrail_query::chain::TreeStyle::Unicode)
}

/// The ids of all events, in order.
pub(crate) fn events(trace: &Trace) -> Vec<&str> {
    let events = trace.nodes.iter().filter(|node| node.kind == NodeKind::Event);
    events.map(|node| node.name.as_str()).collect()
}

pub(crate) fn node<'a>(trace: &'a Trace, name: &str) -> &'a Node {
    let node = trace.nodes.iter().rev().find(|node| node.name == name);
    node.unwrap_or_else(|| panic!("no {name} in {}", text(trace)))
}

pub(crate) fn notices(trace: &Trace) -> Vec<(&str, Option<&str>)> {
    trace.notices.iter().map(|notice| (notice.kind, notice.name.as_deref())).collect()
}
