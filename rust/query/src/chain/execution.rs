//! The events and steps of a run, as a table.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sealtrail_core::json::parse_timestamp;
use serde_json::Value;

use super::fetch::Source;
use super::kind::Kind;
use super::model::{EventFacts, Node, NodeKind, Step, Trace};
use super::record::shown;
use super::{TraceOptions, trace};
use crate::error::{QueryError, Result};

/// Everything done in a run and under it: one row for each event, and after it one for each of its
/// steps, in the order of the chain.
///
/// | column | is |
/// |---|---|
/// | `depth` | levels below the run's node: agents and child runs count |
/// | `kind` | `event` or `step` |
/// | `execution_id` | the nearest run above |
/// | `parent` | the nearest run or agent above, as `execution NAME`; of a step its event's `audit_id` |
/// | `audit_id`, `timestamp`, `event_type`, `actor`, `agent_id`, `outcome`, `action` | of the event; `action` in a few words |
/// | `step_index`, `step_name`, `step_status`, `duration_ms` | of the step |
/// | `decision_condition`, `decision_evaluated_value`, `decision_result` | of the decision, as text |
/// | `resource_path`, `resource_sensitivity_level`, `tool_name`, `error` | of the event |
/// | `approved_by` | approvers, separated by commas |
/// | `authority_audit_id` | the event that says what the event is under |
/// | `after_permission_ended` | whether what it needed had ended before |
///
/// The second value says whether events were left out (more than 1,000,000). `None` if the trail
/// has no such run.
///
/// # Errors
/// As [`trace`].
pub async fn execution_chain(source: &Source<'_>, id: &str) -> Result<Option<(RecordBatch, bool)>> {
    let options = TraceOptions {
        kind: Some(Kind::Execution),
        up: false,
        max_nodes: 1_000_000,
        ..TraceOptions::default()
    };
    let Some(trace) = trace(source, id, &options).await? else { return Ok(None) };
    table(&trace).map(|table| Some((table, trace.cut)))
}

const TEXTS: [&str; 19] = [
    "kind",
    "execution_id",
    "parent",
    "audit_id",
    "event_type",
    "actor",
    "agent_id",
    "action",
    "outcome",
    "step_name",
    "step_status",
    "decision_condition",
    "decision_evaluated_value",
    "decision_result",
    "resource_path",
    "resource_sensitivity_level",
    "tool_name",
    "error",
    "approved_by",
];

fn schema() -> SchemaRef {
    let mut fields = vec![Field::new("depth", DataType::Int32, false)];
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    fields.push(Field::new("timestamp", time, true));
    fields.extend(TEXTS.map(|name| Field::new(name, DataType::Utf8, true)));
    fields.push(Field::new("authority_audit_id", DataType::Utf8, true));
    fields.push(Field::new("step_index", DataType::Int64, true));
    fields.push(Field::new("duration_ms", DataType::Float64, true));
    fields.push(Field::new("after_permission_ended", DataType::Boolean, false));
    Arc::new(Schema::new(fields))
}

/// The columns in the making.
struct Columns {
    depth: Int32Builder,
    timestamp: TimestampMicrosecondBuilder,
    texts: Vec<StringBuilder>,
    authority: StringBuilder,
    step_index: Int64Builder,
    duration: Float64Builder,
    ended: BooleanBuilder,
}

/// What the rows of an event share.
struct Event<'a> {
    node: &'a Node,
    facts: &'a EventFacts,
    run: Option<&'a str>,
    agent: Option<&'a str>,
    parent: Option<String>,
}

fn table(trace: &Trace) -> Result<RecordBatch> {
    let mut columns = Columns {
        depth: Int32Builder::new(),
        timestamp: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
        texts: TEXTS.iter().map(|_| StringBuilder::new()).collect(),
        authority: StringBuilder::new(),
        step_index: Int64Builder::new(),
        duration: Float64Builder::new(),
        ended: BooleanBuilder::new(),
    };
    // What is above the node at hand.
    let mut above: Vec<&Node> = Vec::new();
    for node in &trace.nodes {
        above.truncate(node.depth);
        if let Some(facts) = node.event.as_deref() {
            let nearest = |kind| above.iter().rev().find(|node| node.kind == kind);
            let event = Event {
                node,
                facts,
                run: nearest(NodeKind::Execution).map(|node| node.name.as_str()),
                agent: nearest(NodeKind::Agent).map(|node| node.name.as_str()),
                parent: above.last().map(|node| format!("{} {}", node.kind.name(), node.name)),
            };
            columns.push(&event, None);
            for step in &facts.steps {
                columns.push(&event, Some(step));
            }
        }
        above.push(node);
    }
    columns.finish()
}

impl Columns {
    fn push(&mut self, event: &Event<'_>, step: Option<&Step>) {
        let Event { node, facts, .. } = event;
        let depth = node.depth + usize::from(step.is_some());
        self.depth.append_value(i32::try_from(depth).unwrap_or(i32::MAX));
        self.timestamp.append_option(parse_timestamp(&facts.timestamp, "timestamp").ok());
        let texts = texts(event, step);
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_option(text);
        }
        self.authority.append_option(node.edge.as_ref().map(|edge| &edge.audit_id));
        let index = step.and_then(|step| step.index).and_then(|index| i64::try_from(index).ok());
        self.step_index.append_option(index);
        self.duration.append_option(step.and_then(|step| step.duration_ms));
        self.ended.append_value(!facts.after_permission_ended.is_empty());
    }

    fn finish(mut self) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(self.depth.finish()), Arc::new(self.timestamp.finish())];
        arrays.extend(self.texts.iter_mut().map(|text| Arc::new(text.finish()) as ArrayRef));
        arrays.push(Arc::new(self.authority.finish()));
        arrays.push(Arc::new(self.step_index.finish()));
        arrays.push(Arc::new(self.duration.finish()));
        arrays.push(Arc::new(self.ended.finish()));
        RecordBatch::try_new(schema(), arrays)
            .map_err(|error| QueryError::Execution(error.to_string()))
    }
}

/// In the order of [`TEXTS`].
fn texts(event: &Event<'_>, step: Option<&Step>) -> [Option<String>; 19] {
    let Event { node, facts, run, agent, parent } = event;
    let own = |text: &str| Some(text.to_owned());
    let decision = step.and_then(|step| step.decision.as_ref());
    let decided = |value: Option<&Value>| value.and_then(shown).map(|text| text.into_owned());
    let resource = facts.resource.as_ref();
    let approvers: Vec<&str> = node.approvals.iter().map(|a| a.approver.as_str()).collect();
    let parent = if step.is_some() { own(&node.name) } else { parent.clone() };
    [
        own(if step.is_some() { "step" } else { "event" }),
        run.map(str::to_owned),
        parent,
        own(&node.name),
        own(&facts.event_type),
        facts.actor.clone(),
        agent.map(str::to_owned),
        own(&facts.summary).filter(|text| !text.is_empty()),
        own(facts.outcome),
        step.and_then(|step| step.name.clone()),
        step.and_then(|step| step.status.clone()),
        decided(decision.map(|decision| &decision.condition)),
        decided(decision.map(|decision| &decision.evaluated_value)),
        decided(decision.map(|decision| &decision.result)),
        resource.map(|resource| resource.path.clone()),
        resource.and_then(|resource| resource.sensitivity_level.clone()),
        facts.tool.clone(),
        facts.error.clone(),
        (!approvers.is_empty()).then(|| approvers.join(", ")),
    ]
}
