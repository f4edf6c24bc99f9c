"""`import sealtrail` is quick and brings in no data library."""

from __future__ import annotations

import json
import subprocess
import sys

BUDGET_MS = 150
RUNS = 7

TIMED_IMPORT = """
import time
start = time.perf_counter()
import sealtrail
print((time.perf_counter() - start) * 1000)
"""

IMPORTED = """
import json, sys
before = set(sys.modules)
import sealtrail
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def run(code: str) -> str:
    # -I: the installed package, not one that happens to lie in the working folder.
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_import_time() -> None:
    # The best of several: the budget is for the import, not for what else the machine does.
    best = min(float(run(TIMED_IMPORT)) for _ in range(RUNS))
    assert best < BUDGET_MS, f"import sealtrail took {best:.0f} ms"


def test_import_brings_in_no_data_library() -> None:
    imported = set(json.loads(run(IMPORTED)))
    assert "sealtrail" in imported
    assert not imported & {"numpy", "pandas", "polars", "pyarrow", "matplotlib", "IPython"}
