//! The forms in which a chain is shown, and hostile text in each of them.

use sealtrail_query::chain::TreeStyle;
use serde_json::{Value, json};

use crate::*;

fn small() -> Vec<Value> {
    vec![
        login("in", 0, "mira", json!({})),
        event("gr", 0, "agent.created", json!({"agent_id": "a", "scope": ["claims:read"]})),
        read("one", 1, "a", json!({"user_context": {"initiated_by": "mira"}})),
        event(
            "rv",
            2,
            "agent.tool_permission_change",
            json!({"agent_id": "a", "modified_by": "root",
                   "tool_permissions": {"revoked": ["claims:read"]}}),
        ),
        read("two", 3, "a", json!({"user_context": {"initiated_by": "mira"}, "status": "denied"})),
    ]
}

#[tokio::test]
async fn a_tree() {
    let trace = traced(&small(), "mira").await;
    let wanted = "\
user mira · 3 events <subject>
└─ 2026-03-01T10:00:00.000Z auth.user_login success [in]
   └─ agent a · 2 events · authenticated [one] (inferred: the latest login of mira before 2026-03-01T10:01:00.000Z that had not ended by logout or expiry)
      ├─ 2026-03-01T10:01:00.000Z data.file_read /one.csv [one]
      │     permissions of a: claims:read
      └─ 2026-03-01T10:03:00.000Z data.file_read /two.csv [two] <denied> <after permission ended>
            error: denied
            after permission claims:read had ended at 2026-03-01T10:02:00.000Z [rv], by verb
            permissions of a: none known
";
    let tree = trace.to_tree(TreeStyle::Unicode);
    assert_eq!(tree, wanted, "{tree}");
    let ascii = trace.to_tree(TreeStyle::Ascii);
    assert!(ascii.is_ascii() && ascii.contains("`- 2026-03-01T10:00:00.000Z auth"), "{ascii}");
}

#[tokio::test]
async fn json_has_its_documented_members() {
    let trace = traced(&small(), "two").await;
    let value: Value = serde_json::from_str(&trace.to_json(true).unwrap()).unwrap();
    assert_eq!(
        (&value["version"], &value["id"], &value["kind"]),
        (&json!(1), &json!("two"), &json!("audit"))
    );
    let last = value["nodes"].as_array().unwrap().last().unwrap();
    let wanted = json!({
        "id": "n3", "parent": "n2", "depth": 3, "kind": "event", "name": "two", "subject": true,
        "edge": {"relation": "acted", "field": "agent_id", "audit_id": "two"},
        "first": "2026-03-01T10:03:00.000Z",
        "event": {
            "event_type": "data.file_read", "timestamp": "2026-03-01T10:03:00.000Z",
            "actor": "a", "user": "mira", "outcome": "denied", "summary": "/two.csv",
            "resource": {"path": "/two.csv"}, "error": "denied",
            "after_permission_ended": [{
                "what": "permission", "name": "claims:read", "at": "2026-03-01T10:02:00.000Z",
                "audit_id": "rv", "basis": "verb"}],
        },
    });
    assert_eq!(last, &wanted);
    assert_eq!(
        (&value["events"], &value["errors"], &value["after_permission_ended"], &value["cut"]),
        (&json!(1), &json!(1), &json!(1), &json!(false))
    );
    assert_eq!(value["notices"], json!([]));
}

#[tokio::test]
async fn a_flowchart_and_a_graph() {
    let trace = traced(&small(), "one").await;
    let mermaid = trace.to_mermaid();
    let wanted = "\
flowchart TD
    n0[\"user mira\"]:::user
    n1[\"auth.user_login success, 2026-03-01T10:00:00.000Z\"]:::event
    n2[\"agent a - inferred\"]:::agent
    n3[\"data.file_read /one.csv, 2026-03-01T10:01:00.000Z - subject\"]:::event
    n0 -->|logged in| n1
    n1 -.->|authenticated| n2
    n2 -->|acted| n3
";
    assert!(mermaid.starts_with(wanted), "{mermaid}");
    let dot = trace.to_dot();
    assert!(dot.starts_with("digraph chain {\n") && dot.ends_with("}\n"), "{dot}");
    assert!(dot.contains("    n2 -> n3 [label=\"acted\"];\n"), "{dot}");
    assert!(dot.contains("    n1 -> n2 [label=\"authenticated\", style=dashed];\n"), "{dot}");
}

/// Ids and text that mean something to a terminal, a browser, Mermaid or Graphviz.
const HOSTILE: &str =
    "x\"]; <script>alert('1')</script>\n end --> n0\\ \u{1b}[31m {{chain}} \u{202e}`#&amp;";

fn hostile() -> Vec<Value> {
    vec![
        spawned("sp", 0, HOSTILE, "child", json!({"authorized_by": HOSTILE})),
        event(
            "act",
            1,
            "data.file_delete",
            json!({"agent_id": "child", "resource": {"path": HOSTILE}, "status": "failed",
                   "error_message": HOSTILE, "approval": {"approver": HOSTILE},
                   "decision": {"condition": HOSTILE, "result": HOSTILE}}),
        ),
    ]
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let trace = traced(&hostile(), "act").await;
    for style in [TreeStyle::Unicode, TreeStyle::Ascii] {
        let tree = trace.to_tree(style);
        let steers = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!tree.chars().any(steers), "{tree}");
        assert!(!tree.lines().any(|line| line.starts_with(" end")), "{tree}");
        assert!(tree.contains("\\u{1b}[31m"), "{tree}");
    }
    let value: Value = serde_json::from_str(&trace.to_json(false).unwrap()).unwrap();
    assert_eq!(value["nodes"][0]["name"], HOSTILE);
    let mermaid = trace.to_mermaid();
    for line in mermaid.lines().skip(1).filter(|line| line.contains('[')) {
        assert_eq!(line.matches('"').count(), 2, "{line}");
        let label = line.split('"').nth(1).unwrap();
        assert!(!label.contains(['<', '>', '`', '(', '\'', '\\', '[', ']', '{', '&']), "{line}");
    }
    assert_eq!(mermaid.matches("-->").count(), trace.nodes.len() - 1, "{mermaid}");
    let dot = trace.to_dot();
    assert!(dot.contains("x\\\"]; <script>") && dot.contains("n0\\\\ "), "{dot}");
    assert_eq!(unquoted(&dot).matches("->").count(), trace.nodes.len() - 1, "{dot}");
    let html = trace.to_html();
    assert!(!html.contains("<script") && !html.contains('\u{1b}'), "{html}");
    assert!(html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"), "{html}");
    assert!(html.contains("&amp;amp;") && html.contains("{{chain}}"), "{html}");
}

/// What stands outside of quoted strings.
fn unquoted(dot: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in dot.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if !quoted => out.push(c),
            _ => {}
        }
    }
    assert!(!quoted, "{dot}");
    out
}

#[tokio::test]
async fn a_page_needs_nothing_else() {
    let trace = traced(&small(), "mira").await;
    let html = trace.to_html();
    for outside in ["http:", "https:", "src=", "@import", "url(", "<script", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
    for (open, close) in [
        ("<ul", "</ul>"),
        ("<li ", "</li>"),
        ("<details", "</details>"),
        ("<dl", "</dl>"),
        ("<svg", "</svg>"),
    ] {
        assert_eq!(html.matches(open).count(), html.matches(close).count(), "{open}\n{html}");
    }
    assert_eq!(html.matches("<circle").count(), 3);
    assert!(html.contains("1 after a permission had ended"), "{html}");
    assert!(!html.contains("{{"), "{html}");
}
