//! Names that resemble a misspelt one.

/// Suggestions at most.
const MAX: usize = 3;

/// The candidates within a third of the name's length in edits, the nearest first.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let name: Vec<char> = name.chars().take(200).collect();
    let limit = (name.len() / 3).max(2);
    let mut found: Vec<(usize, &str)> = candidates
        .filter_map(|candidate| {
            let wanted: Vec<char> = candidate.chars().collect();
            let action = candidate.split_once('.').map_or("", |(_, action)| action);
            // The right action under the wrong domain (or under none) is near, too.
            let typed = name.iter().rposition(|&c| c == '.').map_or(0, |at| at + 1);
            let same_action = name[typed..].iter().copied().eq(action.chars());
            let edits = if same_action { 1 } else { edits(&name, &wanted) };
            (edits <= limit).then_some((edits, candidate))
        })
        .collect();
    found.sort_by_key(|&(edits, _)| edits);
    found.into_iter().take(MAX).map(|(_, candidate)| candidate).collect()
}

/// Insertions, deletions and replacements that turn one text into the other (Levenshtein).
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
