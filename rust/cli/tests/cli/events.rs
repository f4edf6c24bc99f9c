use super::ground::Ground;

#[test]
fn all_types_are_listed_under_their_domains() {
    let ground = Ground::new();
    let list = ground.run(&["events"]).exits(0).out;
    for want in ["auth: ", "agent: ", "data: ", "workflow: ", "system: "] {
        assert!(list.lines().any(|line| line.starts_with(want)), "{want} in {list}");
    }
    let types = ground.run(&["events", "-o", "json"]).exits(0).json();
    let types = types.as_array().unwrap();
    let named = |line: &&str| line.starts_with("  ");
    assert_eq!(list.lines().filter(named).count(), types.len());
    for known in types {
        assert!(list.contains(&format!("  {} ", known["name"].as_str().unwrap())), "{known}");
    }
}

#[test]
fn a_domain_is_a_part_of_the_list() {
    let ground = Ground::new();
    let list = ground.run(&["events", "agent"]).exits(0).out;
    assert!(list.contains("agent.spawned") && !list.contains("auth."), "{list}");
}

#[test]
fn a_type_is_described_with_its_fields() {
    let ground = Ground::new();
    let text = ground.run(&["events", "agent.spawned"]).exits(0).out;
    assert!(text.starts_with("agent.spawned\n") && text.contains("parent_agent_id"), "{text}");
    let known = ground.run(&["events", "agent.spawned", "-o", "json"]).exits(0).json();
    assert_eq!(known["name"], "agent.spawned");
    assert!(known["fields"].as_array().unwrap().iter().any(|field| field["required"] == true));
}

#[test]
fn an_unknown_type_is_exit_code_one_with_a_suggestion() {
    let unknown = Ground::new().run(&["events", "agent.spawnd"]).exits(1);
    assert_eq!(unknown.out, "");
    assert!(unknown.err.contains("did you mean agent.spawned"), "{}", unknown.err);
}
