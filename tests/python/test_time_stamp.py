"""`sealtrail anchor stamp --tsa` against a time-stamp authority on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

import sealtrail

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed: it plays the authority"
)

CONFIG = """
[tsa]
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[req]
distinguished_name = dn
[dn]
[ext]
extendedKeyUsage = critical,timeStamping
"""


def openssl(folder: Path, arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["openssl", *arguments.split()], cwd=folder, capture_output=True, text=True, check=False
    )


class Authority(BaseHTTPRequestHandler):
    """Answers queries with `openssl ts -reply`, or as `answer` says."""

    folder: ClassVar[Path]
    asked: ClassVar[list[tuple[str, bytes]]]
    answer: ClassVar[tuple[int, bytes] | None]

    def do_POST(self) -> None:
        query = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.headers["Content-Type"], query))
        (self.folder / "query").write_bytes(query)
        status, body = self.answer or (200, self.reply())
        self.send_response(status)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reply(self) -> bytes:
        done = openssl(
            self.folder, "ts -reply -config tsa.cnf -section tsa -queryfile query -out reply"
        )
        assert done.returncode == 0, done.stderr
        return (self.folder / "reply").read_bytes()

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[str]:
    """The URL of an authority with a certificate of its own."""
    folder = tmp_path / "authority"
    folder.mkdir()
    (folder / "tsa.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01")
    made = openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.pem -days 2 -subj /CN=tsa "
        "-config tsa.cnf -extensions ext",
    )
    assert made.returncode == 0, made.stderr
    Authority.folder, Authority.asked, Authority.answer = folder, [], None
    server = ThreadingHTTPServer(("127.0.0.1", 0), Authority)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/tsa"
    server.shutdown()
    server.server_close()


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """A trail of one record."""
    with sealtrail.init(tmp_path / "audit") as made:
        made.record({"event_type": "auth.user_login", "user_id": "mira"})
    return tmp_path / "audit"


def stamp(trail: Path, note: Path, url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sealtrail", "anchor", "stamp", str(note)]
    return subprocess.run(
        [*command, "--tsa", url, "--trail", str(trail)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_an_authority_stamps_the_newest_checkpoint(
    tmp_path: Path, trail: Path, authority: str
) -> None:
    note, response = tmp_path / "note", tmp_path / "note.tsr"
    done = stamp(trail, note, authority)
    assert done.returncode == 0, done.stderr
    assert "stamped: 3 entries" in done.stderr
    assert note.read_bytes() == (trail / "checkpoint").read_bytes()
    assert [kind for kind, _ in Authority.asked] == ["application/timestamp-query"]
    assert response.exists()
    verify = "ts -verify -data note -in note.tsr -CAfile authority/tsa.pem"
    checked = openssl(tmp_path, verify)
    assert checked.returncode == 0, checked.stderr
    # The note that is there already is stamped, not a newer one.
    with sealtrail.open(trail) as again:
        again.record({"event_type": "auth.user_login", "user_id": "mira"})
    assert "stamped: 3 entries" in stamp(trail, note, authority).stderr
    assert Authority.asked[0] == Authority.asked[1]


def test_what_is_no_stamp_of_this_note_is_refused(
    tmp_path: Path, trail: Path, authority: str
) -> None:
    assert stamp(trail, tmp_path / "old", authority).returncode == 0
    of_another = (tmp_path / "old.tsr").read_bytes()
    with sealtrail.open(trail) as again:
        again.record({"event_type": "auth.user_login", "user_id": "mira"})
    refusal = bytes([0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02])
    for answer in [(200, of_another), (200, refusal), (200, b""), (200, b"<html>"), (500, b"")]:
        Authority.answer = answer
        done = stamp(trail, tmp_path / "note", authority)
        assert done.returncode in (3, 4), (answer, done.stderr)
        assert "stamped" not in done.stderr
        assert not (tmp_path / "note.tsr").exists()


def test_an_authority_that_does_not_answer_is_an_error(
    tmp_path: Path, trail: Path, authority: str
) -> None:
    closed = "http://127.0.0.1:1/tsa"
    assert authority != closed
    done = stamp(trail, tmp_path / "note", closed)
    assert done.returncode == 3, done.stderr
    assert not (tmp_path / "note.tsr").exists()
