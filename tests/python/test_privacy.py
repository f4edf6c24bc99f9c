"""Personal fields, erasure and reports of persons."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from pathlib import Path

import pytest

import sealtrail

CONFIG = """
audit:
  redaction:
    personal: {fields: [email, call.text], holders: [tape]}
"""


@pytest.fixture
def trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sealtrail.Trail:
    """A trail with personal fields of two persons."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "sealtrail.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("SEALTRAIL_HOME", str(home))
    trail = sealtrail.init(tmp_path / "audit")
    for user, email in [("u1", "mira@example.com"), ("u2", "kim@example.com")]:
        trail.record(
            {
                "event_type": "auth.user_login",
                "audit_id": f"login_{user}",
                "user_id": user,
                "email": email,
                "call": {"text": ["said", email]},
            }
        )
    return trail


def files(folder: Path) -> bytes:
    """All bytes below a folder."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_personal_fields_are_in_no_file_and_in_every_answer(
    trail: sealtrail.Trail, tmp_path: Path
) -> None:
    """Sealed on disk, before and after the commit; plain where the key is."""
    for _ in range(2):
        assert b"mira@example.com" not in files(tmp_path)
        record = trail.get("login_u1")
        assert record is not None
        assert record["email"] == "mira@example.com"
        assert record["call"] == {"text": ["said", "mira@example.com"]}
        rows = trail.sql(
            "SELECT user_id, email FROM events WHERE sealed_equals(email, $1)", ["kim@example.com"]
        ).to_dicts()
        assert rows == [{"user_id": "u2", "email": "kim@example.com"}]
        found = trail.search(user_id="u1").to_dicts()
        assert found[0]["email"] == "mira@example.com"
        trail.flush()
    assert trail.verify().verdict == "VERIFIED"


def test_sealed_values_open_by_the_format_alone(trail: sealtrail.Trail, tmp_path: Path) -> None:
    """FORMAT section 17, without our code."""
    aead = pytest.importorskip("cryptography.hazmat.primitives.ciphers.aead")
    trail.flush()
    trail_id = trail.info["trail_id"]
    bound = uuid.UUID(trail_id).bytes
    store = tmp_path / "audit" / "subjects"
    key = (tmp_path / "home" / "keys" / trail_id / "privacy.key").read_bytes()

    def hkdf(ikm: bytes, salt: bytes, info: bytes, length: int = 32) -> bytes:
        prk = hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()
        out, block = b"", b""
        for i in range(1, length // 32 + 1):
            block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
            out += block
        return out

    def unwrap(kek: bytes, path: Path, bind: bytes) -> bytes:
        box = base64.b64decode(json.loads(path.read_bytes())["wrapped"])
        plain: bytes = aead.AESGCM(kek).decrypt(box[:12], box[12:], bind)
        return plain

    root = unwrap(
        hkdf(key, bound, b"sealtrail subjects wrap v1"),
        store / "root.json",
        b"sealtrail subjects root v1\n" + bound,
    )
    names = hkdf(root, bound, b"sealtrail subject id v1")
    sid = hmac.new(names, b"u1", hashlib.sha256).digest()[:16]
    subject = unwrap(
        hkdf(root, bound, b"sealtrail subject wrap v1"),
        store / f"{sid.hex()}-0.json",
        b"sealtrail subject key v1\n" + bound + sid + bytes(8),
    )

    stranger = tmp_path / "stranger"
    (stranger / "keys").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEALTRAIL_HOME", str(stranger))
        sealed = sealtrail.open(tmp_path / "audit").get("login_u1")
    assert sealed is not None
    scheme, version, holder, index, body = sealed["email"].split(":")
    assert (scheme, version, holder) == ("sealed", "1", f"{sid.hex()}-0")
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    bind, salt, commitment, box = raw[:16], raw[16:32], raw[32:64], raw[64:]
    place = hashlib.sha256(b"sealtrail field place v1\nlogin_u1\0/email").digest()[:16]
    keys = hkdf(subject, salt, b"sealtrail field v1", 64)
    assert (bind, commitment) == (place, keys[32:])
    value = aead.AESGCM(keys[:32]).decrypt(bytes(12), box, b"sealtrail field v1\n" + bound + bind)
    assert value == b'"mira@example.com"'
    by_value = hkdf(subject, b"", b"sealtrail field index v1")
    assert index == hmac.new(by_value, value, hashlib.sha256).digest()[:12].hex()


def test_who_is_erased_is_erased_in_every_answer(trail: sealtrail.Trail) -> None:
    """The order, the state, and what readers see."""
    with pytest.raises(sealtrail.NotFoundError):
        trail.erase("nobody", reason="request", approver="dpo")
    with pytest.raises(sealtrail.UsageError):
        trail.erase("u1", reason="", approver="dpo")
    assert trail.erase("u1", reason="request", approver="dpo", dry_run=True) is None
    assert trail.erasures() == []
    done = trail.erase("u1", reason="request", approver="dpo")
    assert done is not None
    assert (done.state, done.pending) == ("ERASURE_PENDING", ["tape"])
    record = trail.get("login_u1")
    assert record is not None
    assert (record["email"], record["call"]["text"]) == ("[erased]", "[erased]")
    assert trail.sql("SELECT email FROM events WHERE user_id = 'u2'").to_dicts() == [
        {"email": "kim@example.com"}
    ]
    trail.confirm_erasure(done.entry, "tape")
    assert trail.resume_erasures() == 0
    assert [erasure.state for erasure in trail.erasures()] == ["ERASED"]
    trail.flush()
    assert trail.verify().verdict == "ERASED"


def test_the_report_of_a_person(trail: sealtrail.Trail) -> None:
    """What was done in their name, and by whom."""
    trail.record(
        {
            "event_type": "data.file_read",
            "audit_id": "read_1",
            "agent_id": "triage",
            "initiated_by": "u1",
            "resource": {"path": "/claims.csv"},
        }
    )
    report = trail.subject_report("u1")
    by_id = {event["audit_id"]: event for event in report.events}
    assert by_id["read_1"]["authority"] == ["user u1", "event login_u1", "agent triage"]
    assert by_id["login_u1"]["concern"] == "acted"
    assert "login_u2" not in by_id
    assert report.to_csv().count("\r\n") == 1 + len(report.events)
    assert "/claims.csv" in report.to_html()
    with pytest.raises(sealtrail.NotFoundError):
        trail.subject_report("nobody")
