"""What is broken around us costs the app no time: a call under a fault takes what it takes beside sound telemetry.

Blocks under the fault and beside sound telemetry are timed right after each other, in changing order, on a transport
inside of the process; the median of the pairs' ratios is what counts, so that a busy machine slows both.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import httpx2
import openai
import pytest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

import otel_llm
from otel_llm import guard
from tests.behaviour.rows import CHAT
from tests.bench.overhead import CHAT as ANSWER
from tests.bench.overhead import _chat_stream, _client
from tests.faults.test_telemetry_broken import Hanging, Raising, RaisingProcessor, RaisingSampler, provider

FACTOR = 2.5
"""A wait, a retry or a queue that blocks is far above it; what raising and counting costs is far below."""
PAIRS, CALLS = 9, 4
Fault = Callable[[], AbstractContextManager[Any]]


@contextmanager
def hanging() -> Iterator[Any]:
    """An exporter that never comes back, behind a queue that is full after two spans."""
    exporter = Hanging()
    batch = BatchSpanProcessor(exporter, max_queue_size=2, max_export_batch_size=1, schedule_delay_millis=1)
    try:
        yield provider(batch)
    finally:
        exporter.release.set()
        batch.shutdown()


@contextmanager
def logging_raises() -> Iterator[Any]:
    """Handlers that raise, under a processor that does: every failure has something to say."""

    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise OSError(28, "No space left on device")

    handler = Broken()
    for site in guard._sites.values():
        site.failures = 0  # so that the first failure of this test is logged
    guard.logger.addHandler(handler)
    try:
        yield provider(RaisingProcessor())
    finally:
        guard.logger.removeHandler(handler)


@contextmanager
def shut_down() -> Iterator[Any]:
    made = provider(SpanProcessor())
    made.shutdown()
    yield made


class Waiting(SpanProcessor):
    """Not a fault of the campaign: what the measure must tell."""

    def on_end(self, span: Any) -> None:
        threading.Event().wait(0.1)


FAULTS: dict[str, Fault] = {
    "exporter-raises": lambda: nullcontext(provider(SimpleSpanProcessor(Raising()))),
    "exporter-hangs-queue-full": hanging,
    "processor-raises": lambda: nullcontext(provider(RaisingProcessor())),
    "sampler-raises": lambda: nullcontext(provider(sampler=RaisingSampler())),
    "logging-raises": logging_raises,
    "provider-shut-down": shut_down,
}


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    http: httpx2.Client = _client(ANSWER, _chat_stream()[:20])
    with openai.OpenAI(api_key="k", base_url="http://timing.test/v1", http_client=http) as made:
        yield made


def seconds(client: openai.OpenAI, tracer_provider: Any) -> float:
    """Of a few calls and a stream."""
    otel_llm.instrument(tracer_provider=tracer_provider, scrape="off")
    try:
        client.chat.completions.create(**CHAT)
        began = time.perf_counter()
        for _ in range(CALLS):
            client.chat.completions.create(**CHAT)
        list(client.chat.completions.create(**CHAT, stream=True))
        return time.perf_counter() - began
    finally:
        otel_llm.uninstrument()


def ratio(client: openai.OpenAI, broken: Any, pairs: int = PAIRS) -> float:
    sound, ratios = provider(SpanProcessor()), list[float]()
    for turn in range(pairs):
        order = (sound, broken) if turn % 2 else (broken, sound)
        taken = {id(made): seconds(client, made) for made in order}
        ratios.append(taken[id(broken)] / taken[id(sound)])
    return statistics.median(ratios)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_costs_no_time(client: openai.OpenAI, fault: Fault) -> None:
    logging.getLogger("opentelemetry").disabled = True  # what it logs of its own exporters is not ours
    try:
        with fault() as broken:
            assert ratio(client, broken) < FACTOR
    finally:
        logging.getLogger("opentelemetry").disabled = False


def test_the_measure_tells_a_wait(client: openai.OpenAI) -> None:
    assert ratio(client, provider(Waiting()), 3) > FACTOR
