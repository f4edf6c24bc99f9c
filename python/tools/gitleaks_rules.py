# ruff: noqa: INP001 - a tool by itself
"""Makes the recogniser's rules from those of gitleaks.

    python gitleaks_rules.py gitleaks.toml VERSION > rust/core/src/redact/detect/gitleaks.json

`gitleaks.toml` is `config/gitleaks.toml` of https://github.com/gitleaks/gitleaks. Rules that look
at names of files say nothing about values and are left out. The tests of `redact` tell which
expressions Rust's `regex` cannot compile.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

# `{` stands for itself in Go where it begins no repetition; in Rust it must be escaped.
LITERAL_BRACES = {
    r"^\${(?:[A-Z_]+|[a-z_]+)}$": r"^\$\{(?:[A-Z_]+|[a-z_]+)\}$",
    r"^\$(?:\d+|{\d+})$": r"^\$(?:\d+|\{\d+\})$",
    r"^{\d{0,2}}$": r"^\{\d{0,2}\}$",
    r"""import[ \t]+{[ \t\w,]+}[ \t]+from[ \t]+['"][^'"]+['"]""": (
        r"""import[ \t]+\{[ \t\w,]+\}[ \t]+from[ \t]+['"][^'"]+['"]"""
    ),
    r"""['"]?\$?{{[^}]+}}['"]?:['"]?\$?{{[^}]+}}['"]?""": (
        r"""['"]?\$?\{\{[^}]+\}\}['"]?:['"]?\$?\{\{[^}]+\}\}['"]?"""
    ),
}


def allowed(entry: dict[str, Any]) -> dict[str, Any]:
    """What is no secret, in our form."""
    out: dict[str, Any] = {}
    if regexes := entry.get("regexes"):
        out["regexes"] = [LITERAL_BRACES.get(text, text) for text in regexes]
    if stopwords := entry.get("stopwords"):
        out["stopwords"] = sorted({word.lower() for word in stopwords})
    if entry.get("regexTarget") in ("match", "line"):
        out["whole"] = True
    return out


def rule(entry: dict[str, Any]) -> dict[str, Any]:
    """A rule in our form."""
    out: dict[str, Any] = {
        "id": entry["id"],
        "keywords": [word.lower() for word in entry["keywords"]],
        "regex": entry["regex"],
    }
    if "entropy" in entry:
        out["entropy"] = entry["entropy"]
    if "secretGroup" in entry:
        out["group"] = entry["secretGroup"]
    if allow := [allowed(item) for item in entry.get("allowlists", [])]:
        out["allow"] = allow
    return out


def main() -> None:
    """Reads the file that is named and writes the rules to standard output."""
    config = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rules = [rule(entry) for entry in config["rules"] if "regex" in entry and "path" not in entry]
    result = {
        "source": f"gitleaks {sys.argv[2]}, config/gitleaks.toml, MIT licence (LICENSE-gitleaks)",
        "allow": allowed({k: v for k, v in config["allowlist"].items() if k != "paths"}),
        "rules": rules,
    }
    json.dump(result, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
