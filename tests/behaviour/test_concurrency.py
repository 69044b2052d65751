"""Many calls at once, and calls whose pieces run in different places: each has its own span under its own parent."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply
from tests.behaviour.rows import CHAT, MESSAGE, USAGE
from tests.telemetry import Telemetry, observed


def client_of(emulator: Emulator) -> openai.OpenAI:
    return openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", timeout=30)


def parents(telemetry: Telemetry) -> dict[str, str]:
    """Name of each app span by the model of the call under it."""
    spans = telemetry.finished()
    by_id = {span.context.span_id: span for span in spans}
    ours = [span for span in spans if span.instrumentation_scope.name == catalog.SCOPE]
    return {
        span.attributes[catalog.REQUEST_MODEL]: by_id[span.parent.span_id].name if span.parent else "" for span in ours
    }


async def test_hundred_streams_at_once(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.script = lambda _: Reply.stream(*"abcdef", first_delay=0.01, chunk_delay=0.001)
    tracer = telemetry.provider.get_tracer("app")
    async with openai.AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k", timeout=30) as client:

        async def work(number: int) -> None:
            with tracer.start_as_current_span(f"app-{number}") as mine:
                stream = await client.chat.completions.create(**{**CHAT, "model": f"m-{number}"}, **USAGE)
                async for _ in stream:
                    assert trace.get_current_span() is mine
                assert trace.get_current_span() is mine

        await asyncio.gather(*[work(number) for number in range(100)])
    assert parents(telemetry) == {f"m-{number}": f"app-{number}" for number in range(100)}
    assert telemetry.value(catalog.CALLS, outcome="success") == 100
    assert telemetry.value(catalog.INFLIGHT) == 0


def test_threads(emulator: Emulator, telemetry: Telemetry) -> None:
    tracer = telemetry.provider.get_tracer("app")
    with client_of(emulator) as client:

        def work(number: int) -> None:
            with tracer.start_as_current_span(f"app-{number}"):
                client.chat.completions.create(**{**CHAT, "model": f"m-{number}"})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(40)))
    assert parents(telemetry) == {f"m-{number}": f"app-{number}" for number in range(40)}
    assert telemetry.counts(catalog.CALL_TOKENS, catalog.TOKEN_TYPE) == {"input": 440, "output": 280}


def test_stream_read_in_another_thread(emulator: Emulator, telemetry: Telemetry) -> None:
    with client_of(emulator) as client, telemetry.provider.get_tracer("app").start_as_current_span("app"):
        stream = client.chat.completions.create(**CHAT, **USAGE)
        reader = threading.Thread(target=list, args=(stream,))
        reader.start()
        reader.join()
    assert parents(telemetry) == {"gpt-4o": "app"}
    assert telemetry.one().tokens == (11, 7)


async def test_stream_closed_by_another_task(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.broken("stall", after=2))
    async with anthropic.AsyncAnthropic(base_url=emulator.url, api_key="k") as client:
        stream = await client.messages.create(**MESSAGE, stream=True)
        await anext(aiter(stream))
        await asyncio.create_task(stream.close())
    assert telemetry.one().outcome == "abandoned"


async def test_cancelled_while_reading_a_stream(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.broken("stall", after=2))
    begun = asyncio.Event()
    async with openai.AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k") as client:

        async def work() -> None:
            async for _ in await client.chat.completions.create(**CHAT, **USAGE):
                begun.set()

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
    assert telemetry.one().outcome == "cancelled"


def test_context_of_the_app_is_left_as_it_was(emulator: Emulator, telemetry: Telemetry) -> None:
    with client_of(emulator) as client:
        before = context.get_current()
        stream = client.chat.completions.create(**CHAT, **USAGE)
        assert context.get_current() == before
        next(stream)
        assert context.get_current() == before
        stream.close()
        assert context.get_current() == before
    telemetry.one()


def test_call_in_the_middle_of_a_stream(emulator: Emulator, telemetry: Telemetry) -> None:
    """A call that is made while another's stream is open is no child of it."""
    with client_of(emulator) as client, telemetry.provider.get_tracer("app").start_as_current_span("app"):
        for at, _ in enumerate(client.chat.completions.create(**CHAT, **USAGE)):
            if at == 1:
                client.chat.completions.create(**{**CHAT, "model": "inner"})
    assert parents(telemetry) == {"gpt-4o": "app", "inner": "app"}


def test_stream_found_by_the_collector_inside_a_lock(emulator: Emulator) -> None:
    """The collector may run wherever something is allocated, also where OpenTelemetry holds a lock that is not
    re-entrant: reporting the dropped stream right there would block the thread for ever."""
    blocked: list[str] = []

    class Locking(SpanProcessor):
        lock = threading.Lock()

        def on_end(self, span: ReadableSpan) -> None:
            if not self.lock.acquire(blocking=False):
                blocked.append(span.name)
                return
            gc.collect()
            self.lock.release()

    emulator.script = lambda _: Reply.broken("stall", after=2)
    with observed() as telemetry, client_of(emulator) as client:
        telemetry.provider.add_span_processor(Locking())
        gc.disable()
        try:
            stream: Any = client.chat.completions.create(**CHAT, **USAGE)
            next(stream)
            response = (
                stream.response
            )  # so that it is the SDK's generator that ends the stream, not the tee's finaliser
            del stream
            telemetry.provider.get_tracer("app").start_span("app").end()
        finally:
            gc.enable()
        assert response.is_closed
        assert blocked == []
        assert telemetry.one().outcome == "abandoned"
