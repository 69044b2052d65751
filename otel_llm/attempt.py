"""The Attempt: one request on the wire and what came back, read as it arrives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from otel_llm import guard
from otel_llm.failures import End, conclude
from otel_llm.formats.facts import Facts, Format
from otel_llm.formats.reader import Reader, stream_framing
from otel_llm.headers import Limit

if TYPE_CHECKING:
    from otel_llm.call import Call

_drops: Final = guard.site("attempt.drop")
_reads: Final = guard.site("attempt.read")

BATCH: Final = 64
"""Chunks that are kept before they are read."""
LARGE: Final = 16 * 1024
"""Bytes above which a chunk is read at once, so that a batch stays small."""
TYPE_CAP: Final = 256
"""Characters of a ``Content-Type`` that are looked at, and remembered."""


class Attempt(msgspec.Struct, kw_only=True, eq=False):
    """One exchange of a call. Times are nanoseconds of the monotonic clock, where nothing else is said."""

    call: Call
    format: Format
    """What its bytes are. An SDK may rewrite a request on its way (anthropic for Bedrock): the wire decides."""
    number: int
    """From 1 on."""
    started_ns: int
    backoff: float | None
    """Seconds since the attempt before it ended."""
    status: int | None = None
    """HTTP status; ``None`` until there is a response."""
    request_id: str | None = None
    retry_after: float | None = None
    """Seconds that the provider asked to wait."""
    ratelimits: list[Limit] = []
    facts: Facts = msgspec.field(default_factory=Facts)
    streamed: bool = False
    end: End | None = None
    ended_ns: int = 0
    """0 while it is open."""
    _body: tuple[Format, str, str] | None = None
    """What reads it, its type and encoding; ``None`` before there is a response, and where it was given up."""
    _reader: Reader | None = None
    """Made when the first piece is read."""
    _pending: list[tuple[bytes, int]] = []
    _batch: int = 1

    __repr__ = object.__repr__  # error trackers show the variables of frames, and a provider's error quotes prompts

    @property
    def wall_ns(self) -> int:
        """Start in nanoseconds since 1970, by the call's clock: one that is set meanwhile puts no attempt before it."""
        return self.call.wall_ns + self.started_ns - self.call.started_ns

    @property
    def terminated(self) -> bool:
        """True if the answer, were it whole, would end with an event of its own."""
        return self.streamed and self.format.terminated

    def response(self, status: int, content_type: str, encoding: str) -> None:
        """Status line and headers are here."""
        self.status = status
        request, content = self.call.request, self.call.content
        self.facts.json_asked = request.output_type == "json"
        wire_format = self.format if content is None else content.tap(self.format)
        content_type = content_type[:TYPE_CAP]
        self._body = wire_format, content_type, encoding
        self.streamed = stream_framing(content_type, wire_format.name, request.stream) is not None

    def feed(self, data: bytes) -> None:
        """Bytes as they came over the wire. Runs once per chunk between the SDK's own steps, so it only keeps them
        with their time: reading a batch in one go costs a third, since our code is in the processor's caches then."""
        self._pending.append((data, time.perf_counter_ns()))
        if len(self._pending) >= self._batch or len(data) > LARGE:
            self._read_pending()
            self.call.spill()

    def whole(self, content: bytes) -> None:
        """The body was read and decoded by the client already: the exchange is over."""
        if self._body is not None and content:
            wire_format, content_type, _ = self._body
            try:
                if self.streamed:
                    self._body = wire_format, content_type, ""
                    self._opened().feed(content)
                else:
                    wire_format.body(content, self.facts)
            except Exception as error:
                self._give_up(error)
        self.finish("read")

    def drop(self) -> None:
        """The body was dropped unread: called by a finaliser, so it takes no lock and lets nothing out."""
        try:
            self.finish("dropped")
        except Exception as error:
            _drops.note(error, (self,))

    def finish(self, how: str, error: BaseException | None = None) -> None:
        """The exchange is over: ``read`` to its end, ``closed`` early, ``dropped`` by the collector, or ``failed``.
        The first one that says so is right. However broken the body is, the attempt ends here."""
        if self.ended_ns:
            return
        self.ended_ns = time.perf_counter_ns()
        if self._pending:
            self._read_pending()
        if self._reader is not None:
            try:
                self._reader.end()
            except Exception as defect:
                self._give_up(defect)
        self.end = conclude(how, error, self)
        self.call.attempt_ended(self, self.end, dropped=how == "dropped")

    def _read_pending(self) -> None:
        pending, self._pending = self._pending, []
        if self._body is None:
            return
        try:
            reader = self._opened()
            arrived = [(count, at_ns) for data, at_ns in pending if (count := reader.feed(data))]
            if arrived and self.streamed:
                self.call.chunks(arrived)
                self._batch = BATCH  # the first chunk is read at once
        except Exception as error:
            self._give_up(error)

    def _opened(self) -> Reader:
        """What reads the body piece by piece."""
        if self._reader is None:
            assert self._body is not None
            self._reader = Reader(*self._body, self.facts, asked_stream=self.call.request.stream)
        return self._reader

    def _give_up(self, error: Exception) -> None:
        """No more is read of this body. It says nothing about any other body, so there is no breaker."""
        _reads.note(error, (self,))
        self._body = self._reader = None
        self.facts.undecodable = self.facts.undecodable or "defect"
