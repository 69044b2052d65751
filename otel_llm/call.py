"""The Call: one logical LLM call over all its attempts, and the only object that crosses from seams to signals.

A client seam opens it, the wire seam adds attempts and feeds their bytes, and whoever sees the end first closes it:
exactly once. It knows nothing of OpenTelemetry: what becomes of it is up to the :class:`Signals` it was opened with.
"""

from __future__ import annotations

import threading
import time
from array import array
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol

from otel_llm import garbage, guard
from otel_llm.failures import End, conclude
from otel_llm.formats.facts import Facts, Format, Request
from otel_llm.formats.reader import Reader
from otel_llm.headers import Limit

if TYPE_CHECKING:
    from otel_llm.content.capture import Capture

CURRENT: Final[ContextVar[Call | None]] = ContextVar("otel_llm_call", default=None)
"""The call whose SDK function runs in this context. The wire seam joins it, a nested client seam stands aside."""

_drops: Final = guard.site("attempt.drop")
_reads: Final = guard.site("attempt.read")

BATCH: Final = 64
"""Chunks that are kept before they are read."""
LARGE: Final = 16 * 1024
"""Bytes above which a chunk is read at once, so that a batch stays small."""

GAPS_CAP: Final = 4096
"""Chunk gaps that are kept before they are handed to the signals in the middle of a stream."""


class Signals(Protocol):
    """What is told about a call. Each method is guarded: none of them raises."""

    def opened(self, call: Call) -> None: ...

    def gaps(self, call: Call) -> None:
        """The buffer of chunk gaps is full: take it (seconds) and leave it empty."""
        ...

    def closed(self, call: Call) -> None: ...

    def deferred(self, call: Call) -> None:
        """Closed by the garbage collector: no lock may be taken here. Report it at the next occasion."""
        ...


class Call:
    """One logical call. Times: ``*_ns`` are nanoseconds of the monotonic clock, except ``wall_ns`` (since 1970)."""

    __slots__ = (
        "_latch", "_open", "_returned", "_signals", "attempts", "attributed", "attribution", "client", "content",
        "duration", "end", "fingerprint", "format", "gaps", "last_chunk_ns", "provider", "request", "series",
        "server_address", "server_port", "span", "started_ns", "time_to_first_chunk", "wall_ns",
    )  # fmt: skip

    def __init__(
        self, signals: Signals, *, client: str, provider: str, wire_format: Format, request: Request,
        server_address: str | None = None, server_port: int | None = None,
    ) -> None:  # fmt: skip
        self._signals = signals
        self._latch = threading.Lock()
        self._returned = False
        self._open: Attempt | None = None
        self.client = client
        self.provider = provider
        self.format = wire_format
        self.request = request
        self.server_address = server_address
        self.server_port = server_port
        self.attempts: list[Attempt] = []
        self.end: End | None = None
        self.duration = 0.0
        self.time_to_first_chunk: float | None = None
        self.gaps: array[float] = array("d")
        self.last_chunk_ns = 0
        self.span: Any = None
        self.series: Any = None
        """The counters of its model, held by the signals."""
        self.attribution: tuple[tuple[str, str], ...] = ()
        """Declared keys and their values at the time of opening."""
        self.attributed: tuple[Any, ...] = ()
        """The series of those, held by the signals."""
        self.fingerprint: bytes | None = None
        """What an equal request would have, too; ``None`` where repeating it is no waste."""
        self.content: Capture | None = None
        """What was said, where content is captured."""
        self.wall_ns = time.time_ns()
        self.started_ns = time.perf_counter_ns()
        signals.opened(self)

    @property
    def ended(self) -> bool:
        return self.end is not None

    @property
    def sending(self) -> bool:
        """True while an attempt is on its way and has no response yet."""
        last = self._open
        return last is not None and last.status is None and not last.ended_ns

    @property
    def facts(self) -> Facts:
        """What the last attempt's response stated."""
        return self.attempts[-1].facts if self.attempts else Facts()

    @property
    def status(self) -> int | None:
        """HTTP status of the last attempt, ``None`` if it got no response."""
        return self.attempts[-1].status if self.attempts else None

    def attempt(self) -> Attempt:
        """A request is about to be sent."""
        made = Attempt(self, len(self.attempts) + 1, self.attempts[-1].ended_ns if self.attempts else 0)
        self.attempts.append(made)
        self._open = made
        return made

    def returned(self) -> None:
        """The SDK function returned. An open body ends the call when it ends; otherwise the call is over."""
        self._returned = True
        last = self._open
        if last is None or last.ended_ns:
            self._close(conclude("returned", None, self))

    def failed(self, error: BaseException) -> None:
        """The SDK function raised: retries are exhausted, or the user was told something is wrong, or cancelled."""
        self._close(conclude("failed", error, self))

    def abandon(self) -> None:
        """Nobody will tell how it ended: the process does."""
        self._close(End("abandoned"))

    def attempt_ended(self, attempt: Attempt, how: str, error: BaseException | None) -> None:
        if self._returned and attempt is self._open:
            self._close(conclude(how, error, self), dropped=how == "dropped")

    def chunks(self, count: int, now: int) -> None:
        """``count`` output chunks arrived together at ``now`` (monotonic ns): the first waited since the last ones, the
        others did not."""
        gaps = self.gaps
        if self.time_to_first_chunk is None:
            self.time_to_first_chunk = (now - self.started_ns) / 1e9
        else:
            gaps.append((now - self.last_chunk_ns) / 1e9)
        self.last_chunk_ns = now
        if count > 1:
            gaps.extend([0.0] * (count - 1))
        if len(gaps) >= GAPS_CAP:
            self._signals.gaps(self)

    def _close(self, end: End, *, dropped: bool = False) -> None:
        if not self._latch.acquire(blocking=False):
            return
        self.duration = (time.perf_counter_ns() - self.started_ns) / 1e9
        self.end = end
        if dropped or garbage.collecting():
            self._signals.deferred(self)
        else:
            self._signals.closed(self)


class Attempt:
    """One request on the wire and what came back."""

    __slots__ = (
        "_batch", "_pending", "_reader", "backoff", "call", "end", "ended_ns", "facts", "number", "ratelimits",
        "request_id", "retry_after", "started_ns", "status", "streamed", "wall_ns",
    )  # fmt: skip

    def __init__(self, call: Call, number: int, previous_ended_ns: int) -> None:
        self.call = call
        self.number = number
        self.status: int | None = None
        self.request_id: str | None = None
        self.retry_after: float | None = None
        self.ratelimits: list[Limit] = []
        self.facts = Facts()
        self.streamed = False
        self.end: End | None = None
        self.ended_ns = 0
        self._reader: Reader | None = None
        self._pending: list[tuple[bytes, int]] = []
        self._batch = 1
        self.wall_ns = time.time_ns()
        self.started_ns = time.perf_counter_ns()
        self.backoff = (self.started_ns - previous_ended_ns) / 1e9 if previous_ended_ns else None

    def response(self, status: int, content_type: str, encoding: str) -> None:
        """Status line and headers are here."""
        self.status = status
        self.facts.json_asked = self.call.request.output_type == "json"
        wire_format = self.call.format if self.call.content is None else self.call.content.tap(self.call.format)
        self._reader = Reader(wire_format, content_type, encoding, self.facts)
        self.streamed = self._reader.streamed

    def feed(self, data: bytes) -> None:
        """Bytes as they came over the wire. Runs once per chunk between the SDK's own steps, so it only keeps them
        with their time: reading a batch in one go costs a third, since our code is in the processor's caches then."""
        self._pending.append((data, time.perf_counter_ns()))
        if len(self._pending) >= self._batch or len(data) > LARGE:
            self._read_pending()

    def _read_pending(self) -> None:
        pending, self._pending = self._pending, []
        reader, call = self._reader, self.call
        if reader is None or _reads.open:
            return
        try:
            for data, at_ns in pending:
                count = reader.feed(data)
                if count and self.streamed:
                    call.chunks(count, at_ns)
                    self._batch = BATCH  # the first chunk is read at once
        except Exception as error:
            _reads.note(error, call.client)
        else:
            if _reads.in_a_row:
                _reads.in_a_row = 0

    def whole(self, content: bytes) -> None:
        """The body was read and decoded by the client already."""
        if self._reader is not None:
            self._reader.whole(content)

    def drop(self) -> None:
        """The body was dropped unread: called by a finaliser, so it takes no lock and lets nothing out."""
        try:
            self.finish("dropped")
        except Exception as error:
            _drops.note(error, self.call.client)

    def finish(self, how: str, error: BaseException | None = None) -> None:
        """The exchange is over: ``read`` to its end, ``closed`` early, ``dropped`` by the collector, or ``failed``."""
        if self.ended_ns:
            return
        self.ended_ns = time.perf_counter_ns()
        if self._pending:
            self._read_pending()
        if self._reader is not None:
            self._reader.end()
        self.end = conclude(how, error, self.call, self)
        self.call.attempt_ended(self, how, error)
