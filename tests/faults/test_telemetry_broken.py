"""The telemetry around us is broken: exporters, collectors, logging, clocks, providers. The app does not notice."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult

import otel_llm
from otel_llm import catalog, guard
from tests.faults.conftest import App, bounded
from tests.faults.test_exit import Collector, down, silent
from tests.telemetry import observed

Failed = Callable[[], dict[str, int]]


@contextmanager
def broken(provider: Any, **settings: Any) -> Iterator[Any]:
    """Instrumented with a broken provider; what is logged and counted is up to the test."""
    with observed(tracer_provider=provider, **settings) as telemetry:
        yield telemetry
        telemetry.forgive()


class Raising(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise RuntimeError("the exporter is broken")

    def shutdown(self) -> None:
        raise RuntimeError("the exporter is broken")


class Hanging(SpanExporter):
    """Hangs until it is let go."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.entered = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.entered.set()
        self.release.wait(30)
        return SpanExportResult.FAILURE


class RaisingProcessor(SpanProcessor):
    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise RuntimeError("on_start is broken")

    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError("on_end is broken")


class RaisingSampler(Sampler):
    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        raise RuntimeError("the sampler is broken")

    def get_description(self) -> str:
        return "broken"


def provider(*processors: SpanProcessor, **more: Any) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False, **more)
    for processor in processors:
        made.add_span_processor(processor)
    return made


def test_exporter_raises(app: App, bare: Any) -> None:
    with broken(provider(SimpleSpanProcessor(Raising()))) as telemetry:
        assert bounded(app.run) == bare
        assert telemetry.value(catalog.CALLS) == 2


def test_processor_raises(app: App, bare: Any, failed: Failed) -> None:
    with broken(provider(RaisingProcessor())) as telemetry:
        assert bounded(app.run) == bare
        assert telemetry.value(catalog.CALLS) == 2
        assert telemetry.value(catalog.INFLIGHT) == 0
        assert sum(failed().values()) >= 2
        assert telemetry.value(catalog.INTERNAL_ERRORS) >= 2


def test_sampler_raises(app: App, bare: Any, failed: Failed) -> None:
    with broken(provider(sampler=RaisingSampler())) as telemetry:
        assert bounded(app.run) == bare
        assert telemetry.value(catalog.CALLS) == 2
        assert telemetry.value(catalog.INFLIGHT) == 0
        assert failed() == {"signals.span_start": 2}


def test_instruments_raise(app: App, bare: Any, failed: Failed) -> None:
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    with (
        mock.patch("opentelemetry.sdk.metrics._internal.instrument.Histogram.record", side_effect=RuntimeError),
        broken(provider(), meter_provider=meters, scrape="on") as telemetry,
    ):
        assert bounded(app.run) == bare
        assert telemetry.value(catalog.CALLS) == 2
        assert telemetry.value(catalog.INFLIGHT) == 0
        assert sum(failed().values()) >= 2


def test_events_raise(app: App, bare: Any, failed: Failed) -> None:
    class Broken(LogRecordProcessor):
        def on_emit(self, log_record: Any) -> None:
            raise RuntimeError("on_emit is broken")

        def shutdown(self) -> None:
            pass

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return True

    logs = LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(Broken())
    with broken(provider(), logger_provider=logs, content="event_only") as telemetry:
        assert bounded(app.run) == bare
        assert telemetry.value(catalog.CALLS) == 2
        assert telemetry.value(catalog.INFLIGHT) == 0
        assert sum(failed().values()) >= 2


def test_exporter_hangs_and_queue_fills(app: App, bare: Any) -> None:
    exporter = Hanging()
    batch = BatchSpanProcessor(exporter, max_queue_size=2, max_export_batch_size=1, schedule_delay_millis=1)
    try:
        with broken(provider(batch)) as telemetry:
            assert bounded(app.run) == bare
            assert exporter.entered.wait(5)
            for _ in range(5):
                assert bounded(app.run) == bare
            assert telemetry.value(catalog.CALLS) == 12
    finally:
        exporter.release.set()
        batch.shutdown()


@pytest.mark.parametrize("collector", [down, silent])
def test_collector_down(app: App, bare: Any, monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    with collector() as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        with broken(None) as telemetry:
            assert bounded(app.run) == bare
            assert bounded(lambda: otel_llm.flush(1.0) in (True, False))
            assert telemetry.value(catalog.CALLS) == 2
            bounded(otel_llm.uninstrument)


@pytest.mark.parametrize("what", [RuntimeError("full"), OSError(28, "No space left on device")])
def test_logging_broken(app: App, bare: Any, what: Exception, failed: Failed) -> None:
    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise what

    handler = Broken()
    names = ("otel_llm", "opentelemetry", "")
    for site in guard._sites.values():
        site.failures = 0  # so that the first failure of this test is logged
    for name in names:
        logging.getLogger(name).addHandler(handler)
    try:
        otel_llm.instrument(tracer_provider=provider(RaisingProcessor()), scrape="off")
        assert bounded(app.run) == bare
    finally:
        for name in names:
            logging.getLogger(name).removeHandler(handler)
        otel_llm.uninstrument()
    assert any(guard.failures().values())
    with observed() as telemetry:
        telemetry.samples()  # the next occasion: what could not be said is said
        said = [record.getMessage() for record in telemetry.logged]
        assert sorted(text.partition(";")[0] for text in said) == [
            f"otel-llm: internal error in {site}" for site in sorted(failed())
        ]
        telemetry.forgive()


@pytest.mark.parametrize("step", [-(10**18), 10**15, None], ids=["back", "ahead", "broken"])
def test_clock_jumps(app: App, bare: Any, step: int | None, failed: Failed) -> None:
    real = time.time_ns
    calls = iter(range(10**9))

    def jumping() -> int:
        if step is None:
            raise OSError("no clock")
        return real() + (step if next(calls) % 2 else 0)

    with broken(provider()) as telemetry:
        with mock.patch("otel_llm.call.time.time_ns", jumping) if step is not None else mock.patch(
            "otel_llm.call.time", _BrokenTime()
        ):  # fmt: skip
            assert bounded(app.run) == bare
        if step is None:
            assert failed()
        else:
            assert telemetry.value(catalog.CALLS) == 2
            assert telemetry.total(catalog.DURATION.prometheus + "_sum") < 60


class _BrokenTime:
    """The module without its wall clock."""

    def __getattr__(self, name: str) -> Any:
        if name == "time_ns":
            raise OSError("no clock")
        return getattr(time, name)


def test_providers_shut_down_under_us(app: App, bare: Any) -> None:
    traces, meters = provider(), MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    with broken(traces, meter_provider=meters, scrape="on") as telemetry:
        traces.shutdown()
        meters.shutdown()
        assert bounded(app.run) == bare
        assert telemetry.value(catalog.CALLS) == 2


def test_breaker_opens_and_says_so_once(app: App, bare: Any) -> None:
    with broken(provider(sampler=RaisingSampler())) as telemetry:
        guard.site("signals.span_start").failures = 0
        for _ in range(guard.BREAKER_LIMIT // 2 + 5):
            assert app.run() == bare
        said = [record.getMessage() for record in telemetry.logged if "signals.span_start" in record.getMessage()]
        assert len([text for text in said if "switched off" in text]) == 1
        assert len(said) == 2  # the first failure with its trace, and the breaker
        assert guard.failures()["signals.span_start"] == guard.BREAKER_LIMIT
        assert telemetry.value(catalog.CALLS) == 2 * (guard.BREAKER_LIMIT // 2 + 5)
        assert telemetry.value(catalog.INTERNAL_ERRORS, site="signals.span_start") == guard.BREAKER_LIMIT


def test_a_step_that_fails_now_and_then_stays_on() -> None:
    site = guard.site("test.now_and_then")

    @guard.breaker("test.now_and_then")
    def step(n: int) -> None:
        if n % 2:
            raise ValueError

    for n in range(4 * guard.BREAKER_LIMIT):
        step(n)
    assert site.failures == 2 * guard.BREAKER_LIMIT
    assert not site.open


def test_only_a_breaker_breaks() -> None:
    """What ends something runs every time, however often it failed: else every call would leak."""
    ran: list[int] = []

    @guard.guarded("test.always")
    def always() -> None:
        ran.append(1)
        raise ValueError

    @guard.breaker("test.broken")
    def broken() -> None:
        ran.append(1)
        raise ValueError

    for _ in range(2 * guard.BREAKER_LIMIT):
        always()
    assert len(ran) == 2 * guard.BREAKER_LIMIT
    for _ in range(2 * guard.BREAKER_LIMIT):
        broken()
    assert len(ran) == 3 * guard.BREAKER_LIMIT
    guard.close_breakers()


@pytest.mark.parametrize("where", ["handler", "stack"])
def test_what_could_not_be_logged_is_told_later(where: str, caplog: pytest.LogCaptureFixture) -> None:
    place = guard.site(f"test.{where}")
    fault = mock.patch.object(
        guard.logger if where == "handler" else guard, "warning" if where == "handler" else "where",
        side_effect=RecursionError,
    )  # fmt: skip
    with fault:
        place.note(ValueError("secret"))
    guard.tell()
    said = [record.getMessage() for record in caplog.records if place.name in record.getMessage()]
    assert len(said) == 1
    assert "ValueError" in said[0]
    assert "secret" not in said[0]
