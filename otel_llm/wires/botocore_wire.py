"""Wire seam of botocore: ``URLLib3Session.send``, one HTTP exchange each, beneath botocore's retries.

It only joins the call of the client seam: other AWS traffic is none of ours. Facts: botocore 1.35 to 1.44.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from otel_llm.call import CURRENT
from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires import exchange, urllib3_tee
from otel_llm.wires.address import address
from otel_llm.wires.exchange import Begun, Exchange


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps ``URLLib3Session.send`` of ``botocore.httpsession``."""
    patches.wrap(module.URLLib3Session, "send", _send)


def _send(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if CURRENT.get() is None:
        return wrapped(*args, **kwargs)
    begun = _begin(args[0] if args else kwargs.get("request"))
    if begun is None:
        return wrapped(*args, **kwargs)
    with Exchange(begun) as carried:
        response = wrapped(*args, **kwargs)
        _observe(carried, response)
        return response


@guarded("wire.begin")
def _begin(request: Any) -> Begun | None:
    return (
        None
        if request is None
        else exchange.begin(request.method, address(request.url), lambda: _content(request.body))
    )


def _content(body: object) -> bytes | None:
    """Body of the request if it is in memory."""
    return body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, bytes | bytearray) else None


@guarded("wire.observe")
def _observe(carried: Exchange, response: Any) -> None:
    attempt, where = carried.attempt, address(response.url)
    exchange.responded(attempt, response.status_code, response.headers, where.host, where.port)
    if response._content is None:  # not read yet: an operation with streaming output
        urllib3_tee.tee(response.raw, attempt)
    else:
        exchange.whole(attempt, response._content)
