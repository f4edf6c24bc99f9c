"""The command line: `python -m sealtrail_verifier TRAIL|PROOF --key VKEY|FILE`.

Exit codes: 0 verified (PRUNED is verified, too: what is not there, the owner
deleted and said so), 4 something is missing or tampered with, 2 wrong usage, 3 the
trail or proof cannot be read, or LOCKED: it is encrypted and the key is not at hand.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sealtrail_verifier import proof
from sealtrail_verifier.encrypted import MasterKey, read_master
from sealtrail_verifier.forms import FormatError
from sealtrail_verifier.keys import RootSecret
from sealtrail_verifier.note import VerifierKey
from sealtrail_verifier.verifier import verify_trail


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sealtrail_verifier",
        description="Verifies a trail or a proof from its bytes and the owner's public key.",
    )
    parser.add_argument(
        "trail", metavar="TRAIL|PROOF", help="the trail's folder, or a proof's file"
    )
    parser.add_argument(
        "--key",
        required=True,
        type=_owner,
        metavar="VKEY|FILE",
        help="the owner's public key: the text of owner.vkey, or a file that holds it",
    )
    parser.add_argument(
        "--owner-key",
        type=_secret,
        metavar="FILE",
        help="the owner's owner.json: HMACs and seals are checked as well",
    )
    parser.add_argument(
        "--archive",
        action="append",
        default=[],
        type=_archive,
        metavar="NAME=FOLDER",
        help="an archive to which segments were moved; may be given several times",
    )
    parser.add_argument(
        "--master-key",
        type=_master,
        metavar="FILE",
        help="the master key of the trail's keyring: what is encrypted is checked as well",
    )
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    arguments = parser.parse_args(argv)
    if Path(arguments.trail).is_file():
        return _check_proof(Path(arguments.trail), arguments.key)
    try:
        archives = dict(arguments.archive)
        report = verify_trail(
            arguments.trail, arguments.key, arguments.owner_key, archives, arguments.master_key
        )
    except OSError as error:
        sys.stderr.write(f"cannot read the trail: {error}\n")
        return 3
    as_json = arguments.output == "json"
    text = json.dumps(report.as_json(), indent=2) if as_json else report.as_text()
    sys.stdout.write(text + "\n")
    if report.verdict == "LOCKED":
        return 3
    return 0 if report.is_sound else 4


def _check_proof(path: Path, owner: VerifierKey) -> int:
    try:
        shown = proof.check(path.read_bytes(), owner)
    except OSError as error:
        sys.stderr.write(f"cannot read the proof: {error}\n")
        return 3
    except FormatError as error:
        sys.stderr.write(f"the proof does not hold: {error}\n")
        return 4
    sys.stdout.write(json.dumps(shown.as_json(), indent=2) + "\n")
    return 0


def _owner(text: str) -> VerifierKey:
    try:
        return VerifierKey.parse(text if "+" in text else Path(text).read_text("utf-8").strip())
    except (FormatError, UnicodeDecodeError):
        # Whatever it is instead, such as owner.json, is not repeated.
        message = "this is no public key; owner.vkey holds one (name+hash+base64)"
        raise argparse.ArgumentTypeError(message) from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"no public key: {error}") from error


def _archive(text: str) -> tuple[str, str]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise argparse.ArgumentTypeError("an archive is given as NAME=FOLDER")
    return name, folder


def _master(path: str) -> MasterKey:
    try:
        return read_master(path)
    except FormatError:
        raise argparse.ArgumentTypeError(f"{path} is no master key") from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"no master key: {error}") from error


def _secret(path: str) -> RootSecret:
    try:
        return RootSecret.parse(Path(path).read_bytes())
    except FormatError:
        raise argparse.ArgumentTypeError(f"{path} is no owner.json, or is damaged") from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"no owner key: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
