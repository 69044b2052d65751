"""Client seam of google-genai: the request methods of ``BaseApiClient``, which every API but ``interactions`` uses.

They take a relative path and a dictionary, in Gemini and in Vertex mode alike, and retry inside. Which HTTP library
carries the request (httpx, httpx2, aiohttp, or requests: with mutual TLS, and until 1.9) is the wire seams' matter.
Streams are lazy (sync), or sent when awaited (async). Facts: google-genai 1.0 to 3.6; the class was ``ApiClient`` in
1.0, and options were dictionaries until 1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, cast

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
    package: str
    """Distribution; ``client`` on our spans."""
    module: str
    """Where its HTTP client lives."""

    def patch(self, module: ModuleType, patches: Patches) -> None:
        """Wraps the four methods."""
        owner = getattr(module, "BaseApiClient", None) or module.ApiClient
        patches.wrap(owner, "request", seam.plain(self.open))
        patches.wrap(owner, "async_request", seam.coroutine(self.open))
        patches.wrap(owner, "request_streamed", self._streamed)
        patches.wrap(owner, "async_request_streamed", seam.coroutine(self.open))

    def _streamed(self, wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return seam.lazy(wrapped(*args, **kwargs), lambda: self.open(client, args, kwargs))

    @guarded("client.open")
    def open(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
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
            active, found, mapping(given["request_dict"]), client=self.package,
            provider="gcp.vertex_ai" if client.vertexai else "gcp.gemini", host=where.host, port=where.port,
        )  # fmt: skip


def _base_url(client: Any, options: Any) -> str:
    """The URL set for this request, else the client's."""
    return _stated(options) or _stated(client._http_options)


def _stated(options: Any) -> str:
    """The base URL of options, which are an object, a dictionary or nothing."""
    if isinstance(options, Mapping):
        options = cast("Mapping[str, Any]", options)
        return str(options.get("base_url") or "")
    return str(getattr(options, "base_url", None) or "")
