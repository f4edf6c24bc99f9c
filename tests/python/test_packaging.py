"""The installed package: versions, command, wheel tags, and that it ships what is tested."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sealtrail


def installed_command() -> str:
    return str(Path(sys.executable).parent / "sealtrail")


def features(root: Path, *selection: str) -> dict[str, str]:
    """The features of every third-party crate in a dependency tree, by name and version."""
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--prefix", "none", "--format", "{p}\t{f}", *selection],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = (line.removesuffix(" (*)") for line in tree.stdout.splitlines() if line)
    return dict(line.split("\t") for line in lines if "(/" not in line)


def test_version_is_the_workspace_version(root: Path) -> None:
    manifest = tomllib.loads((root / "Cargo.toml").read_text())
    version = manifest["workspace"]["package"]["version"]
    assert sealtrail.__version__ == version
    assert importlib.metadata.version("sealtrail") == version


@pytest.mark.parametrize("command", [[installed_command()], [sys.executable, "-m", "sealtrail"]])
def test_command_prints_the_version(command: list[str]) -> None:
    done = subprocess.run([*command, "--version"], check=True, capture_output=True, text=True)
    assert done.stdout == f"sealtrail {sealtrail.__version__}\n"


def test_the_command_imports_nothing_that_it_does_not_need() -> None:
    ours = "sorted(m for m in sys.modules if m.startswith('sealtrail.'))"
    code = f"import sys, sealtrail.cli; print({ours})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "['sealtrail._native', 'sealtrail.cli']\n"


def test_every_name_of_the_package_is_found_when_it_is_used() -> None:
    for name in sealtrail.__all__:
        assert getattr(sealtrail, name) is not None
        assert name in dir(sealtrail)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sealtrail.nothing


def test_command_exits_with_2_on_wrong_usage() -> None:
    done = subprocess.run(
        [installed_command(), "--no-such-option"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr


def test_wheel_is_abi3_for_311_and_typed() -> None:
    wheel = importlib.metadata.distribution("sealtrail")
    tag = re.search(r"^Tag: (.+)$", wheel.read_text("WHEEL") or "", re.MULTILINE)
    assert tag is not None
    assert tag[1].startswith("cp311-abi3-")
    names = {str(file) for file in wheel.files or []}
    assert {"sealtrail/py.typed", "sealtrail/_native.pyi"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.skipif(shutil.which("cargo") is None, reason="needs cargo")
def test_wheel_and_rust_tests_use_dependencies_with_the_same_features(root: Path) -> None:
    wheel = features(root, "--package", "sealtrail-py", "--edges", "normal,build")
    tests = features(root, "--workspace", "--edges", "normal,build,dev")
    assert len(wheel) > 100
    assert {name: tests.get(name) for name in wheel} == wheel
