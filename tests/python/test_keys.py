"""Who may write: grants, rotation, revocation, locked keys; and what both verifiers say of it."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

import sealtrail
from sealtrail_verifier import verify_trail
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.note import VerifierKey

LOGIN = {"event_type": "auth.user_login", "user_id": "mira", "status": "success"}


def owner_files(home: Path) -> Path:
    (found,) = (home / "sealtrail" / "keys").glob("*/owner.json")
    return found


def both_verify(url: Path, home: Path) -> None:
    """Both verifiers, with and without the owner's secret, find nothing."""
    report = sealtrail.verify(url)
    assert report.verdict == "VERIFIED", report.findings
    owner = owner_files(home)
    key = VerifierKey.parse(owner.with_name("owner.vkey").read_text().strip())
    for secret in (None, RootSecret.parse(owner.read_bytes())):
        second = verify_trail(url, key, secret)
        assert second.verdict == "VERIFIED", second.findings


def test_rotation_and_revocation_verify_twice(tmp_path: Path, home: Path) -> None:
    url = tmp_path / "audit"
    trail = sealtrail.init(url)
    for round_ in range(3):
        trail.record(LOGIN)
        rotation = trail.keys.rotate()
        writers = {writer.id: writer for writer in trail.keys.writers()}
        assert writers[rotation.old].revoked == rotation.entry
        assert writers[rotation.old].records == 1
        assert writers[rotation.new].revoked is None
        assert len(writers) == round_ + 2
    trail.record(LOGIN)
    trail.close()
    # Twenty entries and more: the snapshots hold revocations too.
    for _ in range(70):
        with sealtrail.open(url) as again:
            again.record(LOGIN)
    assert sealtrail.open(url).stats()["events"] == 74
    both_verify(url, home)


def test_a_host_writes_with_what_it_was_granted(tmp_path: Path, home: Path) -> None:
    url, grant = tmp_path / "audit", tmp_path / "writer.key"
    owner = sealtrail.init(url)
    writer = owner.keys.authorize_writer(grant)
    if sys.platform != "win32":
        assert stat.S_IMODE(grant.stat().st_mode) == 0o600
    with pytest.raises(sealtrail.AlreadyExistsError):
        owner.keys.authorize_writer(grant)
    host = sealtrail.open(url, home=tmp_path / "host")
    with pytest.raises(sealtrail.KeyFileError):
        host.record(LOGIN)
    assert host.keys.install(grant) == writer
    assert not grant.exists()
    host.record(LOGIN)
    host.flush()
    for refused in (
        lambda: host.keys.revoke(writer, reason="?"),
        lambda: host.keys.authorize_writer(grant),
        host.keys.rotate,
    ):
        with pytest.raises(sealtrail.NotFoundError):
            refused()
    assert not grant.exists()
    host.record(LOGIN)
    owner.keys.revoke(writer, reason="lost")
    with pytest.raises(sealtrail.IntegrityError, match="revoked writer"):
        host.flush()
    host.close(commit=False)
    # With another grant the host goes on, and what it had acknowledged is not lost.
    owner.keys.authorize_writer(grant)
    again = sealtrail.open(url, home=tmp_path / "host")
    again.keys.install(grant)
    again.record(LOGIN)
    again.close()
    assert sealtrail.open(url).stats()["events"] == 3
    both_verify(url, home)


def test_an_entry_of_a_revoked_writer_is_found_by_both(tmp_path: Path, home: Path) -> None:
    url = tmp_path / "audit"
    trail = sealtrail.init(url)
    trail.record(LOGIN)
    trail.close()
    stolen = {
        path: path.read_bytes()
        for path in (home / "sealtrail" / "state").rglob("*")
        if path.is_file()
    }
    thief = tmp_path / "thief"
    for path, content in stolen.items():
        copy = thief / path.relative_to(home / "sealtrail")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
        copy.chmod(0o600)
    before = {path.name: path.read_bytes() for path in (url / "ledger").iterdir()}
    with sealtrail.open(url, home=thief) as theirs:
        theirs.record({**LOGIN, "user_id": "mallory"})
    forged = {
        path.name: path.read_bytes()
        for path in (url / "ledger").iterdir()
        if path.name not in before
    }
    assert len(forged) == 1
    # The owner revokes first, and the forged entry comes after it: signed over another past, and
    # with the number changed signed by nobody.
    (name,) = forged
    (url / "ledger" / name).unlink()
    (url / "checkpoint").unlink()
    (writer,) = sealtrail.open(url).keys.writers()
    entry = sealtrail.open(url).keys.revoke(writer.id, reason="stolen")
    (url / "ledger" / f"{entry + 1:020}.json").write_bytes(forged[name])
    owner = owner_files(home)
    key = VerifierKey.parse(owner.with_name("owner.vkey").read_text().strip())
    first, second = sealtrail.verify(url), verify_trail(url, key, None)
    assert first.verdict == second.verdict == "TAMPERED"
    places = {finding["object"] for finding in first.findings}
    assert f"ledger/{entry + 1:020}.json" in places
    assert sealtrail.open(url).stats()["events"] == 1


def test_a_locked_key(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = tmp_path / "audit"
    owner = tmp_path / "owner.json"
    monkeypatch.setenv("SEALTRAIL_PASSPHRASE", "correct horse")
    command = ["sealtrail", "keys", "init", "--passphrase", "-o", str(owner)]
    assert sealtrail._native.cli_main(command) == 0
    assert json.loads(owner.read_text())["kdf"]["name"] == "argon2id"
    trail = sealtrail.init(url, owner_key=owner)
    with pytest.raises(sealtrail.KeyFileError):
        trail.record(LOGIN)
    monkeypatch.setenv("SEALTRAIL_OWNER_KEY_COMMAND", f"cat '{owner}'")
    monkeypatch.setenv("SEALTRAIL_PASSPHRASE", "wrong horse")
    with pytest.raises(sealtrail.KeyFileError, match="passphrase is wrong"):
        sealtrail.open(url)
    monkeypatch.setenv("SEALTRAIL_PASSPHRASE", "correct horse")
    with sealtrail.open(url) as again:
        again.record(LOGIN)
    report = sealtrail.verify(url, owner_key=owner)
    assert report.verdict == "VERIFIED"
    assert report.checked["hmacs"] > 0
    assert not list((home / "sealtrail" / "keys").glob("*/owner.json"))


def test_nothing_shows_secrets(tmp_path: Path, home: Path) -> None:
    url, grant = tmp_path / "audit", tmp_path / "writer.key"
    trail = sealtrail.init(url)
    trail.keys.authorize_writer(grant)
    shown = repr(trail.keys) + repr(trail.keys.writers()) + repr(trail.keys.owner_public)
    for file in (grant, owner_files(home)):
        secrets = [
            text for text in json.loads(file.read_text()).values() if str(text).endswith("=")
        ]
        assert len(secrets) == 2
        assert not any(secret in shown for secret in secrets)
