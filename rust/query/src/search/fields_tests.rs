#![allow(clippy::unwrap_used)]

use sealtrail_core::catalogue::catalogue;
use sealtrail_core::columns::fixed;

use super::{FIELDS, field, markdown_table};
use crate::views::is_meaning;

#[test]
fn who_is_all_that_can_be_somebody() {
    let who = field("who").unwrap().places;
    let mut of_parts = 0;
    for name in ["user_id", "agent_id", "credential_id", "session_id", "source_ip"] {
        for place in field(name).unwrap().places {
            assert!(who.contains(place), "{name}: {place:?}");
            of_parts += 1;
        }
    }
    assert!(of_parts >= who.len());
}

#[test]
fn every_place_is_documented_and_of_its_domain() {
    let catalogue = catalogue();
    for field in &FIELDS {
        for place in field.places {
            let path = place.path.split_once("[]").map_or(place.path, |(list, _)| list);
            let of_any = fixed().iter().any(|column| column.path.join(".") == path);
            let in_domain = catalogue.types().any(|known| {
                Some(known.domain.as_str()) == place.domain
                    && known.fields.iter().any(|field| field.dotted() == path)
            });
            let known = if place.domain.is_some() { in_domain } else { of_any || is_meaning(path) };
            assert!(known, "{}: {place:?}", field.name);
        }
    }
}

#[test]
fn names_and_flags_are_found() {
    assert_eq!(field("user-id"), field("user_id"));
    assert!(field("user-id").is_some() && field("nobody").is_none());
    let text = markdown_table();
    assert_eq!(text.lines().count(), FIELDS.len() + 2);
    assert!(
        text.contains("| `session_id` | the session | `session_id`, `user_context.session_id` |")
    );
}
