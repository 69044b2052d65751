"""Our series as Prometheus' OTLP receiver would store them, made from a real exposition and served for a scrape.

What is different there: ``job`` is ``namespace/name`` of the service, ``instance`` its instance id, both on every
series and without an ``exported_`` beside them; the other resource attributes stand on ``target_info`` alone; an
attribute that a call does not have is absent, and not an empty label; bounds of buckets are ``1`` and not ``1.0``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from otel_llm import catalog
from tests.prefork.scrapes import GONE, fetch

JOB = "shop/checkout"
INSTANCES = ("3f6c1f0e-6b1f-4d53-9a55-0c9f1a3c8a11", "9a0d7c52-0f0f-4a57-8a86-5d1f2b7f3e02")
"""Ids of the service's replicas, in the order of the sources."""
Source = Callable[[], Iterable[Metric]]
OURS = ("otel_llm", "gen_ai", "target")
"""How the families of ours begin; the process's other ones would not come by OTLP."""
IDENTITY = {catalog.label_name(name) for name in ("service.name", "service.namespace", "service.instance.id")}
"""Resource attributes that became ``job`` and ``instance``."""


def labelled(labels: dict[str, str], instance: str) -> dict[str, str]:
    """A series' labels as the receiver writes them."""
    kept = {name: value for name, value in labels.items() if value and name not in IDENTITY}
    if "le" in kept:
        kept["le"] = kept["le"].removesuffix(".0")
    return {**kept, "job": JOB, "instance": instance}


def page(address: str) -> Source:
    """Families of a replica's ``/metrics``; none while it is not there."""

    def collect() -> Iterable[Metric]:
        try:
            return text_string_to_metric_families(fetch(f"http://{address}/metrics").decode())
        except GONE:
            return ()

    return collect


class OtlpShaped(Collector):
    """The families of ours in another registry, with the receiver's labels."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self._sources = sources

    def describe(self) -> list[Metric]:
        """Nothing: so that registering does not collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for instance, source in zip(INSTANCES, self._sources, strict=False):
            for family in source():
                if family.name.startswith(OURS):
                    samples = [Sample(s.name, labelled(s.labels, instance), s.value) for s in family.samples]
                    merged = families.setdefault(family.name, family)
                    merged.samples = samples if merged is family else [*merged.samples, *samples]
        yield from families.values()


@contextmanager
def served(*sources: Source) -> Iterator[str]:
    """``host:port`` of a page with what the sources have now, shaped so."""
    registry = CollectorRegistry()
    registry.register(OtlpShaped(sources))
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
