//! From the events of a chain and their ways up to the forest that is shown.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::TraceOptions;
use super::describe;
use super::fetch::Source;
use super::kind::Kind;
use super::known::{At, Entity, Known};
use super::model::{Approval, Edge, Node, NodeKind, Notice, TRACE_VERSION, Touched, Trace};
use super::rights::{Authority, authorities};
use super::time::rfc3339;
use super::walk::{Collected, Member, Subject};
use crate::error::Result;

/// A node in the making.
#[derive(Debug)]
struct Draft {
    entity: Entity,
    edge: Option<Edge>,
    cycle: bool,
    subject: bool,
    children: Vec<usize>,
    first: Option<i64>,
    last: Option<i64>,
    events: usize,
    /// Place in the members, of an event of the chain.
    member: Option<usize>,
}

/// The forest in the making. The first node is none: its children are the roots.
#[derive(Debug)]
struct Forest {
    drafts: Vec<Draft>,
    /// By parent, thing, and whether it closes a cycle.
    places: HashMap<(usize, Entity, bool), usize>,
}

pub(super) async fn build(
    source: &Source<'_>,
    id: &str,
    kind: Kind,
    options: &TraceOptions,
    collected: Collected,
) -> Result<Trace> {
    let Collected { mut known, subject, members, mut notices, cut } = collected;
    let authorities = authorities(source, &mut known, &members).await?;
    let mut forest = Forest::default();
    for (index, member) in members.iter().enumerate() {
        forest.add(&subject, index, member, options);
    }
    forest.measure(&known, 0);
    tell(&known, &members, &mut notices);
    let shown: Vec<usize> = forest.drafts.iter().filter_map(|draft| draft.member).collect();
    let nodes = forest.nodes(&known, &authorities);
    let after = shown.iter().filter(|member| !authorities[**member].ended.is_empty()).count();
    let failed = shown.iter().filter(|member| known.get(members[**member].at).failed()).count();
    let found = nodes.iter().filter(|node| node.missing || node.cycle);
    notices.extend(found.map(gap));
    Ok(Trace {
        version: TRACE_VERSION,
        id: id.to_owned(),
        kind,
        resources: touched(&nodes),
        events: shown.len(),
        after_permission_ended: after,
        errors: failed,
        nodes,
        notices: notices.into_iter().collect(),
        cut,
    })
}

fn gap(node: &Node) -> Notice {
    let (kind, what) = (node.kind.name(), &node.name);
    let (kind, message) = if node.missing {
        ("missing", format!("{kind} {what} is named, but no event is by it or of it"))
    } else {
        ("cycle", format!("{kind} {what} is under itself"))
    };
    Notice { kind, name: Some(what.clone()), message }
}

/// What could not be found out.
fn tell(known: &Known, members: &[Member], notices: &mut BTreeSet<Notice>) {
    let mut unproven: BTreeMap<&str, At> = BTreeMap::new();
    for member in members {
        if let Some(user) = &member.way.unproven {
            unproven.entry(user).or_insert(member.at);
        }
        if let Some(session) = &member.way.shared {
            let message = format!(
                "session {session} is of several users; events that name none are under nobody"
            );
            let name = Some(session.clone());
            notices.insert(Notice { kind: "several_users", name, message });
        }
    }
    for (user, at) in unproven {
        let when = rfc3339(known.get(at).at);
        let message = format!("no authentication of {user} covers {when}");
        let name = Some(user.to_owned());
        notices.insert(Notice { kind: "no_authentication", name, message });
    }
}

impl Default for Forest {
    fn default() -> Self {
        let none = Draft::new(Entity::Event(usize::MAX), None, false);
        Self { drafts: vec![none], places: HashMap::new() }
    }
}

impl Draft {
    fn new(entity: Entity, edge: Option<Edge>, cycle: bool) -> Self {
        Self {
            entity,
            edge,
            cycle,
            subject: false,
            children: Vec::new(),
            first: None,
            last: None,
            events: 0,
            member: None,
        }
    }
}

impl Forest {
    fn add(&mut self, subject: &Subject, index: usize, member: &Member, options: &TraceOptions) {
        let Member { at, way, position } = member;
        let itself = *subject == Subject::Event(*at);
        let from = if options.up { 0 } else { *position };
        let mut place = 0;
        for (number, stage) in way.stages.iter().enumerate().skip(from) {
            let under_subject = number >= *position;
            if under_subject && !options.down && number > *position {
                return;
            }
            // What the subject, an event, began is shown under it.
            if let Subject::Event(event) = subject
                && number == *position
                && stage.entity != Entity::Event(*event)
            {
                place = self.place(place, Entity::Event(*event), None, false);
                self.drafts[place].subject = true;
            }
            let edge = stage.edge.clone().filter(|_| place != 0 || number > from);
            place = self.place(place, stage.entity.clone(), edge, stage.cycle);
            if number == *position && matches!(subject, Subject::Thing(_)) {
                self.drafts[place].subject = true;
            }
        }
        if !itself && !options.down {
            return;
        }
        let edge = way.edge.clone().filter(|_| place != 0);
        place = self.place(place, Entity::Event(*at), edge, false);
        let draft = &mut self.drafts[place];
        draft.member = Some(index);
        draft.subject |= itself;
    }

    fn place(&mut self, above: usize, entity: Entity, edge: Option<Edge>, cycle: bool) -> usize {
        let key = (above, entity.clone(), cycle);
        if let Some(place) = self.places.get(&key) {
            let known = &mut self.drafts[*place].edge;
            if known.is_none() {
                *known = edge;
            }
            return *place;
        }
        let place = self.drafts.len();
        self.drafts.push(Draft::new(entity, edge, cycle));
        self.drafts[above].children.push(place);
        self.places.insert(key, place);
        place
    }

    /// Times and counts from the bottom up, and children in the order of time.
    fn measure(&mut self, known: &Known, root: usize) {
        let mut order = Vec::new();
        let mut open = vec![root];
        while let Some(place) = open.pop() {
            order.push(place);
            open.extend(&self.drafts[place].children);
        }
        for place in order.into_iter().rev() {
            let (mut first, mut last, mut events) = (None, None, 0);
            if let (Entity::Event(at), true) = (&self.drafts[place].entity, place != root) {
                (first, last) = (Some(known.get(*at).at), Some(known.get(*at).at));
            }
            let mut children = std::mem::take(&mut self.drafts[place].children);
            for child in &children {
                let child = &self.drafts[*child];
                first = first.into_iter().chain(child.first).min();
                last = last.max(child.last);
                events += child.events + usize::from(child.member.is_some());
            }
            children.sort_by_cached_key(|child| self.rank(known, *child));
            let draft = &mut self.drafts[place];
            (draft.first, draft.last, draft.events, draft.children) =
                (first, last, events, children);
        }
    }

    /// The order of siblings: by time; at one time events before what they began.
    fn rank(&self, known: &Known, place: usize) -> (Option<i64>, bool, i64, String) {
        let draft = &self.drafts[place];
        match &draft.entity {
            Entity::Event(at) => {
                let record = known.get(*at);
                (draft.first, false, record.recorded_at, record.audit_id.clone())
            }
            other => (draft.first, true, 0, name(known, other).to_owned()),
        }
    }

    fn nodes(&self, known: &Known, authorities: &[Authority]) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::with_capacity(self.drafts.len());
        let mut open: Vec<(usize, Option<String>, usize)> = Vec::new();
        let roots = self.drafts[0].children.iter().rev();
        open.extend(roots.map(|place| (*place, None, 0)));
        while let Some((place, parent, depth)) = open.pop() {
            let id = format!("n{}", nodes.len());
            let draft = &self.drafts[place];
            let children = draft.children.iter().rev();
            open.extend(children.map(|child| (*child, Some(id.clone()), depth + 1)));
            let mut node = self.node(known, draft, authorities);
            (node.id, node.parent, node.depth) = (id, parent, depth);
            nodes.push(node);
        }
        nodes
    }

    fn node(&self, known: &Known, draft: &Draft, authorities: &[Authority]) -> Node {
        let missing = match &draft.entity {
            Entity::Agent(name) => !known.has_agent(name),
            Entity::Execution(id) => !known.has_execution(id),
            _ => false,
        };
        let event = match &draft.entity {
            Entity::Event(at) => {
                let mut facts = describe::facts(known.get(*at));
                if let Some(member) = draft.member {
                    facts.permissions.clone_from(&authorities[member].in_force);
                    facts.after_permission_ended.clone_from(&authorities[member].ended);
                }
                Some(Box::new(facts))
            }
            _ => None,
        };
        Node {
            id: String::new(),
            parent: None,
            depth: 0,
            kind: kind(&draft.entity),
            name: name(known, &draft.entity).to_owned(),
            subject: draft.subject,
            missing,
            cycle: draft.cycle,
            edge: draft.edge.clone(),
            first: draft.first.map(rfc3339),
            last: draft.last.filter(|last| Some(*last) != draft.first).map(rfc3339),
            events: draft.events,
            approvals: approvals(known, draft),
            event,
        }
    }
}

fn kind(entity: &Entity) -> NodeKind {
    match entity {
        Entity::User(_) => NodeKind::User,
        Entity::Credential(_) => NodeKind::Credential,
        Entity::Session(_) => NodeKind::Session,
        Entity::Execution(_) => NodeKind::Execution,
        Entity::Agent(_) => NodeKind::Agent,
        Entity::Event(_) => NodeKind::Event,
    }
}

fn name<'a>(known: &'a Known, entity: &'a Entity) -> &'a str {
    match entity {
        Entity::User(id)
        | Entity::Credential(id)
        | Entity::Session(id)
        | Entity::Execution(id)
        | Entity::Agent(id) => id,
        Entity::Event(at) => &known.get(*at).audit_id,
    }
}

fn approvals(known: &Known, draft: &Draft) -> Vec<Approval> {
    let of = |ats: &[At]| -> Vec<Approval> {
        ats.iter().flat_map(|at| describe::approvals(known.get(*at))).collect()
    };
    match &draft.entity {
        Entity::Event(at) => of(&[*at]),
        Entity::Execution(run) => of(known.execution(run)),
        Entity::Agent(agent) => {
            // Those of its making: of the spawn that it is here by, else of its definition.
            let by = draft.edge.as_ref().map(|edge| edge.audit_id.as_str());
            let spawns = known.spawns(agent).iter().copied();
            let spawn: Vec<At> =
                spawns.filter(|at| Some(known.get(*at).audit_id.as_str()) == by).collect();
            let until = draft.last.unwrap_or(i64::MAX);
            let made = known.rights(agent).iter().copied();
            let made: Vec<At> = made.filter(|at| known.get(*at).at <= until).collect();
            of(&[made, spawn].concat())
        }
        _ => Vec::new(),
    }
}

fn touched(nodes: &[Node]) -> Vec<Touched> {
    let mut found: BTreeMap<&str, (Touched, BTreeSet<&str>)> = BTreeMap::new();
    for event in nodes.iter().filter_map(|node| node.event.as_ref()) {
        let Some(resource) = &event.resource else { continue };
        let (touched, actions) = found.entry(&resource.path).or_insert_with(|| {
            let touched = Touched { resource: resource.clone(), actions: Vec::new(), events: 0 };
            (touched, BTreeSet::new())
        });
        touched.events += 1;
        actions.extend(event.event_type.split_once('.').map(|(_, action)| action));
    }
    let mut all: Vec<Touched> = found
        .into_values()
        .map(|(touched, actions)| {
            let actions = actions.into_iter().map(str::to_owned).collect();
            Touched { actions, ..touched }
        })
        .collect();
    all.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.resource.path.cmp(&b.resource.path)));
    all
}
