"""Client seam of ollama: ``_request`` of both clients. Streams are lazy. Facts: ollama 0.4 to 0.6.3."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec

from otel_llm import opening
from otel_llm.call import Call
from otel_llm.clients import seam
from otel_llm.formats.reading import mapping
from otel_llm.formats.table import recognise
from otel_llm.guard import guarded
from otel_llm.patching import Patches

_plain = seam.plain(lambda client, args, kwargs: open_call(client, args, kwargs))
_coroutine = seam.coroutine(lambda client, args, kwargs: open_call(client, args, kwargs))


class Ollama(msgspec.Struct, frozen=True, kw_only=True):
    package: str = "ollama"
    module: str = "ollama._client"

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps ``_request`` of both clients."""
        patches.wrap(module.Client, "_request", _request)
        patches.wrap(module.AsyncClient, "_request", _async_request)


def _request(wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if not kwargs.get("stream"):
        return _plain(wrapped, client, args, kwargs)
    return seam.lazy(wrapped(*args, **kwargs), lambda: open_call(client, args, kwargs))


async def _async_request(
    wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if not kwargs.get("stream"):
        return await _coroutine(wrapped, client, args, kwargs)
    return seam.async_lazy(await wrapped(*args, **kwargs), lambda: open_call(client, args, kwargs))


@guarded("client.open")
def open_call(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    """The call of ``_request(cls, method, path, json=..., stream=...)``, or ``None``: pulling a model is none."""
    active = seam.admitted()
    if active is None or len(args) < 3 or args[1] != "POST":
        return None
    found = recognise(args[2])
    if found is None:
        return None
    url = client._client.base_url
    return opening.open_call(
        active, found, mapping(kwargs.get("json")), client="ollama", provider="ollama", host=url.host, port=url.port,
        stream=bool(kwargs.get("stream")),
    )  # fmt: skip
