"""Tee of a body of httpx and httpx2: a stream of the library's own class, which the response checks for.

Every reader of a response ends at ``response.stream``: ``iter_bytes``, ``iter_lines``, ``iter_raw``, ``read``, and
openai's drain after ``[DONE]``. Facts: httpx 0.27 to 0.28.1, httpx2 2.0 to 2.16.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

from otel_llm.call import Attempt
from otel_llm.wires import exchange


def teeing(module: ModuleType) -> Callable[[Any, Attempt], Any]:
    """What makes the tee of a stream of this library."""
    sync = type("SyncTee", (_SyncTee, module.SyncByteStream), {})
    asynchronous = type("AsyncTee", (_AsyncTee, module.AsyncByteStream), {})

    def tee(stream: Any, attempt: Attempt) -> Any:
        return (sync if isinstance(stream, module.SyncByteStream) else asynchronous)(stream, attempt)

    return tee


class _Tee:
    """What both tees share: other attributes are the inner stream's (httpx2 reads ``elapsed`` there), and a stream that
    is dropped unread ends its call when the collector finds it."""

    def __init__(self, inner: Any, attempt: Attempt) -> None:
        self._inner = inner
        self._attempt = attempt
        # anthropic 2.12 asks for it at every event; an answer from __getattr__ would cost more than all our work.
        self.stream_observer = getattr(inner, "stream_observer", None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_inner"], name)

    def __del__(self) -> None:
        # The names may be gone at interpreter exit, and nothing may come out of a finaliser.
        attempt = self.__dict__.get("_attempt")
        if attempt is not None and not attempt.ended_ns:
            attempt.drop()


class _SyncTee(_Tee):
    def __iter__(self) -> Iterator[bytes]:
        feed = self._attempt.feed
        with exchange.Reading(self._attempt):
            for data in self._inner:
                feed(data)
                yield data

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            exchange.finish(self._attempt, "closed")


class _AsyncTee(_Tee):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        feed = self._attempt.feed
        inner = self._inner.__aiter__()
        try:
            with exchange.Reading(self._attempt):
                async for data in inner:
                    feed(data)
                    yield data
        finally:
            if hasattr(inner, "aclose"):
                await inner.aclose()

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            exchange.finish(self._attempt, "closed")
