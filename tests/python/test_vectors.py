"""Both verifiers agree on the golden trails, whole and damaged."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sealtrail_verifier import RootSecret, VerifierKey, verify_trail

GOLDEN = Path(__file__).resolve().parents[1] / "vectors" / "v1"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the golden trail and its keys."""
    folder = tmp_path / "v1"
    shutil.copytree(GOLDEN, folder)
    (folder / "owner.json").chmod(0o600)
    return folder


def native(folder: Path, *trust: str) -> tuple[str, int]:
    """Verdict and exit code of the native verifier."""
    command = [sys.executable, "-m", "sealtrail", "verify-integrity", "-o", "json"]
    done = subprocess.run(
        [*command, "--trail", str(folder / "audit"), *trust],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)["verdict"], done.returncode


def plain(folder: Path) -> str:
    """Verdict of the verifier in plain Python."""
    owner = VerifierKey.parse((folder / "owner.vkey").read_text())
    secret = RootSecret.parse((folder / "owner.json").read_bytes())
    return str(verify_trail(folder / "audit", owner, secret).verdict)


def test_both_verify_the_golden_trail(copy: Path) -> None:
    assert native(copy, "--owner-key", str(copy / "owner.json")) == ("VERIFIED", 0)
    assert native(copy, "--key", str(copy / "owner.vkey")) == ("VERIFIED", 0)
    assert plain(copy) == "VERIFIED"


@pytest.mark.parametrize("seed", range(8))
def test_both_find_a_flipped_byte(copy: Path, seed: int) -> None:
    chance = random.Random(seed)
    objects = sorted(path for path in (copy / "audit").rglob("*") if path.is_file())
    path = chance.choice(objects)
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    assert native(copy, "--owner-key", str(copy / "owner.json")) == ("TAMPERED", 4), path
    assert plain(copy) == "TAMPERED", path


def test_both_miss_a_removed_segment(copy: Path) -> None:
    next((copy / "audit" / "segments").rglob("*.parquet")).unlink()
    assert native(copy, "--key", str(copy / "owner.vkey")) == ("MISSING", 4)
    assert plain(copy) == "MISSING"
