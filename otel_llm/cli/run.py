"""``otel-llm run -- COMMAND``: instruments a Python program without a change to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from otel_llm import autoload


def run(context: typer.Context) -> None:
    """Run a command with every LLM call of it observed: otel-llm run -- python app.py"""
    command = context.args
    if not command:
        raise typer.BadParameter("give the command to run: otel-llm run -- python app.py")
    folder = str(Path(autoload.__file__).parent)
    path = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        typer.echo(f"otel-llm run: {command[0]}: {error.strerror}", err=True)
        sys.exit(127)
