"""An S3 server on the loopback interface, in a process of its own, that fails when told to.

Run as a program it prints its port, obeys each line of standard input and repeats it as the answer:

- ``down`` and ``up``: stop and begin listening;
- ``lose-replies``: the next put of a ledger entry is done, but answered with an error, twice;
- ``deny-after-entry``: after the next put of a ledger entry all is refused until ``allow``;
- ``deny-from-reply``: the same, but the reply to that put is the first refusal;
- ``deny-after-segment``: the same after the next put of a segment.

One request at a time, so that a create-only put is decided once. Everything is in memory, and stays
there while the server is away.
"""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

NEEDED = ("flask", "flask_cors", "moto")
"""Modules without which the server cannot be started."""

CARELESS = "/careless"
"""Buckets whose names begin so forget the condition of a put, as some stores do."""

SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=other/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0000"
}
"""Some user; the server does not check signatures."""


class Server:
    """The server's process, as its tests see it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.port = int(self._answer())
        self.url = f"http://127.0.0.1:{self.port}"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the S3 server did not start"
        return line

    def tell(self, what: str) -> None:
        """A command; done when this returns."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        assert self._answer() == f"{what}\n"

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens on the port meanwhile."""
        self.tell("down")
        try:
            yield
        finally:
            self.tell("up")

    def close(self) -> None:
        """End the process."""
        with self._process:
            self._process.kill()

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of a plain request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, quote(path, safe="/?=&%"), body, SIGNED | (headers or {}))
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()


class Bucket:
    """A bucket, as somebody sees and changes it who has nothing to do with the trail in it."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.url = f"s3://{name}"
        assert server.request("PUT", f"/{name}")[0] == 200

    def put(self, key: str, body: bytes, headers: dict[str, str] | None = None) -> int:
        """Create or replace an object."""
        return self.server.request("PUT", f"/{self.name}/{key}", body, headers)[0]

    def get(self, key: str) -> bytes:
        """The object's bytes."""
        status, body = self.server.request("GET", f"/{self.name}/{key}")
        assert status == 200, (key, status)
        return body

    def delete(self, key: str) -> None:
        """Remove an object."""
        assert self.server.request("DELETE", f"/{self.name}/{key}")[0] == 204

    def keys(self) -> list[str]:
        """All keys, sorted."""
        status, body = self.server.request("GET", f"/{self.name}?list-type=2")
        assert status == 200
        assert b"<IsTruncated>false" in body
        return sorted(re.findall(r"<Key>([^<]*)</Key>", body.decode()))


def serve() -> None:
    """Serve until standard input ends."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import BaseWSGIServer, make_server  # noqa: PLC0415

    application = Faults(DomainDispatcherApplication(create_backend_app))

    def up(port: int) -> BaseWSGIServer:
        server = make_server("127.0.0.1", port, application)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    server = up(0)
    port = server.port
    print(port, flush=True)
    for line in sys.stdin:
        match line.strip():
            case "down":
                server.shutdown()
                server.server_close()
            case "up":
                server = up(port)
            case fault:
                application.fault = fault
        print(line, end="", flush=True)


class Faults:
    """The server's application with what goes wrong around it."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self.fault = "allow"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request."""
        if self.fault == "denying":
            start_response("403 Forbidden", [])
            return [b"<Error><Code>AccessDenied</Code></Error>"]
        path = environ["PATH_INFO"]
        if path.startswith(CARELESS):
            environ.pop("HTTP_IF_NONE_MATCH", None)
        if environ["REQUEST_METHOD"] == "PUT" and "/segments/" in path:
            self.fault = "denying" if self.fault == "deny-after-segment" else self.fault
        if environ["REQUEST_METHOD"] != "PUT" or "/ledger/" not in path:
            return self._application(environ, start_response)
        match self.fault:
            case "lose-replies" | "lose-one-more":
                b"".join(self._application(environ, lambda *_: None))
                self.fault = "lose-one-more" if self.fault == "lose-replies" else "allow"
                start_response("503 Slow Down", [])
                return [b""]
            case "deny-after-entry":
                self.fault = "denying"
            case "deny-from-reply":
                b"".join(self._application(environ, lambda *_: None))
                self.fault = "denying"
                return self(environ, start_response)
        return self._application(environ, start_response)


if __name__ == "__main__":
    serve()
