use std::io::Write;

use super::Stream;

fn written(for_people: bool, parts: &[&[u8]]) -> String {
    let mut out = Vec::new();
    let mut stream = Stream::new(Box::new(&mut out), for_people);
    for part in parts {
        stream.write_all(part).unwrap();
    }
    stream.finish().unwrap();
    drop(stream);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_terminal_is_never_sent_control_characters() {
    assert_eq!(
        written(true, &[b"a\x1b[2Jb\r\x07\x7f\n\tc"]),
        "a\\u001b[2Jb\\u000d\\u0007\\u007f\n\tc"
    );
    assert_eq!(written(true, &["x\u{9b}31m".as_bytes()]), "x\\u009b31m");
}

#[test]
fn a_control_character_across_two_writes_is_shown_too() {
    assert_eq!(written(true, &[b"x\xc2", b"\x9b1m"]), "x\\u009b1m");
    assert_eq!(written(true, &[b"x\xc2", b"\xa7 y"]), "x\u{a7} y");
}

#[test]
fn other_text_passes_as_it_is() {
    let text = "Grüße, 世界, § 5, ±, 😀\n";
    assert_eq!(written(true, &[text.as_bytes()]), text);
    for cut in 0..text.len() {
        let (head, tail) = text.as_bytes().split_at(cut);
        assert_eq!(written(true, &[head, tail]), text);
    }
}

#[test]
fn programs_get_the_bytes() {
    assert_eq!(written(false, &[b"a\x1b[2J\x7f"]), "a\x1b[2J\x7f");
}

#[test]
fn a_reader_that_went_away_is_remembered() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut stream = Stream::new(Box::new(Closed), false);
    assert!(!stream.is_broken());
    assert!(stream.write_all(b"x").is_err());
    assert!(stream.is_broken());
}
