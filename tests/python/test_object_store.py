"""A trail in an object store: a real S3 client against a server on the loopback interface."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from s3_server import CARELESS, NEEDED, Bucket, Server

import sealtrail
from sealtrail import demo

MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"no S3 server: {', '.join(MISSING)} of .requirements/dev.txt not there"
)

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAHUNTER2KEYID",
    "AWS_SECRET_ACCESS_KEY": "hunter2/secret+key",
    "AWS_SESSION_TOKEN": "hunter2-session-token",
}
EVENT = {"event_type": "data.export", "resource": {"path": "/claims.csv"}}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def settings(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that names the server and the credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    place = {"AWS_ENDPOINT": server.url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    for name, value in (place | SECRETS).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(server: Server) -> Bucket:
    return Bucket(server, f"b-{uuid.uuid4()}")


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The `sealtrail` command."""
    return subprocess.run(
        [sys.executable, "-m", "sealtrail", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def segments(bucket: Bucket) -> list[str]:
    return [key for key in bucket.keys() if key.endswith(".parquet")]  # noqa: SIM118


def committed(url: str) -> sealtrail.Trail:
    """A trail with two segments and nothing in the log."""
    with sealtrail.init(url) as trail:
        trail.record_many([EVENT] * 50)
        trail.record({"event_type": "auth.user_login", "user_id": "mira", "status": "success"})
    return trail


def test_the_server_creates_an_object_once(bucket: Bucket) -> None:
    """Otherwise the tests below prove nothing."""
    with ThreadPoolExecutor(8) as threads:
        for name in ("first", "second"):
            puts = [
                threads.submit(bucket.put, name, b"%d" % n, {"If-None-Match": "*"})
                for n in range(16)
            ]
            statuses = [put.result() for put in puts]
            assert sorted(statuses) == [200] + [412] * 15
            assert bucket.get(name) == b"%d" % statuses.index(200)


@pytest.mark.parametrize("prefix", ["", "/audit", "/deep/er/prefix with space/"])
def test_everything_works_as_on_a_local_disk(bucket: Bucket, prefix: str) -> None:
    url = bucket.url + prefix
    with sealtrail.init(url) as trail:
        logged = trail.record({**EVENT, "user_id": "mira"})
        assert trail.get(logged) is not None
        assert trail.stats()["unsealed"] == 1
        report = trail.record_many([EVENT, {"event_type": "billing.paid"}, EVENT])
        assert (report.recorded, report.refused) == (2, 1)
        assert trail.record_many(demo.jsonl(2000)).recorded == 2000
        rows = trail.sql("SELECT user_id FROM events WHERE audit_id = ?", [logged]).to_dicts()
        assert rows == [{"user_id": "mira"}]
    stats = trail.stats()
    assert (stats["events"], stats["unsealed"], stats["writers"]) == (2003, 0, 1)
    assert (trail.verify().verdict, trail.verify("quick").verdict) == ("VERIFIED", "VERIFIED")
    assert trail.verify().checked["records"] == 2003
    assert len(trail.files().to_dicts()) == stats["segments"] == len(segments(bucket))
    code = """
        import sys, sealtrail
        with sealtrail.open(sys.argv[1]) as trail:
            assert trail.get(sys.argv[2])["user_id"] == "mira"
            trail.record({"event_type": "data.filter"})
        print(trail.verify().verdict, trail.stats()["events"], trail.stats()["writers"])
    """
    assert finish(start(code, url, logged)) == "VERIFIED 2004 1\n"
    inside = prefix.strip("/") + "/" if prefix else ""
    assert all(key.startswith(inside) for key in bucket.keys())  # noqa: SIM118
    with pytest.raises(sealtrail.AlreadyExistsError):
        sealtrail.init(url)


def test_its_objects_are_a_local_trail_when_copied(bucket: Bucket, tmp_path: Path) -> None:
    trail = committed(f"{bucket.url}/audit")
    for key in bucket.keys():  # noqa: SIM118
        file = tmp_path / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bucket.get(key))
    copy = sealtrail.verify(tmp_path / "audit", trail_id=trail.info["trail_id"])
    assert (copy.verdict, copy.checked["records"]) == ("VERIFIED", 51)
    assert copy.checked == trail.verify().checked


def test_the_second_copy_and_the_trail_from_it(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied from one bucket's folder to another, checked there, and restored to a third."""
    monkeypatch.setenv("COPY_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
    trail = committed(f"{bucket.url}/audit")
    copy = f"{bucket.url}/copy"
    events = trail.stats()["events"]
    report = trail.backup(copy, copy_key="env:COPY_KEY")
    # The run is recorded, for the next copy.
    assert trail.stats()["events"] == events + 1
    assert trail.backup(copy, copy_key="env:COPY_KEY")["objects"] == 0
    assert trail.verify_backup(copy, copy_key="env:COPY_KEY").verdict == "VERIFIED"
    clear = [key for key in bucket.keys() if key.startswith("copy/")]  # noqa: SIM118
    assert not any(b"event_type" in bucket.get(key) for key in clear)
    for name in (f"{bucket.url}/restored", tmp_path / "restored"):
        again = sealtrail.restore_backup(copy, name, copy_key="env:COPY_KEY")
        assert again["size"] == report["size"]
        restored = sealtrail.open(name)
        assert restored.stats()["events"] == events
        assert restored.verify().verdict == "VERIFIED"


def test_the_command_line_works_too(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALTRAIL_TRAIL", f"{bucket.url}/audit")
    assert command("init").returncode == 0
    assert command("demo", "--events", "500", "--jsonl", "events.jsonl").returncode == 0
    recorded = command("record", "events.jsonl")
    Path("events.jsonl").unlink()
    assert recorded.returncode == 0, recorded.stderr
    counted = command("sql", "SELECT count(*) AS n FROM events", "-o", "json")
    assert json.loads(counted.stdout) == [{"n": 500}]
    assert json.loads(command("stats", "-o", "json").stdout)["events"] == 500
    assert command("verify-integrity").returncode == 0
    (victim, *_) = segments(bucket)
    bucket.delete(victim)
    found = command("verify-integrity")
    assert found.returncode == 4
    assert victim.removeprefix("audit/") in found.stdout


def test_two_processes_write_at_once(bucket: Bucket) -> None:
    """Each slot of the ledger is won once, and who loses one takes the next."""
    url = f"{bucket.url}/audit"
    trail = sealtrail.init(url)
    code = """
        import sys, sealtrail
        with sealtrail.open(sys.argv[1]) as trail:
            print("ready", flush=True)
            sys.stdin.readline()
            for n in range(20):
                print(trail.record({"event_type": "data.filter", "by": sys.argv[2], "n": n}))
                trail.flush()
    """
    processes = [start(code, url, name) for name in "abc"]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ids = [line for process in processes for line in finish(process).split()]
    assert len(set(ids)) == len(ids) == 60
    assert trail.contains(ids) == set(ids)
    stats = trail.stats()
    assert (stats["events"], stats["unsealed"], stats["writers"]) == (60, 0, 3)
    ledger = [key for key in bucket.keys() if re.search(r"ledger/\d{20}\.json$", key)]  # noqa: SIM118
    assert [int(key[-25:-5]) for key in ledger] == list(range(stats["entries"]))
    # The beginning, three writers, sixty commits, the ends of three runs, and perhaps an hour's
    # end for each writer.
    assert 66 <= len(ledger) <= 71
    report = trail.verify()
    assert (report.verdict, report.checked["records"]) == ("VERIFIED", 60)


def test_a_killed_writer_loses_nothing(bucket: Bucket) -> None:
    url = f"{bucket.url}/audit"
    sealtrail.init(url).close()
    code = """
        import os, signal, sys, sealtrail
        trail = sealtrail.open(sys.argv[1])
        for n in range(30):
            print(trail.record({"event_type": "data.filter", "n": n}), flush=True)
            if n == 9:
                trail.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    process = start(code, url)
    ids = process.communicate(timeout=60)[0].split()
    assert process.returncode == -signal.SIGKILL
    assert len(ids) == 30
    trail = sealtrail.open(url)
    assert (trail.stats()["events"], trail.stats()["unsealed"]) == (30, 20)
    assert trail.contains(ids) == set(ids)
    with trail:
        trail.record(EVENT)
    stats = trail.stats()
    assert (stats["events"], stats["unsealed"], stats["writers"]) == (31, 0, 1)
    assert trail.contains(ids) == set(ids)
    assert trail.verify().verdict == "VERIFIED"


def flip(bucket: Bucket, key: str) -> None:
    content = bytearray(bucket.get(key))
    content[len(content) // 2] ^= 1
    bucket.put(key, bytes(content))


def cut(bucket: Bucket, key: str) -> None:
    bucket.put(key, bucket.get(key)[:-1])


def swap(bucket: Bucket, key: str) -> None:
    (other,) = (found for found in segments(bucket) if found != key)
    bucket.put(key, bucket.get(other))


@pytest.mark.parametrize(
    ("change", "verdict"),
    [(flip, "TAMPERED"), (cut, "TAMPERED"), (swap, "TAMPERED"), (Bucket.delete, "MISSING")],
)
@pytest.mark.parametrize("level", ["deep", "quick"])
def test_a_changed_segment_is_found(
    bucket: Bucket, change: Callable[[Bucket, str], None], verdict: str, level: str
) -> None:
    trail = committed(f"{bucket.url}/audit")
    assert trail.verify().verdict == "VERIFIED"
    victim = segments(bucket)[0]
    change(bucket, victim)
    report = trail.verify(level)  # type: ignore[arg-type]
    assert (report.verdict, report.exit_code) == (verdict, 4)
    assert {f["object"] for f in report.findings} == {victim.removeprefix("audit/")}


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("trail.json", flip),
        ("trail.json", Bucket.delete),
        ("ledger/00000000000000000002.json", flip),
        ("ledger/00000000000000000002.json", Bucket.delete),
        ("ledger/00000000000000000001.json", flip),
    ],
)
def test_a_changed_ledger_is_found(
    bucket: Bucket, key: str, change: Callable[[Bucket, str], None]
) -> None:
    trail = committed(f"{bucket.url}/audit")
    trail_id = trail.info["trail_id"]
    change(bucket, f"audit/{key}")
    report = sealtrail.verify(trail.url, trail_id=trail_id)
    assert report.verdict == ("MISSING" if change is Bucket.delete else "TAMPERED")
    assert key in {f["object"] for f in report.findings}


def test_a_writer_refuses_a_ledger_that_was_rolled_back(bucket: Bucket) -> None:
    trail = committed(f"{bucket.url}/audit")
    bucket.delete(f"audit/ledger/{trail.stats()['entries'] - 1:020}.json")
    with pytest.raises(sealtrail.IntegrityError, match="rolled back"):
        sealtrail.open(trail.url).record(EVENT)


def test_a_server_that_goes_away_loses_nothing(bucket: Bucket) -> None:
    url = f"{bucket.url}/audit"
    trail = sealtrail.init(url)
    ids = [trail.record(EVENT)]
    trail.flush()
    with bucket.server.away():
        # Recording needs the log on this machine, not the store.
        ids += [trail.record(EVENT) for _ in range(10)]
        with pytest.raises(sealtrail.StoreError, match=r"segments/.*error") as failed:
            trail.flush()
        assert (failed.value.kind, failed.value.audit_id) == ("store", None)
        ids.append(trail.record(EVENT))
        with pytest.raises(sealtrail.StoreError, match="ledger"):
            sealtrail.open(url)
        with pytest.raises(sealtrail.StoreError):
            trail.close()
    assert trail.contains(ids) == set(ids)
    # The next writer finds them in the log and commits them, as the writer that they are of.
    code = """
        import sys, sealtrail
        with sealtrail.open(sys.argv[1]) as trail:
            print(trail.record({"event_type": "data.filter"}))
    """
    ids += finish(start(code, url)).split()
    stats = trail.stats()
    assert (stats["events"], stats["unsealed"], stats["writers"]) == (13, 0, 1)
    assert trail.contains(ids) == set(ids)
    assert trail.verify().verdict == "VERIFIED"


def test_a_lost_reply_commits_nothing_twice(bucket: Bucket) -> None:
    trail = sealtrail.init(f"{bucket.url}/audit")
    ids = [trail.record(EVENT) for _ in range(3)]
    entries = trail.stats()["entries"]
    bucket.server.tell("lose-replies")
    trail.flush()
    assert trail.stats()["entries"] == entries + 1
    ids.append(trail.record(EVENT))
    trail.close()
    assert (trail.stats()["events"], trail.stats()["unsealed"]) == (4, 0)
    assert trail.contains(ids) == set(ids)
    assert trail.verify().verdict == "VERIFIED"


@pytest.mark.parametrize("again", ["flush", "reopen"])
def test_a_store_that_fails_right_after_the_entry_commits_nothing_twice(
    bucket: Bucket, again: str
) -> None:
    trail = sealtrail.init(f"{bucket.url}/audit")
    ids = [trail.record(EVENT) for _ in range(3)]
    bucket.server.tell("deny-after-entry")
    try:
        with pytest.raises(sealtrail.StoreError):
            trail.flush()
        ids.append(trail.record(EVENT))
    finally:
        bucket.server.tell("allow")
    if again == "reopen":
        trail.close(commit=False)
    ids.append(trail.record(EVENT))
    trail.close()
    stats = trail.stats()
    assert (stats["events"], stats["unsealed"]) == (5, 0)
    assert trail.contains(ids) == set(ids)
    assert trail.verify().verdict == "VERIFIED"


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        ("deny-after-segment", "here"),
        ("deny-after-segment", "elsewhere"),
        ("deny-from-reply", "here"),
        ("deny-from-reply", "elsewhere"),
        ("deny-after-entry", "here"),
        ("deny-after-entry", "elsewhere"),
    ],
)
def test_a_failed_load_can_be_repeated(bucket: Bucket, fault: str, again: str) -> None:
    """However far the first attempt came: with the caller's ids, each event is there once."""
    trail = sealtrail.init(f"{bucket.url}/audit")
    events = [{"event_type": "data.filter", "audit_id": f"mine-{n}"} for n in range(5)]
    trail.record(EVENT)
    trail.flush()
    bucket.server.tell(fault)
    try:
        with pytest.raises(sealtrail.StoreError):
            trail.record_many(events)
        if again == "elsewhere":
            trail.close(commit=False)
    finally:
        bucket.server.tell("allow")
    for _ in "12":
        report = trail.record_many(events)
        assert report.recorded + report.repeated == 5
    trail.close()
    rows = trail.sql("SELECT audit_id FROM events WHERE audit_id LIKE 'mine-%' ORDER BY 1")
    assert [row["audit_id"] for row in rows.to_dicts()] == [f"mine-{n}" for n in range(5)]
    assert trail.verify().verdict == "VERIFIED"


def test_a_store_that_overwrites_is_refused(server: Server) -> None:
    careless = Bucket(server, f"{CARELESS.strip('/')}-{uuid.uuid4()}")
    assert [careless.put("x", b"", {"If-None-Match": "*"}) for _ in "12"] == [200, 200]
    careless.delete("x")
    with pytest.raises(sealtrail.UsageError, match="conditional"):
        sealtrail.init(f"{careless.url}/audit")
    assert careless.keys() == []


def test_what_is_not_there_is_told(bucket: Bucket) -> None:
    with pytest.raises(sealtrail.NotFoundError, match=r"/audit holds no trail.*sealtrail init"):
        sealtrail.open(f"{bucket.url}/audit")
    nowhere = f"nowhere-{uuid.uuid4()}"
    for call in (sealtrail.init, sealtrail.open):
        with pytest.raises(sealtrail.StoreError, match=rf"(?s){nowhere}.*NoSuchBucket"):
            call(f"s3://{nowhere}/audit")


def test_credentials_are_never_shown(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{bucket.url}/audit"
    shown: list[str] = []

    def attempt(call: Callable[[], object]) -> None:
        try:
            shown.append(repr(call()))
        except sealtrail.SealtrailError as error:
            shown.extend([repr(error), str(error), repr(vars(error))])

    with sealtrail.init(url) as trail:
        trail.record(EVENT)
        shown += [repr(trail), json.dumps(trail.stats()), repr(trail.verify()), trail.url]
    config = tmp_path / "sealtrail.yaml"
    config.write_text("audit:\n  trail:\n    url: ${WHERE}\n")
    monkeypatch.setenv("WHERE", "s3://me:hunter2-password@bucket/audit")
    with bucket.server.away():
        attempt(lambda: sealtrail.open(url))
        attempt(lambda: sealtrail.verify(url))
        run = command("stats", "--trail", url)
        shown += [run.stdout, run.stderr]
        assert run.returncode == 3
    attempt(lambda: sealtrail.open("s3://me:hunter2-password@bucket/audit"))
    attempt(lambda: sealtrail.open(config=config))
    for what in (["stats"], ["config", "show"], ["config", "check"], ["record", "--no-commit"]):
        run = command(*what, "--config", str(config))
        shown += [run.stdout, run.stderr]
    stored = b"".join(bucket.get(key) for key in bucket.keys())  # noqa: SIM118
    for secret in (*SECRETS.values(), "hunter2"):
        assert [text for text in shown if secret in text] == []
        assert secret.encode() not in stored
    assert len(shown) > 20


@pytest.mark.parametrize("secret", ["?X-Amz-Signature=hunter2", "#hunter2"])
def test_a_url_with_a_secret_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(sealtrail.UsageError, match="s3://bucket/audit") as refused:
        sealtrail.open(f"s3://bucket/audit{secret}")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("format_", ["parquet", "compressed-jsonl"])
def test_an_archive_in_a_bucket(tmp_path: Path, bucket: Bucket, format_: str) -> None:
    archive = {"destination": f"s3://{bucket.name}/cold", "format": format_}
    rule = {"data": {"hot_storage_days": 30, "delete_after_days": 3650}}
    retention = {"clock": "event_time", "by_domain": rule, "archival": archive}
    config = tmp_path / "sealtrail.yaml"
    config.write_text(json.dumps({"audit": {"retention": retention}}))
    trail = sealtrail.init(tmp_path / "audit", config=config)
    old = {"timestamp": "2020-03-01T10:00:00Z", "audit_id": "old"}
    trail.record_many([EVENT | old, EVENT | {"timestamp": "2020-03-02T10:00:00Z"}])
    trail.record_many([EVENT])
    trail.retention.pin()
    done = trail.retention.apply(
        approver="officer", grace=timedelta(0), now=datetime(2021, 1, 1, tzinfo=UTC)
    )
    assert done["moved"]["rows"] == 2
    assert len([key for key in bucket.keys() if key.startswith("cold/segments/")]) == 1  # noqa: SIM118
    found = trail.get("old")
    assert found is not None
    assert found["resource"] == {"path": "/claims.csv"}
    count = "SELECT count(*) AS n FROM data_events WHERE resource_path = '/claims.csv'"
    assert trail.sql(count).to_dicts() == [{"n": 3}]
    assert trail.verify().verdict in ("VERIFIED", "VERIFIED_TO")
    restored = trail.restore_from_archive(tmp_path / "back.jsonl")
    assert (restored["from_archive"], restored["from_hot"]) == (2, 1)
