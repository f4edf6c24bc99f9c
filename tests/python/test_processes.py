"""Several processes, forks, Ctrl-C, and the one way into native code."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import sealtrail
from sealtrail import demo

SOURCES = Path(__file__).resolve().parents[2] / "rust/py/src"


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def test_two_processes_write_to_one_trail(tmp_path: Path) -> None:
    url = str(tmp_path / "audit")
    trail = sealtrail.init(url)
    code = """
        import sys, sealtrail
        with sealtrail.open(sys.argv[1]) as trail:
            for n in range(50):
                print(trail.record({"event_type": "data.filter", "by": sys.argv[2], "n": n}))
                if n % 20 == 0:
                    trail.flush()
    """
    processes = [start(code, url, name) for name in "ab"]
    ids = [line for process in processes for line in finish(process).split()]
    assert len(set(ids)) == 100
    assert trail.contains(ids) == set(ids)
    assert trail.stats()["writers"] == 2
    rows = trail.sql(
        "SELECT attrs ->> 'by' AS who, count(*) AS n FROM events GROUP BY 1 ORDER BY 1"
    )
    assert rows.to_dicts() == [{"who": "a", "n": 50}, {"who": "b", "n": 50}]
    assert trail.verify().verdict == "VERIFIED"


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    url = str(tmp_path / "audit")
    trail = sealtrail.init(url)
    code = """
        import os, signal, sys, sealtrail
        trail = sealtrail.open(sys.argv[1])
        for n in range(20):
            print(trail.record({"event_type": "data.filter", "n": n}), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    process = start(code, url)
    ids = process.communicate(timeout=60)[0].split()
    assert process.returncode == -signal.SIGKILL
    assert len(ids) == 20
    assert trail.contains(ids) == set(ids)
    assert trail.verify().verdict == "VERIFIED_TO(0)"
    with trail:
        trail.record({"event_type": "data.filter"})
    assert trail.stats()["events"] == 21
    assert trail.stats()["unsealed"] == 0
    assert trail.verify().verdict == "VERIFIED"


def test_a_forked_child_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    code = """
        import os, sys, sealtrail
        trail = sealtrail.init(sys.argv[1])
        trail.record({"event_type": "data.filter"})
        child = os.fork()
        if child == 0:
            calls = [
                lambda: trail.record({"event_type": "data.filter"}),
                lambda: trail.sql("SELECT 1"),
                lambda: sealtrail.open(sys.argv[1]),
                lambda: trail.record_many([{"event_type": "data.filter"}]),
            ]
            for call in calls:
                try:
                    call()
                except sealtrail.ForkedError as error:
                    assert isinstance(error, RuntimeError) and "spawn" in str(error)
                else:
                    os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        trail.record({"event_type": "data.filter"})
        trail.close()
        assert trail.stats()["events"] == 2
    """
    finish(start(code, str(tmp_path / "audit")))


def test_a_child_forked_before_first_use_works(tmp_path: Path) -> None:
    code = """
        import os, sys, sealtrail
        child = os.fork()
        with sealtrail.init(sys.argv[1] + str(child == 0)) as trail:
            trail.record({"event_type": "data.filter"})
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """
    finish(start(code, str(tmp_path / "audit")))


@pytest.mark.parametrize(
    "work",
    [
        "trail.sql(SLOW).to_dicts()",
        "list(trail.sql(SLOW))",
        "trail.sql(SLOW).to_arrow()",
        "trail.record_many(forever())",
    ],
)
def test_ctrl_c_stops_it(tmp_path: Path, work: str) -> None:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record_many(demo.jsonl(3000))
    code = f"""
        import itertools, sys, sealtrail
        trail = sealtrail.open(sys.argv[1])
        SLOW = "SELECT sum(a.cost_usd * b.cost_usd + length(c.audit_id)) AS x "
        SLOW += "FROM events a, events b, events c"
        def forever():
            for n in itertools.count():
                yield {{"event_type": "data.filter", "n": n}}
        print("go", flush=True)
        try:
            {work}
        except KeyboardInterrupt:
            # The trail is of use afterwards.
            print(trail.sql("SELECT count(*) AS n FROM events").to_dicts()[0]["n"] >= 3000)
    """
    process = start(code, trail.url)
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    assert finish(process) == "True\n"
    assert time.monotonic() - asked < 10


def test_a_signal_handler_may_record(tmp_path: Path) -> None:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record_many(demo.jsonl(3000))
    code = """
        import signal, sys, sealtrail
        trail = sealtrail.open(sys.argv[1])
        def handle(*_):
            trail.record({"event_type": "system.error", "audit_id": "handled"})
            raise SystemExit(0)
        signal.signal(signal.SIGTERM, handle)
        print("go", flush=True)
        trail.sql("SELECT count(*) FROM events a, events b, events c WHERE a.audit_id > b.audit_id"
                  " AND b.audit_id > c.user_id").to_dicts()
    """
    process = start(code, trail.url)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    finish(process)
    assert trail.contains(["handled"]) == {"handled"}


def test_verify_tells_what_was_changed(tmp_path: Path) -> None:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record_many(demo.jsonl(500))
    told: list[tuple[int, int]] = []
    report = trail.verify(progress=lambda done, of: told.append((done, of)))
    assert report
    assert (report.verdict, report.exit_code, report.findings) == ("VERIFIED", 0, [])
    assert report.checked["records"] == 500
    assert told[-1] == (500, 500)
    assert trail.verify("quick").checked["records"] == 0
    with pytest.raises(sealtrail.UsageError, match="deep"):
        trail.verify("deeper")  # type: ignore[arg-type]
    trail_id = trail.info["trail_id"]
    victim = max(Path(trail.url, "segments").rglob("*.parquet"), key=lambda p: p.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    report = trail.verify()
    assert not report
    assert (report.verdict, report.exit_code) == ("TAMPERED", 4)
    assert str(victim).endswith(report.findings[0]["object"])
    assert "TAMPERED" in repr(report)
    victim.unlink()
    assert sealtrail.verify(trail.url, trail_id=trail_id).verdict == "MISSING"
    for entry in Path(trail.url, "ledger").glob("*.json"):
        entry.write_bytes(entry.read_bytes().replace(b'"rows"', b'"r0ws"'))
    assert sealtrail.verify(trail.url, trail_id=trail_id).verdict == "TAMPERED"


def test_verify_needs_a_key_of_the_callers(tmp_path: Path, home: Path) -> None:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record({"event_type": "data.filter"})
    (vkey,) = (home / "sealtrail/keys").glob("*/owner.vkey")
    elsewhere = tmp_path / "elsewhere"
    by_text = sealtrail.verify(trail.url, key=vkey.read_text().strip(), home=elsewhere)
    by_file = sealtrail.verify(trail.url, key=str(vkey), home=elsewhere)
    by_owner = sealtrail.verify(trail.url, owner_key=vkey.with_name("owner.json"), home=elsewhere)
    assert (by_text.verdict, by_file.verdict, by_owner.verdict) == ("VERIFIED",) * 3
    assert by_text.checked["hmacs"] == 0 < by_owner.checked["hmacs"]
    with pytest.raises(sealtrail.UsageError, match="key"):
        sealtrail.verify(trail.url, home=elsewhere)
    other = sealtrail.init(tmp_path / "other", home=tmp_path / "h")
    stranger = tmp_path / "h/keys" / other.info["trail_id"] / "owner.vkey"
    assert not sealtrail.verify(trail.url, key=str(stranger))


def test_waiting_happens_in_one_place() -> None:
    files = sorted(SOURCES.rglob("*.rs"))
    assert len(files) > 10
    waiting = {file.name for file in files if "block_on" in file.read_text()}
    assert waiting == {"bridge.rs"}


def test_native_classes_are_frozen() -> None:
    texts = [file.read_text() for file in sorted(SOURCES.rglob("*.rs"))]
    classes = [c for text in texts for c in re.findall(r"#\[pyclass(.*?)\]", text)]
    assert len(classes) >= 7
    assert all("frozen" in c for c in classes)


def test_the_summary_is_json(tmp_path: Path) -> None:
    with sealtrail.init(tmp_path / "audit") as trail:
        trail.record({"event_type": "data.filter"})
    json.dumps([trail.stats(), trail.info, trail.verify().details])
