"""The span of a call: one CLIENT span by the released GenAI conventions, an event per attempt."""

from __future__ import annotations

from typing import Any, Final, cast

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from otel_llm import catalog
from otel_llm.attempt import Attempt
from otel_llm.call import Call
from otel_llm.formats.facts import Request, Usage
from otel_llm.prices.cost import Priced
from otel_llm.signals.labels import clean
from otel_llm.signals.summary import Summary

REQUEST: Final = (
    ("max_tokens", catalog.REQUEST_MAX_TOKENS),
    ("temperature", catalog.REQUEST_TEMPERATURE),
    ("top_p", catalog.REQUEST_TOP_P),
    ("top_k", catalog.REQUEST_TOP_K),
    ("frequency_penalty", catalog.REQUEST_FREQUENCY_PENALTY),
    ("presence_penalty", catalog.REQUEST_PRESENCE_PENALTY),
    ("seed", catalog.REQUEST_SEED),
    ("stop_sequences", catalog.REQUEST_STOP_SEQUENCES),
    ("encoding_formats", catalog.REQUEST_ENCODING_FORMATS),
    ("dimensions", catalog.EMBEDDINGS_DIMENSIONS),
    ("results", catalog.RETRIEVAL_TOP_K),
    ("reasoning_level", catalog.REQUEST_REASONING_LEVEL),
    ("previous_response", catalog.REQUEST_PREVIOUS_RESPONSE),
    ("conversation", catalog.CONVERSATION_ID),
    ("output_type", catalog.OUTPUT_TYPE),
)
"""Request facts and their attributes; a fact that is not in the request gives none."""

USAGE: Final = (
    ("cache_read", catalog.USAGE_CACHE_READ),
    ("cache_write", catalog.USAGE_CACHE_WRITE),
    ("reasoning", catalog.USAGE_REASONING),
)
"""Parts of the totals, written only where they are not 0 (conventions)."""

OPENAI: Final = frozenset({"openai", "azure.ai.openai"})
API_TYPES: Final = {"openai_chat": "chat_completions", "openai_responses": "responses"}


def start(tracer: Tracer, call: Call) -> Span:
    """Starts the span with everything that a sampler may ask for."""
    found = _sooner(call)
    operation, model = call.request.operation, found.get(catalog.REQUEST_MODEL)
    name = f"{operation} {model}" if model else operation
    return tracer.start_span(name, kind=SpanKind.CLIENT, attributes=found, start_time=call.wall_ns)


def end(span: Span, call: Call, summary: Summary) -> None:
    """Puts the rest on the span and ends it at the time at which the call ended."""
    try:
        if span.is_recording():
            span.set_attributes(_later(call, summary))
            for attempt in call.attempts:
                _attempt(span, attempt)
            if summary.end.outcome == "error":
                span.set_status(Status(StatusCode.ERROR, summary.end.error_type))
    finally:
        span.end(end_time=call.wall_ns + int(call.duration * 1e9))


def attributes(call: Call, summary: Summary) -> dict[str, Any]:
    """All attributes of the call's span, for its event."""
    return {**_sooner(call), **_later(call, summary)}


def _sooner(call: Call) -> dict[str, AttributeValue]:
    """What is known at the start."""
    request = call.request
    found: dict[str, AttributeValue] = {
        catalog.OPERATION: request.operation,
        catalog.PROVIDER: call.provider,
        catalog.SPAN_CLIENT: call.client,
    }
    if request.model:
        found[catalog.REQUEST_MODEL] = request.model
    for key, value in call.attribution:
        found[catalog.attribution(key)] = value
    _address(call, found)
    return bound(found)


def _later(call: Call, summary: Summary) -> dict[str, Any]:
    """What is known at the end."""
    found = _request(call.request)
    found.update(_response(call, summary))
    found.update(_conclusion(call, summary))
    _address(call, found)
    return bound(found)


VALUE_CAP: Final = 256
"""Characters of an attribute that comes from a request or a response. (Content, where it is asked for, has its own.)"""
LIST_CAP: Final = 32


def bound(attributes: dict[str, Any]) -> dict[str, Any]:
    """The same attributes, their strings cut and cleaned: half a UTF-16 pair fails a whole batch of an OTLP export."""
    for key, value in attributes.items():
        if type(value) is str:
            if len(value) > VALUE_CAP or not value.isprintable():
                attributes[key] = clean(value, VALUE_CAP)
        elif type(value) is list:
            items = cast("list[Any]", value)[:LIST_CAP]
            attributes[key] = [clean(item, VALUE_CAP) if isinstance(item, str) else item for item in items]
    return attributes


def _address(call: Call, attributes: dict[str, Any]) -> None:
    if call.server_address:
        attributes[catalog.SERVER_ADDRESS] = call.server_address
        if call.server_port:
            attributes[catalog.SERVER_PORT] = call.server_port


def _request(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, attribute in REQUEST:
        value = getattr(request, field)
        if value is not None:
            found[attribute] = value
    if request.stream:
        found[catalog.REQUEST_STREAM] = True
    if request.choices not in (None, 1):
        found[catalog.REQUEST_CHOICES] = request.choices
    return found


def _response(call: Call, summary: Summary) -> dict[str, Any]:
    facts = call.facts
    found: dict[str, Any] = {}
    if facts.response_id:
        found[catalog.RESPONSE_ID] = facts.response_id
    if facts.response_model:
        found[catalog.RESPONSE_MODEL] = facts.response_model
    if summary.finish:
        found[catalog.FINISH_REASONS] = summary.finish
    if call.time_to_first_chunk is not None:
        found[catalog.TIME_TO_FIRST_CHUNK] = call.time_to_first_chunk
        found[catalog.SPAN_CHUNKS] = facts.chunks
    if summary.usage is not None:
        found.update(_usage(summary.usage))
    if call.provider in OPENAI:
        found.update(_openai(call))
    return found


def _usage(usage: Usage) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if usage.input is not None:
        found[catalog.USAGE_INPUT] = usage.input
    if usage.output is not None:
        found[catalog.USAGE_OUTPUT] = usage.output
    for field, attribute in USAGE:
        if count := getattr(usage, field):
            found[attribute] = count
    return found


def _openai(call: Call) -> dict[str, Any]:
    facts, found = call.facts, dict[str, Any]()
    if (kind := API_TYPES.get(call.format.name)) is not None:
        found[catalog.OPENAI_API_TYPE] = kind
    if call.request.service_tier not in (None, "auto"):
        found[catalog.OPENAI_REQUEST_TIER] = call.request.service_tier
    if facts.service_tier:
        found[catalog.OPENAI_RESPONSE_TIER] = facts.service_tier
    if facts.system_fingerprint:
        found[catalog.OPENAI_FINGERPRINT] = facts.system_fingerprint
    return found


def _conclusion(call: Call, summary: Summary) -> dict[str, Any]:
    end = summary.end
    found: dict[str, Any] = {catalog.SPAN_OUTCOME: end.outcome}
    if end.error_class is not None:
        found[catalog.SPAN_ERROR_CLASS] = end.error_class
    if end.error_type is not None:
        found[catalog.ERROR_TYPE] = end.error_type
    if end.phase is not None:
        found[catalog.SPAN_TIMEOUT_PHASE] = end.phase
    if len(call.attempts) > 1:
        found[catalog.SPAN_RETRIES] = len(call.attempts) - 1
    if isinstance(summary.price, Priced):
        found[catalog.SPAN_COST] = summary.price.total
        found[catalog.SPAN_COST_CURRENCY] = "USD"
        found[catalog.SPAN_COST_SOURCE] = summary.price.source
    return found


def _attempt(span: Span, attempt: Attempt) -> None:
    attributes: dict[str, AttributeValue] = {
        catalog.ATTEMPT_NUMBER: attempt.number,
        catalog.ATTEMPT_DURATION: max(attempt.ended_ns - attempt.started_ns, 0) / 1e9,
    }
    if attempt.status is not None:
        attributes[catalog.HTTP_STATUS] = attempt.status
    if attempt.backoff is not None:
        attributes[catalog.ATTEMPT_BACKOFF] = attempt.backoff
    if attempt.request_id:
        attributes[catalog.ATTEMPT_REQUEST_ID] = clean(attempt.request_id)
    if attempt.end is not None and attempt.end.error_type is not None:
        attributes[catalog.ERROR_TYPE] = attempt.end.error_type
        if attempt.end.phase is not None:
            attributes[catalog.SPAN_TIMEOUT_PHASE] = attempt.end.phase
    span.add_event(catalog.EVENT_ATTEMPT, attributes, timestamp=attempt.wall_ns)
