"""sealtrail: the signed audit trail of AI agents."""

from sealtrail._native import __version__

__all__ = ["__version__"]
