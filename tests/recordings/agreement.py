"""What a span states, and what it has to state by the provider's bytes."""

from __future__ import annotations

from typing import Any

from otel_llm import catalog
from otel_llm.failures import CODES
from otel_llm.formats.finish import normalise
from tests.formats.recordings import Stated
from tests.telemetry import SpanFacts

ANSWERS = frozenset({"chat", "generate_content", "text_completion"})
"""Operations whose choices have finish reasons."""


def stated(span: SpanFacts) -> dict[str, Any]:
    """What a span states. Parts of the totals are written only where they are not 0."""
    return {
        "operation": span[catalog.OPERATION],
        "provider": span[catalog.PROVIDER],
        "request_model": span.get(catalog.REQUEST_MODEL),
        "stream": bool(span.get(catalog.REQUEST_STREAM)),
        "response_model": span.get(catalog.RESPONSE_MODEL),
        "response_id": span.get(catalog.RESPONSE_ID),
        "input": span.get(catalog.USAGE_INPUT),
        "output": span.get(catalog.USAGE_OUTPUT),
        "cache_read": span.get(catalog.USAGE_CACHE_READ) or 0,
        "cache_write": span.get(catalog.USAGE_CACHE_WRITE) or 0,
        "reasoning": span.get(catalog.USAGE_REASONING) or 0,
        "finish": span.finish,
        "chunks": span.get(catalog.SPAN_CHUNKS),
        "outcome": span.outcome,
        "error_type": span.get(catalog.ERROR_TYPE),
        "statuses": span.statuses,
    }


def facts(
    want: Stated, expected: dict[str, Any], provider: str, raised: BaseException | None, *,
    unrecorded_model: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the span has to state."""
    words = [word for word in (want.error_code, want.error_type) if word and word.lower() in CODES]
    name = None if raised is None else f"{type(raised).__module__.partition('.')[0]}.{type(raised).__name__}"
    return {
        "operation": want.operation,
        "provider": provider,
        "request_model": want.request_model or unrecorded_model,
        "stream": want.stream,
        "response_model": want.response_model,
        "response_id": want.response_id,
        "input": want.input,
        "output": want.output,
        "cache_read": want.cache_read or 0,
        "cache_write": want.cache_write or 0,
        "reasoning": want.reasoning or 0,
        # A call that failed has "error" in the slot whose reason never came (conventions).
        "finish": [normalise(reason) for reason in want.finish or ()]
        or ["error"] * (want.error and want.operation in ANSWERS),
        "chunks": want.chunks,
        "outcome": "error" if want.error else "success",
        "error_type": (words or [name])[0] if want.error else None,
        "statuses": [expected["http_status"]],
    }
