"""A trail's folder: what is read of it, by names with `/`."""

import os
import re
from pathlib import Path
from typing import Final

_SLOT: Final = re.compile(r"([0-9]{20})\.json")


class Folder:
    """Reads files; other errors than absence are raised as `OSError`."""

    def __init__(self, path: str | Path) -> None:
        """Opens a folder, which must be there."""
        self._path = Path(path)
        if not self._path.is_dir():
            raise NotADirectoryError(f"{path} is not a folder")

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None if there is no such file."""
        path = self._path / name
        return path.read_bytes() if path.is_file() else None

    def files(self) -> list[str]:
        """The names of all files, sorted."""
        found = []
        for folder, _, names in os.walk(self._path, onerror=_raise):
            found += [(Path(folder) / name).relative_to(self._path).as_posix() for name in names]
        return sorted(found)

    def slots(self) -> list[int]:
        """The numbers of the ledger's entries, ascending."""
        ledger = self._path / "ledger"
        names = (
            [path.name for path in ledger.iterdir() if path.is_file()] if ledger.is_dir() else []
        )
        return sorted(int(match[1]) for match in map(_SLOT.fullmatch, names) if match)


def slot(n: int) -> str:
    """The name of entry n."""
    return f"ledger/{n:020}.json"


def is_slot(name: str) -> bool:
    """Tells whether a name is that of a ledger entry."""
    return name.startswith("ledger/") and _SLOT.fullmatch(name[len("ledger/") :]) is not None


def _raise(error: OSError) -> None:
    raise error
