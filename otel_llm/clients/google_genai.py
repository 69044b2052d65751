"""Client seam of google-genai: the request methods of ``BaseApiClient``, which every API but ``interactions`` uses.

They take a relative path and a dictionary, in Gemini and in Vertex mode alike, and retry inside. Which HTTP library
carries the request (httpx, httpx2, aiohttp, or requests with mutual TLS) is the wire seams' matter. Streams are lazy
(sync), or sent when awaited (async). Facts: google-genai 1.75, 2.34, 3.4; the class was ``ApiClient`` in 1.0.
"""

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
from otel_llm.wires.address import address


class GoogleGenai(msgspec.Struct, frozen=True, kw_only=True):
    package: str = "google-genai"
    module: str = "google.genai._api_client"

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps the four methods."""
        owner = getattr(module, "BaseApiClient", None) or module.ApiClient
        patches.wrap(owner, "request", seam.plain(open_call))
        patches.wrap(owner, "async_request", seam.coroutine(open_call))
        patches.wrap(owner, "request_streamed", _streamed)
        patches.wrap(owner, "async_request_streamed", seam.coroutine(open_call))


def _streamed(wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return seam.lazy(wrapped(*args, **kwargs), lambda: open_call(client, args, kwargs))


@guarded("client.open")
def open_call(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    """The call of ``request(http_method, path, request_dict, http_options)``, or ``None``."""
    active = seam.admitted()
    if active is None:
        return None
    given = dict(zip(("http_method", "path", "request_dict", "http_options"), args, strict=False)) | kwargs
    found = recognise(given["path"]) if given["http_method"].lower() == "post" else None
    if found is None:
        return None
    where = address(_base_url(client, given.get("http_options")))
    return opening.open_call(
        active, found, mapping(given["request_dict"]), client="google-genai",
        provider="gcp.vertex_ai" if client.vertexai else "gcp.gemini", host=where.host, port=where.port,
    )  # fmt: skip


def _base_url(client: Any, options: Any) -> str:
    """The URL set for this request, else the client's."""
    own = options.get("base_url") if isinstance(options, dict) else getattr(options, "base_url", None)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return str(own or client._http_options.base_url or "")  # pyright: ignore[reportUnknownArgumentType]
