use super::*;

fn parsed(text: &str) -> Sequence {
    Sequence::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The message, the column and the mark under the text.
fn refused(text: &str) -> (String, usize, String) {
    match Sequence::parse(text) {
        Err(QueryError::Sequence(problem)) => {
            let mark = problem.excerpt.lines().last().unwrap_or_default().to_owned();
            (problem.message, problem.column, mark)
        }
        other => panic!("{text} should be refused, not {other:?}"),
    }
}

fn roles(text: &str) -> Vec<Role> {
    parsed(text).parts.iter().map(|part| part.role).collect()
}

fn only_test(text: &str) -> (FieldPath, Test) {
    let sequence = parsed(&format!("auth.a[{text}]"));
    let predicate = &sequence.parts[0].event.predicates[0];
    (predicate.path.clone(), predicate.test.clone())
}

fn step(least: u32, most: u32) -> Role {
    Role::Step { least, most }
}

#[test]
fn steps_counts_and_absences() {
    let text = "auth.user_login[status=fail]{3,} auth.user_login[status=success]";
    assert_eq!(roles(text), [step(3, MAX_COUNT), step(1, 1)]);
    assert_eq!(
        roles("auth.a{2} !system.audit_access data.*{ 2 , 5 }")[1..],
        [Role::Absent, step(2, 5)]
    );
    assert_eq!(roles("auth.a+ auth.b"), [step(1, MAX_COUNT), step(1, 1)]);
    assert_eq!(roles(" auth.a [x=1] {4}\n ! auth.b [ y = 2 ] "), [step(4, 4), Role::Absent]);
    assert_eq!(parsed("* *.deleted").parts[1].event.event_type, "*.deleted");
}

#[test]
fn predicates() {
    let (path, test) = only_test("status=fail");
    assert!(path.may_be_logical);
    assert_eq!(path.parts, [PathPart::Key("status".to_owned())]);
    let TestKind::AnyOf(values) = &test.kind else { panic!("{test:?}") };
    assert_eq!((values[0].text.as_str(), values[0].quoted), ("fail", false));

    let (path, test) = only_test("workflow_steps[0].\"odd . key\" not in (a, 'b c', \"d\\\"\")");
    assert!(!path.may_be_logical && test.negated);
    let keys = ["workflow_steps", "odd . key"].map(|key| PathPart::Key(key.to_owned()));
    assert_eq!(path.parts, [keys[0].clone(), PathPart::Index(0), keys[1].clone()]);
    let TestKind::AnyOf(values) = &test.kind else { panic!("{test:?}") };
    let texts: Vec<(&str, bool)> = values.iter().map(|v| (v.text.as_str(), v.quoted)).collect();
    assert_eq!(texts, [("a", false), ("b c", true), ("d\"", true)]);

    assert!(!only_test("\"user_id\"=x").0.may_be_logical);
    assert_eq!(only_test("a ~ 203.0.113.*").1.kind, TestKind::Like("203.0.113.*".to_owned()));
    assert!(only_test("a!~x*").1.negated && only_test("a != x").1.negated);
    for (sign, wanted) in [
        ("<", Comparison::Less),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        (">=", Comparison::GreaterOrEqual),
    ] {
        let (_, test) = only_test(&format!("resource.size_bytes{sign}1e6"));
        let TestKind::Compare(comparison, value) = test.kind else { panic!("{sign}") };
        assert_eq!((comparison, value.text.as_str()), (wanted, "1e6"));
    }
    assert_eq!(parsed("auth.a[x=1, y in (2,3) , z~*]").parts[0].event.predicates.len(), 3);
}

#[test]
fn the_default_key_follows_the_steps() {
    assert_eq!(parsed("auth.user_login{3,} !data.* auth.*").default_by(), "source_ip");
    assert_eq!(parsed("auth.user_login data.export").default_by(), "actor");
    assert_eq!(parsed("*").default_by(), "actor");
}

#[test]
fn mistakes_are_named_and_marked() {
    let cases = [
        ("", "needs a step", 1),
        ("!auth.a", "needs a step", 8),
        ("login", "is no event type", 1),
        ("auth.a billing.paid", "no domain \"billing\"", 8),
        ("auth.a[", "expected a field", 8),
        ("auth.a[]", "expected a field", 8),
        ("auth.a[x]", "expected =, !=", 9),
        ("auth.a[x=]", "expected a value, found ']'", 10),
        ("auth.a[x=1", "expected , or ] after a predicate, found the end", 11),
        ("auth.a[x=1 y=2]", "expected , or ]", 12),
        ("auth.a[x=f*]", "use ~ for a glob", 10),
        ("auth.a[x='open]", "is never closed", 10),
        ("auth.a[x.=1]", "expected a field", 10),
        ("auth.a[x[y]=1]", "expected a position", 10),
        ("auth.a[x in a]", "expected ( after in", 13),
        ("auth.a[x in (a]", "expected , or ) after a value", 15),
        ("auth.a[x ~ a\\]", "ends with \\", 12),
        ("auth.a{0}", "at least once", 8),
        ("auth.a{3,2}", "2 is less than 3", 10),
        ("auth.a{3", "expected } after a count", 9),
        ("auth.a{x}", "expected a number", 8),
        ("auth.a{1000001}", "at most 1000000", 8),
        ("auth.a !auth.b{2}", "an absence has no count", 15),
        ("auth.a ]", "expected an event type", 8),
    ];
    for (text, message, column) in cases {
        let (found, at, mark) = refused(text);
        assert!(found.contains(message), "{text}: {found}");
        assert_eq!(at, column, "{text}: {found}");
        assert_eq!(mark.find('^'), Some(column - 1), "{text}: {mark:?}");
    }
    let error = Sequence::parse("auth.ä\n  auth.b[ü=]").unwrap_err().to_string();
    assert!(error.ends_with("at line 2, column 12:\n  auth.b[ü=]\n           ^"), "{error}");
    assert!(refused(&"auth.a ".repeat(65)).0.contains("at most 64 parts"));
}
