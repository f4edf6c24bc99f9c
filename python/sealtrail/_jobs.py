"""Jobs: questions that go on without this process."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

from sealtrail import _native
from sealtrail._errors import UsageError
from sealtrail._result import Result

_PAUSE = 0.1
"""Seconds between two looks at a job that is waited for."""


@dataclass(frozen=True)
class JobStatus:
    """How it is with a job. Times are RFC 3339 in UTC.

    Attributes:
        state: ``submitted``, ``running``, ``done``, ``failed``, ``cancelled``, or ``lost``: its
            process ended without a result.
        error: Why it failed.
        exit_code: What the command exited with.
        rows: Rows of the result so far, or records verified so far.
        of_rows: Records there are to verify; 0 where nobody knows.
        bytes: Bytes of the result so far.
        created: When it was submitted.
        started: When it was started last.
        finished: When it ended.
        attempts: How often it was started.
    """

    state: Literal["submitted", "running", "done", "failed", "cancelled", "lost"]
    error: str | None
    exit_code: int | None
    rows: int
    of_rows: int
    bytes: int
    created: str
    started: str | None
    finished: str | None
    attempts: int

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state not in {"submitted", "running"}


class Job:
    """A question that a process of its own answers, also when this one ends.

    Made by :meth:`sealtrail.Trail.submit`; :func:`sealtrail.job` finds it again by its ``id``, and
    ``sealtrail jobs`` is the same on the command line.
    """

    def __init__(self, native: _native.Jobs, job_id: str) -> None:
        """Wrap the native jobs."""
        self._native = native
        self.id = job_id

    def status(self) -> JobStatus:
        """How it is now."""
        info = json.loads(self._native.get(self.id))
        progress = json.loads(self._native.progress(self.id))
        names = ("state", "error", "exit_code", "created", "started", "finished", "attempts")
        return JobStatus(**{name: info[name] for name in names}, **progress)

    def wait(self, timeout: float | None = None) -> JobStatus:
        """Wait until it is over.

        Args:
            timeout: At most so many seconds.

        Returns:
            How it is then.

        Raises:
            TimeoutError: It is not over yet; it goes on.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not (status := self.status()).is_over:
            if end is not None and time.monotonic() >= end:
                message = f"job {self.id} is {status.state}"
                raise TimeoutError(message)
            time.sleep(_PAUSE)
        return status

    def result(self) -> Result:
        """The rows, as :meth:`sealtrail.Trail.sql` gives them; waits until it is over.

        Raises:
            NotFoundError: It failed, was cancelled or lost; the message says why.
        """
        self.wait()
        return Result(self._native.rows(self.id))

    def report(self) -> Any:
        """The report of a job that is no query, such as a verification; waits until it is over."""
        self.wait()
        return json.loads(self._native.report(self.id))

    def cancel(self) -> JobStatus:
        """Stop it, and wait until it has stopped."""
        self._native.cancel(self.id)
        return self.wait()

    def resume(self) -> None:
        """Start it once more, after it failed, was cancelled or lost; a query starts afresh."""
        self._native.resume(self.id)

    def remove(self) -> None:
        """Remove it with its result, once it is over."""
        self._native.remove(self.id)

    def __repr__(self) -> str:
        """Its id and state."""
        return f"<sealtrail.Job {self.id} {self.status().state}>"


def jobs(home: str | PathLike[str] | None = None) -> list[Job]:
    """All jobs of this user, the oldest first.

    Args:
        home: As for :func:`sealtrail.init`.
    """
    native = _jobs(home)
    return [Job(native, info["id"]) for info in json.loads(native.list())]


def job(job_id: str, home: str | PathLike[str] | None = None) -> Job:
    """The job with this id.

    Args:
        job_id: Its id.
        home: As for :func:`sealtrail.init`.

    Raises:
        NotFoundError: There is none.
    """
    native = _jobs(home)
    native.get(job_id)
    return Job(native, job_id)


def submit(
    native: _native.Trail,
    query: str,
    params: Sequence[Any] | Mapping[str, Any] | None,
    purpose: str | None,
) -> Job:
    """Make a job of a question; the arguments are those of :meth:`sealtrail.Trail.submit`."""
    if isinstance(params, Mapping):
        named = dict(params)
    else:
        named = {str(place): value for place, value in enumerate(params or [], start=1)}
    args = [f"--param={name}={_literal(name, value)}" for name, value in named.items()]
    if purpose is not None:
        args.append(f"--purpose={purpose}")
    job_id = native.submit("sql", ["sql", *args, "--async", "--", query])
    return Job(_native.Jobs(native.jobs_home()), job_id)


def _literal(name: str, value: object) -> str:
    if value is None or isinstance(value, str | bool | int | float):
        return json.dumps(value)
    message = f"parameter {name} of a job is text, a number, a bool or None, not {type(value)}"
    raise UsageError(message, kind="usage")


def _jobs(home: str | PathLike[str] | None) -> _native.Jobs:
    return _native.Jobs(None if home is None else Path(fspath(home)))
