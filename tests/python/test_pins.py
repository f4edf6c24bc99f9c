"""Pins, incremental verification and anchors, from Python."""

from pathlib import Path

import pytest

import sealtrail
from sealtrail import demo


@pytest.fixture
def trail(tmp_path: Path) -> sealtrail.Trail:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record_many(demo.jsonl(50))
    return trail


def cut(trail: sealtrail.Trail) -> None:
    """Takes the newest entry away, and the hint that would tell."""
    max(Path(trail.url, "ledger").glob("0*.json")).unlink()
    Path(trail.url, "checkpoint").unlink()


def test_the_first_verification_pins_and_the_next_compares(trail: sealtrail.Trail) -> None:
    assert trail.pin() is None
    assert trail.verify(require_pin=True).verdict == "UNANCHORED"
    assert trail.pin() is None
    first = trail.verify()
    assert (first.verdict, first.details["anchored"]) == ("VERIFIED", False)
    assert any(what.startswith("UNANCHORED") for what in first.not_checked)
    pin = trail.pin()
    assert pin is not None
    assert (pin["size"], pin["root"]) == (first.details["size"], first.details["root"])
    assert trail.verify(require_pin=True).details["anchored"]
    pin = trail.pin()
    cut(trail)
    assert trail.verify(no_pin=True).verdict == "VERIFIED"
    rolled_back = sealtrail.verify(trail.url)
    assert (rolled_back.verdict, rolled_back.exit_code) == ("ROLLED_BACK", 4)
    assert trail.pin() == pin
    assert trail.clear_pin()
    assert not trail.clear_pin()
    assert trail.verify().ok


def test_only_what_is_new_is_read(trail: sealtrail.Trail) -> None:
    assert trail.verify(since_last=True).checked["records"] == 50
    with sealtrail.open(trail.url) as more:
        more.record({"event_type": "data.export"})
    report = sealtrail.verify(trail.url, since_last=True)
    assert (report.verdict, report.checked["records"]) == ("VERIFIED", 1)
    assert report.details["since"]["records"] == 50
    assert any("with 50 records" in what for what in report.not_checked)


def test_a_signed_checkpoint_can_be_brought(trail: sealtrail.Trail, tmp_path: Path) -> None:
    note = Path(trail.url, "checkpoint").read_text(encoding="utf-8")
    file = tmp_path / "note"
    file.write_text(note, encoding="utf-8")
    assert trail.verify(pin=file, require_pin=True).ok
    trail.set_pin(note)
    assert trail.verify(require_pin=True).ok
    with pytest.raises(sealtrail.IntegrityError):
        trail.set_pin("no note")
    with pytest.raises(sealtrail.UsageError, match="no_pin"):
        trail.verify(no_pin=True, require_pin=True)


def test_a_damaged_pin_is_an_error(trail: sealtrail.Trail, home: Path) -> None:
    trail.verify()
    (file,) = home.rglob("pins/*.json")
    file.write_bytes(file.read_bytes().replace(b'"size":', b'"size":1'))
    for call in (trail.pin, trail.verify):
        with pytest.raises(sealtrail.IntegrityError, match="damaged"):
            call()


def test_anchors_tell_those_who_saw_nothing_before(trail: sealtrail.Trail, tmp_path: Path) -> None:
    with pytest.raises(sealtrail.UsageError, match="anchor"):
        trail.verify(anchors=True)
    trail.add_anchor(tmp_path / "anchor")
    trail.add_anchor(tmp_path / "checkout.txt", file=True)
    assert [anchor["kind"] for anchor in trail.anchors()] == ["folder", "file"]
    with pytest.raises(sealtrail.AlreadyExistsError):
        trail.add_anchor(tmp_path / "anchor")
    with pytest.raises(sealtrail.UsageError):
        trail.add_anchor(trail.url)
    with sealtrail.open(trail.url) as more:
        more.record({"event_type": "data.export"})
    size = trail.stats()["entries"]
    assert {a["published"] for a in trail.stats()["anchors"].values()} == {size}
    assert trail.verify(no_pin=True, anchors=True).details["anchored"]
    cut(trail)
    assert sealtrail.verify(trail.url, no_pin=True, anchors=True).verdict == "ROLLED_BACK"
    trail.remove_anchor(tmp_path / "anchor")
    with pytest.raises(sealtrail.NotFoundError):
        trail.remove_anchor(tmp_path / "anchor")
    assert len(trail.anchors()) == 1
