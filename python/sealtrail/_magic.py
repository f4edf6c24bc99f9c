"""The cell magic ``%%sealtrail``: SQL in a notebook's cell."""

from __future__ import annotations

import argparse
import re
import shlex
from typing import TYPE_CHECKING, Any, NoReturn

from sealtrail._errors import UsageError
from sealtrail._trail import Trail, open  # noqa: A004
from sealtrail._trails import Trails

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sealtrail._result import Result

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*")
_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)")


class _Parser(argparse.ArgumentParser):
    """Raises what it would print."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%sealtrail: {message}")


def _parser() -> _Parser:
    parser = _Parser(prog="%%sealtrail", add_help=False)
    parser.add_argument("trail", nargs="?")
    parser.add_argument("--into")
    return parser


def register(shell: InteractiveShell) -> None:
    """Add the magic to a shell."""

    def sealtrail(line: str, cell: str) -> Result | None:
        r"""Ask a trail in SQL: %%sealtrail [TRAIL] [--into NAME].

        TRAIL is a variable that holds an open trail, or a path or URL; without it, the variable
        ``trail``, else the trail of SEALTRAIL_TRAIL and the configuration. ``$name`` in the
        statement stands for the notebook's variable of that name. The answer is shown, or kept
        in the variable that ``--into`` names.
        """
        given = _parser().parse_args(shlex.split(line))
        variables: dict[str, Any] = shell.user_ns
        wanted = _PARAMETER.findall(_QUOTED.sub("", cell))
        missing = [name for name in wanted if name not in variables]
        if missing:
            message = f"the notebook has no variable {missing[0]!r}"
            raise UsageError(message)
        params = {name: variables[name] for name in wanted}
        answer = _trail(given.trail, variables).sql(cell, params or None)
        if given.into is None:
            return answer
        variables[given.into] = answer
        return None

    shell.register_magic_function(sealtrail, "cell", "sealtrail")  # type: ignore[arg-type]


def _trail(name: str | None, variables: dict[str, Any]) -> Trail | Trails:
    known = variables.get(name or "trail")
    if isinstance(known, Trail | Trails):
        return known
    return open(name)
