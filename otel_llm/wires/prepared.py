"""What requests and botocore have in common: a prepared request goes in, and a response over urllib3's comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from otel_llm.attempt import Attempt
from otel_llm.call import inside
from otel_llm.guard import guarded
from otel_llm.wires import exchange, urllib3_tee
from otel_llm.wires.address import address
from otel_llm.wires.exchange import Exchange


class PreparedRequests(msgspec.Struct, frozen=True, kw_only=True):
    """One library's ``send(request)``: a wrapper, and what the two differ in."""

    decoded: bool
    """Whether it undoes the content encoding before the app reads."""
    unread: bool | None
    """What ``response._content`` is while the body has not been read."""
    joins: bool = False
    """Whether it only joins the call of a client seam: its other traffic is none of ours."""

    def send(self, wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.joins and inside() is None:
            return wrapped(*args, **kwargs)
        begun = _begin(args[0] if args else kwargs.get("request"))
        if begun is None:
            return wrapped(*args, **kwargs)
        with begun as attempt:
            response = wrapped(*args, **kwargs)
            self._observe(attempt, response)
            return response

    @guarded("wire.observe")
    def _observe(self, attempt: Attempt, response: Any) -> None:
        where = address(response.url)
        status, headers = response.status_code, response.headers
        exchange.responded(attempt, status, headers, where.host, where.port, decoded=self.decoded)
        if response._content is self.unread:  # the app, or the operation, asked for a stream
            urllib3_tee.tee(response.raw, attempt)
        else:
            attempt.whole(response._content or b"")


@guarded("wire.begin")
def _begin(request: Any) -> Exchange | None:
    if getattr(request, "method", None) != "POST":
        return None
    return exchange.begin("POST", address(request.url), lambda: _content(request.body))


def _content(body: object) -> bytes | None:
    """Body of the request if it is in memory."""
    return body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, bytes | bytearray) else None
