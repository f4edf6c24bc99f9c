use proptest::prelude::*;

use super::read_with;
use crate::Error;

const FULL: &str = "audit:
  # everything that the reader has a branch for
  trail: { url: \"a\\u00e4 ${URL:-b}\", partitioning: day, flush: { max_mb: 1, max_age_seconds: ~ } }
  identity:
    host: &host 'x$${y}'
    service: *host
    user_id: |-
      two ${WHO}
      lines
  compliance: [1, -2, 0.5, true, null, { a: [b] }]
";

/// One change of a file: what stands at a position is replaced.
fn edits() -> impl Strategy<Value = Vec<(usize, usize, String)>> {
    let text = prop_oneof![
        "[\\[\\]{}:,&*!|>'\"$#%@\\-?~ \t\n\r]{0,4}",
        "\\PC{0,3}",
        Just("${".to_owned()),
        Just("\u{feff}".to_owned()),
    ];
    proptest::collection::vec((0..FULL.len(), 0..6_usize, text), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn broken_files_are_errors_with_a_place_in_the_file(edits in edits()) {
        let mut text: Vec<char> = FULL.chars().collect();
        for (start, length, replacement) in edits {
            let start = start.min(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, replacement.chars());
        }
        let text: String = text.into_iter().collect();
        match read_with(&text, &[("WHO", "mira")]) {
            Ok(loaded) => prop_assert!(loaded.effective()["audit"]["trail"].is_object()),
            Err(Error::Config { line, column, message, .. }) => {
                let lines = text.split(['\n', '\r']).count();
                prop_assert!((1..=lines).contains(&line), "line {line}: {message}");
                prop_assert!((1..=text.chars().count() + 1).contains(&column), "{column}: {message}");
                prop_assert!(!message.contains(char::is_control), "{message:?}");
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
