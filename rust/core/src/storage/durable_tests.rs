use super::*;

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn nothing_is_overwritten() {
    let dir = dir();
    let path = dir.path().join("a/b/c.json");
    assert_eq!(create_new(&path, b"first").unwrap(), Create::Created);
    assert_eq!(create_new(&path, b"second").unwrap(), Create::Exists);
    assert_eq!(read(&path).unwrap(), b"first");
    assert_eq!(names(path.parent().unwrap()), ["c.json"], "no temporary file is left");
}

#[test]
fn exactly_one_of_many_creators_wins() {
    let dir = dir();
    let path = dir.path().join("slot");
    let start = std::sync::Barrier::new(16);
    let results: Vec<Create> = std::thread::scope(|scope| {
        let (path, start) = (&path, &start);
        let threads: Vec<_> = (0..16_u8)
            .map(|i| {
                scope.spawn(move || {
                    start.wait();
                    create_new(path, &[i; 1000]).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let winner = results.iter().position(|result| *result == Create::Created).unwrap();
    assert_eq!(results.iter().filter(|result| **result == Create::Created).count(), 1);
    assert_eq!(read(&path).unwrap(), [winner as u8; 1000]);
    assert_eq!(names(dir.path()), ["slot"]);
}

#[test]
fn replace_replaces_whole_files() {
    let dir = dir();
    let path = dir.path().join("x/position.json");
    replace(&path, b"long content", Access::Default).unwrap();
    replace(&path, b"short", Access::Default).unwrap();
    assert_eq!(read(&path).unwrap(), b"short");
    assert_eq!(names(path.parent().unwrap()), ["position.json"]);
    let folder = dir.path().join("folder");
    fs::create_dir_all(folder.join("inside")).unwrap();
    assert!(matches!(replace(&folder, b"x", Access::Default), Err(Error::Io { .. })));
    assert_eq!(names(dir.path()), ["folder", "x"], "no temporary file is left");
}

#[cfg(unix)]
#[test]
fn private_files_are_private_from_the_start() {
    use std::os::unix::fs::PermissionsExt;

    let dir = dir();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (new, old) = (dir.path().join("new"), dir.path().join("old"));
    create_new_with(&new, b"k", Access::Private).unwrap();
    fs::write(&old, b"k").unwrap();
    replace(&old, b"k2", Access::Private).unwrap();
    assert_eq!((mode(&new), mode(&old)), (0o600, 0o600));
}

#[test]
fn reading_tells_missing_from_failing() {
    let dir = dir();
    let path = dir.path().join("f");
    assert!(matches!(read(&path), Err(Error::NotFound(_))));
    assert!(matches!(size(&path), Err(Error::NotFound(_))));
    assert!(matches!(read_range(&path, 0..1), Err(Error::NotFound(_))));
    assert!(matches!(read(dir.path()), Err(Error::Io { .. })));
    create_new(&path, b"0123456789").unwrap();
    assert_eq!(size(&path).unwrap(), 10);
    assert_eq!(read_range(&path, 3..6).unwrap(), b"345");
    assert_eq!(read_range(&path, 8..20).unwrap(), b"89");
    assert_eq!(read_range(&path, 20..30).unwrap(), b"");
    remove(&path).unwrap();
    remove(&path).unwrap();
    assert!(matches!(read(&path), Err(Error::NotFound(_))));
}

#[test]
fn a_file_in_the_way_of_a_folder_is_an_error() {
    let dir = dir();
    let file = dir.path().join("f");
    create_new(&file, b"").unwrap();
    assert!(matches!(ensure_dir(&file.join("below")), Err(Error::Io { .. })));
    assert!(matches!(create_new(&file.join("below"), b""), Err(Error::Io { .. })));
}

#[test]
fn listing_skips_unfinished_files() {
    let dir = dir();
    create_new(&dir.path().join("a/1"), b"1").unwrap();
    create_new(&dir.path().join("a/b/22"), b"22").unwrap();
    fs::write(dir.path().join(format!("a/{TEMPORARY_PREFIX}99")), b"x").unwrap();
    let mut found = list(dir.path()).unwrap();
    found.sort();
    assert_eq!(found, [(PathBuf::from("a/1"), 1), (PathBuf::from("a/b/22"), 2)]);
    assert_eq!(list(&dir.path().join("missing")).unwrap(), []);
}

#[test]
fn a_lock_has_one_holder() {
    let dir = dir();
    let path = dir.path().join("state/lock");
    let held = LockFile::try_lock(&path).unwrap().unwrap();
    assert!(LockFile::try_lock(&path).unwrap().is_none());
    drop(held);
    assert!(LockFile::try_lock(&path).unwrap().is_some());
}

#[test]
fn append_and_hint_files_need_an_existing_file() {
    let dir = dir();
    let path = dir.path().join("f");
    assert!(AppendFile::open(&path).is_err());
    assert!(HintFile::open(&path).is_err());
    create_new(&path, b"head").unwrap();
    let file = AppendFile::open(&path).unwrap();
    file.append(b"+1").unwrap();
    file.append(b"+2").unwrap();
    file.sync().unwrap();
    assert_eq!(read(&path).unwrap(), b"head+1+2");
    let hint = HintFile::open(&path).unwrap();
    hint.write(b"HE").unwrap();
    hint.write(b"h").unwrap();
    assert_eq!(read(&path).unwrap(), b"hEad+1+2");
}
