use super::*;

fn key(byte: u8) -> Secret {
    Secret::from_bytes([byte; 32])
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn chunk(index: usize) -> std::ops::Range<usize> {
    let from = HEADER + index * SEALED_CHUNK;
    from..from + SEALED_CHUNK
}

#[test]
fn what_was_sealed_opens_to_the_same_bytes() {
    let lengths = [0, 1, 15, ENVELOPE_CHUNK - 1, ENVELOPE_CHUNK, ENVELOPE_CHUNK + 1];
    let many = [2 * ENVELOPE_CHUNK - 1, 2 * ENVELOPE_CHUNK, 3 * ENVELOPE_CHUNK, 200_000];
    for length in lengths.into_iter().chain(many) {
        let plain = content(length);
        let sealed = seal(&key(1), b"aad", &plain).unwrap();
        assert_eq!(sealed.len() as u64, sealed_len(length as u64), "{length}");
        assert_eq!(open(&key(1), b"aad", &sealed).unwrap(), plain, "{length}");
        let part = &plain[..length.min(40)];
        let hidden = part.len() < 8 || !sealed.windows(part.len()).any(|window| window == part);
        assert!(hidden, "{length}");
    }
}

#[test]
fn writing_and_reading_in_any_portions_gives_the_same() {
    let plain = content(3 * ENVELOPE_CHUNK + 17);
    for portion in [1, 1000, ENVELOPE_CHUNK - 1, ENVELOPE_CHUNK, 100_000] {
        let salt = [9; SALT];
        let mut writer = EnvelopeWriter::with_salt(&key(1), b"", salt, Vec::new()).unwrap();
        plain.chunks(portion).for_each(|part| writer.write_all(part).unwrap());
        let sealed = writer.finish().unwrap();
        let mut whole = EnvelopeWriter::with_salt(&key(1), b"", salt, Vec::new()).unwrap();
        whole.write_all(&plain).unwrap();
        assert!(sealed == whole.finish().unwrap(), "{portion}");
        let mut reader = EnvelopeReader::new(&key(1), b"", sealed.as_slice()).unwrap();
        let (mut found, mut buffer) = (Vec::new(), vec![0; portion]);
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                read => found.extend_from_slice(&buffer[..read]),
            }
        }
        assert!(found == plain, "{portion}");
    }
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let mut writer = EnvelopeWriter::with_salt(&key(1), b"aad", [2; SALT], Vec::new()).unwrap();
    writer.write_all(b"hello").unwrap();
    let sealed = writer.finish().unwrap();
    assert_eq!(data_encoding::HEXLOWER.encode(&sealed), GOLDEN);
    // By the words of FORMAT section 18, with nothing of ours.
    let mut okm = [0; 64];
    let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(Some(&[2; 32]), &[1; 32]);
    hkdf.expand(b"sealtrail envelope v1", &mut okm).unwrap();
    assert_eq!(&sealed[..8], b"SEALENV1");
    assert_eq!(&sealed[8..40], &[2; 32]);
    assert_eq!(&sealed[40..72], &okm[32..]);
    let aead = ring::aead::UnboundKey::new(&ring::aead::AES_256_GCM, &okm[..32]).unwrap();
    let nonce = Nonce::assume_unique_for_key([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let mut body = sealed[72..].to_vec();
    let aead = ring::aead::LessSafeKey::new(aead);
    assert_eq!(aead.open_in_place(nonce, Aad::from(b"aad"), &mut body).unwrap(), b"hello");
}

const GOLDEN: &str = "5345414c454e5631020202020202020202020202020202020202020202020202020202020202020\
    27cc5ac874d6aad1366375319622230c97aace504433fa6f033a77a1beca10c5cda2d4a4d1d109b5b375f2d49af4a31\
    f82e75396fdb";

#[test]
fn the_same_bytes_are_sealed_otherwise_each_time() {
    let (a, b) = (seal(&key(1), b"", b"x").unwrap(), seal(&key(1), b"", b"x").unwrap());
    assert_ne!(a, b);
}

#[test]
fn another_key_or_other_words_do_not_open_it() {
    let sealed = seal(&key(1), b"aad", &content(100)).unwrap();
    assert!(matches!(open(&key(2), b"aad", &sealed), Err(Error::Key(_))));
    for other in [&b""[..], b"aae", b"aad\0"] {
        assert!(matches!(open(&key(1), other, &sealed), Err(Error::Integrity { .. })));
    }
}

#[test]
fn no_byte_can_be_changed() {
    let sealed = seal(&key(1), b"aad", &content(300)).unwrap();
    for at in 0..sealed.len() {
        for bit in [1, 0x80] {
            let mut changed = sealed.clone();
            changed[at] ^= bit;
            assert!(open(&key(1), b"aad", &changed).is_err(), "byte {at}");
        }
    }
}

#[test]
fn nothing_can_be_cut_off_or_added_or_moved() {
    let plain = content(3 * ENVELOPE_CHUNK);
    let sealed = seal(&key(1), b"", &plain).unwrap();
    let ends = (0..=3).map(|n| HEADER + n * SEALED_CHUNK);
    let cuts = ends.flat_map(|end| [end.saturating_sub(1), end, end + 1, end + TAG]);
    for cut in cuts.chain([0, 1, HEADER - 1]).filter(|cut| *cut < sealed.len()) {
        assert!(open(&key(1), b"", &sealed[..cut]).is_err(), "cut at {cut}");
    }
    for tail in [&[0][..], &[0; TAG], &sealed[chunk(0)], &sealed[chunk(2)]] {
        assert!(open(&key(1), b"", &[&sealed, tail].concat()).is_err(), "{} more", tail.len());
    }
    let order = |order: &[usize]| {
        let mut moved = sealed[..HEADER].to_vec();
        order.iter().for_each(|index| moved.extend_from_slice(&sealed[chunk(*index)]));
        open(&key(1), b"", &moved)
    };
    assert_eq!(order(&[0, 1, 2]).unwrap(), plain);
    for other in [&[1, 0, 2][..], &[0, 2, 1], &[0, 0, 2], &[0, 2], &[2], &[1, 2], &[0, 1]] {
        assert!(matches!(order(other), Err(Error::Integrity { .. })), "{other:?}");
    }
    // Nor a chunk of another object under the same key.
    let other = seal(&key(1), b"", &content(3 * ENVELOPE_CHUNK)).unwrap();
    let mut mixed = sealed.clone();
    mixed[chunk(1)].copy_from_slice(&other[chunk(1)]);
    assert!(matches!(open(&key(1), b"", &mixed), Err(Error::Integrity { .. })));
}

#[test]
fn errors_tell_nothing_of_the_content() {
    let mut sealed = seal(&key(1), b"", b"the secret text").unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    let error = open(&key(1), b"", &sealed).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret text"));
    let error = error.to_string();
    assert!(error.contains("chunk 0"), "{error}");
}
