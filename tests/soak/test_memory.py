"""Many calls and many abandoned streams: memory stays flat, no cache grows, no thread is left."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator

import httpx2
import openai
import pytest

from otel_llm import catalog
from tests.bench.overhead import CHAT, _chat_stream
from tests.telemetry import observed

CALLS, STREAMS = 100_000, 10_000
GROWTH = 512 * 1024
"""Bytes by which traced memory may grow after the first tenth: noise of the allocator, and not a byte per call."""


class _Chunks(httpx2.SyncByteStream):
    chunks = tuple(_chat_stream()[:4])

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks


def _client() -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if b'"stream":true' in request.content:
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Chunks())
        return httpx2.Response(200, json=CHAT)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="k", base_url="http://soak.test/v1", http_client=http)


def _growth(work: Callable[[int], object], count: int) -> int:
    """Bytes that nine tenths of the work leave behind."""
    for n in range(count // 10):
        work(n)
    gc.collect()
    tracemalloc.start()
    try:
        for n in range(count // 100):
            work(n)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for n in range(count // 10 * 9 - count // 100):
            work(n)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["calls", "abandoned"])
def test_flat(kind: str) -> None:
    threads, files = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    ask = {"messages": [{"role": "user", "content": "hi"}]}
    with _client() as client, observed(tracer_provider=None) as telemetry:

        def call(n: int) -> object:
            return client.chat.completions.create(model=f"gpt-4o-{n % 300}", **ask)

        def abandon(n: int) -> None:
            stream = client.chat.completions.create(model="gpt-4o", stream=True, **ask)
            next(iter(stream))

        work, count = (call, CALLS) if kind == "calls" else (abandon, STREAMS)
        grown = _growth(work, count)
        assert telemetry.value(catalog.CALLS) == count
        assert telemetry.value(catalog.INFLIGHT) == 0
        assert grown < GROWTH
    gc.collect()
    assert set(threading.enumerate()) == threads
    assert len(os.listdir("/proc/self/fd")) <= files + 1
