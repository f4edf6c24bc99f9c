use std::io::Read;

use super::*;

fn files() -> Vec<(String, Vec<u8>)> {
    vec![
        ("a.txt".to_owned(), b"one".to_vec()),
        ("b/c.txt".to_owned(), Vec::new()),
        ("d.bin".to_owned(), vec![7; 300]),
    ]
}

fn open(bytes: &[u8]) -> Result<BTreeMap<String, Member>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.zip");
    std::fs::write(&path, bytes).unwrap();
    members(&path)
}

#[test]
fn others_read_what_is_written() {
    let bytes = write(&files()).unwrap();
    let mut other = ::zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    assert_eq!(other.len(), 3);
    for (name, content) in files() {
        let mut found = Vec::new();
        other.by_name(&name).unwrap().read_to_end(&mut found).unwrap();
        assert_eq!(found, content);
    }
}

#[test]
fn what_is_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.zip");
    std::fs::write(&path, write(&files()).unwrap()).unwrap();
    let members = members(&path).unwrap();
    for (name, content) in files() {
        assert_eq!(members[&name].bytes(1000).unwrap(), content);
        assert!(members[&name].bytes(content.len() as u64).is_ok());
    }
}

#[test]
fn no_byte_can_change() {
    let bytes = write(&files()).unwrap();
    assert!(open(&bytes).is_ok());
    for at in 0..bytes.len() {
        for mask in [1, 0x80] {
            let mut other = bytes.clone();
            other[at] ^= mask;
            assert!(open(&other).is_err(), "byte {at}");
        }
    }
    for at in 0..bytes.len() {
        assert!(open(&bytes[..at]).is_err(), "cut to {at}");
    }
    assert!(open(&[bytes.as_slice(), b"x"].concat()).is_err());
    assert!(open(&[b"x", bytes.as_slice()].concat()).is_err());
}

#[test]
fn names_that_lead_elsewhere_or_come_twice_are_refused() {
    for name in ["../x", "/etc/passwd", "a/../../x", "a//b", "", "a/", "c:x", "a\\b", "é", "."] {
        let bytes = write(&[(name.to_owned(), b"x".to_vec())]).unwrap();
        let error = open(&bytes).unwrap_err().to_string();
        assert!(error.contains("no file of a package is named so"), "{name}: {error}");
    }
    let twice = [("a".to_owned(), b"x".to_vec()), ("a".to_owned(), b"y".to_vec())];
    let error = open(&write(&twice).unwrap()).unwrap_err().to_string();
    assert!(error.contains("two files of this name"), "{error}");
}

#[test]
fn what_another_program_packed_is_refused_with_what_to_do() {
    use std::io::Write;

    let mut zip = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default();
    zip.start_file("a.txt", options).unwrap();
    zip.write_all(b"one").unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    assert!(open(&bytes).unwrap_err().to_string().contains("unpack it"));
}
