"""The stub of the native module says what the native module has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def stubtest(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            *("-m", "mypy.stubtest", "sealtrail._native"),
            *("--mypy-config-file", str(config)),
        ],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )


def test_stub_matches_native_module(root: Path) -> None:
    done = stubtest(root, root / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_stubtest_sees_a_name_too_many(root: Path, tmp_path: Path) -> None:
    # Guards the test above against passing because nothing was compared.
    package = tmp_path / "python" / "sealtrail"
    package.mkdir(parents=True)
    stub = (root / "python/sealtrail/_native.pyi").read_text()
    (package / "_native.pyi").write_text(stub + "\ndef no_such_function() -> None: ...\n")
    (package / "__init__.pyi").touch()
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nmypy_path = python\n")
    done = stubtest(tmp_path, config)
    assert done.returncode == 1
    assert "no_such_function" in done.stdout
