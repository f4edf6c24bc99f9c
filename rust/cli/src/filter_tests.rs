#![allow(clippy::unwrap_used)]

use clap::Parser;
use sealtrail_query::search::FIELDS;

use super::{FilterArgs, list};

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    filter: FilterArgs,
}

#[test]
fn every_flag_reaches_the_filter() {
    let mut flags = vec!["program".to_owned()];
    for field in &FIELDS {
        let value = if field.name == "source_ip" { "10.0.0.0/8,!10.1.*" } else { "a,b*,!c" };
        flags.extend([format!("--{}", field.name.replace('_', "-")), value.to_owned()]);
    }
    flags.extend(
        ["--status-not", "x,y", "--severity-min", "error", "--where", "a = 1", "--where", "b = 2"]
            .map(str::to_owned),
    );
    flags.extend(["--text", "rm -rf", "--since", "-1h", "--until", "now"].map(str::to_owned));
    let filter = Program::try_parse_from(flags).unwrap().filter.filter(7_200_000_000).unwrap();
    assert_eq!(filter.fields.len(), FIELDS.len());
    assert_eq!(filter.fields["user_id"], ["a", "b*", "!c"]);
    assert_eq!(filter.fields["status"], ["a", "b*", "!c", "!x", "!y"]);
    assert_eq!(filter.conditions, ["a = 1", "b = 2"]);
    assert_eq!(filter.text, ["rm -rf"]);
    assert_eq!(filter.window.since, Some(3_600_000_000));
    assert_eq!(filter.window.until, Some(7_200_000_000));
}

#[test]
fn a_list_is_cut_at_its_commas() {
    assert_eq!(list("a,b"), ["a", "b"]);
    assert_eq!(list(r"a\,b,c\*"), ["a,b", r"c\*"]);
    assert_eq!(list("a,"), ["a", ""]);
    assert_eq!(list("\\"), ["\\"]);
}

#[test]
fn what_means_nothing_is_refused_at_once() {
    let refused = |flags: &[&str]| {
        let flags = ["program"].iter().chain(flags);
        Program::try_parse_from(flags).unwrap().filter.filter(0).unwrap_err().exit_code()
    };
    assert_eq!(refused(&["--severity-min", "loud"]), 2);
    assert_eq!(refused(&["--user-id", "a,"]), 2);
    assert_eq!(refused(&["--where", "a ="]), 2);
    assert_eq!(refused(&["--since", "soon"]), 2);
    assert_eq!(refused(&["--source-ip", "1.2.3/99"]), 2);
}
