"""Many calls and many abandoned streams: memory stays flat, no cache grows, no thread and no file is left.

Every message differs, models are three times the cap, spans are made. The long run (``make test-slow``) takes
100,000 calls and 10,000 abandoned streams, half of them async, and looks at all memory; the short one looks at what our
own modules hold, so that a few hundred calls tell as much.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import httpx2
import openai
import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

import otel_llm
from otel_llm import catalog
from otel_llm.signals import duplicates
from tests.bench.overhead import CHAT, _chat_stream
from tests.telemetry import Telemetry, observed

Kind = Literal["calls", "abandoned", "mixed"]
Mode = Literal["sync", "async"]
Run = Callable[[Iterable[int]], None]
OURS = str(Path(otel_llm.__file__).parent / "*")
MODELS = 3
"""Times the cap of model names."""


class Chunks(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    chunks = tuple(_chat_stream()[:4])

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk


def answer(request: httpx2.Request) -> httpx2.Response:
    if b'"stream":true' in request.content:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Chunks())
    return httpx2.Response(200, json=CHAT)


class Ended(SpanProcessor):
    """Counts spans, and keeps none."""

    def __init__(self) -> None:
        self.count = 0

    def on_end(self, span: ReadableSpan) -> None:
        self.count += 1


def asked(number: int, cap: int) -> dict[str, Any]:
    """No message twice."""
    return {
        "model": f"gpt-4o-{number % (MODELS * cap)}",
        "messages": [{"role": "user", "content": f"{number}: what is it?"}],
    }


def left(kind: Kind, number: int) -> bool:
    """Whether it is a stream that is left early."""
    return kind == "abandoned" or (kind == "mixed" and bool(number % 2))


def sync_run(kind: Kind, cap: int) -> Run:
    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = openai.OpenAI(api_key="k", base_url="http://soak.test/v1", http_client=http)

    def run(numbers: Iterable[int]) -> None:
        for number in numbers:
            if left(kind, number):
                next(iter(client.chat.completions.create(**asked(number, cap), stream=True)))
            else:
                client.chat.completions.create(**asked(number, cap))

    return run


def async_run(kind: Kind, cap: int) -> Run:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    client = openai.AsyncOpenAI(api_key="k", base_url="http://soak.test/v1", http_client=http)

    async def work(numbers: Iterable[int]) -> None:
        for number in numbers:
            if left(kind, number):
                await anext(aiter(await client.chat.completions.create(**asked(number, cap), stream=True)))
            else:
                await client.chat.completions.create(**asked(number, cap))
            await asyncio.sleep(0)  # the transport never waits: else the loop would close no stream until the end

    return lambda numbers: asyncio.run(work(numbers))


def traced(*, ours: bool) -> int:
    """Bytes that are held now."""
    gc.collect()
    otel_llm.flush()  # what the collector found is reported
    if not ours:
        return tracemalloc.get_traced_memory()[0]
    found = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, OURS)])
    return sum(trace.size for trace in found.traces)


def growth(run: Run, warm: int, window: int, windows: int, *, ours: bool) -> int:
    """Bytes that a window of the work leaves behind, after as much as fills every cache: the median of all windows,
    since a table that is made larger for the calls that are open at once is so once, and a leak is in each."""
    tracemalloc.start()
    try:
        run(range(warm))
        held = [traced(ours=ours)]
        for number in range(windows):
            run(range(warm + number * window, warm + (number + 1) * window))
            held.append(traced(ours=ours))
        return round(statistics.median(after - before for before, after in pairwise(held)))
    finally:
        tracemalloc.stop()


def check(kind: Kind, telemetry: Telemetry, ended: Ended, count: int) -> None:
    abandoned = sum(left(kind, number) for number in range(count))
    shown = telemetry.counts(catalog.CALLS, catalog.OUTCOME)
    assert shown == {key: n for key, n in (("success", count - abandoned), ("abandoned", abandoned)) if n}
    assert telemetry.value(catalog.INFLIGHT) == 0
    assert telemetry.value(catalog.DUPLICATE_CALLS) == 0
    assert ended.count == count


def soak(kind: Kind, mode: Mode, cap: int, warm: int, window: int, windows: int = 1, *, ours: bool = False) -> int:
    """Bytes that a window of the work leaves behind; checks that it leaves nothing else."""
    threads, files = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    ended, provider = Ended(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ended)
    with observed(tracer_provider=provider, model_cap=cap) as telemetry:
        run = sync_run(kind, cap) if mode == "sync" else async_run(kind, cap)
        grown = growth(run, warm, window, windows, ours=ours)
        check(kind, telemetry, ended, warm + windows * window)
    gc.collect()
    assert set(threading.enumerate()) == threads
    assert len(os.listdir("/proc/self/fd")) <= files + 1
    return grown


MODES = pytest.mark.parametrize("mode", ["sync", "async"])


@MODES
def test_flat(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than the smallest container per call."""
    monkeypatch.setattr(duplicates, "REMEMBERED", 20)
    assert soak("mixed", mode, 4, 80, 40, 5, ours=True) < 40 * 12


@pytest.mark.slow
@MODES
@pytest.mark.parametrize("kind", ["calls", "abandoned"])
def test_flat_for_long(kind: Kind, mode: Mode) -> None:
    """Of the SDK's memory and ours: what is left is steps by which tables grow once, the one of remembered calls most.

    On 2026-11-26, Python 3.11: 50,000 calls, sync: 426 KB; 5,000 abandoned streams, sync: 205 KB, async: 54 KB.
    """
    count = 50_000 if kind == "calls" else 5_000
    warm = max(count // 5, duplicates.REMEMBERED + 1) if kind == "calls" else count // 5
    grown = soak(kind, mode, 100, warm, count - warm)
    print(f"{kind} {mode}: {grown} bytes after {count}")
    assert grown < 512 * 1024
