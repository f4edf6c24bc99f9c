"""Encryption at rest: what is stored tells nothing, and reads and verifies as before."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import sealtrail
from sealtrail_verifier import Report, encrypted, verify_trail
from sealtrail_verifier.encrypted import MasterKey
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.note import VerifierKey

SECRET = "the-secret-of-the-file"


def master(tmp_path: Path, name: str = "master.key", byte: int = 1) -> Path:
    """A master key's file."""
    path = tmp_path / name
    path.touch(mode=0o600)
    path.write_bytes(base64.b64encode(bytes([byte] * 32)) + b"\n")
    return path


def configured(tmp_path: Path, key: str, more: str = "") -> Path:
    """A configuration that encrypts everything."""
    config = tmp_path / "sealtrail.yaml"
    config.write_text(f"audit:\n  encryption:\n    hot: true\n    key: '{key}'\n{more}")
    return config


def events(first: int, count: int) -> list[dict[str, object]]:
    return [
        {
            "event_type": ["data.file_read", "auth.user_login"][n % 2],
            "audit_id": f"id-{n}",
            "timestamp": f"2026-03-{1 + n % 28:02}T10:00:00Z",
            "user_id": f"user-{n % 5}",
            "note": SECRET,
        }
        for n in range(first, first + count)
    ]


def second(url: Path, home: Path, key: Path | None = None) -> Report:
    """What the other verifier says."""
    trail_id = json.loads((url / "trail.json").read_bytes())["trail_id"]
    keys = home / "sealtrail" / "keys" / trail_id
    owner = VerifierKey.parse((keys / "owner.vkey").read_text().strip())
    root = RootSecret.parse((keys / "owner.json").read_bytes())
    brought = None if key is None else MasterKey.parse(key.read_bytes())
    return verify_trail(url, owner, root, master=brought)


def all_bytes(*folders: Path) -> dict[Path, bytes]:
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found}


def test_an_encrypted_trail_is_one_as_any_other(tmp_path: Path, home: Path) -> None:
    key = master(tmp_path)
    config = configured(tmp_path, f"file:{key}")
    url, plain = tmp_path / "audit", sealtrail.init(tmp_path / "plain")
    trail = sealtrail.init(url, config=config)
    for both in (trail, plain):
        both.record_many(events(0, 300))
        both.record(events(300, 1)[0])
        both.flush()
        both.record_many(events(301, 50))
        both.compact()
        both.record(events(351, 1)[0])
    for sql in (
        "SELECT count(*) AS n FROM events",
        "SELECT user_id, count(*) AS n FROM events GROUP BY 1 ORDER BY 1",
        "SELECT audit_id FROM data_events WHERE user_id = 'user-2' ORDER BY 1",
    ):
        assert trail.sql(sql).to_dicts() == plain.sql(sql).to_dicts(), sql
    for audit_id in ("id-0", "id-299", "id-300", "id-351"):
        found, expected = trail.get(audit_id), plain.get(audit_id)
        assert found is not None
        assert expected is not None
        assert found["note"] == expected["note"] == SECRET
    assert len(trail.search(user_id="user-3", limit=500).to_dicts()) == 70
    shown = sealtrail.check_proof(trail.prove("id-7"), trail.keys.owner_public)
    assert SECRET in json.dumps(shown.record)
    trail.export(tmp_path / "out.jsonl", "jsonl", user_id="user-3")
    assert (tmp_path / "out.jsonl").read_text().count(SECRET) == 70
    assert sealtrail.verify_integrity(tmp_path / "out.jsonl", trail.keys.owner_public).holds
    state = home / "sealtrail" / "state"
    of_plain = set(state.glob(f"{plain.info['trail_id']}*"))
    logs = [folder for folder in state.iterdir() if folder not in of_plain]
    for path, data in all_bytes(url, *logs).items():
        if path.name != "config.json":
            assert SECRET.encode() not in data, path
    trail.close()
    plain.close()
    assert sealtrail.verify(url, config=config).verdict == "VERIFIED"
    report = second(url, home, key)
    assert (report.findings, report.orphans) == ([], []), report.as_text()
    assert (report.verdict, report.checked["records"]) == ("VERIFIED", 352)


def test_without_the_key_both_verifiers_say_which_is_missing(tmp_path: Path, home: Path) -> None:
    key = master(tmp_path)
    trail = sealtrail.init(tmp_path / "audit", config=configured(tmp_path, f"file:{key}"))
    trail.record_many(events(0, 20))
    (generation,) = trail.keys.status()["generations"]
    trail.close()
    url = tmp_path / "audit"
    assert sealtrail.verify(url, level="quick").verdict == "VERIFIED"
    report = sealtrail.verify(url)
    assert report.verdict == "LOCKED"
    said = " ".join(finding["message"] for finding in report.findings)
    other = second(url, home)
    assert other.verdict == "LOCKED"
    assert not other.findings
    for name in (generation["generation"], generation["master_keys"][0]):
        assert name in said, said
        assert any(name in text for text in other.locked), other.locked
    wrong = second(url, home, master(tmp_path, "other.key", 2))
    assert wrong.verdict == "LOCKED"
    with pytest.raises(sealtrail.KeyFileError, match=generation["generation"]):
        sealtrail.open(url).get("id-0")


def test_both_verifiers_find_each_damaged_byte_without_the_key(tmp_path: Path, home: Path) -> None:
    key = master(tmp_path)
    trail = sealtrail.init(tmp_path / "audit", config=configured(tmp_path, f"file:{key}"))
    trail.record_many([event for event in events(0, 20) if event["event_type"] == "data.file_read"])
    trail.close()
    url = tmp_path / "audit"
    (path,) = url.glob("segments/**/*.parquet")
    data = path.read_bytes()
    for at in (0, 5, len(data) // 2, len(data) - 20, len(data) - 1):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert sealtrail.verify(url, level="quick").verdict == "TAMPERED", at
        assert second(url, home).verdict == "TAMPERED", at
        assert second(url, home, key).verdict == "TAMPERED", at


def test_generations_and_master_keys_change_without_a_file_written_anew(
    tmp_path: Path, home: Path
) -> None:
    key, next_key = master(tmp_path), master(tmp_path, "next.key", 9)
    trail = sealtrail.init(tmp_path / "audit", config=configured(tmp_path, f"file:{key}"))
    trail.record_many(events(0, 10))
    newest = trail.keys.rotate_encryption()
    trail.record_many(events(10, 10))
    before = all_bytes(tmp_path / "audit" / "segments")
    names = [generation["generation"] for generation in trail.keys.status()["generations"]]
    assert names[-1] == newest
    assert len(names) == 2
    assert trail.keys.rewrap(f"file:{next_key}") == names
    assert trail.keys.rewrap(f"file:{next_key}") == []
    trail.close()
    assert all_bytes(tmp_path / "audit" / "segments") == before
    again = sealtrail.open(tmp_path / "audit", config=configured(tmp_path, f"file:{next_key}"))
    assert again.sql("SELECT count(*) AS n FROM events").to_dicts() == [{"n": 20}]
    again.close()
    for brought in (key, next_key):
        assert second(tmp_path / "audit", home, brought).verdict == "VERIFIED"


def test_a_killed_process_leaves_an_encrypted_log_that_is_recovered(
    tmp_path: Path, home: Path
) -> None:
    config = configured(tmp_path, f"file:{master(tmp_path)}")
    sealtrail.init(tmp_path / "audit", config=config).close()
    program = (
        "import os, sealtrail, sys\n"
        "trail = sealtrail.open(sys.argv[1], config=sys.argv[2])\n"
        "trail.record({'event_type': 'data.file_read', 'audit_id': 'kept', 'note': sys.argv[3]})\n"
        "os._exit(9)\n"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "audit"), str(config), SECRET]
    assert subprocess.run(arguments, check=False).returncode == 9
    state = all_bytes(home / "sealtrail" / "state")
    assert any(data.startswith(b"SEALWAL2") and len(data) > 400 for data in state.values())
    assert all(SECRET.encode() not in data for data in state.values())
    trail = sealtrail.open(tmp_path / "audit", config=config)
    assert trail.maintain()["committed"] == 1
    found = trail.get("kept")
    assert found is not None
    assert found["note"] == SECRET
    trail.close()


def test_the_log_is_as_the_format_says(tmp_path: Path, home: Path) -> None:
    """Read by FORMAT sections 9 and 18 alone."""
    key = MasterKey.parse(master(tmp_path).read_bytes())
    config = configured(tmp_path, f"file:{tmp_path / 'master.key'}")
    trail = sealtrail.init(tmp_path / "audit", config=config)
    trail.record(events(0, 1)[0])
    (path,) = (home / "sealtrail" / "state").rglob("*.wal")
    data, trail_id = path.read_bytes(), trail.info["trail_id"]
    (file,) = (tmp_path / "audit" / "keyring").iterdir()
    generation = json.loads(file.read_bytes())
    name, sealed = generation["generation"], base64.b64decode(generation["wrapped"]["sealed"])
    context = f"generation {name} of trail {trail_id}".encode()
    outer = encrypted._unwrap(key.secret, b"sealtrail master wrap v1", sealed, context)
    assert outer is not None
    length = int.from_bytes(data[56:58], "big")
    wrapped, frames = json.loads(data[58 : 58 + length]), data[58 + length :]
    assert (data[:8], wrapped["generation"], wrapped["v"]) == (b"SEALWAL2", name, 1)
    context = f"sealtrail file key v1\n{trail_id}\nlog {data[24:56].hex()}".encode()
    sealed = base64.b64decode(wrapped["sealed"])
    inner = encrypted._unwrap(outer, b"sealtrail file key v1", sealed, context)
    assert inner is not None
    size, sequence = int.from_bytes(frames[:4], "big"), frames[8:16]
    nonce, payload = bytes(4) + sequence, frames[40 : 40 + size]
    plain = AESGCM(inner).decrypt(nonce, payload, b"sealtrail wal frame v1")
    assert json.loads(plain[17:])["note"] == SECRET
    trail.close()


def with_copy(tmp_path: Path, key: str, copy_key: str) -> Path:
    """A configuration that encrypts everything and keeps a copy."""
    place = f"{{ destination: '{tmp_path / 'copy'}', key: '{copy_key}' }}"
    more = f"  integrity: {{ audit_log_backup: {place} }}\n"
    return configured(tmp_path, key, more)


def test_an_encrypted_trail_comes_back_from_its_copy(tmp_path: Path, home: Path) -> None:
    """All of it, after the primary and its host are lost but for the keys."""
    key, copy_key = master(tmp_path), master(tmp_path, "copy.key", 7)
    config = with_copy(tmp_path, f"file:{key}", f"file:{copy_key}")
    url, again = tmp_path / "audit", tmp_path / "restored"
    trail = sealtrail.init(url, config=config)
    trail.record_many(events(0, 60))
    trail.keys.rotate_encryption()
    trail.record_many(events(60, 60))
    trail.compact()
    trail.record_many(events(120, 40))
    sql = "SELECT user_id, count(*) AS n FROM data_events GROUP BY 1 ORDER BY 1"
    answer, owner = trail.sql(sql).to_dicts(), trail.keys.owner_public
    ids = [f"id-{n}" for n in range(0, 160, 7)]
    proofs = {audit_id: trail.prove(audit_id) for audit_id in ids}
    trail.flush()
    size = trail.backup()["size"]
    trail.close()
    sealed = [path for path in (url / "segments").rglob("*.parquet") if path.read_bytes()]
    assert all(path.read_bytes()[:4] == b"PARE" for path in sealed)
    shutil.rmtree(url)
    shutil.rmtree(home / "sealtrail" / "state")

    for path, data in all_bytes(tmp_path / "copy").items():
        assert SECRET.encode() not in data, path
    checked = sealtrail.verify_backup(config=config)
    assert (checked.verdict, checked.details["size"]) == ("VERIFIED", size)
    report = sealtrail.restore_backup(destination=again, config=config)
    assert report["size"] == size
    assert sealtrail.verify(again, config=config).verdict == "VERIFIED"
    other = second(again, home, key)
    assert (other.verdict, other.findings, other.orphans) == ("VERIFIED", [], [])
    with sealtrail.open(again, config=config) as restored:
        assert restored.sql(sql).to_dicts() == answer
        for audit_id, proof in proofs.items():
            found, made = restored.get(audit_id), restored.prove(audit_id)
            assert found is not None
            assert found["note"] == SECRET
            # Those from before the loss, and new ones, say the same of the same record.
            shown, before = (sealtrail.check_proof(p, owner) for p in (made, proof))
            assert shown.record == before.record
            assert SECRET in json.dumps(shown.record)
        restored.record_many(events(160, 10))
        assert restored.backup()["size"] > size
    assert second(again, home, key).verdict == "VERIFIED"


def test_without_its_master_key_a_restored_trail_says_which_is_missing(
    tmp_path: Path, home: Path
) -> None:
    """The copy's key brings the objects back; reading them takes the trail's own."""
    key, copy_key = master(tmp_path), master(tmp_path, "copy.key", 7)
    config = with_copy(tmp_path, f"file:{key}", f"file:{copy_key}")
    trail = sealtrail.init(tmp_path / "audit", config=config)
    trail.record_many(events(0, 20))
    (generation,) = trail.keys.status()["generations"]
    trail.flush()
    trail.backup()
    trail.close()
    shutil.rmtree(tmp_path / "audit")
    again, name = tmp_path / "restored", generation["generation"]
    copy, opens = tmp_path / "copy", f"file:{copy_key}"
    with pytest.raises(sealtrail.KeyFileError, match="master key"):
        sealtrail.restore_backup(copy, again, copy_key=f"file:{key}")
    assert not again.exists() or not (again / "ledger").exists()
    sealtrail.restore_backup(copy, again, copy_key=opens)
    assert sealtrail.verify(again, level="quick").verdict == "VERIFIED"
    report = sealtrail.verify(again)
    assert report.verdict == "LOCKED"
    assert name in " ".join(finding["message"] for finding in report.findings)
    assert second(again, home).verdict == "LOCKED"
    with pytest.raises(sealtrail.KeyFileError, match=name):
        sealtrail.open(again).get("id-0")
    with pytest.raises(sealtrail.SqlError, match=name):
        sealtrail.open(again).sql("SELECT note FROM events").to_dicts()
    assert sealtrail.verify_backup(copy, copy_key=opens).verdict == "LOCKED"
    assert sealtrail.verify(again, config=config).verdict == "VERIFIED"


@pytest.fixture
def kms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A local KMS server; gives its URL."""
    server = Path(sys.executable).parent / "moto_server"
    found = str(server) if server.exists() else shutil.which("moto_server")
    if found is None:
        pytest.skip("moto_server is not installed (pip install 'moto[server]')")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path / "kms.log").open("wb")
    serving = subprocess.Popen([found, "-p", str(port)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        if serving.poll() is not None:
            pytest.skip(f"moto_server does not start: {(tmp_path / 'kms.log').read_text()[-300:]}")
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=1).close()
            break
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    for name, value in [
        ("AWS_ENDPOINT_URL_KMS", url),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-west-1"),
    ]:
        monkeypatch.setenv(name, value)
    yield url
    serving.terminate()
    serving.wait()
    log.close()


def kms_call(url: str, action: str, body: dict[str, object]) -> dict[str, object]:
    """Asks the local KMS, which checks no signature."""
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"TrentService.{action}",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/kms/aws4_request, "
        "SignedHeaders=host, Signature=0",
    }
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        answer: dict[str, object] = json.loads(reply.read())
    return answer


def test_the_master_key_may_be_in_aws_kms(kms: str, tmp_path: Path) -> None:
    made = kms_call(kms, "CreateKey", {"Description": "a test"})["KeyMetadata"]
    assert isinstance(made, dict)
    arn, key_id = str(made["Arn"]), str(made["KeyId"])
    kms_call(kms, "CreateAlias", {"AliasName": "alias/audit", "TargetKeyId": key_id})
    for n, key in enumerate((arn, key_id, "alias/audit")):
        config = configured(tmp_path, f"aws-kms:{key}")
        url = tmp_path / f"audit-{n}"
        trail = sealtrail.init(url, config=config)
        trail.record_many(events(0, 10))
        (generation,) = trail.keys.status()["generations"]
        assert generation["master_keys"] == [f"aws-kms:{arn}"]
        trail.close()
        again = sealtrail.open(url, config=config)
        assert again.sql("SELECT count(*) AS n FROM events").to_dicts() == [{"n": 10}]
        again.close()
        assert sealtrail.verify(url, config=config).verdict == "VERIFIED"
    # From KMS to a file, and a key of KMS that is another one.
    trail = sealtrail.open(tmp_path / "audit-0", config=configured(tmp_path, f"aws-kms:{arn}"))
    assert len(trail.keys.rewrap(f"file:{master(tmp_path)}")) == 1
    trail.close()
    os.environ.pop("AWS_ENDPOINT_URL_KMS")
    config = configured(tmp_path, f"file:{tmp_path / 'master.key'}")
    assert sealtrail.open(tmp_path / "audit-0", config=config).get("id-3") is not None
    os.environ["AWS_ENDPOINT_URL_KMS"] = kms
    other = kms_call(kms, "CreateKey", {})["KeyMetadata"]
    assert isinstance(other, dict)
    config = configured(tmp_path, f"aws-kms:{other['Arn']}")
    with pytest.raises(sealtrail.KeyFileError, match=key_id):
        sealtrail.open(tmp_path / "audit-1", config=config).get("id-3")


def test_the_key_of_a_copy_may_be_in_aws_kms(
    kms: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made, checked, gone on with and restored; another key of KMS opens nothing."""
    made, other = (kms_call(kms, "CreateKey", {})["KeyMetadata"] for _ in range(2))
    assert isinstance(made, dict)
    assert isinstance(other, dict)
    url, copy = tmp_path / "audit", tmp_path / "copy"
    config = with_copy(tmp_path, f"file:{master(tmp_path)}", f"aws-kms:{made['Arn']}")
    trail = sealtrail.init(url, config=config)
    trail.record_many(events(0, 20))
    assert trail.backup()["objects"] > 4
    (wrapped,) = (copy / "keys").iterdir()
    assert json.loads(wrapped.read_bytes())["wrapped"]["key"] == f"aws-kms:{made['Arn']}"
    trail.record_many(events(20, 20))
    size = trail.backup()["size"]
    assert trail.verify_backup().verdict == "VERIFIED"
    with pytest.raises(sealtrail.KeyFileError, match=r"KMS|kms"):
        trail.backup(copy_key=f"aws-kms:{other['Arn']}")
    # Another key opens it too, once the first one has let it.
    added = ["backup", "add-key", "--new-key", f"aws-kms:{other['KeyId']}"]
    assert cli(config, *added).returncode == 0
    assert trail.backup(copy_key=f"aws-kms:{other['Arn']}")["size"] >= size
    trail.close()
    shutil.rmtree(url)
    report = sealtrail.restore_backup(destination=url, config=config)
    assert report["size"] >= size
    assert sealtrail.verify(url, config=config).verdict == "VERIFIED"
    monkeypatch.delenv("AWS_ENDPOINT_URL_KMS")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    with pytest.raises(sealtrail.SealtrailError):
        sealtrail.verify_backup(config=config)


def cli(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the program."""
    program = [sys.executable, "-m", "sealtrail", "--config", str(config), *arguments]
    return subprocess.run(program, check=False, capture_output=True, text=True)
