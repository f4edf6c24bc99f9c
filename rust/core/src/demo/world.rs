//! Who exists: users and agents, fixed for a seed.

use super::areas::AREAS;
use super::rng::Rng;
use super::words::{
    FIRST_NAMES, HELPER_KINDS, LAST_NAMES, MAIL_DOMAINS, MODELS, NETWORKS, ROLES, USER_AGENTS,
};

/// A person or, rarely, a service account.
#[derive(Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) role: &'static str,
    pub(super) area: usize,
    pub(super) home_ip: String,
    pub(super) user_agent: &'static str,
    pub(super) device: String,
}

/// An agent with its owner; helpers are the agents that others spawn.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) id: String,
    pub(super) owner: usize,
    pub(super) area: usize,
    pub(super) model: usize,
    pub(super) version: u64,
}

/// Everyone, and who works where.
#[derive(Debug)]
pub(super) struct World {
    pub(super) users: Vec<User>,
    pub(super) agents: Vec<Agent>,
    /// Agents that work for a user directly, by area; no list is empty.
    pub(super) leads: Vec<Vec<usize>>,
    /// Agents that are spawned by others; may be empty.
    pub(super) helpers: Vec<usize>,
    /// Users who may change agents, rights and settings; not empty.
    pub(super) admins: Vec<usize>,
    /// Users who approve, by area; no list is empty.
    pub(super) approvers: Vec<Vec<usize>>,
}

impl World {
    /// Both counts must be positive.
    pub(super) fn new(users: usize, agents: usize, rng: &mut Rng) -> Self {
        let users: Vec<User> = (0..users).map(|n| user(n, rng)).collect();
        let helpers = agents * 2 / 5;
        let leads = agents - helpers;
        let agents: Vec<Agent> = (0..agents)
            .map(|n| {
                if n < leads {
                    lead(n, users.len(), rng)
                } else {
                    helper(n - leads, users.len(), rng)
                }
            })
            .collect();
        let by_role = |wanted: &[&str]| {
            let found: Vec<usize> =
                (0..users.len()).filter(|n| wanted.contains(&users[*n].role)).collect();
            if found.is_empty() { vec![0] } else { found }
        };
        let approvers_anywhere = by_role(&["team_lead", "compliance_officer", "security_lead"]);
        let approvers = split(&approvers_anywhere, |n| users[n].area);
        let admins = by_role(&["platform_admin", "security_lead"]);
        let all_leads: Vec<usize> = (0..leads).collect();
        let lead_lists = split(&all_leads, |n| agents[n].area);
        Self {
            leads: lead_lists,
            helpers: (leads..agents.len()).collect(),
            admins,
            approvers,
            users,
            agents,
        }
    }
}

/// Members by area; an area without any gets all of them.
fn split(members: &[usize], area: impl Fn(usize) -> usize) -> Vec<Vec<usize>> {
    (0..AREAS.len())
        .map(|wanted| {
            let own: Vec<usize> = members.iter().copied().filter(|n| area(*n) == wanted).collect();
            if own.is_empty() { members.to_vec() } else { own }
        })
        .collect()
}

fn user(n: usize, rng: &mut Rng) -> User {
    // The stride shares no factor with the number of names, so names repeat only after all
    // of them; then a number tells namesakes apart.
    let names = FIRST_NAMES.len() * LAST_NAMES.len();
    let name = n * 1777 % names;
    let (first, last) = (FIRST_NAMES[name % 48], LAST_NAMES[name / 48]);
    let namesake = if n < names { String::new() } else { (n / names + 1).to_string() };
    let weights: [u32; ROLES.len()] = ROLES.map(|(_, share)| share);
    let area = rng.index(AREAS.len());
    // A site's people share a network and often an address.
    let host = 10 + area as u64 * 20 + rng.heavy(0, 20);
    User {
        id: format!("user_{}", 20_011 + n * 11),
        email: format!("{first}.{last}{namesake}@{}", rng.pick(&MAIL_DOMAINS)),
        role: ROLES[rng.weighted(&weights)].0,
        area,
        home_ip: format!("{}{host}", NETWORKS[area % NETWORKS.len()]),
        user_agent: rng.pick(&USER_AGENTS),
        device: format!("dev_{:012x}", rng.next() >> 16),
    }
}

fn lead(n: usize, users: usize, rng: &mut Rng) -> Agent {
    let area = n % AREAS.len();
    let functions = AREAS[area].functions;
    let function = functions[n / AREAS.len() % functions.len()];
    let version = (n / (AREAS.len() * functions.len()) + 1) as u64;
    Agent {
        id: format!("agent_{}_{function}_v{version}", AREAS[area].name),
        owner: rng.index(users),
        area,
        model: rng.skewed(MODELS.len()),
        version,
    }
}

fn helper(n: usize, users: usize, rng: &mut Rng) -> Agent {
    let kind = HELPER_KINDS[n % HELPER_KINDS.len()];
    Agent {
        id: format!("agent_{kind}_{}", n / HELPER_KINDS.len() + 1),
        owner: rng.index(users),
        area: n % AREAS.len(),
        model: rng.skewed(MODELS.len()),
        version: 1,
    }
}
