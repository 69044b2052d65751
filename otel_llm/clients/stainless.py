"""Client seam of every SDK that Stainless generates: ``request`` of its sync and async base client.

The method has kept its name and place since openai 1.0 and anthropic 0.3; it runs the whole retry loop, so one call of
it is one logical call. It decodes nothing: the request's facts come from ``options`` before any rewriting for Azure,
Bedrock or Vertex, the response's from the wire seam.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

import msgspec

from otel_llm import native, opening
from otel_llm.call import Call
from otel_llm.clients import seam
from otel_llm.formats.reading import mapping
from otel_llm.formats.table import recognise
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires.address import address


class StainlessClient(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One SDK: a row of the client table."""

    package: str
    """Distribution and import name; ``client`` on our spans."""
    module: str
    """Where ``SyncAPIClient`` and ``AsyncAPIClient`` live."""
    provider: str
    """Provider where the host does not tell: a gateway or a local server keeps the SDK's own."""
    flavours: dict[str, str] = {}
    """Provider by client class, for classes that speak to another provider."""
    paths: Mapping[str, str] = {}
    """Provider by what the path contains, for an SDK that speaks to two."""

    traces: bool = False
    """Whether it makes spans of its calls by itself."""

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps ``request`` of both base clients."""
        patches.wrap(module.SyncAPIClient, "request", seam.plain(self.open))
        patches.wrap(module.AsyncAPIClient, "request", seam.coroutine(self.open))

    @guarded("client.open")
    def open(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """The call that this request opens, or ``None``: nested in another call, suppressed, or no LLM operation."""
        active = seam.admitted()
        if active is None:
            return None
        options = args[1] if len(args) > 1 else kwargs["options"]
        found = recognise(options.url, self.provider) if options.method.lower() == "post" else None
        if found is None:
            return None
        if self.traces:
            native.silence(client, active.settings)
        if "://" in options.url:  # Fireworks gives a whole URL here, which the base URL does not tell
            url = address(options.url)
        else:
            url = client._base_url if _plain_url(self, client.__class__) else client.base_url
        return opening.open_call(
            active, found, mapping(options.json_data), client=self.package,
            provider=seam.provider(self.paths, options.url, _flavour(self, client.__class__)), host=url.host,
            port=url.port, stream=bool(kwargs.get("stream")),
        )  # fmt: skip


@lru_cache(maxsize=256)
def _plain_url(row: StainlessClient, kind: type) -> bool:
    """Whether ``base_url`` of a client of this class is the SDK's plain property of ``_base_url``. openai's (3.54)
    imports something each time that it is asked. The client of openai's module functions has one of its own."""
    owner = next((base.__module__ for base in kind.__mro__ if "base_url" in base.__dict__), "")
    package = row.module.rpartition(".")[0]
    return owner in (f"{package}._base_client", f"{package}._client")


@lru_cache(maxsize=256)
def _flavour(row: StainlessClient, kind: type) -> str:
    """Provider of a client of this class, or of the class of the SDK's that it comes from: a user's client may be a
    class of its own."""
    return next((row.flavours[base.__name__] for base in kind.__mro__ if base.__name__ in row.flavours), row.provider)
