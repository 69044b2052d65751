"""The command tree: one line per command."""

from __future__ import annotations

import typer

from otel_llm.cli import pack
from otel_llm.cli.demo import demo
from otel_llm.cli.doctor import doctor
from otel_llm.cli.run import run
from otel_llm.version import __version__

app = typer.Typer(name="otel-llm", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"otel-llm {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """LLM calls in the monitoring stack that you already run."""


app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(run)
pack.register(app)
app.command()(demo)
app.command()(doctor)
