"""Tee of a urllib3 response, which is what both requests and botocore read their bodies from.

The methods are wrapped on urllib3's own class, and ask the response whether it is teed: everything the user can get
hold of (``Response.raw``, ``StreamingBody``, ``EventStream``, the raw stream that ``with body as raw`` hands out, and
each bound method of it) is the library's own, and lives as long as without us. Facts: urllib3 1.26 to 2.8, requests
2.34, botocore 1.35 to 1.44.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final

from otel_llm.attempt import Attempt
from otel_llm.guard import guarded
from otel_llm.patching import Patches, Wrapper
from otel_llm.wires import exchange

MODULE: Final = "urllib3.response"
_KEPT: Final = "_otel_llm_tee"
"""Attribute of a response that is teed."""


def patch(patches: Patches) -> None:
    """Wraps what reads and closes a body. Called when a library that needs it is imported, and with it urllib3."""
    owner = sys.modules[MODULE].HTTPResponse
    patches.wrap(owner, "read", _read)
    patches.wrap(owner, "stream", _iterated)
    patches.wrap(owner, "read_chunked", _iterated)
    patches.wrap(owner, "close", _close)
    if "read1" in owner.__dict__:  # since 2.2
        patches.wrap(owner, "read1", _read1)


def tee(raw: Any, attempt: Attempt) -> None:
    """Feeds what is read from ``raw`` to the attempt from now on. One that cannot be teed ends the attempt unread."""
    if not _attached(raw, attempt):
        attempt.facts.undecodable = "transport"
        exchange.finish(attempt, "read")


@guarded("wire.tee")
def _attached(raw: Any, attempt: Attempt) -> bool:
    if not isinstance(raw, sys.modules[MODULE].HTTPResponse):  # a test double, such as a plain BytesIO
        return False
    setattr(raw, _KEPT, _Tee(attempt))
    return True


def attempt_of(raw: Any) -> Attempt | None:
    """The attempt whose body ``raw`` is; ``None`` if it is not teed."""
    found: _Tee | None = getattr(raw, _KEPT, None)
    return None if found is None else found.attempt


class _Tee:
    """Of one response, which holds it; it does not hold the response. Entered while a method of the response runs,
    which may call others of it: only the outermost tells what was read."""

    __slots__ = ("attempt", "inside")

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.inside = False

    def __enter__(self) -> None:
        self.inside = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.inside = False
        if error is not None:
            exchange.finish(self.attempt, "failed", error)

    @guarded("wire.tee")
    def note(self, data: bytes, amount: Any, last: Callable[[Any, bytes], bool]) -> None:
        """These bytes were read, of that amount at most."""
        self.attempt.feed(data)
        if last(amount, data):
            exchange.finish(self.attempt, "read")

    def iterated(self, inner: Iterator[bytes]) -> Iterator[bytes]:
        feed = self.attempt.feed
        with exchange.Reading(self.attempt):
            while (data := self._next(inner)) is not None:
                feed(data)
                yield data

    def _next(self, inner: Iterator[bytes]) -> bytes | None:
        with self:
            return next(inner, None)

    def closed(self) -> None:
        exchange.finish(self.attempt, "closed")

    def __del__(self) -> None:
        if not self.attempt.ended_ns:
            self.attempt.drop()


@guarded("wire.tee")
def _outermost(raw: Any) -> _Tee | None:
    """The tee of a response, unless a method of the response is calling this one."""
    found: _Tee | None = getattr(raw, _KEPT, None)
    return None if found is None or found.inside else found


def _reading(last: Callable[[Any, bytes], bool]) -> Wrapper:
    """Around a method that reads up to an amount; ``last`` tells by the amount and the bytes if that was the end."""

    def wrapper(wrapped: Callable[..., Any], raw: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kept = _outermost(raw)
        if kept is None:
            return wrapped(*args, **kwargs)
        with kept:
            data = wrapped(*args, **kwargs)
        kept.note(data, args[0] if args else kwargs.get("amt"), last)
        return data

    return wrapper


_read: Final = _reading(lambda amount, data: amount is None or amount < 0 or bool(amount and not data))
"""``read(amt)``: all that is left without an amount, nothing at the end."""
_read1: Final = _reading(lambda amount, data: amount != 0 and not data)
"""``read1(amt)``: what is there, nothing at the end."""


def _iterated(wrapped: Callable[..., Any], raw: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    kept = _outermost(raw)
    inner = wrapped(*args, **kwargs)
    return inner if kept is None else kept.iterated(inner)


def _close(wrapped: Callable[..., Any], raw: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    kept = _outermost(raw)  # else urllib3 closes it by itself, at the last byte or at an error
    try:
        return wrapped(*args, **kwargs)
    finally:
        if kept is not None:
            kept.closed()
