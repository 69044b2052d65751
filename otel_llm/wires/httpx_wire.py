"""Wire seam of httpx and httpx2: ``Client.send`` and ``AsyncClient.send``, one exchange each with its redirects and
authentication. Facts: httpx 0.27 to 0.28.1, httpx2 2.0 to 2.16.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from otel_llm import guard
from otel_llm.attempt import Attempt
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires import exchange, http_spans
from otel_llm.wires.exchange import Exchange
from otel_llm.wires.httpx_tee import teeing

_observing: Final = guard.site("wire.observe")


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps both clients of ``httpx`` or ``httpx2``."""
    tee, library = teeing(module), module.__name__

    def send(wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with _begin(library, client, args, kwargs) or http_spans.quiet(client) as attempt:
            return _arrived(wrapped(*args, **kwargs), attempt, tee)

    async def async_send(
        wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        with _begin(library, client, args, kwargs) or http_spans.quiet(client) as attempt:
            return _arrived(await wrapped(*args, **kwargs), attempt, tee)

    patches.wrap(module.Client, "send", send)
    patches.wrap(module.AsyncClient, "send", async_send)


@guarded("wire.begin")
def _begin(library: str, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exchange | None:
    request: Any = args[0] if args else kwargs.get("request")
    if getattr(request, "method", None) != "POST":
        return None
    url = request.url
    begun = exchange.begin("POST", url, lambda: _content(request), lambda: _in_process(client, url))
    if begun is not None:
        http_spans.instrument(client, library)
    return begun


def _content(request: Any) -> bytes | None:
    """Body of the request if it is in memory; a generator or multipart body is never touched."""
    try:
        return request.content
    except Exception:  # RequestNotRead, of either library
        return None


IN_PROCESS: Final = frozenset({"ASGITransport", "WSGITransport", "_TestClientTransport"})
"""Transports that call an app of this process: those of httpx and httpx2, and of starlette's ``TestClient``."""


def _in_process(client: Any, url: Any) -> bool:
    """Whether the request goes to an app of this process."""
    return any(kind.__name__ in IN_PROCESS for kind in type(client._transport_for_url(url)).__mro__)


def _arrived(response: Any, attempt: Attempt | None, tee: Callable[[Any, Attempt], Any]) -> Any:
    """The response, its body teed or already read; as it is, if the request was none of ours."""
    if attempt is None:
        return response
    try:
        url = response.request.url
        # One pass over the raw headers: a single look-up in httpx's Headers costs as much as this whole copy.
        found: dict[str, str] = {}
        for name, value in response.headers.raw:
            found[name.decode("latin-1").lower()] = value.decode("latin-1")
        exchange.responded(attempt, response.status_code, found, url.host, url.port)
        if hasattr(response, "_content"):  # read inside send (stream=False), or made by a mock transport
            attempt.whole(response.content)
        else:
            response.stream = tee(response.stream, attempt)
    except Exception as defect:
        _observing.note(defect, (attempt,))
    return response
