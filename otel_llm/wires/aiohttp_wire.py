"""Wire seam of aiohttp: ``ClientSession._request``, with the body teed at ``response.content``.

Besides raw aiohttp it carries google-genai's async client where aiohttp is installed, aiobotocore, and huggingface_hub
0.x. ``_request`` is private, and the one way of every request since aiohttp 3.0; google-genai reads its signature,
which wrapt keeps. Facts: aiohttp 3.14.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import ModuleType
from typing import Any, Final
from urllib.parse import urljoin

import msgspec
import wrapt

from otel_llm.attempt import Attempt
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires import exchange
from otel_llm.wires.address import address
from otel_llm.wires.exchange import Exchange


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps ``ClientSession._request`` of ``aiohttp.client``, and what ends a response before its body does."""
    patches.wrap(module.ClientSession, "_request", _request)
    for name in ("close", "release"):
        patches.wrap(module.ClientResponse, name, _left)


async def _request(wrapped: Callable[..., Any], session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    begun = _begin(session, args, kwargs)
    if begun is None:
        return await wrapped(*args, **kwargs)
    with begun as attempt:
        response = await wrapped(*args, **kwargs)
        _observe(attempt, session, response)
        return response


@guarded("wire.begin")
def _begin(session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exchange | None:
    given: dict[str, Any] = dict(zip(("method", "str_or_url"), args, strict=False)) | kwargs
    if given["method"].upper() != "POST":
        return None
    where = address(urljoin(str(getattr(session, "_base_url", None) or ""), str(given["str_or_url"])))
    return exchange.begin("POST", where, lambda: _content(kwargs))


def _content(kwargs: dict[str, Any]) -> bytes | None:
    """Body of the request if it is in memory: as the session will encode it, or near enough to be read."""
    data = kwargs.get("data")
    if data is None and kwargs.get("json") is not None:
        try:
            return msgspec.json.encode(kwargs["json"], enc_hook=_unlike)
        except Exception:  # keys that are no strings, a loop: the session's own serialiser may know better
            return None
    return data.encode() if isinstance(data, str) else data if isinstance(data, bytes) else None


_unread: Final = count()


def _unlike(_: Any) -> str:
    """In place of a value that only the session's own serialiser can write: unlike any other, so that two bodies are
    never taken for the same."""
    return f"[omitted {next(_unread)}]"


@guarded("wire.observe")
def _observe(attempt: Attempt, session: Any, response: Any) -> None:
    where = address(str(response.url))
    decoded = bool(getattr(session, "_auto_decompress", True))
    exchange.responded(attempt, response.status, response.headers, where.host, where.port, decoded=decoded)
    response.content = Content(response.content, attempt)


def _left(wrapped: Callable[..., Any], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``close`` and ``release`` of a response, which end the exchange unless the body was read."""
    _end(response)
    return wrapped(*args, **kwargs)


@guarded("wire.finish")
def _end(response: Any) -> None:
    attempt = attempt_of(response)
    if attempt is not None:
        attempt.finish("closed")


def attempt_of(response: Any) -> Attempt | None:
    """The attempt whose body the response has; ``None`` if it is not teed."""
    found: Attempt | None = getattr(getattr(response, "content", None), "_self_attempt", None)
    return found


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
