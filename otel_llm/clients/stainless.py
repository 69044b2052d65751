"""Client seam of every SDK that Stainless generates: ``request`` of its sync and async base client.

The method has kept its name and place since openai 1.0 and anthropic 0.3; it runs the whole retry loop, so one call of
it is one logical call. It decodes nothing: the request's facts come from ``options`` before any rewriting for Azure,
Bedrock or Vertex, the response's from the wire seam.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec

from otel_llm import native, runtime
from otel_llm.call import CURRENT, Call
from otel_llm.formats.reading import mapping
from otel_llm.formats.table import recognise
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.providers import provider_of
from otel_llm.scope import Scope


class StainlessClient(msgspec.Struct, frozen=True, kw_only=True):
    """One SDK: a row of the client table."""

    package: str
    """Distribution and import name; ``client`` on our spans."""
    module: str
    """Where ``SyncAPIClient`` and ``AsyncAPIClient`` live."""
    provider: str
    """Provider where the host does not tell: a gateway or a local server keeps the SDK's own."""
    flavours: dict[str, str] = {}
    """Provider by client class, for classes that speak to another provider."""

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps ``request`` of both base clients."""

        def request(wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            call = self.open(client, args, kwargs)
            if call is None:
                return wrapped(*args, **kwargs)
            with Scope(call):
                return wrapped(*args, **kwargs)

        async def async_request(
            wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Any:
            call = self.open(client, args, kwargs)
            if call is None:
                return await wrapped(*args, **kwargs)
            with Scope(call):
                return await wrapped(*args, **kwargs)

        patches.wrap(module.SyncAPIClient, "request", request)
        patches.wrap(module.AsyncAPIClient, "request", async_request)

    @guarded("client.open")
    def open(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """The call that this request opens, or ``None``: nested in another call, suppressed, or no LLM operation."""
        active = runtime.current()
        if active is None or CURRENT.get() is not None or native.suppressed():
            return None
        options = args[1] if len(args) > 1 else kwargs["options"]
        found = recognise(options.url) if options.method.lower() == "post" else None
        if found is None:
            return None
        native.silence(client, active.settings)
        request = found.format.request(mapping(options.json_data))
        request.model = request.model or found.model
        request.stream = request.stream or bool(kwargs.get("stream"))
        url = client.base_url
        return Call(
            active.recorder,
            client=self.package,
            provider=provider_of(url.host) or self._flavour(client),
            wire_format=found.format,
            request=request,
            server_address=url.host or None,
            server_port=url.port,
        )

    def _flavour(self, client: Any) -> str:
        for kind in type(client).__mro__:
            if kind.__name__ in self.flavours:
                return self.flavours[kind.__name__]
        return self.provider
