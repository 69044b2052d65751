"""What ``instrument()`` told about the calls of a test: spans from memory, series from the app's own registry."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from unittest import mock

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

import otel_llm
from otel_llm import catalog, guard
from otel_llm.catalog import Metric, label_name

LOGGERS = ("otel_llm", "opentelemetry")
WAIT = 5.0
"""Seconds after which what a test waits for is taken not to come."""


class SpanFacts:
    """One span of ours by what it states."""

    def __init__(self, span: ReadableSpan) -> None:
        self.span = span
        self.attributes: Mapping[str, Any] = dict(span.attributes or {})
        self.attempts = [dict(event.attributes or {}) for event in span.events if event.name == catalog.EVENT_ATTEMPT]

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    def get(self, attribute: str) -> Any:
        return self.attributes.get(attribute)

    @property
    def outcome(self) -> str:
        return self[catalog.SPAN_OUTCOME]

    @property
    def error_class(self) -> str | None:
        return self.get(catalog.SPAN_ERROR_CLASS)

    @property
    def tokens(self) -> tuple[int | None, int | None]:
        """Input and output as stated."""
        return self.get(catalog.USAGE_INPUT), self.get(catalog.USAGE_OUTPUT)

    @property
    def finish(self) -> list[str]:
        return list(self.get(catalog.FINISH_REASONS) or ())

    @property
    def statuses(self) -> list[int | None]:
        """HTTP status of each attempt."""
        return [attempt.get(catalog.HTTP_STATUS) for attempt in self.attempts]

    @property
    def seconds(self) -> float:
        return ((self.span.end_time or 0) - (self.span.start_time or 0)) / 1e9


class Figures:
    """The samples of one scrape."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    def value(self, metric: Metric, **labels: str) -> float:
        """Sum of a counter or gauge, or of a histogram's counts, over the series with these labels."""
        return self.total(metric.prometheus + "_count" if metric.kind == "histogram" else metric.series, **labels)

    def total(self, name: str, **labels: str) -> float:
        """Sum over the samples of that name with these labels."""
        return sum(s.value for s in self._samples if s.name == name and labels.items() <= s.labels.items())

    def counts(self, metric: Metric, by: str) -> dict[str, float]:
        """Values above 0 by one label, given by its attribute name."""
        found: dict[str, float] = {}
        for sample in self._samples:
            if sample.name == metric.series and sample.value:
                key = sample.labels[label_name(by)]
                found[key] = found.get(key, 0) + sample.value
        return found


class Telemetry:
    """Spans and series since ``instrument()``."""

    def __init__(self, provider: TracerProvider, exporter: InMemorySpanExporter) -> None:
        self.provider = provider
        self.exporter = exporter
        self.logged: list[logging.LogRecord] = []
        """Warnings and worse of ours and of OpenTelemetry's; a test that expects some clears the list."""
        self._failures = guard.failures()

    def finished(self) -> list[ReadableSpan]:
        """Every finished span, the app's own included. A scrape first: it is what reports dropped streams."""
        self.samples()
        return list(self.exporter.get_finished_spans())

    def spans(self) -> list[SpanFacts]:
        """Our spans, in the order in which they ended."""
        ours = (catalog.SCOPE,)
        return [
            SpanFacts(s) for s in self.finished() if s.instrumentation_scope and s.instrumentation_scope.name in ours
        ]

    def one(self) -> SpanFacts:
        """The one call of the test: fails if there is none or there are more, and if anything is still open."""
        found = self.spans()
        assert len(found) == 1, [span.attributes for span in found]
        assert found[0].span.kind is SpanKind.CLIENT
        assert self.value(catalog.INFLIGHT) == 0
        return found[0]

    def figures(self) -> Figures:
        """What a scrape shows now: for a test that looks at many of its series."""
        return Figures(self.samples())

    def samples(self) -> list[Sample]:
        """All samples that a scrape shows now."""
        text = generate_latest(REGISTRY).decode()
        return [sample for family in text.split(FAMILY) for sample in _samples(family)]

    def value(self, metric: Metric, **labels: str) -> float:
        """As :meth:`Figures.value`, of now."""
        return self.figures().value(metric, **labels)

    def total(self, name: str, **labels: str) -> float:
        """As :meth:`Figures.total`, of now."""
        return self.figures().total(name, **labels)

    def counts(self, metric: Metric, by: str) -> dict[str, float]:
        """As :meth:`Figures.counts`, of now."""
        return self.figures().counts(metric, by)

    def forgive(self) -> None:
        """Internal errors and complaints so far were expected."""
        self._failures = guard.failures()
        self.logged.clear()

    def clean(self) -> None:
        """Nothing of ours failed, and nobody logged a complaint."""
        now = guard.failures()
        assert {s: n for s, n in now.items() if n != self._failures.get(s, 0)} == {}
        assert [record.getMessage() for record in self.logged] == []


FAMILY = "\n# HELP "
"""What stands between two families of a page."""


@lru_cache(maxsize=4096)
def _samples(family: str) -> tuple[Sample, ...]:
    """The samples of one family. Most are the same in the next scrape, and parsing takes longer than the rest of most
    tests."""
    text = f"# HELP {family.removeprefix(FAMILY.lstrip())}\n"
    return tuple(sample for found in text_string_to_metric_families(text) for sample in found.samples)


class _Collect(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.WARNING)
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def observed(*, endpoint: bool = False, **settings: Any) -> Iterator[Telemetry]:
    """Instruments, yields what is told, restores, and checks that nothing of ours failed on the way.

    Without ``endpoint`` no server thread is started.
    """
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry = Telemetry(provider, exporter)
    handler = _Collect(telemetry.logged)
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
    serve = otel_llm.instrumentor.serve if endpoint else lambda *_: None
    try:
        with mock.patch.object(otel_llm.instrumentor, "serve", serve):
            otel_llm.instrument(**{"tracer_provider": provider, "scrape_port": 0, **settings})
        yield telemetry
        telemetry.clean()
    finally:
        otel_llm.uninstrument()
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(handler)


def until(condition: Callable[[], Any], timeout: float = WAIT) -> Any:
    """The condition's value as soon as it is true; fails after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {timeout} s in vain"
        time.sleep(0.005)
    return found
