"""The command ``otel-llm``. Needs the extra ``cli``; each command lives in a module of its own beside this one."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the console script."""
    try:
        from otel_llm.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "yaml"):
            raise
        sys.exit(f"otel-llm: the command line needs {error.name}: pip install 'otel-llm[cli]'")
    app()
