"""What is broken around us costs the app no time: a call under a fault takes what it takes beside sound telemetry.

Blocks under the fault and beside sound telemetry are timed right after each other, in changing order, on a transport
inside of the process; the median of the pairs' ratios is what counts, so that a busy machine slows both.
"""

from __future__ import annotations

import errno
import logging
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest import mock

import httpx2
import openai
import pytest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

import otel_llm
from otel_llm import guard
from otel_llm.prefork import files
from tests.behaviour.rows import CHAT
from tests.bench.overhead import CHAT as ANSWER
from tests.bench.overhead import _chat_stream, _client
from tests.faults.test_exit import answering, down, silent
from tests.faults.test_telemetry_broken import Hanging, Raising, RaisingProcessor, RaisingSampler, provider
from tests.telemetry import until

FACTOR = 2.5
"""A wait, a retry or a queue that blocks is far above it; what raising and counting costs is far below."""
PAIRS, CALLS = 9, 4
Block = Callable[[], AbstractContextManager[None]]
"""What a few calls are made in."""
Fault = Callable[[], AbstractContextManager[tuple[Block, Block]]]
"""Calls under the fault, and beside sound telemetry."""


@contextmanager
def instrumented(**settings: Any) -> Iterator[None]:
    otel_llm.instrument(**{"scrape": "off", **settings})
    try:
        yield
    finally:
        otel_llm.uninstrument()


def sound() -> AbstractContextManager[None]:
    return instrumented(tracer_provider=provider(SpanProcessor()))


def of(make: Callable[[], Any]) -> Fault:
    """A broken provider."""

    @contextmanager
    def fault() -> Iterator[tuple[Block, Block]]:
        made = make()
        yield lambda: instrumented(tracer_provider=made), sound

    return fault


@contextmanager
def hanging() -> Iterator[tuple[Block, Block]]:
    """An exporter that never comes back, behind a queue that is full after two spans."""
    exporter = Hanging()
    batch = BatchSpanProcessor(exporter, max_queue_size=2, max_export_batch_size=1, schedule_delay_millis=1)
    made = provider(batch)
    try:
        yield lambda: instrumented(tracer_provider=made), sound
    finally:
        exporter.release.set()
        batch.shutdown()


@contextmanager
def logging_raises() -> Iterator[tuple[Block, Block]]:
    """Handlers that raise, under a processor that does: every failure has something to say."""

    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise OSError(28, "No space left on device")

    handler, made = Broken(), provider(RaisingProcessor())
    for site in guard._sites.values():
        site.failures = 0  # so that the first failure of this test is logged
    guard.logger.addHandler(handler)
    try:
        yield lambda: instrumented(tracer_provider=made), sound
    finally:
        guard.logger.removeHandler(handler)


def shut_down() -> Any:
    made = provider(SpanProcessor())
    made.shutdown()
    return made


def collector(broken: Callable[[], AbstractContextManager[str]]) -> Fault:
    """Beside one that answers. Exports are under way all the time, and each end leaves its last one to itself."""

    @contextmanager
    def exporting(url: str) -> Iterator[None]:
        with (
            mock.patch.dict(
                os.environ, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_TIMEOUT="1", OTEL_BSP_SCHEDULE_DELAY="1"
            ),
            instrumented(exit_timeout=0),
        ):
            yield

    @contextmanager
    def fault() -> Iterator[tuple[Block, Block]]:
        before = set(threading.enumerate())
        with broken() as url, answering() as good:
            yield lambda: exporting(url), lambda: exporting(good)
            until(lambda: not any(_ours(thread) for thread in set(threading.enumerate()) - before), 30)

    return fault


def _ours(thread: threading.Thread) -> bool:
    return thread.name.startswith("otel-llm")


@contextmanager
def disk_full() -> Iterator[tuple[Block, Block]]:
    """No room under the prefork directory, beside one with room."""

    def writing(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def full(path: str) -> Iterator[None]:
        with mock.patch.object(files, "_write", writing), instrumented(scrape="on", scrape_port=0, prefork_dir=path):
            assert guard.failures()["prefork.full"]
            yield

    with tempfile.TemporaryDirectory() as path:
        yield lambda: full(path), lambda: instrumented(scrape="on", scrape_port=0, prefork_dir=path)


@contextmanager
def clock_jumps() -> Iterator[tuple[Block, Block]]:
    real, calls = time.time_ns, iter(range(10**9))

    @contextmanager
    def jumping() -> Iterator[None]:
        now = lambda: real() + 10**18 * (next(calls) % 3 - 1)  # noqa: E731
        with mock.patch("otel_llm.call.time.time_ns", now), sound():
            yield

    yield jumping, sound


class Waiting(SpanProcessor):
    """Not a fault of the campaign: what the measure must tell."""

    def on_end(self, span: Any) -> None:
        threading.Event().wait(0.1)


FAULTS: dict[str, Fault] = {
    "exporter-raises": of(lambda: provider(SimpleSpanProcessor(Raising()))),
    "exporter-hangs-queue-full": hanging,
    "processor-raises": of(lambda: provider(RaisingProcessor())),
    "sampler-raises": of(lambda: provider(sampler=RaisingSampler())),
    "logging-raises": logging_raises,
    "provider-shut-down": of(shut_down),
    "collector-down": collector(down),
    "collector-silent": collector(silent),
    "disk-full": disk_full,
    "clock-jumps": clock_jumps,
}


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    http: httpx2.Client = _client(ANSWER, _chat_stream()[:20])
    with openai.OpenAI(api_key="k", base_url="http://timing.test/v1", http_client=http) as made:
        yield made


def seconds(client: openai.OpenAI, block: Block) -> float:
    """Of a few calls and a stream."""
    with block():
        client.chat.completions.create(**CHAT)
        began = time.perf_counter()
        for _ in range(CALLS):
            client.chat.completions.create(**CHAT)
        list(client.chat.completions.create(**CHAT, stream=True))
        return time.perf_counter() - began


def ratio(client: openai.OpenAI, broken: Block, sound: Block, pairs: int = PAIRS) -> float:
    ratios: list[float] = []
    for turn in range(pairs):
        order = (sound, broken) if turn % 2 else (broken, sound)
        taken = {block: seconds(client, block) for block in order}
        ratios.append(taken[broken] / taken[sound])
    return statistics.median(ratios)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_costs_no_time(client: openai.OpenAI, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    # What it logs of its own exporters is not ours.
    monkeypatch.setattr(logging.getLogger("opentelemetry"), "disabled", True)
    with fault() as (broken, sound):
        assert ratio(client, broken, sound) < FACTOR


def test_the_measure_tells_a_wait(client: openai.OpenAI) -> None:
    with of(lambda: provider(Waiting()))() as (broken, sound):
        assert ratio(client, broken, sound, 3) > FACTOR
