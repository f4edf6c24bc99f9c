"""Following a trail from Python."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import sealtrail

PATIENCE = 120


def login(user: str) -> dict[str, Any]:
    """A login of this user."""
    return {"event_type": "auth.user_login", "user_id": user}


def users(tail: sealtrail.Tail) -> list[str]:
    """The users of the records that a tail gives."""
    return [record["user_id"] for record in tail]


@pytest.fixture
def trail(tmp_path: Path) -> sealtrail.Trail:
    """An empty trail."""
    return sealtrail.init(tmp_path / "audit")


def test_the_newest_records_come_in_the_order_of_recording(trail: sealtrail.Trail) -> None:
    """What was recorded last comes last, whatever its time."""
    old = {**login("ana"), "timestamp": "2026-03-01T10:00:00Z"}
    for event in (login("ben"), old, {"event_type": "system.backup", "user_id": "root"}):
        trail.record(event)
    assert users(trail.tail()) == ["ben", "ana", "root"]
    assert users(trail.tail(last=2)) == ["ana", "root"]
    assert users(trail.tail(last=None, event_type="auth.*", user_id=["a*", "c*"])) == ["ana"]
    assert users(trail.tail(until="2026-03-02")) == ["ana"]
    assert users(trail.tail(where="user_id = 'ben'", text="BEN")) == ["ben"]
    assert users(trail.tail(last=0)) == []
    with pytest.raises(sealtrail.UsageError):
        trail.tail(last=-1)
    with pytest.raises(sealtrail.SealtrailError):
        trail.tail(where="1 +")


def test_a_cursor_goes_on_after_what_was_given(trail: sealtrail.Trail) -> None:
    """Nothing is missed and nothing repeated, over commits and loads."""
    tail = trail.tail()
    assert users(tail) == []
    for commit in (False, True, False):
        trail.record(login("ana"))
        trail.record(login("ben"))
        if commit:
            trail.flush()
        tail = trail.tail(cursor=tail.cursor)
        assert users(tail) == ["ana", "ben"]
        assert users(trail.tail(cursor=tail.cursor)) == []
    trail.record_many([login("cid")])
    tail = trail.tail(cursor=tail.cursor)
    assert users(tail) == ["cid"]
    with pytest.raises(sealtrail.UsageError):
        trail.tail(cursor="{}")


def test_a_cursor_before_the_end_of_a_batch_repeats_it(trail: sealtrail.Trail) -> None:
    """The cursor moves with batches."""
    start = trail.tail().cursor
    trail.record(login("ana"))
    trail.record(login("ben"))
    tail = trail.tail(cursor=start)
    assert next(tail)["user_id"] == "ana"
    assert users(trail.tail(cursor=tail.cursor)) == ["ana", "ben"]
    assert next(tail)["user_id"] == "ben"
    assert users(trail.tail(cursor=tail.cursor)) == []


def test_following_gives_records_of_other_threads_and_processes(trail: sealtrail.Trail) -> None:
    """One that waits gets what others record, committed or not."""
    code = (
        "import sys, sealtrail; trail = sealtrail.open(sys.argv[1]); "
        "trail.record({'event_type': 'auth.user_login', 'user_id': sys.argv[2]}); "
        "trail.close(commit=sys.argv[2] == 'ben')"
    )
    with trail.tail(follow=True, last=0) as tail:
        for user in ("ana", "ben"):
            subprocess.run([sys.executable, "-c", code, trail.url, user], check=True)
            assert next(tail)["user_id"] == user
        thread = threading.Thread(target=lambda: trail.record(login("cid")))
        thread.start()
        assert next(tail)["user_id"] == "cid"
        thread.join()


def test_closing_ends_a_thread_that_waits(trail: sealtrail.Trail) -> None:
    """A tail that follows never hangs at its end."""
    tail = trail.tail(follow=True, last=0)
    given: list[list[str]] = []
    thread = threading.Thread(target=lambda: given.append(users(tail)))
    thread.start()
    trail.record(login("ana"))
    tail.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert given in ([["ana"]], [[]])
    assert list(tail) == []


def test_ctrl_c_interrupts_one_that_waits(trail: sealtrail.Trail) -> None:
    """As any other wait in Python."""
    code = (
        "import sys, signal, threading, os, sealtrail\n"
        "trail = sealtrail.open(sys.argv[1])\n"
        "tail = trail.tail(follow=True, last=0)\n"
        "threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    next(tail)\n"
        "except KeyboardInterrupt:\n"
        "    trail.record({'event_type': 'auth.user_login', 'user_id': 'ana'})\n"
        "    print(next(tail)['user_id'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, trail.url],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "ana\n"
