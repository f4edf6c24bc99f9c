"""Several trails as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

from sealtrail import _native
from sealtrail._errors import UsageError
from sealtrail._result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from sealtrail._arguments import ArrowStream, Path_
    from sealtrail._trail import Trail


class Trails:
    """Open trails, and questions to all of them.

    The views have one more column, ``_trail``: the name of the trail that a record is from, or
    its URL if no names were given. Each trail is asked as it is at that moment.

    Example:
        >>> import sealtrail, tempfile
        >>> places = {name: tempfile.mkdtemp() + "/audit" for name in ("paris", "tokyo")}
        >>> for name, place in places.items():
        ...     with sealtrail.init(place) as trail:
        ...         _ = trail.record({"event_type": "auth.user_login", "user_id": name})
        >>> trails = sealtrail.open(places)
        >>> trails.sql("SELECT _trail, user_id FROM events ORDER BY 1").to_dicts()
        [{'_trail': 'paris', 'user_id': 'paris'}, {'_trail': 'tokyo', 'user_id': 'tokyo'}]
    """

    def __init__(self, trails: Mapping[str, Trail]) -> None:
        """Put open trails together."""
        if not trails:
            message = "no trail is given"
            raise UsageError(message)
        self._trails = dict(trails)
        self._native = _native.Trails([(n, t._native) for n, t in trails.items()])  # noqa: SLF001

    @property
    def trails(self) -> dict[str, Trail]:
        """The trails by name."""
        return dict(self._trails)

    def sql(
        self,
        query: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        purpose: str | None = None,
        exclude_access: bool = False,
        include_archive: bool = True,
    ) -> Result:
        """Ask all trails a question; see :meth:`Trail.sql`. It is recorded in each of them."""
        purpose = self._purpose_of(purpose)
        return Result(self._native.sql(query, params, purpose, exclude_access, include_archive))

    def register(self, name: str, table: ArrowStream | Path_) -> None:
        """Bring a table into the SQL of this object; see :meth:`Trail.register`."""
        self._native.register(name, table)

    def unregister(self, name: str) -> bool:
        """Forget a table; False if there was none of this name."""
        return self._native.unregister(name)

    def table(self, *, purpose: str | None = None) -> _native.Table:
        """The ``events`` of all trails for DataFusion; see :meth:`Trail.table`."""
        return self._native.table(self._purpose_of(purpose))

    def _purpose_of(self, given: str | None) -> str | None:
        defaults = (trail.purpose for trail in self._trails.values())
        return next((purpose for purpose in defaults if purpose), None) if given is None else given

    def close(self) -> None:
        """Close every trail."""
        for trail in self._trails.values():
            trail.close()

    def __enter__(self) -> Self:
        """Stay open until the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every trail."""
        self.close()

    def __repr__(self) -> str:
        """The names."""
        return f"<sealtrail.Trails {', '.join(self._trails)}>"

    def __reduce__(self) -> NoReturn:
        """Open trails cannot be pickled."""
        message = "open trails cannot be pickled; open them again by their URLs"
        raise TypeError(message)
