use super::*;

fn checkpoint(size: u64, byte: u8) -> Checkpoint {
    Checkpoint { origin: "example.org/log".to_owned(), size, root: [byte; 32] }
}

fn pins() -> (tempfile::TempDir, Pins) {
    let dir = tempfile::tempdir().unwrap();
    let pins = Pins::of(&Home::at(dir.path()));
    (dir, pins)
}

const URL: &str = "/srv/audit";

fn pin(size: u64) -> Pin {
    let deep = Deep { size: size / 2, time: "2026-03-01T00:00:00.000Z".to_owned() };
    Pin::new(URL, &checkpoint(size, 7), Some(deep))
}

/// As it was written: with its digest.
fn stored(pin: &Pin) -> Pin {
    Pin::parse(&pin.to_bytes().unwrap(), "test").unwrap()
}

#[test]
fn a_pin_is_kept_for_each_url() {
    let (_dir, pins) = pins();
    assert_eq!(pins.load(URL).unwrap(), None);
    assert!(!pins.clear(URL).unwrap());
    pins.set(&pin(9)).unwrap();
    let there = pins.load(URL).unwrap().unwrap();
    assert_eq!(there.checkpoint(), checkpoint(9, 7));
    assert_eq!(there.deep.unwrap().size, 4);
    assert_eq!(pins.load("/srv/other").unwrap(), None);
    assert!(pins.clear(URL).unwrap());
    assert_eq!(pins.load(URL).unwrap(), None);
}

#[test]
fn every_damaged_byte_of_a_pin_is_an_error() {
    let (_dir, pins) = pins();
    pins.set(&pin(9)).unwrap();
    let path = pins.path(URL);
    let bytes = std::fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        for mask in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= mask;
            std::fs::write(&path, &damaged).unwrap();
            let error = pins.load(URL).unwrap_err();
            assert_eq!(error.kind(), "integrity", "{at} {mask}: {error}");
        }
        std::fs::write(&path, &bytes[..at]).unwrap();
        assert!(pins.load(URL).is_err(), "cut at {at}");
    }
    std::fs::write(&path, [bytes.as_slice(), b"\n"].concat()).unwrap();
    assert!(pins.load(URL).is_err(), "appended to");
    std::fs::write(&path, &bytes).unwrap();
    assert!(pins.load(URL).unwrap().is_some());
}

#[test]
fn a_pin_of_another_url_is_not_taken_for_this_one() {
    let (_dir, pins) = pins();
    pins.set(&pin(9)).unwrap();
    std::fs::copy(pins.path(URL), pins.path("/srv/other")).unwrap();
    assert!(pins.load("/srv/other").unwrap_err().to_string().contains(URL));
}

#[test]
fn a_pin_never_moves_back_whoever_is_last() {
    let (_dir, pins) = pins();
    pins.advance(None, &pin(9)).unwrap();
    let seen = pins.load(URL).unwrap().unwrap();
    assert_eq!(seen, stored(&seen));
    // Two that began with the same pin: the one that saw less ends last.
    pins.advance(Some(&seen), &pin(12)).unwrap();
    pins.advance(Some(&seen), &pin(11)).unwrap();
    assert_eq!(pins.load(URL).unwrap().unwrap().size, 12);
    // Somebody set another log's pin meanwhile: it stays, so that the next verification tells.
    let set = Pin::new(URL, &Checkpoint { origin: "other".to_owned(), ..checkpoint(3, 1) }, None);
    pins.set(&set).unwrap();
    pins.advance(Some(&seen), &pin(13)).unwrap();
    assert_eq!(pins.load(URL).unwrap().unwrap().origin, "other");
}

#[test]
fn many_at_once_leave_the_furthest() {
    let (_dir, pins) = pins();
    let pins = &pins;
    std::thread::scope(|scope| {
        for size in 1..=24 {
            scope.spawn(move || pins.advance(None, &pin(size)).unwrap());
        }
    });
    assert_eq!(pins.load(URL).unwrap().unwrap().size, 24);
}

#[test]
fn files_of_the_user_are_pins_or_notes() {
    let (dir, _) = pins();
    let path = dir.path().join("brought");
    std::fs::write(&path, pin(9).to_bytes().unwrap()).unwrap();
    assert!(matches!(Brought::read(&path).unwrap(), Brought::Pin(c) if c == checkpoint(9, 7)));
    let key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let note = checkpoint(9, 7).sign("example.org/log/owner", &key).unwrap();
    std::fs::write(&path, &note).unwrap();
    assert!(matches!(Brought::read(&path).unwrap(), Brought::Note(n) if n == note));
    for bad in [b"".as_slice(), b"{}", b"\xff", b"example.org/log\n9\n"] {
        std::fs::write(&path, bad).unwrap();
        assert!(matches!(Brought::read(&path), Err(Error::Integrity { .. })), "{bad:?}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(Brought::read(&path), Err(Error::NotFound(_))));
}
