"""``otel-llm doctor``: what would be observed in this environment, and what stands in the way."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import socket
from collections.abc import Iterator

import typer
from rich.console import Console
from rich.table import Table

import otel_llm
from otel_llm.patching import version_of
from otel_llm.prices.overrides import Overrides
from otel_llm.redaction import redact
from otel_llm.seams import HOOKS
from otel_llm.settings import SPECS, Settings, Spec, load
from otel_llm.status import ClientStatus

OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                  "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")  # fmt: skip
OTLP_PACKAGES = ("opentelemetry-exporter-otlp-proto-http", "opentelemetry-exporter-otlp-proto-grpc")


def doctor() -> None:
    """Check settings and SDKs of this environment; exit with 1 if there is a problem.

    Imports every SDK that is installed here, as an app would, and patches it; no call is made.
    """
    loaded = load({})
    problems = [*loaded.problems, *_setting_problems(loaded.settings)]
    clients = _patched()
    problems += [_client_problem(row) for row in clients if row.version and not row.patched]
    console = Console()
    console.print(_settings(loaded.settings))
    console.print(_clients(clients))
    for problem in problems:
        console.print(f"problem: {problem}", markup=False, highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    console.print("No problem found.")


def _setting_problems(settings: Settings) -> Iterator[str]:
    """What the values as such do not show."""
    if settings.disabled:
        yield "OTEL_LLM_DISABLED or OTEL_SDK_DISABLED is true: nothing is observed. Unset it."
    if settings.prices is not None:
        try:
            Overrides.from_file(settings.prices)
        except (OSError, ValueError) as error:
            yield f"OTEL_LLM_PRICES: {error}"
    if settings.scrape != "off" and settings.scrape_port:
        with socket.socket() as probe:
            try:
                probe.bind((settings.scrape_host, settings.scrape_port))
            except OSError as error:
                yield (
                    f"scrape endpoint {settings.scrape_host}:{settings.scrape_port}: {error.strerror or error}. "
                    "If that is no app of yours that is instrumented already, set OTEL_EXPORTER_PROMETHEUS_PORT."
                )
    found = next((name for name in OTLP_ENDPOINTS if os.environ.get(name)), None)
    if found and not any(version_of(package) for package in OTLP_PACKAGES):
        yield f"{found} is set, but no OTLP exporter is installed: pip install 'otel-llm[otlp]'"


def _patched() -> list[ClientStatus]:
    """Every client, patched as it is in an app that imports all of its SDKs."""
    quiet = logging.getLogger("otel_llm")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)
    try:
        otel_llm.uninstrument()
        otel_llm.instrument(scrape="off", disabled=False)
        for hook in HOOKS:
            if version_of(hook.package):
                _import(hook.module)
        return otel_llm.status().clients
    finally:
        otel_llm.uninstrument()
        quiet.setLevel(level)


def _client_problem(row: ClientStatus) -> str:
    return row.problem or (
        f"{row.package} {row.version}: has none of the modules that otel-llm patches, or cannot be imported. Its calls "
        "are observed at most as plain HTTP. Install a version that the README lists, or update otel-llm."
    )


def _import(module: str) -> None:
    # An SDK that cannot be imported, or prints at import, is not our matter here; several rows are majors of one.
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        importlib.import_module(module)


def _settings(settings: Settings) -> Table:
    table = Table("setting", "value", "from", title="Settings", title_justify="left")
    for spec in SPECS:
        table.add_row(spec.name, redact(str(getattr(settings, spec.name))), _source(spec, settings))
    return table


def _source(spec: Spec, settings: Settings) -> str:
    for variable in filter(None, (spec.variable, spec.standard)):
        if os.environ.get(variable, "").strip():
            unread = getattr(settings, spec.name) == getattr(Settings(), spec.name)
            return f"{variable} (default, if not allowed)" if unread else variable
    return "default"


def _clients(clients: list[ClientStatus]) -> Table:
    heads = ("client", "installed", "version", "patched", "calls seen", "last internal error")
    table = Table(*heads, title="Clients", title_justify="left")
    for row in sorted(clients, key=lambda row: row.version is None):
        patched = "yes" if row.patched else "NO" if row.version else ""
        installed = "yes" if row.version else "no"
        table.add_row(row.package, installed, row.version or "", patched, str(row.calls), row.last_error or "")
    return table
