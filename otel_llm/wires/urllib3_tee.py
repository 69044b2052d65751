"""Tee of a urllib3 response, which is what both requests and botocore read their bodies from.

The methods are replaced on the instance, so that everything the user can get hold of (``Response.raw``,
``StreamingBody``, ``EventStream``, and the raw stream that ``with body as raw`` hands out) keeps its class. Facts:
urllib3 1.26 to 2.6, requests 2.34, botocore 1.35 to 1.44.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

from otel_llm.attempt import Attempt
from otel_llm.guard import guarded
from otel_llm.wires import exchange


def tee(raw: Any, attempt: Attempt) -> None:
    """Feeds what is read from ``raw`` to the attempt from now on. One that cannot be teed ends the attempt unread."""
    if not _attached(raw, attempt):
        attempt.facts.undecodable = "transport"
        exchange.finish(attempt, "read")


@guarded("wire.tee")
def _attached(raw: Any, attempt: Attempt) -> bool:
    try:
        made = _Tee(raw, attempt)
        raw.read, raw.stream, raw.close = made.read, made.stream, made.close
    except (AttributeError, TypeError):  # a test double, such as a plain BytesIO
        return False
    return True


class _Tee:
    """Holds the response weakly: it is the response that holds us, and must go when the user lets go of it."""

    __slots__ = ("_attempt", "_inside", "_raw")

    def __init__(self, raw: Any, attempt: Attempt) -> None:
        self._inside = False
        """True while a method of the response runs, which may call others of it."""
        self._attempt = attempt
        self._raw: Callable[[], Any] = ref(raw)

    def read(self, *args: Any, **kwargs: Any) -> bytes:
        raw = self._raw()
        read = self._method("read")
        if self._inside:
            return read(raw, *args, **kwargs)
        self._inside = True
        try:
            data: bytes = read(raw, *args, **kwargs)
        except BaseException as error:
            exchange.finish(self._attempt, "failed", error)
            raise
        finally:
            self._inside = False
        self._attempt.feed(data)
        wanted = args[0] if args else kwargs.get("amt")
        if wanted is None or wanted < 0 or (wanted and not data):
            exchange.finish(self._attempt, "read")
        return data

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        raw, attempt = self._raw(), self._attempt
        inner: Iterator[bytes] = self._method("stream")(raw, *args, **kwargs)
        try:
            while (data := self._next(inner)) is not None:
                attempt.feed(data)
                yield data
        except GeneratorExit:
            exchange.finish(attempt, "closed")
            raise
        except BaseException as error:
            exchange.finish(attempt, "failed", error)
            raise
        exchange.finish(attempt, "read")

    def _next(self, inner: Iterator[bytes]) -> bytes | None:
        self._inside = True
        try:
            return next(inner, None)
        finally:
            self._inside = False

    def _method(self, name: str) -> Callable[..., Any]:
        """The class's own."""
        return getattr(self._raw().__class__, name)

    def close(self) -> None:
        raw = self._raw()
        try:
            self._method("close")(raw)
        finally:
            if not self._inside:  # else urllib3 closes it by itself, at the last byte or at an error
                exchange.finish(self._attempt, "closed")

    def __del__(self) -> None:
        if not self._attempt.ended_ns:
            self._attempt.drop()
