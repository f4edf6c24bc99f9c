"""Makes ``python -m sealtrail`` the same as the ``sealtrail`` command."""

import sys

from sealtrail.cli import main

if __name__ == "__main__":
    sys.exit(main())
