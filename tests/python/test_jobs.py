"""Jobs from Python: questions that other processes answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import sealtrail

PATIENCE = 120
ENDLESS = "SELECT count(*) FROM generate_series(1, 1000000000000) AS a"


@pytest.fixture
def trail(tmp_path: Path) -> sealtrail.Trail:
    """A trail of two logins."""
    trail = sealtrail.init(tmp_path / "audit", home=tmp_path / "own home")
    for user in ("ana", "ben"):
        trail.record({"event_type": "auth.user_login", "user_id": user})
    return trail


def test_the_result_of_a_job_is_that_of_the_question(trail: sealtrail.Trail) -> None:
    """Rows, types and schema are the same."""
    question = "SELECT user_id, timestamp FROM events WHERE user_id > $1 ORDER BY user_id"
    job = trail.submit(question, ["a"])
    result = job.result()
    assert result.to_dicts() == trail.sql(question, ["a"]).to_dicts()
    assert result.schema.columns() == trail.sql(question, ["a"]).schema.columns()
    assert [len(batch) for batch in result] == [2]
    status = job.status()
    assert (status.state, status.rows, status.exit_code, status.attempts) == ("done", 2, 0, 1)
    assert status.is_over
    assert repr(job) == f"<sealtrail.Job {job.id} done>"


def test_parameters_keep_their_types(trail: sealtrail.Trail) -> None:
    """Text that looks like a number is text."""
    job = trail.submit("SELECT $a AS a, $b AS b, $c AS c", {"a": "7", "b": 7, "c": True})
    assert job.result().to_dicts() == [{"a": "7", "b": 7, "c": True}]
    with pytest.raises(sealtrail.UsageError, match="parameter 1"):
        trail.submit("SELECT $1", [b"bytes"])


def test_a_job_is_found_again_and_removed(trail: sealtrail.Trail, tmp_path: Path) -> None:
    """By its id, in the home that it was made in."""
    home = tmp_path / "own home"
    job = trail.submit("SELECT 1 AS one")
    job.wait(PATIENCE)
    assert [known.id for known in sealtrail.jobs(home)] == [job.id]
    assert sealtrail.jobs() == []
    assert sealtrail.job(job.id, home).result().to_dicts() == [{"one": 1}]
    job.remove()
    assert sealtrail.jobs(home) == []
    for wanted in (job.id, "../keys", ""):
        with pytest.raises(sealtrail.NotFoundError):
            sealtrail.job(wanted, home)


def test_a_job_that_fails_says_why(trail: sealtrail.Trail) -> None:
    """The error of the question is that of the job."""
    job = trail.submit("SELECT nothing FROM events")
    assert job.wait(PATIENCE).state == "failed"
    assert "nothing" in (job.status().error or "")
    with pytest.raises(sealtrail.NotFoundError, match="failed"):
        job.result()


def test_a_job_is_cancelled_and_started_again(trail: sealtrail.Trail) -> None:
    """What runs can be stopped, and what was stopped can be started."""
    job = trail.submit(ENDLESS)
    assert job.status().state == "running"
    with pytest.raises(TimeoutError):
        job.wait(0)
    assert job.cancel().state == "cancelled"
    job.resume()
    assert (job.status().state, job.status().attempts) == ("running", 2)
    with pytest.raises(sealtrail.UsageError):
        job.remove()
    job.cancel()
    job.remove()


def test_a_killed_job_is_lost(trail: sealtrail.Trail, tmp_path: Path) -> None:
    """A process that is gone is never shown as running."""
    job = trail.submit(ENDLESS)
    info = json.loads((tmp_path / "own home" / "jobs" / job.id / "job.json").read_text())
    os.kill(info["pid"], signal.SIGKILL)
    status = job.wait(PATIENCE)
    assert (status.state, status.error) == ("lost", "the process ended without a result")


def test_a_job_outlives_the_process_that_submitted_it(
    trail: sealtrail.Trail, tmp_path: Path
) -> None:
    """And the command line gives its result."""
    home = tmp_path / "own home"
    code = (
        "import sys, sealtrail; trail = sealtrail.open(sys.argv[1], home=sys.argv[2]); "
        "print(trail.submit('SELECT count(*) AS n FROM events').id)"
    )
    command = [sys.executable, "-c", code, trail.url, str(home)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    job = done.stdout.strip()
    environment = {**os.environ, "SEALTRAIL_HOME": str(home)}
    command = [sys.executable, "-m", "sealtrail", "jobs", "result", job, "--wait"]
    shown = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=PATIENCE, env=environment
    )
    assert json.loads(shown.stdout) == {"n": 2}


def test_the_command_of_the_package_starts_jobs(trail: sealtrail.Trail, tmp_path: Path) -> None:
    """Whatever stands in the working folder."""
    home = tmp_path / "own home"
    (tmp_path / "sealtrail.py").write_text("raise SystemExit('not this one')")
    environment = {**os.environ, "SEALTRAIL_HOME": str(home), "SEALTRAIL_TRAIL": trail.url}
    trail.flush()
    script = "import sys; from sealtrail.cli import main; sys.exit(main())"
    command = [sys.executable, "-P", "-c", script, "verify-integrity", "--async"]
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment,
        cwd=tmp_path,
    )
    job = sealtrail.job(done.stdout.strip(), home)
    assert job.report()["verdict"] == "VERIFIED"
    assert (job.status().rows, job.status().of_rows) == (2, 2)
