"""The independent verifier and checkpoints that others signed too (FORMAT section 7)."""

from hashlib import sha256
from pathlib import Path

import pytest
import trail_maker as tm
from verifier_helpers import kinds, verify

WITNESS = f"\u2014 witness.example/w {tm.b64(bytes(76))}\n"


@pytest.fixture
def maker(tmp_path: Path) -> tm.Maker:
    maker = tm.Maker(tmp_path / "trail")
    maker.append(maker.writers[0], [tm.event(0)], batches=1)
    return maker


def keep(maker: tm.Maker, note: str, size: int, name: str | None = None) -> str:
    digest = sha256(note.encode()).hexdigest()[:16]
    path = name or f"cosigned/{size:020}-{digest}"
    file = maker.folder / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(note.encode())
    return path


def test_kept_notes_are_checked_and_no_orphans(maker: tm.Maker) -> None:
    for signer, size in [(maker.writers[0], 1), (maker.writers[0], 2), (maker.owner, 2)]:
        keep(maker, maker.note(signer, size) + WITNESS, size)
        keep(maker, maker.note(signer, size) + WITNESS + WITNESS, size)
    report = verify(maker)
    assert report.findings == []
    assert report.orphans == []
    assert report.checked["cosigned checkpoints"] == 6


def test_notes_that_are_not_the_trails_are_found(maker: tm.Maker, tmp_path: Path) -> None:
    other = tm.Maker(tmp_path / "other")
    other.append(other.writers[0], [tm.event(7)], batches=1)
    good = maker.note(maker.writers[0], 2)
    origin, _, rest = good.partition("\n")
    bad = [
        other.note(other.writers[0], 2) + WITNESS,
        good.replace("\n2\n", "\n1\n") + WITNESS,
        good.partition("\n\n")[0] + "\n\n" + WITNESS,
        f"{origin}x\n{rest}{WITNESS}",
        good + "more\n",
        "",
        "\n",
    ]
    for note in bad:
        path = keep(maker, note, 2)
        report = verify(maker)
        assert kinds(report) & {"cosigned", "checkpoint"}, note
        assert [finding.object for finding in report.findings] == [path]
        (maker.folder / path).unlink()
    path = keep(maker, good + WITNESS, 2, "cosigned/00000000000000000002-0123456789abcdef")
    assert [finding.object for finding in verify(maker).findings] == [path]


def test_a_kept_note_tells_of_what_was_cut_off(maker: tm.Maker) -> None:
    keep(maker, maker.note(maker.writers[0], 2) + WITNESS, 2)
    maker.slot(1).unlink()
    report = verify(maker)
    assert "cut-off" in kinds(report)
    assert report.verdict == "MISSING"
