"""The description of a trail: trail.json and its copy in entry 0 (FORMAT section 6)."""

import re
from dataclasses import dataclass

from sealtrail_verifier.forms import FormatError, Members
from sealtrail_verifier.note import check_name
from sealtrail_verifier.records import utc_micros

PERIODS = {
    "month": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])"),
    "day": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"),
}


@dataclass(frozen=True)
class Trail:
    """What trail.json says."""

    created: str
    epoch_seconds: int
    origin: str
    partitioning: str
    trail_id: str

    @classmethod
    def read(cls, members: Members) -> "Trail":
        """Takes the members of the object.

        Raises:
            FormatError: It is not of its form, or of a version that this verifier does not know.
        """
        if members.integer("format") != 1:
            raise FormatError("version", "this verifier knows format 1 only")
        trail = cls(
            created=time(members, "created"),
            epoch_seconds=members.integer("epoch_seconds", low=1),
            origin=members.text("origin"),
            partitioning=members.text("partitioning", re.compile("month|day")),
            trail_id=members.uuid("trail_id"),
        )
        members.end()
        check_name(trail.origin)
        return trail

    @property
    def period(self) -> re.Pattern[str]:
        """The form of a partition's period."""
        return PERIODS[self.partitioning]


def time(members: Members, name: str) -> str:
    """Takes a time: RFC 3339 in UTC with `Z`."""
    text = members.text(name)
    if utc_micros(text) is None:
        raise FormatError("form", f"{name} is not a time in UTC")
    return text
