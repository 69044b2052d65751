"""The scenarios of the behaviour matrix: what an app does with a client, and what it gets to see.

Each is written once as a coroutine for sync and async clients alike; of a sync client's nothing is ever awaited for
real, so that it runs without an event loop.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from opentelemetry import context
from pydantic import BaseModel

from otel_llm.demo.emulator import Emulator, Received, Reply
from tests.behaviour.row import Row

Scenario = Callable[[Row, Any, Emulator], Coroutine[Any, Any, Any]]


# ------------------------------------------------------------------------------- one way of writing for both
async def settled(value: Any) -> Any:
    """The value itself, or what an awaitable gives."""
    return await value if inspect.isawaitable(value) else value


@asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    if hasattr(manager, "__aenter__"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


async def items(stream: Any) -> list[Any]:
    """All items of a sync or async stream. Between them the app's context is its own: none is held over a yield."""
    before, found = context.get_current(), []
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            assert context.get_current() == before
            found.append(item)
    else:
        for item in stream:
            assert context.get_current() == before
            found.append(item)
    assert context.get_current() == before
    return found


async def first(stream: Any) -> Any:
    """The first item; the stream stays open, and holds no context."""
    before = context.get_current()
    found = await anext(aiter(stream)) if hasattr(stream, "__aiter__") else next(iter(stream))
    assert context.get_current() == before
    return found


def run(work: Awaitable[Any], *, sync: bool) -> Any:
    """Runs a scenario; a sync client's must not wait for an event loop."""
    if not sync:
        return asyncio.run(work)  # type: ignore[arg-type]
    coroutine: Any = work
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError("a sync client's scenario has awaited something")


def is_async(client: Any) -> bool:
    return inspect.iscoroutinefunction(client.close)


# --------------------------------------------------------------------------------------------- the scenarios
async def plain(row: Row, client: Any, emulator: Emulator) -> Any:
    return await settled(row.plain(client))


async def stream(row: Row, client: Any, emulator: Emulator) -> Any:
    opened = await settled(row.stream(client))  # type: ignore[misc]
    return [type(opened), await items(opened)]


async def helper(row: Row, client: Any, emulator: Emulator) -> Any:
    manager = row.helper(client)  # type: ignore[misc]
    async with entered(manager) as opened:
        return [type(manager), type(opened), await items(opened), await settled(row.final(opened))]


async def raw(row: Row, client: Any, emulator: Emulator) -> Any:
    response = await settled(row.raw(client))  # type: ignore[misc]
    return [type(response), type(response.http_response), response.status_code, dict(response.headers),
            await settled(response.parse())]  # fmt: skip


async def streaming(row: Row, client: Any, emulator: Emulator) -> Any:
    async with entered(row.streaming(client)) as response:  # type: ignore[misc]
        body = await settled(response.read())
        return [type(response), type(response.http_response), body, await settled(response.parse())]


async def parse(row: Row, client: Any, emulator: Emulator) -> Any:
    emulator.reply(Reply.chat('{"word": "hello"}'))
    return await settled(row.parse(client))  # type: ignore[misc]


async def error(row: Row, client: Any, emulator: Emulator) -> Any:
    emulator.reply(Reply.error("bad_request"))
    return await settled(row.plain(client))


async def retry(row: Row, client: Any, emulator: Emulator) -> Any:
    emulator.reply(Reply.error("provider", retry_after=0.02))
    return await settled(row.plain(client))


async def exhausted(row: Row, client: Any, emulator: Emulator) -> Any:
    emulator.reply(*[Reply.error("provider")] * 3)
    return await settled(row.plain(client))


async def leave(row: Row, client: Any, emulator: Emulator) -> Any:
    """An early exit, by closing the stream."""
    emulator.reply(Reply.broken("stall", after=2))
    opened = await settled(row.stream(client))  # type: ignore[misc]
    found = await first(opened)
    await settled(row.leave(opened))
    return found


async def drop(row: Row, client: Any, emulator: Emulator) -> Any:
    """A stream that is left to the garbage collector."""
    emulator.reply(Reply.broken("stall", after=2))
    opened = await settled(row.stream(client))  # type: ignore[misc]
    found = await first(opened)
    del opened
    gc.collect()
    if is_async(client):
        await asyncio.sleep(0)  # the event loop closes dropped asynchronous generators
    return found


async def cancel(row: Row, client: Any, emulator: Emulator) -> Any:
    """A cancelled task; for a sync client Ctrl-C."""
    emulator.reply(Reply.broken("stall"))
    if not is_async(client):
        return _interrupted(lambda: row.plain(client), emulator)
    task = asyncio.ensure_future(row.plain(client))
    await asyncio.to_thread(emulator.wait, _arrived)
    task.cancel()
    return await task


async def cancel_stream(row: Row, client: Any, emulator: Emulator) -> Any:
    """A task that is cancelled while it waits for the next piece of a stream."""
    emulator.reply(Reply.broken("stall", after=2))
    seen: list[Any] = []

    async def consume() -> None:
        async for item in await settled(row.stream(client)):  # type: ignore[misc]
            seen.append(item)

    task = asyncio.ensure_future(consume())
    for _ in range(10_000):
        if seen or task.done():
            break
        await asyncio.sleep(0.002)
    task.cancel()  # the loop runs us, so that the task is at an await: in the read
    return await task


async def error_event(row: Row, client: Any, emulator: Emulator) -> Any:
    """An error in the middle of a good response."""
    emulator.reply(Reply.error("rate_limit", after=1))
    return await items(await settled(row.stream(client)))  # type: ignore[misc]


async def cut(row: Row, client: Any, emulator: Emulator) -> Any:
    """A connection that ends in the middle of a stream."""
    emulator.reply(Reply.broken("cut", after=2))
    return await items(await settled(row.stream(client)))  # type: ignore[misc]


async def never_iterated(row: Row, client: Any, emulator: Emulator) -> Any:
    """A lazy stream that nobody reads."""
    opened = await settled(row.stream(client))  # type: ignore[misc]
    kind = type(opened)
    await settled(row.leave(opened))
    return kind


def _interrupted(call: Callable[[], Any], emulator: Emulator) -> Any:
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        emulator.wait(_arrived)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        return call()
    finally:
        thread.join()


def _arrived(requests: list[Received]) -> bool:
    return len(requests) == 1


# ------------------------------------------------------------------------------------- what the app has seen
def shown(value: Any) -> Any:
    """A value as type and content, comparable between two runs."""
    if isinstance(value, BaseModel):
        return type(value), value.model_dump(mode="json", warnings=False)
    if isinstance(value, BaseException):
        facts = {name: shown(getattr(value, name, None)) for name in ("status_code", "code", "type", "body", "message")}
        return _classes(value), _PORT.sub("", str(value)), facts, _classes(value.__cause__)
    if isinstance(value, dict):
        return {str(key): shown(item) for key, item in value.items() if str(key).lower() != "date"}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value


_PORT = re.compile(r"(?<=127\.0\.0\.1):\d+")
"""The emulator's, which some errors name."""


def _classes(error: BaseException | None) -> list[str]:
    """The error's class and bases by name: botocore makes its classes anew for each client."""
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]


def request_shown(received: Received) -> Any:
    """A request as it came in, without what differs between any two runs."""
    fresh = {"host", "idempotency-key", "authorization", "amz-sdk-invocation-id", "x-amz-date", "traceparent",
             "x-amzn-trace-id"}  # fmt: skip
    return received.method, received.path, received.query, dict(received.body), {
        name: text for name, text in received.headers.items() if name not in fresh
    }  # fmt: skip
