"""The Call: one logical LLM call over all its attempts, and the only object that crosses from seams to signals.

A client seam opens it, the wire seam adds attempts and feeds their bytes, and whoever sees the end first closes it:
exactly once. It knows nothing of OpenTelemetry: what becomes of it is up to the :class:`Signals` it was opened with.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from otel_llm import garbage
from otel_llm.attempt import Attempt
from otel_llm.failures import End, conclude
from otel_llm.formats.facts import Facts, Format, Request

if TYPE_CHECKING:
    from otel_llm.content.capture import Capture

CURRENT: Final[ContextVar[Call | None]] = ContextVar("otel_llm_call", default=None)
"""The call in whose scope this context is, or was made: a task that was born inside keeps it. Ask :func:`inside`."""


def inside() -> Call | None:
    """The call whose SDK function runs in this context. The wire seam joins it, a nested client seam stands aside."""
    call = CURRENT.get()
    return call if call is not None and call.running else None


GAPS_CAP: Final = 256
"""Chunk gaps that are kept before they are handed to the signals in the middle of a stream. An OpenTelemetry meter
takes 30 us for each, while the app's event loop waits."""


class Fingerprints(Protocol):
    """Tells requests that ask for the same."""

    def fingerprint(self, provider: str, request: Request, body: bytes | None) -> int | None:
        """The same for equal requests; ``None`` where repeating it is no waste. Never raises."""
        ...


class Signals(Protocol):
    """What is told about a call. Their steps are guarded, each for itself: none of them raises."""

    @property
    def duplicates(self) -> Fingerprints | None:
        """``None`` where nobody wants to know whether requests are repeated."""
        ...

    def opened(self, call: Call) -> None:
        """A call begins: nothing of it was sent yet. Gives it its span and its series."""
        ...

    def gaps(self, call: Call) -> None:
        """The buffer of chunk gaps is full: take it (seconds) and leave it empty."""
        ...

    def closed(self, call: Call) -> None:
        """The call is over, and everything about it is known. Told once."""
        ...

    def deferred(self, call: Call) -> None:
        """Closed by the garbage collector: no lock may be taken here. Report it at the next occasion."""
        ...


class Call(msgspec.Struct, kw_only=True, eq=False):
    """One logical call. Times: ``*_ns`` are nanoseconds of the monotonic clock, except ``wall_ns`` (since 1970)."""

    signals: Signals
    client: str
    provider: str
    format: Format
    """What the client speaks; what is on the wire may differ (:attr:`Attempt.format`)."""
    request: Request
    server_address: str | None = None
    server_port: int | None = None
    attribution: tuple[tuple[str, str], ...] = ()
    """Declared keys and their values at the time of opening."""
    running: bool = True
    """The SDK's function has neither returned nor raised: a request that is sent in its context is its own."""
    attempts: list[Attempt] = []
    end: End | None = None
    duration: float = 0.0
    """Seconds from opening to closing."""
    time_to_first_chunk: float | None = None
    """Seconds; ``None`` where nothing was streamed."""
    gaps: list[float] = []
    """Seconds between chunks, up to :data:`GAPS_CAP`."""
    last_chunk_ns: int = 0
    """0 until one arrived."""
    span: Any = None
    """Set by the signals, and made current while the SDK's function runs."""
    held: Any = None
    """What the signals keep with the call; nobody else looks into it."""
    fingerprint: int | None = None
    """What an equal request would have, too; ``None`` where repeating it is no waste."""
    content: Capture | None = None
    """What was said, where content is captured."""
    wall_ns: int = 0
    started_ns: int = 0
    _latch: list[None] = []
    """Whoever takes what is in it closes the call: one step, and neither a thread nor a finaliser comes between."""

    __repr__ = object.__repr__  # error trackers show the variables of frames, and a provider's error quotes prompts

    def __post_init__(self) -> None:
        self._latch.append(None)
        self.wall_ns = time.time_ns()
        self.started_ns = time.perf_counter_ns()
        self.signals.opened(self)

    @property
    def ended(self) -> bool:
        """True once the call is closed: it was reported, or will be at the next occasion."""
        return self.end is not None

    @property
    def last(self) -> Attempt | None:
        """The attempt whose answer is the call's; ``None`` if nothing was sent."""
        return self.attempts[-1] if self.attempts else None

    @property
    def sending(self) -> bool:
        """True while an attempt is on its way and has no response yet."""
        last = self.last
        return last is not None and last.status is None and not last.ended_ns

    @property
    def facts(self) -> Facts:
        """What the last attempt's response stated."""
        return self.attempts[-1].facts if self.attempts else Facts()

    @property
    def status(self) -> int | None:
        """HTTP status of the last attempt, ``None`` if it got no response."""
        return self.attempts[-1].status if self.attempts else None

    def attempt(self, wire_format: Format | None = None) -> Attempt:
        """A request is about to be sent; ``wire_format`` where its path tells what it speaks."""
        now = time.perf_counter_ns()
        before = self.attempts[-1].ended_ns if self.attempts else 0
        made = Attempt(
            call=self, format=wire_format or self.format, number=len(self.attempts) + 1, started_ns=now,
            backoff=(now - before) / 1e9 if before else None,
        )  # fmt: skip
        self.attempts.append(made)
        return made

    def returned(self) -> None:
        """The SDK function returned. An open body ends the call when it ends; otherwise the call is over."""
        self.running = False
        last = self.last
        if last is None or last.ended_ns:
            ended = last.end if last is not None else None
            self._close(ended if ended and ended.outcome == "success" else conclude("returned", None, last))

    def failed(self, error: BaseException) -> None:
        """The SDK function raised: retries are exhausted, or the user was told something is wrong, or cancelled."""
        self.running = False
        self._close(conclude("failed", error, self.last))

    def abandon(self) -> None:
        """Nobody will tell how it ended: the process does."""
        self._close(End("abandoned"))

    def attempt_ended(self, attempt: Attempt, end: End, *, dropped: bool) -> None:
        """An exchange is over. It ends the call if it is the last one and the SDK's function is over, too: else there
        may be a retry. ``dropped``: by the garbage collector."""
        if not self.running and attempt is self.last:
            self._close(end, dropped=dropped)

    def chunks(self, arrived: Sequence[tuple[int, int]]) -> None:
        """Output chunks arrived: how many together, and when (monotonic ns). The first of them waited since the last
        ones, the others did not."""
        gaps, last = self.gaps, self.last_chunk_ns
        for count, now in arrived:
            if last:
                gaps.append((now - last) / 1e9)
            else:
                self.time_to_first_chunk = (now - self.started_ns) / 1e9
            last = now
            if count > 1:
                gaps.extend([0.0] * (count - 1))
        self.last_chunk_ns = last

    def spill(self) -> None:
        """Hands the gaps over where they are many: between two chunks, and never in a finaliser, where no lock may be
        taken. What is left is reported with the call."""
        if len(self.gaps) >= GAPS_CAP and not garbage.collecting():
            self.signals.gaps(self)

    def _close(self, end: End, *, dropped: bool = False) -> None:
        try:
            self._latch.pop()
        except IndexError:
            return
        self.running = False
        self.duration = (time.perf_counter_ns() - self.started_ns) / 1e9
        self.end = end
        if dropped or garbage.collecting():
            self.signals.deferred(self)
        else:
            self.signals.closed(self)
