use std::io::Write;

use super::*;

#[test]
fn an_append_that_broke_off_hides_no_later_id() {
    let dir = tempfile::tempdir().unwrap();
    let window = Duration::from_secs(60);
    let mut seen = Seen::load(dir.path(), window, 0).unwrap();
    seen.persist([("a", [1; 16], 5)].into_iter(), 5).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(dir.path().join(FILE)).unwrap();
    file.write_all(&[9; ITEM - 3]).unwrap();
    seen.persist([("b", [2; 16], 6)].into_iter(), 6).unwrap();
    let again = Seen::load(dir.path(), window, 7).unwrap();
    assert!(matches!(again.lookup("a", &[1; 16]), Known::Same(_)));
    assert!(matches!(again.lookup("b", &[2; 16]), Known::Same(_)));
    assert_eq!(again.items.len(), 2);
}
