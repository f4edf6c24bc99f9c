"""What callers give, in the form that the engine takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

from sealtrail._errors import UsageError

Path_: TypeAlias = str | PathLike[str]


class ArrowStream(Protocol):
    """Anything that exports Arrow batches: tables, data frames, readers, results."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's PyCapsule of the batches."""


Source: TypeAlias = (
    Iterable[Mapping[str, Any]] | bytes | str | PathLike[str] | BinaryIO | ArrowStream
)


def as_object(text: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value


def as_options(given: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a search out of a method's local names."""
    return {name: value for name, value in given.items() if name not in {"self", "matching"}} | {
        **given["matching"]
    }


def as_url(url: Path_ | None) -> str | None:
    return None if url is None else fspath(url)


def as_archives(archives: Mapping[str, Path_] | None) -> dict[str, str]:
    return {name: fspath(url) for name, url in (archives or {}).items()}


def as_moment(at: int | datetime | None) -> str | None:
    return at.isoformat() if isinstance(at, datetime) else None if at is None else str(int(at))


def as_size(entries: int) -> int:
    if entries < 0:
        message = f"a number of entries is wanted, not {entries}"
        raise UsageError(message, kind="usage")
    return entries


def as_threads(threads: int) -> int:
    if threads < 0:
        message = f"threads is a number, or 0 for all cores, not {threads}"
        raise UsageError(message, kind="usage")
    return threads


def as_paths(paths: Path_ | Iterable[Path_]) -> list[Path]:
    several = [paths] if isinstance(paths, str | PathLike) else paths
    return [Path(fspath(path)).expanduser() for path in several]


def as_path(path: Path_ | None) -> Path | None:
    return None if path is None else Path(fspath(path))
