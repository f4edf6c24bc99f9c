"""Columns and rest: how a row holds a record (FORMAT section 4)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from sealtrail_verifier.forms import MAX_INTEGER, FormatError, Members
from sealtrail_verifier.records import MAX_MICROS, micros_text, timestamp_micros

ARROW: Final[dict[str, Any]] = {
    "utf8": pa.utf8(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
}
MAX_NAME: Final = 96
RESERVED: Final = frozenset(
    ["event", "attrs", "domain", "action", "actor", "session", "outcome", "period"]
)


@dataclass(frozen=True)
class Column:
    """A name for the scalar values at one JSON path."""

    name: str
    path: tuple[str, ...]
    type: str

    @classmethod
    def read(cls, members: Members) -> "Column":
        """Takes the members `name`, `path` and `type`."""
        name, type_ = members.text("name"), members.text("type")
        path = members.items("path")
        if not path or not all(isinstance(step, str) for step in path):
            raise FormatError("columns", f"the path of column {name[:80]!r} is not a list of names")
        if type_ not in ARROW:
            raise FormatError(
                "columns", f"column {name[:80]!r} has the unknown type {type_[:80]!r}"
            )
        return cls(name, tuple(map(str, path)), type_)

    def fits(self, value: Any) -> bool:
        """Tells whether the column holds this JSON value."""
        if self.type == "utf8":
            return isinstance(value, str)
        if self.type == "boolean":
            return isinstance(value, bool)
        if self.type == "timestamp":
            return timestamp_micros(value) is not None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.type == "float64" or (value == int(value) and abs(value) <= MAX_INTEGER)

    def stored(self, value: Any) -> Any:
        """What the column stores for a fitting JSON value; times as microseconds."""
        return timestamp_micros(value) if self.type == "timestamp" else value

    def loaded(self, stored: Any) -> Any:
        """The JSON value of what a column stores.

        Raises:
            FormatError: The stored value is no JSON value of this type.
        """
        if self.type == "timestamp" and not 0 <= stored <= MAX_MICROS:
            raise FormatError("representation", f"{self.name} holds a time outside 1970-2254")
        if self.type == "int64" and abs(stored) > MAX_INTEGER:
            raise FormatError("representation", f"{self.name} holds an integer beyond 2^53-1")
        if self.type == "float64" and (not isfinite(stored) or str(stored) == "-0.0"):
            raise FormatError("representation", f"{self.name} holds a number that JSON has not")
        return micros_text(stored) if self.type == "timestamp" else stored


def assemble(columns: Sequence[Column], stored: Sequence[Any], rest: dict[str, Any]) -> None:
    """Puts each column's value into `rest`, which so becomes the record.

    Raises:
        FormatError: A value has no place, because the rest holds something there.
    """
    for column, value in zip(columns, stored, strict=True):
        if value is None:
            continue
        place = rest
        for step in column.path[:-1]:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise FormatError(
                    "representation", f"the rest has no object to put {column.name} in"
                )
        if column.path[-1] in place:
            raise FormatError("representation", f"{column.name} is in its column and in the rest")
        place[column.path[-1]] = column.loaded(value)


def take_apart(columns: Sequence[Column], record: dict[str, Any]) -> tuple[list[Any], list[bool]]:
    """The inverse: takes the fitting values out of `record`, which so becomes the rest.

    Returns:
        What each column stores (None for nothing), and for each column whether
        its path has a value, neither missing nor null, that does not fit.
    """
    stored: list[Any] = []
    misfits: list[bool] = []
    for column in columns:
        value = lookup(record, column.path)
        fits = column.fits(value)
        stored.append(column.stored(value) if fits else None)
        misfits.append(value is not None and not fits)
        if fits:
            _take_out(record, column.path)
    return stored, misfits


def lookup(record: Any, path: Iterable[str]) -> Any:
    """The value at a path; None where it is missing."""
    for step in path:
        if not isinstance(record, dict) or step not in record:
            return None
        record = record[step]
    return record


def _take_out(place: dict[str, Any], path: Sequence[str]) -> None:
    if len(path) > 1:
        _take_out(place[path[0]], path[1:])
        if place[path[0]]:
            return  # members are left; an emptied object goes with its last member
    del place[path[0]]


def unnameable(column: Column, known: Mapping[str, Column], fixed: Mapping[str, Column]) -> str:
    """Why a promoted column may not have its name; empty if it may.

    `known` maps lower-case names to the promoted columns so far, `fixed` to
    those of the catalogue.
    """
    name = _lower(column.name)
    if column.name != "_".join(column.path):
        return "its name is not its path joined with _"
    if not 1 <= len(name.encode()) <= MAX_NAME:
        return f"its name has not 1 to {MAX_NAME} bytes"
    if name in RESERVED or name.startswith("_"):
        return "its name is reserved"
    if name in fixed:
        return "its name is that of a fixed column"
    if name in known and known[name].path != column.path:
        return "its name belongs to another path"
    return ""


def by_name(columns: Iterable[Column]) -> dict[str, Column]:
    """Maps names, without regard to ASCII case, to columns."""
    return {_lower(column.name): column for column in columns}


def _lower(name: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in name)


def fixed_columns() -> dict[str, Column]:
    """The fixed columns by name, in their order (a copy of the catalogue's list)."""
    listed = json.loads(Path(__file__).with_name("fixed_columns.json").read_text("utf-8"))
    return by_name(Column.read(Members(item, "fixed_columns.json")) for item in listed)
