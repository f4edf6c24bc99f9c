"""Both verifiers agree on the golden trails, whole and damaged."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sealtrail
from sealtrail_verifier import Report, verify_trail
from sealtrail_verifier.encrypted import MasterKey
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.note import VerifierKey

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
    owner = VerifierKey.parse((folder / "owner.vkey").read_text().strip())
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


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the golden trail with encryption at rest; its master key is at hand."""
    folder = tmp_path / "sealed"
    shutil.copytree(GOLDEN.with_name("v1-encrypted"), folder)
    (folder / "owner.json").chmod(0o600)
    monkeypatch.setenv("SEALTRAIL_MASTER_KEY", (folder / "master.key").read_text().strip())
    monkeypatch.setenv("GOLDEN_COPY", (folder / "copy.key").read_text())
    return folder


def plain_sealed(folder: Path, key: str | None) -> Report:
    """What the verifier in plain Python says."""
    owner = VerifierKey.parse((folder / "owner.vkey").read_text().strip())
    secret = RootSecret.parse((folder / "owner.json").read_bytes())
    master = None if key is None else MasterKey.parse((folder / key).read_bytes())
    archives = {"archive": folder / "cold"}
    return verify_trail(folder / "audit", owner, secret, archives, master=master)


def test_both_verify_the_golden_encrypted_trail(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = ["--owner-key", str(sealed / "owner.json"), "--archive", f"archive={sealed / 'cold'}"]
    assert native(sealed, *trust) == ("VERIFIED", 0)
    report = plain_sealed(sealed, "master.key")
    assert (report.verdict, report.findings, report.checked["records"]) == ("VERIFIED", [], 48)
    monkeypatch.setenv("SEALTRAIL_MASTER_KEY", (sealed / "next.key").read_text().strip())
    assert native(sealed, *trust)[0] == "LOCKED"
    for key in ("next.key", None):
        assert plain_sealed(sealed, key).verdict == "LOCKED"


def test_the_golden_encrypted_trail_answers_as_it_did(sealed: Path) -> None:
    """And so does what is restored from its copy."""
    for place in (sealed, sealed / "again"):
        config = sealed / "sealtrail.yaml"
        archive = f"{{ destination: '{place / 'cold'}' }}"
        config.write_text(f"audit: {{ retention: {{ archival: {archive} }} }}")
        url = place / "audit"
        if not url.exists():
            key = "env:GOLDEN_COPY"
            sealtrail.restore_backup(sealed / "copy", url, copy_key=key, config=config)
        query = "SELECT audit_id, event FROM events WHERE domain <> 'system' ORDER BY audit_id"
        found = sealtrail.open(url, config=config).sql(query).to_dicts()
        answers = (sealed / "answers.jsonl").read_text().splitlines()
        assert found == [json.loads(line) for line in answers]
