"""Wire seam of httpx and httpx2: ``Client.send`` and ``AsyncClient.send``, one exchange each with its redirects and
authentication. Facts: httpx 0.27 to 0.28.1, httpx2 2.0 to 2.16.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Final, Self

from otel_llm.attempt import Attempt
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires import exchange, http_spans
from otel_llm.wires.exchange import Begun, Exchange
from otel_llm.wires.httpx_tee import teeing


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps both clients of ``httpx`` or ``httpx2``."""
    tee, library = teeing(module), module.__name__

    def around(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Exchange | _Other:
        begun = _begin(library, client, args, kwargs)
        if begun is None:
            return _Other(client)
        exchange = _Exchange(begun)
        exchange.tee = tee
        return exchange

    def send(wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with around(client, args, kwargs) as carried:
            return carried.arrived(wrapped(*args, **kwargs))

    async def async_send(
        wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        with around(client, args, kwargs) as carried:
            return carried.arrived(await wrapped(*args, **kwargs))

    patches.wrap(module.Client, "send", send)
    patches.wrap(module.AsyncClient, "send", async_send)


@guarded("wire.begin")
def _begin(library: str, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Begun | None:
    request: Any = args[0] if args else kwargs.get("request")
    if getattr(request, "method", None) != "POST":
        return None
    url = request.url
    begun = exchange.begin("POST", url, partial(_content, request), partial(_in_process, client, url))
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


class _Exchange(Exchange):
    """The time of one ``send``."""

    __slots__ = ("tee",)
    tee: Callable[[Any, Attempt], Any]
    """Makes the tee of a body that is still to be read."""

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
            self.attempt.whole(response.content)
            return
        response.stream = self.tee(response.stream, self.attempt)


class _Other:
    """The time of one ``send`` that is none of ours."""

    __slots__ = ("_quiet",)

    def __init__(self, client: Any) -> None:
        self._quiet = http_spans.quiet(client)

    def __enter__(self) -> Self:
        self._quiet.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._quiet.__exit__(kind, error, trace)

    def arrived(self, response: Any) -> Any:
        return response
