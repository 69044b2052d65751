"""A body that we cannot read, or a step that keeps failing: every call ends, and every other one is told in full."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from unittest import mock

import httpx2
import openai
import pytest

from otel_llm import attempt, call, catalog, guard, scope
from otel_llm.demo.emulator import Emulator, Reply
from otel_llm.formats.openai_chat import CHAT as FORMAT
from tests.behaviour.rows import CHAT
from tests.faults.conftest import bounded
from tests.telemetry import Telemetry, until

URL = "https://api.openai.com/v1/chat/completions"
ANSWER = json.dumps({
    "id": "c", "model": "gpt-4o", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}).encode()  # fmt: skip
EVENTS = b'data: {"id":"c","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n' * 3


class Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """Arrives in pieces, as from a socket."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def whole(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "application/json"}, content=ANSWER)


def pieces(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "application/json"}, stream=Body(ANSWER[:20], ANSWER[20:]))


def streamed(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(*[EVENTS] * 3))


def ask(client: httpx2.Client, url: str = URL) -> None:
    with client.stream("POST", url, json=CHAT) as response:
        response.read()


ANSWERS = pytest.mark.parametrize("answer", [whole, pieces, streamed])


@ANSWERS
@pytest.mark.parametrize("part", ["body", "event", "end", "conclude", "facts"])
def test_every_call_ends(answer: Callable[..., Any], part: str, telemetry: Telemetry) -> None:
    """Three times what opens a breaker, and then it is healthy again."""
    broken = {
        "body": mock.patch.object(type(FORMAT), "body", side_effect=RuntimeError),
        "event": mock.patch.object(type(FORMAT), "event", side_effect=RuntimeError),
        "end": mock.patch("otel_llm.formats.reader.Reader.end", side_effect=RuntimeError),
        "conclude": mock.patch("otel_llm.failures._conclude", side_effect=RuntimeError),
        "facts": mock.patch("otel_llm.signals.summary._usage", side_effect=RuntimeError),
    }[part]
    count = 3 * guard.BREAKER_LIMIT
    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        with broken:
            for _ in range(count):
                ask(client)
        assert telemetry.value(catalog.INFLIGHT) == 0
        assert telemetry.value(catalog.CALLS) == count
        assert telemetry.value(catalog.CALLS, outcome="success") == count
        telemetry.forgive()
        before = telemetry.value(catalog.CALL_TOKENS)
        ask(client)
    assert telemetry.value(catalog.INFLIGHT) == 0
    assert telemetry.value(catalog.CALL_TOKENS) == before + (0 if answer is streamed else 7)
    telemetry.clean()


def test_one_peers_bodies_cost_nobody_elses_tokens(telemetry: Telemetry) -> None:
    """Reading fails for one host only, a hundred times in a row and more."""
    real = attempt.Reader.feed

    def feed(self: Any, data: bytes) -> int:
        if b"broken" in data:
            raise ValueError
        return real(self, data)

    def answer(request: httpx2.Request) -> httpx2.Response:
        return (
            httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(b"broken", b"broken"))
            if request.url.host == "local.test"
            else pieces(request)
        )

    with (
        mock.patch.object(attempt.Reader, "feed", feed),
        httpx2.Client(transport=httpx2.MockTransport(answer)) as client,
    ):
        for _ in range(guard.BREAKER_LIMIT + 10):
            ask(client, URL.replace("api.openai.com", "local.test"))
        ask(client)
    assert telemetry.value(catalog.CALL_TOKENS) == 7
    assert telemetry.value(catalog.CALLS, outcome="success") == guard.BREAKER_LIMIT + 11  # ours: no fault of theirs
    assert telemetry.value(catalog.USAGE_MISSING, reason="undecodable") == guard.BREAKER_LIMIT + 10
    assert guard.failures()["attempt.read"] >= guard.BREAKER_LIMIT + 10
    telemetry.forgive()


def test_chunk_gaps_of_a_dropped_stream_take_no_lock(telemetry: Telemetry) -> None:
    """What is read inside the garbage collector crosses the cap of gaps, while another thread holds the lock."""
    rounds = (call.GAPS_CAP - 3) // (3 * attempt.BATCH)
    count = attempt.BATCH * rounds + attempt.BATCH  # the last batch but one chunk is pending
    assert 3 * attempt.BATCH * rounds + 2 < call.GAPS_CAP < 3 * count - 1
    client = httpx2.Client(transport=httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(*[EVENTS] * 999))
    ))  # fmt: skip
    gc.disable()
    try:
        response = client.send(client.build_request("POST", URL, json=CHAT), stream=True)
        chunks = response.iter_raw()
        for _ in range(count):
            next(chunks)
        ring: list[Any] = [response, chunks]
        ring.append(ring)
        del response, chunks, ring
        with _ledger().lock:
            assert bounded(lambda: gc.collect() >= 0)
    finally:
        gc.enable()
    client.close()
    until(lambda: telemetry.value(catalog.CALLS, outcome="abandoned") == 1)
    assert telemetry.value(catalog.OUTPUT_CHUNK) == 3 * count - 1


def _ledger() -> Any:
    from otel_llm import runtime

    active = runtime.current()
    assert active is not None
    return active.recorder.ledger


def test_many_gaps_are_handed_over_in_the_middle(telemetry: Telemetry) -> None:
    client = httpx2.Client(transport=httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(*[EVENTS] * 999))
    ))  # fmt: skip
    with client, client.stream("POST", URL, json=CHAT) as response:
        chunks = response.iter_raw()
        for _ in range(500):
            next(chunks)
        assert telemetry.value(catalog.INFLIGHT) == 1
        assert 1500 - 3 * attempt.BATCH - call.GAPS_CAP <= telemetry.value(catalog.OUTPUT_CHUNK) < 1500
        for _ in chunks:
            pass
    assert telemetry.value(catalog.OUTPUT_CHUNK) == 3 * 999 - 1


async def test_a_task_born_inside_a_call(emulator: Emulator, telemetry: Telemetry) -> None:
    """It inherits the context in which the call is current, and calls when that one is long over."""
    born: list[asyncio.Task[Any]] = []
    go = asyncio.Event()

    async def later() -> None:
        await go.wait()
        await client.chat.completions.create(**CHAT)

    async def hook(_: httpx2.Request) -> None:
        if not born:
            born.append(asyncio.create_task(later()))

    http = httpx2.AsyncClient(event_hooks={"request": [hook]})
    async with openai.AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k", http_client=http) as client:
        stream = await client.chat.completions.create(**CHAT, stream=True)  # returned, and open
        emulator.reply(*[Reply.error("provider", retry_after=0.01)] * 2)
        go.set()
        await born[0]
        async for _ in stream:
            pass
    later_call, first = telemetry.spans()
    assert [later_call[catalog.SPAN_CLIENT], first[catalog.SPAN_CLIENT]] == ["openai", "openai"]
    assert (later_call.statuses, first.statuses) == ([500, 500, 200], [200])
    assert telemetry.value(catalog.CALLS) == 2


def test_a_scope_that_was_not_left_is_over_all_the_same(emulator: Emulator, telemetry: Telemetry) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:

        def ask() -> None:
            with mock.patch.object(scope, "CURRENT", _Stuck(call.CURRENT)):
                client.chat.completions.create(**CHAT)
            assert call.CURRENT.get() is not None  # it is stuck
            client.chat.completions.create(**CHAT)

        thread = threading.Thread(target=ask)  # a context of its own
        thread.start()
        thread.join()
    assert [span[catalog.SPAN_CLIENT] for span in telemetry.spans()] == ["openai", "openai"]
    telemetry.forgive()


class _Stuck:
    """A context variable that cannot be reset."""

    def __init__(self, inner: Any) -> None:
        self.get, self.set = inner.get, inner.set

    def reset(self, token: Any) -> None:
        raise ValueError
