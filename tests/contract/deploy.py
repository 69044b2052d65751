"""A deploy as Prometheus sees one: beside the replica that runs, another one of the same job reports a new version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.prefork.server import Process

OLD, NEW = "7.3.0", "7.4.0"
REPLICA = "import threading, otel_llm; otel_llm.instrument(); threading.Event().wait()"


def resource(version: str) -> str:
    """What a service's deployment sets in ``OTEL_RESOURCE_ATTRIBUTES``."""
    return f"service.namespace=shop,service.name=checkout,service.version={version}"


@contextmanager
def rolled_out(folder: Path, port: int) -> Iterator[Process]:
    """A replica of the new version that serves its ``/metrics`` at the port and makes no calls."""
    command = ("-c", REPLICA)
    env = {"OTEL_RESOURCE_ATTRIBUTES": resource(NEW), "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
           "OTEL_LLM_SCRAPE": "on"}  # fmt: skip
    with Process(*command, log=folder / "replica.log", **env) as process:
        yield process
