"""Events of every known type, as functions with typed parameters.

There is one function for each event type, grouped by domain:

    >>> from sealtrail import events
    >>> event = events.data.file_read(
    ...     agent_id="agent_doc_reader_1",
    ...     resource_path="/data/claims_2026.csv",
    ...     resource_sensitivity_level="pii",
    ... )
    >>> event["resource"]
    {'path': '/data/claims_2026.csv', 'sensitivity_level': 'pii'}

Each returns the event as a `dict`, ready to be recorded. What is common to all of them:

- Parameters that an event of the type must have are required; `None` means "not given".
- Nested fields are flat parameters, with `_` where the path has a dot.
- Times are `datetime` objects with a time zone, or RFC 3339 text with an offset.
- Any other keyword becomes a field of that name. An object given so, such as
  `resource={"tags": ["claims"]}`, is merged with the flat parameters.
- A missing or mistyped field is a `TypeError`, an impossible value a `ValueError`; both name
  the parameter.

`rust/core/EVENTS.md` lists all types and fields.
"""

from __future__ import annotations

from sealtrail.events import agent, auth, data, system, workflow
from sealtrail.events._build import Event
from sealtrail.events._fields import (
    DOMAINS,
    EVENT_TYPES,
    SENSITIVITY_LEVELS,
    SEVERITIES,
    Severity,
)

__all__ = [
    "DOMAINS",
    "EVENT_TYPES",
    "SENSITIVITY_LEVELS",
    "SEVERITIES",
    "Event",
    "Severity",
    "agent",
    "auth",
    "data",
    "system",
    "workflow",
]
