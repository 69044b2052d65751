"""Wire seam of aiohttp: ``ClientSession._request``, with the body teed at ``response.content``.

Besides raw aiohttp it carries google-genai's async client where aiohttp is installed, aiobotocore, and huggingface_hub
0.x. ``_request`` is private, and the one way of every request since aiohttp 3.0; google-genai reads its signature,
which wrapt keeps. Facts: aiohttp 3.14.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import urljoin
from weakref import ref

import msgspec
import wrapt

from otel_llm.attempt import Attempt
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires import exchange
from otel_llm.wires.address import address
from otel_llm.wires.exchange import Begun, Exchange


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps ``ClientSession._request`` of ``aiohttp.client``."""
    patches.wrap(module.ClientSession, "_request", _request)


async def _request(wrapped: Callable[..., Any], session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    begun = _begin(session, args, kwargs)
    if begun is None:
        return await wrapped(*args, **kwargs)
    with Exchange(begun) as carried:
        response = await wrapped(*args, **kwargs)
        _observe(carried, session, response)
        return response


@guarded("wire.begin")
def _begin(session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Begun | None:
    given: dict[str, Any] = dict(zip(("method", "str_or_url"), args, strict=False)) | kwargs
    if given["method"].upper() != "POST":
        return None
    where = address(urljoin(str(getattr(session, "_base_url", None) or ""), str(given["str_or_url"])))
    return exchange.begin("POST", where, lambda: _content(kwargs))


def _content(kwargs: dict[str, Any]) -> bytes | None:
    """Body of the request if it is in memory: as the session will encode it, or near enough to be read."""
    data = kwargs.get("data")
    if data is None and kwargs.get("json") is not None:
        return msgspec.json.encode(kwargs["json"])
    return data.encode() if isinstance(data, str) else data if isinstance(data, bytes) else None


@guarded("wire.observe")
def _observe(carried: Exchange, session: Any, response: Any) -> None:
    attempt, url = carried.attempt, response.url
    decoded = bool(getattr(session, "_auto_decompress", True))
    exchange.responded(attempt, response.status, response.headers, url.host, url.port, decoded=decoded)
    response.content = Content(response.content, attempt)
    response.close, response.release = _closing(response, "close", attempt), _closing(response, "release", attempt)


def _closing(response: Any, name: str, attempt: Attempt) -> Callable[[], Any]:
    """``response.close`` or ``.release``, which end the exchange unless the body was read."""
    # The response holds this function: it must not hold the response, which closes its connection when it is dropped.
    inner, it = getattr(response.__class__, name), ref(response)

    def close() -> Any:
        exchange.finish(attempt, "closed")
        return inner(it())

    return close


class Content(wrapt.ObjectProxy):  # pyright: ignore[reportMissingTypeArgument]
    """The response's ``StreamReader`` with its reads teed; all else is the reader's own, its class included."""

    __wrapped__: Any

    def __init__(self, inner: Any, attempt: Attempt) -> None:
        super().__init__(inner)  # pyright: ignore[reportUnknownMemberType]
        self._self_attempt = attempt
        self._self_reader: Any = type(inner)

    # The reader's own iterators call the reads below, since they are given this object.
    def __aiter__(self) -> Any:
        return self._self_reader.__aiter__(self)

    def iter_any(self) -> Any:
        return self._self_reader.iter_any(self)

    def iter_chunked(self, n: int) -> Any:
        return self._self_reader.iter_chunked(self, n)

    def iter_chunks(self) -> Any:
        return self._self_reader.iter_chunks(self)

    async def read(self, *args: Any, **kwargs: Any) -> bytes:
        return await self._self_bytes(self.__wrapped__.read, args, kwargs)

    async def readany(self) -> bytes:
        return await self._self_bytes(self.__wrapped__.readany, (), {})

    async def readline(self, *args: Any, **kwargs: Any) -> bytes:
        return await self._self_bytes(self.__wrapped__.readline, args, kwargs)

    async def readuntil(self, *args: Any, **kwargs: Any) -> bytes:
        return await self._self_bytes(self.__wrapped__.readuntil, args, kwargs)

    async def readexactly(self, *args: Any, **kwargs: Any) -> bytes:
        return await self._self_bytes(self.__wrapped__.readexactly, args, kwargs)

    async def readchunk(self) -> tuple[bytes, bool]:
        pair = await self._self_read(self.__wrapped__.readchunk, (), {})
        self._self_note(pair[0])
        return pair

    def read_nowait(self, *args: Any, **kwargs: Any) -> bytes:
        data = self.__wrapped__.read_nowait(*args, **kwargs)
        self._self_note(data)
        return data

    async def _self_read(self, read: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            found: Any = await read(*args, **kwargs)
        except BaseException as error:
            exchange.finish(self._self_attempt, "failed", error)
            raise
        return found

    async def _self_bytes(self, read: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        data = await self._self_read(read, args, kwargs)
        self._self_note(data)
        return data

    @guarded("wire.tee")
    def _self_note(self, data: bytes) -> None:
        self._self_attempt.feed(data)
        if self.__wrapped__.at_eof():
            exchange.finish(self._self_attempt, "read")

    def __del__(self) -> None:
        attempt = getattr(self, "_self_attempt", None)
        if attempt is not None and not attempt.ended_ns:
            attempt.drop()
