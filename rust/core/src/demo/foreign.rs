//! Events of shapes that the catalogue does not know: what other vendors' programs would send.
//! Domains are known, types and fields are not; some fields are rare, some change their type.

use super::foreign_shapes::Writer;
use super::line::Line;
use super::rng::Rng;
use super::session::{finish, random_id};
use super::world::World;

/// Activities that run side by side.
const FLOWS: usize = 24;

/// One activity: what its events have in common.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) user: usize,
    pub(super) agent: usize,
    pub(super) corr: String,
    pub(super) run: String,
    pub(super) hits: u64,
}

/// Writes the foreign events.
#[derive(Debug)]
pub(super) struct Foreign {
    flows: Vec<Flow>,
}

/// What the events tell.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Object,
    Warehouse,
    Token,
    Posture,
    Stage,
    Turn,
    Probe,
    Quota,
}

const SHAPES: [(Shape, u32); 8] = [
    (Shape::Object, 300),
    (Shape::Warehouse, 150),
    (Shape::Stage, 170),
    (Shape::Turn, 130),
    (Shape::Token, 80),
    (Shape::Posture, 40),
    (Shape::Probe, 80),
    (Shape::Quota, 50),
];

impl Foreign {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut flows: Vec<Flow> = (0..FLOWS).map(|_| Flow::default()).collect();
        for flow in &mut flows {
            flow.renew(1, 1, rng);
        }
        Self { flows }
    }

    /// Appends one event.
    pub(super) fn write(
        &mut self,
        world: &World,
        rng: &mut Rng,
        now: i64,
        ids: Option<&mut Rng>,
        out: &mut Vec<u8>,
    ) {
        let at = rng.index(self.flows.len());
        let flow = &mut self.flows[at];
        flow.hits += 1;
        if flow.hits > 40 || rng.chance(30) {
            flow.renew(world.users.len(), world.agents.len(), rng);
        }
        let shape = SHAPES[rng.weighted(&SHAPES.map(|(_, weight)| weight))].0;
        let line = &mut Line::start(out, event_type(shape, rng), now);
        let mut writer = Writer { world, flow, rng, line };
        writer.actor();
        match shape {
            Shape::Object => writer.object(),
            Shape::Warehouse => writer.warehouse(),
            Shape::Token => writer.token(),
            Shape::Posture => writer.posture(),
            Shape::Stage => writer.stage(),
            Shape::Turn => writer.turn(),
            Shape::Probe => writer.probe(now),
            Shape::Quota => writer.quota(),
        }
        writer.extensions();
        finish(line, ids);
    }
}

fn event_type(shape: Shape, rng: &mut Rng) -> &'static str {
    match shape {
        Shape::Object => rng.pick(&["data.object_get", "data.object_get", "data.object_put"]),
        Shape::Warehouse => "data.warehouse_job",
        Shape::Token => rng.pick(&["auth.token_exchange", "auth.token_introspect"]),
        Shape::Posture => "auth.device_posture",
        Shape::Stage => rng.pick(&["workflow.pipeline_stage", "workflow.pipeline_gate"]),
        Shape::Turn => "agent.turn",
        Shape::Probe => "system.kernel_probe",
        Shape::Quota => "system.quota_sample",
    }
}

impl Flow {
    fn renew(&mut self, users: usize, agents: usize, rng: &mut Rng) {
        self.user = rng.skewed(users);
        self.agent = rng.skewed(agents);
        random_id(&mut self.corr, "", 32, rng);
        random_id(&mut self.run, "run-", 10, rng);
        self.hits = 0;
    }
}
