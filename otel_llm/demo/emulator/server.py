"""The emulator: one server on 127.0.0.1 for all wire formats, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self, cast

import msgspec

from otel_llm.demo.emulator import modes
from otel_llm.demo.emulator.connection import HEAD_LIMIT, Connection, HangupError, Head
from otel_llm.demo.emulator.injected import Injected, Price
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply
from otel_llm.demo.emulator.routes import wire_of
from otel_llm.demo.emulator.wire import Event, Wire

Script = Callable[[Received], Reply]
"""Decides a reply. Runs on the emulator's thread: it must not block."""

_START_TIMEOUT: Final = 10.0
_JSON: Final = "application/json"


class Emulator:
    """Provider APIs on a free loopback port.

    >>> with Emulator() as emulator:
    ...     emulator.reply(Reply.error("rate_limit"), Reply.chat("hi"))
    ...     client = openai.OpenAI(base_url=emulator.url + "/v1", api_key="sk-demo")
    ...     client.chat.completions.create(model="gpt-4o", messages=[...])  # retries once

    What a request gets, first match wins: the next reply given to :meth:`reply`, the one that :attr:`script`
    decides, a good answer. A mode in the path (:meth:`at`) then changes it."""

    def __init__(
        self, script: Script | None = None, *, prices: Mapping[str, Price] | None = None, keep: int = 10_000
    ) -> None:
        """``prices`` by model serve :attr:`injected`; ``keep`` bounds :attr:`requests`."""
        self.script = script
        self._injected = Injected(prices or {})
        self._script_error: Exception | None = None
        self._queue: deque[Reply] = deque()
        self._requests: deque[Received] = deque(maxlen=keep)
        self._modes: Counter[str] = Counter()
        self._numbers = itertools.count()
        self._keys = itertools.count()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._url = ""

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``. OpenAI's ``base_url`` is this plus ``/v1``, Anthropic's is this."""
        if not self._url:
            raise RuntimeError("emulator: not running; use it in a with statement")
        return self._url

    def at(self, mode: str) -> str:
        """The URL under a mode (``fail2x500+gzip``, see :mod:`~otel_llm.demo.emulator.modes`), unique to this call,
        so that its count of failures is its own. Raises ``ValueError`` for an unknown word."""
        modes.applied(mode, Reply(), 0)
        return f"{self.url}/@{mode}+key-{next(self._keys)}"

    def reply(self, *replies: Reply) -> None:
        """Queues replies for the next requests, in order."""
        with self._lock:
            self._queue.extend(replies)

    @property
    def requests(self) -> list[Received]:
        """What came in, oldest first."""
        with self._lock:
            return list(self._requests)

    @property
    def injected(self) -> Injected:
        """What was handed out: whole for every request that a script has seen."""
        with self._lock:
            return self._injected

    def clear(self) -> None:
        """Forgets script, queued replies, received requests and what was injected."""
        with self._lock:
            self.script = None
            self._queue.clear()
            self._requests.clear()
            self._numbers = itertools.count()
            self._modes.clear()
            self._injected = Injected(self._injected.prices)

    def wait(self, condition: Callable[[list[Received]], bool], timeout: float = 5.0) -> list[Received]:
        """Requests, as soon as the condition holds for them. Raises ``TimeoutError`` after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not condition(found := self.requests):
            if time.monotonic() > deadline:
                raise TimeoutError(f"emulator: waited {timeout} s in vain; received {found}")
            time.sleep(0.002)
        return found

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="otel-llm-emulator", daemon=True)
        self._thread.start()
        if not started.wait(_START_TIMEOUT):
            raise RuntimeError(f"emulator: no server on 127.0.0.1 after {_START_TIMEOUT} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_START_TIMEOUT)
        self._url = ""
        if self._script_error is not None and kind is None:
            raise RuntimeError(
                "emulator: the script or a mode raised; its request got no answer"
            ) from self._script_error

    def _run(self, started: threading.Event) -> None:
        asyncio.run(self._serve(started))

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_LIMIT)
        host, port = server.sockets[0].getsockname()[:2]
        self._url = f"http://{host}:{port}"
        started.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tasks.add(task)
        connection = Connection(reader, writer)
        try:
            while (head := await connection.request()) is not None:
                await self._answer(connection, head)
        except HangupError:
            pass
        except asyncio.CancelledError:
            connection.cut()  # the emulator stops; asyncio logs a cancelled handler as an error, so it ends normally
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, connection: Connection, head: Head) -> None:
        asked = self._received(head)
        wire = wire_of(asked.path)
        if wire is None or head.method != "POST":
            await self._answer_stranger(connection, asked)
            return
        try:
            reply = self._decide(asked, wire)
        except Exception as error:
            self._script_error = self._script_error or error
            raise HangupError(left=False) from error
        try:
            await _send(connection, asked, wire, reply)
            asked.ended = "sent"
        except HangupError as hangup:
            asked.ended = "left" if hangup.left else "broken"
            raise

    async def _answer_stranger(self, connection: Connection, asked: Received) -> None:
        """``GET /v1/models`` and the like; other paths are 404."""
        if asked.method == "GET" and asked.path.endswith("/models"):
            status, body = 200, b'{"object":"list","data":[]}'
        else:
            status, body = 404, b'{"error":{"message":"Invalid URL","type":"invalid_request_error","code":null}}'
        await connection.send_body(status, {"content-type": _JSON}, body, Reply())
        asked.ended = "sent"

    def _received(self, head: Head) -> Received:
        path, _, query = head.target.partition("?")
        found = modes.PREFIX.match(path)
        asked = Received(
            number=next(self._numbers), method=head.method, path=found[2] if found else path, query=query,
            mode=found[1] if found else "", headers=head.headers, raw=head.body, body=_object(head.body),
        )  # fmt: skip
        with self._lock:
            self._requests.append(asked)
        return asked

    def _decide(self, asked: Received, wire: Wire) -> Reply:
        with self._lock:
            reply = self._queue.popleft() if self._queue else (self.script or _good)(asked)
            if asked.mode:
                reply = modes.applied(asked.mode, reply, self._modes[asked.mode])
                self._modes[asked.mode] += 1
            self._injected.note(asked, wire, reply)
        return reply


def _good(_: Received) -> Reply:
    return Reply()


async def _send(connection: Connection, asked: Received, wire: Wire, reply: Reply) -> None:
    if reply.gzip and "gzip" not in asked.headers.get("accept-encoding", ""):
        reply = reply.but(gzip=False)
    if reply.delay:
        await connection.pause(reply.delay)
    if reply.breaks == "stall" and reply.after is None:
        await connection.pause(None)
    if reply.breaks == "cut" and reply.after is None:
        connection.cut()
        raise HangupError(left=False)
    headers = {"content-type": _JSON, **wire.headers(reply, asked), **reply.headers}
    if reply.raw_body is not None:
        headers["content-type"] = reply.content_type or _JSON
        await connection.send_body(reply.status or 200, headers, reply.raw_body, reply)
    elif reply.breaks == "error" and (reply.after is None or not asked.streams):
        await _send_failure(connection, asked, wire, reply, headers)
    elif asked.streams and wire.stream_type:
        headers["content-type"] = wire.stream_type
        events = list(wire.events(reply, asked))
        await connection.send_stream(headers, events, reply, _last(wire, reply, asked))
    else:
        body = msgspec.json.encode(wire.body(reply, asked))
        await connection.send_body(reply.status or 200, headers, body, reply)


async def _send_failure(
    connection: Connection, asked: Received, wire: Wire, reply: Reply, headers: Mapping[str, str]
) -> None:
    failure = wire.failure(reply, asked)
    waits: dict[str, str] = {}
    if reply.retry_after is not None:
        waits = {
            "retry-after": str(max(1, round(reply.retry_after))),
            "retry-after-ms": f"{reply.retry_after * 1000:g}",
        }
    await connection.send_body(failure.status, {**headers, **waits}, msgspec.json.encode(failure.body), reply)


def _last(wire: Wire, reply: Reply, asked: Received) -> Event | None:
    return Event(wire.failure_event(reply, asked)) if reply.breaks == "error" else None


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        body: object = msgspec.json.decode(raw) if raw else {}
    except msgspec.DecodeError:
        return {}
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}
