__all__ = ["__version__", "cli_main"]

__version__: str

def cli_main(argv: list[str]) -> int: ...
