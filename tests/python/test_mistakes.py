"""What callers get wrong is told: what, where, and what to do; and no secret is repeated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sealtrail

PYTHON = (sys.executable, "-m")


@pytest.fixture
def trail(tmp_path: Path) -> sealtrail.Trail:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record({"event_type": "data.filter"})
    return trail


@pytest.fixture
def owner_key(home: Path, trail: sealtrail.Trail) -> Path:
    trail_id: str = trail.info["trail_id"]
    return home / "sealtrail" / "keys" / trail_id / "owner.json"


def test_a_key_may_be_a_path(trail: sealtrail.Trail, owner_key: Path) -> None:
    vkey = owner_key.with_name("owner.vkey")
    assert trail.verify(key=vkey).verdict == "VERIFIED"
    assert sealtrail.verify(trail.url, key=vkey).verdict == "VERIFIED"


def test_one_id_is_not_several(trail: sealtrail.Trail) -> None:
    with pytest.raises(TypeError, match=r"use get, or give \['abc'\]"):
        trail.contains("abc")


def test_a_number_of_threads_is_not_negative(trail: sealtrail.Trail) -> None:
    for verify in (trail.verify, sealtrail.verify):
        with pytest.raises(sealtrail.UsageError, match="not -1") as refused:
            verify(threads=-1)
        assert refused.value.kind == "usage"


def test_the_secret_key_is_not_repeated(trail: sealtrail.Trail, owner_key: Path) -> None:
    with pytest.raises(sealtrail.KeyFileError) as refused:
        sealtrail.verify(trail.url, key=owner_key)
    assert "root_secret" not in str(refused.value)
    run = subprocess.run(
        [*PYTHON, "sealtrail", "verify-integrity", "--trail", trail.url, "--key", str(owner_key)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 3
    assert "root_secret" not in run.stderr
    assert "owner.vkey" in run.stderr


@pytest.mark.parametrize("damage", ["", "x"])
def test_the_second_verifier_does_not_repeat_it(
    trail: sealtrail.Trail, owner_key: Path, damage: str
) -> None:
    owner_key.write_text(
        owner_key.read_text().replace('"root_secret":"', f'"root_secret":"{damage}')
    )
    option = "--owner-key" if damage else "--key"
    vkey = str(owner_key.with_name("owner.vkey"))
    run = subprocess.run(
        [*PYTHON, "sealtrail_verifier", trail.url, "--key", vkey, option, str(owner_key)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "owner." in run.stderr
    secrets = [text for text in owner_key.read_text().split('"') if len(text) > 40]
    assert len(secrets) == 2
    assert [secret for secret in secrets if secret[-20:] in run.stderr] == []


@pytest.mark.parametrize("missing", ["pyarrow", "rfc8785"])
def test_the_second_verifier_says_what_it_needs(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import sealtrail_verifier"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    needed = f"the verifier needs {missing}: pip install 'sealtrail[verifier]'"
    assert run.stderr.rstrip().endswith(needed)
