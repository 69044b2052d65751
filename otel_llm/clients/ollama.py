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


class Ollama(msgspec.Struct, frozen=True, kw_only=True):
    package: str
    """Distribution; ``client`` on our spans."""
    module: str
    """Where its HTTP client lives."""

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps ``_request`` of both clients."""
        patches.wrap(module.Client, "_request", self._request)
        patches.wrap(module.AsyncClient, "_request", self._async_request)

    def _request(self, wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not kwargs.get("stream"):
            return seam.plain(self.open)(wrapped, client, args, kwargs)
        return seam.lazy(wrapped(*args, **kwargs), lambda: self.open(client, args, kwargs))

    async def _async_request(
        self, wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if not kwargs.get("stream"):
            return await seam.coroutine(self.open)(wrapped, client, args, kwargs)
        return seam.async_lazy(await wrapped(*args, **kwargs), lambda: self.open(client, args, kwargs))

    @guarded("client.open")
    def open(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """The call of ``_request(cls, method, path, json=..., stream=...)``, or ``None``: pulling a model is none."""
        active = seam.admitted()
        if active is None or len(args) < 3 or args[1] != "POST":
            return None
        found = recognise(args[2])
        if found is None:
            return None
        url = client._client.base_url
        return opening.open_call(
            active, found, mapping(kwargs.get("json")), client=self.package, provider="ollama", host=url.host,
            port=url.port, stream=bool(kwargs.get("stream")),
        )  # fmt: skip
