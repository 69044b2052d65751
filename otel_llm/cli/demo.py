"""``otel-llm demo``: see it work without an API key."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

_SDKS = ("openai", "anthropic")


def demo(
    duration: Annotated[float, typer.Option(min=1, max=86_400, help="Seconds to run.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed makes the same calls in the same order.")] = 1,
    scenario: Annotated[str, typer.Option(help="all, full, normal, storm, outage, slow, spike or truncated.")] = "all",
    prometheus: Annotated[bool, typer.Option(help="Start Prometheus, if installed, to see alerts fire.")] = True,
) -> None:
    """Emulated providers, the real SDKs, our metrics: incidents, alerts, and a summary that must be true."""
    if missing := [sdk for sdk in _SDKS if importlib.util.find_spec(sdk) is None]:
        typer.echo(f"otel-llm demo: it needs {' and '.join(missing)}: pip install 'otel-llm[demo]'", err=True)
        raise typer.Exit(2)
    from otel_llm.demo.session import Options, run

    options = Options(scenario=scenario, duration=duration, seed=seed, prometheus=prometheus)
    try:
        code = run(options)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scenario") from error
    raise typer.Exit(code)
