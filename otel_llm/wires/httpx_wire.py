"""Wire seam of httpx and httpx2: ``Client.send`` and ``AsyncClient.send``, with the body teed at ``response.stream``.

Every reader of a response ends at ``response.stream`` (``iter_bytes``, ``iter_lines``, ``iter_raw``, ``read``, and
openai's drain after ``[DONE]``), and the response checks that it is the library's own class: the tee subclasses that.
Facts: httpx 0.27 to 0.28.1, httpx2 2.0 to 2.16.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

from otel_llm.attempt import Attempt
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires import exchange, http_spans
from otel_llm.wires.exchange import Begun, Exchange


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps both clients of ``httpx`` or ``httpx2``."""
    tee = _tee_classes(module)
    library = module.__name__

    def send(wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        begun = _begin(library, client, args, kwargs)
        if begun is None:
            with http_spans.quiet(client):
                return wrapped(*args, **kwargs)
        with _Exchange(begun, tee) as carried:
            return carried.arrived(wrapped(*args, **kwargs))

    async def async_send(
        wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        begun = _begin(library, client, args, kwargs)
        if begun is None:
            with http_spans.quiet(client):
                return await wrapped(*args, **kwargs)
        with _Exchange(begun, tee) as carried:
            return carried.arrived(await wrapped(*args, **kwargs))

    patches.wrap(module.Client, "send", send)
    patches.wrap(module.AsyncClient, "send", async_send)


def _begin(library: str, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Begun | None:
    request = args[0] if args else kwargs.get("request")
    begun = exchange.begin(request.method, request.url, lambda: _content(request)) if request is not None else None
    if begun is not None:
        http_spans.instrument(client, library)
    return begun


def _content(request: Any) -> bytes | None:
    """Body of the request if it is in memory; a generator or multipart body is never touched."""
    try:
        return request.content
    except Exception:  # RequestNotRead, of either library
        return None


class _Exchange(Exchange):
    """The time of one ``send``."""

    __slots__ = ("_tee",)

    def __init__(self, begun: Begun, tee: Callable[[Any, Attempt], Any]) -> None:
        super().__init__(begun)
        self._tee = tee

    def arrived(self, response: Any) -> Any:
        """The response, its body teed or already read."""
        self._observe(response)
        return response

    @guarded("wire.observe")
    def _observe(self, response: Any) -> None:
        url = response.request.url
        # One pass over the raw headers: a single look-up in httpx's Headers costs as much as this whole copy.
        found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        exchange.responded(self.attempt, response.status_code, found, url.host, url.port)
        if hasattr(response, "_content"):  # read inside send (stream=False), or made by a mock transport
            exchange.whole(self.attempt, response.content)
            return
        response.stream = self._tee(response.stream, self.attempt)


def _tee_classes(module: ModuleType) -> Callable[[Any, Attempt], Any]:
    """Tees that are instances of this library's own stream classes."""

    class SyncTee(_Tee, module.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            attempt = self._attempt
            feed = attempt.feed
            try:
                for data in self._inner:
                    feed(data)
                    yield data
            except GeneratorExit:
                exchange.finish(attempt, "closed")
                raise
            except BaseException as error:
                exchange.finish(attempt, "failed", error)
                raise
            exchange.finish(attempt, "read")

        def close(self) -> None:
            try:
                self._inner.close()
            finally:
                exchange.finish(self._attempt, "closed")

    class AsyncTee(_Tee, module.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            attempt = self._attempt
            feed = attempt.feed
            inner = self._inner.__aiter__()
            try:
                async for data in inner:
                    feed(data)
                    yield data
            except GeneratorExit:
                exchange.finish(attempt, "closed")
                raise
            except BaseException as error:
                exchange.finish(attempt, "failed", error)
                raise
            finally:
                if hasattr(inner, "aclose"):
                    await inner.aclose()
            exchange.finish(attempt, "read")

        async def aclose(self) -> None:
            try:
                await self._inner.aclose()
            finally:
                exchange.finish(self._attempt, "closed")

    def tee(stream: Any, attempt: Attempt) -> Any:
        if isinstance(stream, module.SyncByteStream):
            return SyncTee(stream, attempt)
        return AsyncTee(stream, attempt)

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
