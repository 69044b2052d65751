"""Wire seam of requests: ``Session.send``, the one way of every request, redirects included.

Besides raw requests it carries azure-core, google-auth's ``AuthorizedSession`` (google-genai with mutual TLS),
huggingface_hub 0.x, voyageai and dashscope. Facts: requests 2.34.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires import exchange, urllib3_tee
from otel_llm.wires.address import address
from otel_llm.wires.exchange import Begun, Exchange


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps ``Session.send`` of ``requests.sessions``."""
    patches.wrap(module.Session, "send", _send)


def _send(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    begun = _begin(args[0] if args else kwargs.get("request"))
    if begun is None:
        return wrapped(*args, **kwargs)
    with Exchange(begun) as carried:
        response = wrapped(*args, **kwargs)
        _observe(carried, response)
        return response


@guarded("wire.begin")
def _begin(request: Any) -> Begun | None:
    if request is None or request.method != "POST":
        return None
    return exchange.begin("POST", address(request.url), lambda: _content(request.body))


def _content(body: object) -> bytes | None:
    """Body of the request if it is in memory."""
    return body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else None


@guarded("wire.observe")
def _observe(carried: Exchange, response: Any) -> None:
    attempt, where = carried.attempt, address(response.url)
    exchange.responded(attempt, response.status_code, response.headers, where.host, where.port, decoded=True)
    if response._content is False:  # not read yet: the user asked for a stream
        urllib3_tee.tee(response.raw, attempt)
    else:
        exchange.whole(attempt, response._content or b"")
