"""Canonical JSON (FORMAT section 1, RFC 8785)."""

import json
from typing import Any

import rfc8785

from sealtrail_verifier.forms import MAX_INTEGER, FormatError


def encode(value: Any) -> bytes:
    """Returns the canonical bytes of a value.

    Raises:
        FormatError: The value has none (a lone surrogate, NaN, an integer beyond 2^53-1).
    """
    try:
        return rfc8785.dumps(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise FormatError("not-canonical", f"no canonical form: {error}"[:200]) from error


def decode(data: bytes) -> Any:
    """Parses JSON that must be canonical byte for byte.

    Whatever `json` reads too generously (duplicate names, white space, `1.0`,
    `NaN`, a byte order mark) does not come back as the same bytes.

    Raises:
        FormatError: It is not.
    """
    value = parse(data)
    if encode(value) != data:
        raise FormatError("not-canonical", "not in the canonical form of RFC 8785")
    return value


def parse(data: bytes) -> Any:
    """Parses JSON that need not be canonical.

    Raises:
        FormatError: It is not JSON.
    """
    try:
        return json.loads(data.decode("utf-8"), parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise FormatError("not-canonical", f"not JSON: {error}"[:200]) from error


def _integer(literal: str) -> int | float:
    # ECMAScript prints whole doubles below 1e21 without exponent, so digits
    # alone do not tell an integer; beyond 2^53-1 it can only be a double.
    value = int(literal)
    return value if -MAX_INTEGER <= value <= MAX_INTEGER else float(value)
