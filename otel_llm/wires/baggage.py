"""Attribution keys in W3C baggage are for the app's own services: the requests of LLM calls go without them, whoever
propagates (our ``http_spans``, or the app's HTTP instrumentation)."""

from __future__ import annotations

from contextvars import Token
from typing import Final

from opentelemetry import baggage, context

from otel_llm import catalog
from otel_llm.guard import guarded

PREFIX: Final = catalog.attribution("")

Withheld = tuple[context.Context, "Token[context.Context]"]
"""The context without the keys, and what puts the one before back."""


@guarded("wire.baggage")
def withhold(current: context.Context) -> Withheld | None:
    """Takes the keys out of the current context; ``None`` if there are none."""
    bare = current
    keys = [key for key in baggage.get_all(bare) if key.startswith(PREFIX)]
    if not keys:
        return None
    for key in keys:
        bare = baggage.remove_baggage(key, bare)
    return bare, context.attach(bare)


@guarded("wire.baggage")
def put_back(withheld: Withheld | None) -> None:
    # A coroutine that was dropped half-way is closed in another context, where our token is not valid.
    if withheld is not None and context.get_current() is withheld[0]:
        context.detach(withheld[1])
