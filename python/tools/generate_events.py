#!/usr/bin/env python3
"""Writes the typed constructors of `sealtrail.events` from the catalogue.

Usage: `python python/tools/generate_events.py [--check]`. With `--check` nothing is written,
and the exit code is 1 if a file is not current.
"""

from __future__ import annotations

import argparse
import json
import keyword
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "rust" / "core" / "src" / "catalogue.json"
TARGET = ROOT / "python" / "sealtrail" / "events"
NOTE = "# Made from catalogue.json by python/tools/generate_events.py; do not edit."
WIDTH = 100

# What only the recorder sets, so that no event may bring it (FORMAT.md section 2).
RECORDER_ONLY = ["_exact_numbers", "_redacted", "recorded_at", "schema_version", "schema_violations"]
# The other fields of the envelope that a constructor takes.
CALLER_SET = ["timestamp", "audit_id"]

TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "object": "Mapping[str, Any]",
    "timestamp": "datetime | str",
    "any": "Any",
}
ITEMS = {"string": "Sequence[str]", "object": "Sequence[Mapping[str, Any]]"}


def main() -> int:
    """Writes or checks the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not current")
    check = parser.parse_args().check
    old = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    for path in old:
        if check:
            sys.stderr.write(f"{path} is not current; run python/tools/generate_events.py\n")
        else:
            path.write_text(files()[path])
    return 1 if check and old else 0


def files() -> dict[Path, str]:
    """The text of each generated file."""
    catalogue = json.loads(CATALOGUE.read_text(), object_pairs_hook=without_duplicates)
    texts = {TARGET / "_fields.py": fields_module(catalogue)}
    for domain in catalogue["domains"]:
        texts[TARGET / f"{domain['name']}.py"] = domain_module(catalogue, domain)
    return texts


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, refused if it names a member twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        message = f"a member is named twice: {[name for name, _ in pairs]}"
        raise ValueError(message)
    return members


def parameter(path: str) -> str:
    """The parameter of a field."""
    name = path.replace(".", "_")
    if keyword.iskeyword(name) or name == "extra":
        message = f"{path} cannot be a parameter"
        raise ValueError(message)
    return name


def fields_module(catalogue: dict[str, Any]) -> str:
    """`_fields.py`: names, and what each parameter stands for."""
    fields = catalogue["fields"]
    lists = {
        "DOMAINS": [domain["name"] for domain in catalogue["domains"]],
        "EVENT_TYPES": [event_type["name"] for event_type in catalogue["types"]],
        "SEVERITIES": catalogue["severities"],
        "SENSITIVITY_LEVELS": catalogue["sensitivity_levels"],
        "RECORDER_ONLY": RECORDER_ONLY,
    }
    out = ['"""What the catalogue says of fields, for the constructors."""', "", NOTE, ""]
    out += ["from __future__ import annotations", "", "from typing import Final, Literal", ""]
    out += ["Severity = Literal["]
    out += [f"    {quoted(name)}," for name in catalogue["severities"]] + ["]", ""]
    for name, values in lists.items():
        out += [f"{name}: Final = ("] + [f"    {quoted(value)}," for value in values] + [")"]
    out += ["", "# The path and kind of each parameter."]
    out += ["PARAMETERS: Final[dict[str, tuple[tuple[str, ...], str]]] = {"]
    paths = {
        parameter(path): path
        for path in fields
        if path in CALLER_SET or path not in catalogue["envelope"]
    }
    if len(paths) != len(fields) - len(catalogue["envelope"]) + len(CALLER_SET):
        message = "two paths make the same parameter"
        raise ValueError(message)
    for name, path in paths.items():
        steps = ", ".join(quoted(step) for step in path.split("."))
        steps = f"({steps})" if "." in path else f"({steps},)"
        out += [f"    {quoted(name)}: ({steps}, {quoted(fields[path]['type'])}),"]
    out += ["}", "", "# The only values that these parameters may have."]
    out += ["VALUES: Final[dict[str, tuple[str, ...]]] = {"]
    for path, field in fields.items():
        if "values" in field:
            out += [f"    {quoted(parameter(path))}: {field['values'].upper()},"]
    return "\n".join([*out, "}", ""])


def domain_module(catalogue: dict[str, Any], domain: dict[str, Any]) -> str:
    """The constructors of one domain."""
    types = [t for t in catalogue["types"] if t["name"].split(".")[0] == domain["name"]]
    functions = [constructor(catalogue, event_type) for event_type in types]
    body = "\n\n\n".join(functions)
    signatures = "".join(function.split('"""')[0] for function in functions)
    # There are as many parameters as the catalogue says, and the common ones are described once.
    codes = ["D417", "PLR0913"]
    codes += ["A001"] if "\ndef filter(" in body else []
    codes += ["A002"] if "\n    input:" in body else []
    out = [f'"""Events of the domain `{domain["name"]}`.', "", domain["description"], '"""', ""]
    out += [NOTE, f"# ruff: noqa: {', '.join(sorted(codes))}", ""]
    out += ["from __future__ import annotations", ""]
    abstract = [name for name in ("Mapping", "Sequence") if f"{name}[" in signatures]
    typing = ["    " + f"from collections.abc import {', '.join(abstract)}"] if abstract else []
    out += ["from typing import TYPE_CHECKING, Any", ""]
    out += ["from sealtrail.events._build import Event, build", "", "if TYPE_CHECKING:"]
    out += [*typing, "    from datetime import datetime", ""]
    out += ["    from sealtrail.events._fields import Severity", ""]
    names = sorted(quoted(t["name"].split(".")[1]) for t in types)
    out += ["__all__ = [", *[f"    {name}," for name in names], "]", "", "", body, ""]
    return "\n".join(out)


def constructor(catalogue: dict[str, Any], event_type: dict[str, Any]) -> str:
    """One function."""
    own = [*event_type["required"], *event_type["optional"]]
    common = [path for path in [*CALLER_SET, *catalogue["common"]] if path not in own]
    out = [f"def {event_type['name'].split('.')[1]}(", "    *,"]
    for path in [*own, *common]:
        hint = type_hint(catalogue["fields"][path])
        if path == "severity":
            out += [f"    severity: Severity = {quoted(event_type['severity'])},"]
        elif path in event_type["required"]:
            out += [f"    {parameter(path)}: {hint},"]
        else:
            optional = hint if hint == "Any" else f"{hint} | None"
            out += [f"    {parameter(path)}: {optional} = None,"]
    out += ["    **extra: Any,", ") -> Event:"]
    out += textwrap.indent(docstring(catalogue, event_type), "    ").split("\n")
    required = "".join(f"{quoted(parameter(path))}, " for path in event_type["required"])
    required = required.rstrip() if len(event_type["required"]) == 1 else required[:-2]
    out += [f"    return build({quoted(event_type['name'])}, ({required}), locals())"]
    return "\n".join(out)


def type_hint(field: dict[str, Any]) -> str:
    """The Python type of a field."""
    return ITEMS[field["items"]] if field["type"] == "array" else TYPES[field["type"]]


def docstring(catalogue: dict[str, Any], event_type: dict[str, Any]) -> str:
    """The documentation of one function, with an example that runs."""
    fields, about = catalogue["fields"], event_type.get("about", {})
    out = [f'"""{event_type["description"]}', "", "Args:"]
    for path in [*event_type["required"], *event_type["optional"]]:
        text = f"{parameter(path)}: {about.get(path, fields[path]['description'])}"
        out += wrapped(text)
    out += wrapped("timestamp: When it happened; set by the recorder if not given.")
    out += wrapped("extra: Fields of any other name.")
    out += ["", "The other parameters are common to all events.", "", "Example:"]
    out += ["    >>> from sealtrail import events"]
    out += [f"    >>> event = events.{event_type['name']}("]
    for path in example_paths(event_type):
        out += [f"    ...     {parameter(path)}={literal(fields[path]['example'])},"]
    out += ["    ... )", '    >>> event["event_type"]', f"    '{event_type['name']}'", '"""']
    return "\n".join(out).replace("\\", "\\\\")


def example_paths(event_type: dict[str, Any]) -> list[str]:
    """The required fields and the first two of the others."""
    return [*event_type["required"], *event_type["optional"][:2]]


def wrapped(text: str) -> list[str]:
    """A line of an `Args:` section, folded."""
    # Four columns of indentation are added to all of the docstring.
    return textwrap.wrap(
        text, WIDTH - 4, initial_indent=" " * 4, subsequent_indent=" " * 8, break_long_words=False
    )


def literal(value: Any) -> str:
    """A JSON value as Python writes it, with double quotes."""
    match value:
        case str():
            return quoted(value)
        case dict():
            return "{" + ", ".join(f"{quoted(k)}: {literal(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(literal(item) for item in value) + "]"
        case _:
            return repr(value)


def quoted(text: str) -> str:
    """A string literal."""
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
