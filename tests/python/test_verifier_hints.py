"""The independent verifier, heartbeats and the lines of others (FORMAT section 7)."""

from hashlib import sha256
from pathlib import Path

import pytest
import trail_maker as tm
from verifier_helpers import kinds, verify

TIME = 1_700_000_000


@pytest.fixture
def maker(tmp_path: Path) -> tm.Maker:
    maker = tm.tiny(tmp_path / "trail")
    maker.hint()
    return maker


def text_of(maker: tm.Maker, size: int) -> str:
    root = tm.b64(tm.tree(maker.leaves[:size]))
    return f"{maker.trail['origin']}\n{size}\n{root}\n"


def beat(maker: tm.Maker, size: int, *, kind: int = 4, time: int = TIME) -> bytes:
    """A heartbeat by the first writer, as FORMAT specifies it."""
    signer, text = maker.writers[0], text_of(maker, size)
    name = f"{maker.trail['origin']}/{signer.name}"
    key_id = sha256(name.encode() + b"\n" + bytes([kind]) + signer.public).digest()[:4]
    signature = signer.private.sign(f"cosignature/v1\ntime {TIME}\n{text}".encode())
    blob = key_id + time.to_bytes(8) + signature
    return f"{text}\n\u2014 {name} {tm.b64(blob)}\n".encode()


def test_a_heartbeat_is_checked_and_no_orphan(maker: tm.Maker) -> None:
    file = maker.folder / "heartbeat"
    for size in (2, len(maker.leaves)):
        file.write_bytes(beat(maker, size))
        report = verify(maker)
        assert kinds(report) == set()
        assert "heartbeat" not in report.orphans


def test_every_byte_of_a_heartbeat_counts(maker: tm.Maker) -> None:
    file = maker.folder / "heartbeat"
    good = beat(maker, len(maker.leaves))
    for at in range(0, len(good), 5):
        file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert kinds(verify(maker)), at


@pytest.mark.parametrize("change", [{"kind": 1}, {"time": TIME + 1}])
def test_another_kind_or_time_is_found(maker: tm.Maker, change: dict[str, int]) -> None:
    (maker.folder / "heartbeat").write_bytes(beat(maker, 2, **change))
    assert kinds(verify(maker)) == {"heartbeat"}


def test_a_heartbeat_of_more_entries_tells_of_a_cut(maker: tm.Maker) -> None:
    size = len(maker.leaves)
    (maker.folder / "heartbeat").write_bytes(beat(maker, size))
    (maker.folder / "checkpoint").unlink()
    maker.slot(size - 1).unlink()
    assert "cut-off" in kinds(verify(maker))


def test_lines_of_others_may_follow_in_the_hint(maker: tm.Maker) -> None:
    hint = maker.folder / "checkpoint"
    line = f"\u2014 witness.example {tm.b64(bytes(76))}\n"
    hint.write_text(hint.read_text(encoding="utf-8") + line, encoding="utf-8")
    assert kinds(verify(maker)) == set()
