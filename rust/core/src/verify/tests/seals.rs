//! HMACs of entries and seals of epochs: what only the holder of the owner's secret notices.

use data_encoding::{BASE64, HEXLOWER};

use super::maker::{Maker, TIME, event};
use crate::keys::{self, HmacKey, OwnerKey, WriterKeys};
use crate::ledger::{Authorization, Body, Close, Kind};
use crate::verify::Verdict;

fn tiny() -> Maker {
    let mut maker = Maker::new();
    maker.append(&[event(0, "data.export"), event(1, "data.export")], false);
    maker
}

fn close(maker: &Maker, seal: &[u8; 32], batches: u64) -> Body {
    let epoch = maker.writer.epoch();
    let mut body = Body::new(Kind::Close, maker.writer.id(), epoch, TIME.to_owned());
    body.close = Some(Close { batches, epoch, seal: HEXLOWER.encode(seal) });
    body
}

fn put(maker: &mut Maker, body: Body) {
    let hmac = maker.writer.hmac().clone();
    put_with(maker, body, &hmac);
}

fn put_with(maker: &mut Maker, body: Body, hmac: &HmacKey) {
    let signing = maker.writer.signing().clone();
    maker.put(body, &signing, hmac);
}

fn right_seal(maker: &Maker) -> [u8; 32] {
    maker.writer.close(maker.roots.iter())
}

#[test]
fn a_foreign_hmac_key_is_found() {
    let mut maker = tiny();
    let foreign = OwnerKey::generate(&maker.info.trail_id).unwrap().hmac().unwrap();
    let body = close(&maker, &right_seal(&maker), 1);
    put_with(&mut maker, body, &foreign);
    assert_eq!(super::kinds(&maker.verify(true)), ["hmac_key", "hmac_key", "hmac"]);
    // The key's id gives it away even to who has no secret.
    assert_eq!(super::kinds(&maker.verify(false)), ["hmac_key"]);
}

#[test]
fn a_wrong_hmac_under_a_good_signature_is_found() {
    let mut maker = tiny();
    let body = close(&maker, &right_seal(&maker), 1);
    let (signing, hmac) = (maker.writer.signing().clone(), maker.writer.hmac().clone());
    let (n, root) = (maker.state.size(), maker.state.root());
    let mut entry = body.sign(n, root, &maker.info, &signing, &hmac).unwrap();
    let message = entry.body.message().unwrap();
    entry.hmac = HEXLOWER.encode(&[7; 32]);
    entry.sig = BASE64.encode(&keys::sign(&signing, &[message.as_slice(), &[7; 32]].concat()));
    maker.put_entry(&entry);
    assert_eq!(super::kinds(&maker.verify(true)), ["hmac"]);
    let report = maker.verify(false);
    assert_eq!(report.verdict, Verdict::Verified);
    assert!(report.not_checked.iter().any(|what| what.contains("HMAC")));
}

#[test]
fn a_false_seal_of_an_epoch_is_found() {
    let mut maker = tiny();
    let body = close(&maker, &[0; 32], 1);
    put(&mut maker, body);
    assert_eq!(super::kinds(&maker.verify(true)), ["epoch_seal"]);
    assert_eq!(super::kinds(&maker.verify(false)), [""; 0]);
    let mut maker = tiny();
    let body = close(&maker, &right_seal(&maker), 1);
    put(&mut maker, body);
    let report = maker.verify(true);
    assert_eq!(super::kinds(&report), [""; 0], "{report}");
    assert_eq!(report.checked.epoch_seals, 1);
}

#[test]
fn empty_epochs_are_folded_into_the_next_seal() {
    let mut maker = tiny();
    let body = close(&maker, &right_seal(&maker), 1);
    put(&mut maker, body);
    let seal = right_seal(&maker);
    maker.writer.advance(seal).unwrap();
    maker.roots.clear();
    maker.writer.ratchet_to(maker.writer.epoch() + 3).unwrap();
    maker.append(&[event(30, "data.export")], true);
    let report = maker.verify(true);
    assert_eq!(super::kinds(&report), [""; 0], "{report}");
    assert_eq!(report.checked.epoch_seals, 2);
    // A writer that leaves the empty epochs out is found out.
    let mut maker = tiny();
    maker.roots.clear();
    let mut skipping = WriterKeys::generate(&maker.owner, "memory://made", 495_003).unwrap();
    std::mem::swap(&mut skipping, &mut maker.writer);
    let seal = maker.writer.close([].iter());
    std::mem::swap(&mut skipping, &mut maker.writer);
    let body = close(&maker, &right_seal(&maker), 1);
    put(&mut maker, body);
    maker.writer.ratchet_to(495_003).unwrap();
    let body = close(&maker, &seal, 0);
    put(&mut maker, body);
    assert!(super::kinds(&maker.verify(true)).contains(&"epoch_seal"));
}

#[test]
fn an_epoch_far_ahead_is_not_walked_to() {
    let mut maker = tiny();
    let body = close(&maker, &right_seal(&maker), 1);
    put(&mut maker, body);
    let mut body = close(&maker, &[0; 32], 0);
    body.epoch = 495_000 + 2_000_000;
    body.close.as_mut().unwrap().epoch = body.epoch;
    put(&mut maker, body);
    let report = maker.verify(true);
    assert_eq!(super::kinds(&report), [""; 0], "{report}");
    assert!(report.not_checked.iter().any(|what| what.contains("more than 1000000 after")));
}

#[test]
fn a_second_writer_has_a_chain_of_its_own() {
    let mut maker = tiny();
    let second = WriterKeys::generate(&maker.owner, "memory://made", 495_001).unwrap();
    let authorize = |id: String| {
        let mut body = Body::new(Kind::Authorize, "owner", 0, TIME.to_owned());
        body.authorizes = Some(vec![Authorization {
            epoch: 495_001,
            hmac_key: id,
            public: BASE64.encode(second.public().as_bytes()),
            writer: second.id().to_owned(),
        }]);
        body
    };
    let owner = maker.owner.clone();
    let body = authorize(second.hmac().id());
    maker.put(body, owner.signing(), &owner.hmac().unwrap());
    let first = std::mem::replace(&mut maker.writer, second);
    let roots = std::mem::take(&mut maker.roots);
    let committed = std::mem::take(&mut maker.committed);
    maker.append(&[event(2, "data.export")], true);
    (maker.writer, maker.roots, maker.committed) = (first, roots, committed);
    maker.append(&[event(3, "data.export")], true);
    let report = maker.verify(true);
    assert_eq!(super::kinds(&report), [""; 0], "{report}");
    assert_eq!((report.checked.epoch_seals, report.checked.hmacs), (2, 8));
    // A first key that the owner's secret does not give.
    let third = WriterKeys::generate(&maker.owner, "memory://made", 495_001).unwrap();
    let mut body = Body::new(Kind::Authorize, "owner", 0, TIME.to_owned());
    body.authorizes = Some(vec![Authorization {
        epoch: 495_001,
        hmac_key: "0".repeat(16),
        public: BASE64.encode(third.public().as_bytes()),
        writer: third.id().to_owned(),
    }]);
    maker.put(body, owner.signing(), &owner.hmac().unwrap());
    assert_eq!(super::kinds(&maker.verify(true)), ["hmac_key"]);
}
