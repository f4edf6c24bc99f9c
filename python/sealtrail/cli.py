"""The ``sealtrail`` command: hands the arguments to the native command line."""

import signal
import sys

from sealtrail import _native


def main() -> int:
    """Run the ``sealtrail`` command with the arguments of this process.

    Returns:
        The exit code: 0 for success, 2 for wrong usage; each command documents the others.
    """
    # The native code does not return to the interpreter until it is done, so Python's own
    # handler, which only sets a flag, would swallow Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.cli_main(["sealtrail", *sys.argv[1:]])
