"""Every name that otel-llm emits: attributes, label values, metrics, units and buckets.

Nothing outside this module spells a metric or attribute name. Spans, the ledger, ``/metrics``, OTLP, dashboards,
rules, tests and docs are built from it, so a rename breaks a test and never a user's panel.

Sources of the names:

* ``gen_ai.*``: the released GenAI conventions as emitted by ``opentelemetry-util-genai`` 1.3b0 and listed in
  ``opentelemetry-semantic-conventions`` 0.66b2. What the conventions' main branch (unreleased on 2026-11-22) has
  instead stands beside them as ``MAIN_...`` and is chosen by the setting ``semconv="main"``: see :func:`metrics`.
* ``otel_llm.*``: ours, for what the conventions do not cover (cost, retries, limits, quality, own health).
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

SCOPE: Final = "otel_llm"
"""Name of the one tracer and the one meter: a second scope would let exporters mix up labels."""

# --------------------------------------------------------------------------------------------- attributes
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
OUTPUT_TYPE: Final = "gen_ai.output.type"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_CHOICES: Final = "gen_ai.request.choice.count"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE: Final = "gen_ai.request.previous_response.id"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
EMBEDDINGS_DIMENSIONS: Final = "gen_ai.embeddings.dimension.count"
RETRIEVAL_TOP_K: Final = "gen_ai.retrieval.top_k"
USAGE_INPUT: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"
TOKEN_MODALITY: Final = "gen_ai.token.modality"
FINISH_REASON: Final = "gen_ai.response.finish_reason"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
HTTP_STATUS: Final = "http.response.status_code"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
CONTENT_TRUNCATED: Final = "otel_llm.content.truncated"
"""Content was longer than the setting allows: what is shown is a part of it."""
EVENT_DETAILS: Final = "gen_ai.client.inference.operation.details"
"""Log record of one call, where content is asked for on events."""
OPENAI_API_TYPE: Final = "openai.api.type"
OPENAI_REQUEST_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_TIER: Final = "openai.response.service_tier"
OPENAI_FINGERPRINT: Final = "openai.response.system_fingerprint"

OUTCOME: Final = "outcome"
"""How a logical call ended: one of :data:`OUTCOMES`."""
ERROR_CLASS: Final = "error_class"
"""Whose fault a failed call is: one of :data:`ERROR_CLASSES`, empty where the outcome is not ``error``."""
REASON: Final = "reason"
LIMIT_KIND: Final = "limit_kind"
SITE: Final = "site"
LABEL: Final = "label"
PERIOD: Final = "period"
VERSION: Final = "version"
ATTRIBUTION_KEY: Final = "attribution_key"
ATTRIBUTION_VALUE: Final = "attribution_value"


def attribution(key: str) -> str:
    """Span attribute and baggage entry of an attribution key."""
    return f"otel_llm.attribution.{key}"


# Span-only attributes of ours (the label names above are short because they live on ``otel_llm_*`` series alone).
SPAN_CLIENT: Final = "otel_llm.client"
SPAN_OUTCOME: Final = "otel_llm.outcome"
SPAN_ERROR_CLASS: Final = "otel_llm.error.class"
SPAN_TIMEOUT_PHASE: Final = "otel_llm.timeout.phase"
"""What a time-out waited for: ``connect``, ``read``, ``write`` or ``pool`` (the app's own connections)."""
SPAN_COST: Final = "otel_llm.cost.amount"
SPAN_COST_CURRENCY: Final = "otel_llm.cost.currency"
SPAN_COST_SOURCE: Final = "otel_llm.cost.source"
SPAN_RETRIES: Final = "otel_llm.retry.count"
SPAN_CHUNKS: Final = "otel_llm.response.chunks"
EVENT_ATTEMPT: Final = "otel_llm.attempt"
ATTEMPT_NUMBER: Final = "otel_llm.attempt.number"
ATTEMPT_BACKOFF: Final = "otel_llm.attempt.backoff"
ATTEMPT_REQUEST_ID: Final = "otel_llm.attempt.request_id"
ATTEMPT_DURATION: Final = "otel_llm.attempt.duration"

# ------------------------------------------------------------------------------------------- label values
Outcome = Literal["success", "error", "cancelled", "abandoned"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("success", "error", "cancelled", "abandoned")

ErrorClass = Literal[
    "provider", "overloaded", "timeout", "network", "rate_limit", "quota",
    "auth", "bad_request", "context_length", "content_filter", "not_found", "unknown",
]  # fmt: skip
ERROR_CLASSES: Final[tuple[ErrorClass, ...]] = (
    "provider", "overloaded", "timeout", "network", "rate_limit", "quota",
    "auth", "bad_request", "context_length", "content_filter", "not_found", "unknown",
)  # fmt: skip
PROVIDER_FAULT: Final = ("provider", "overloaded", "timeout", "network")
"""Theirs: the provider or the way to it. Counts against the SLO."""
LIMIT_FAULT: Final = ("rate_limit", "quota")
"""Limits of our account. Counts against the SLO, since the user got no answer."""
OWN_FAULT: Final = ("auth", "bad_request", "context_length", "not_found")
"""Ours: the request was wrong. Has its own alert and does not count against the SLO."""
SLO_FAULT: Final = PROVIDER_FAULT + LIMIT_FAULT

TokenType = Literal["input", "input_cache_read", "input_cache_write", "output", "output_reasoning"]
TOKEN_TYPES: Final[tuple[TokenType, ...]] = (
    "input", "input_cache_read", "input_cache_write", "output", "output_reasoning",
)  # fmt: skip
"""Disjoint, so they add up: ``input`` is uncached input, ``output`` is output that is not reasoning."""

Modality = Literal["audio", "unknown"]
"""Values of :data:`TOKEN_MODALITY`; the conventions have ``text`` and ``image``, too, which no provider states."""
UsageTotal = Literal[
    "input_tokens", "output_tokens", "cache_read.input_tokens", "cache_write.input_tokens", "reasoning.output_tokens",
]  # fmt: skip
"""Inclusive, as on spans: cached tokens are input, reasoning is output."""

INVALID_VALUES: Final = (
    "truncated", "empty", "refused", "filtered", "invalid_json", "invalid_tool_arguments", "unknown_tool",
    "model_mismatch",
)  # fmt: skip
"""Reasons of :data:`INVALID_OUTPUT`."""
UnpricedReason = Literal["unknown_model", "unknown_token_type", "unknown_service_tier"]
UNPRICED_VALUES: Final[tuple[UnpricedReason, ...]] = ("unknown_model", "unknown_token_type", "unknown_service_tier")
"""No price is known for the model; for a kind of token that was used; for the service tier that the response states."""
USAGE_MISSING_VALUES: Final = ("not_stated", "stream_unfinished", "undecodable", "inconsistent")
LIMIT_KINDS: Final = ("requests", "tokens", "input_tokens", "output_tokens")
PERIODS: Final = ("day", "month")

FINISH_VALUES: Final = ("stop", "length", "content_filter", "tool_call", "compaction", "error", "other")
"""Normalised finish reasons (conventions' list plus ``other``); the span carries the provider's own, mapped."""
OTHER: Final = "other"
"""Overflow value of a capped label."""

# ------------------------------------------------------------------------------------------------ buckets
SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS: Final = (
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
)  # fmt: skip

# ------------------------------------------------------------------------------------------------ metrics
Kind = Literal["counter", "gauge", "histogram"]
Merge = Literal["sum", "max", "min", "latest"]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: what it is called, what it counts, and how it is shown."""

    name: str
    """OpenTelemetry name."""
    kind: Kind
    unit: str
    """UCUM unit; braces mark an annotation, which leaves no suffix in Prometheus names."""
    help: str
    labels: tuple[str, ...] = ()
    """Attribute names, in the order of the exposed labels."""
    buckets: tuple[float, ...] = ()
    """Histogram only: upper bounds without +Inf, in :attr:`unit`."""
    merge: Merge = "sum"
    """Gauge only: how one value is made of several worker processes' values."""

    @property
    def prometheus(self) -> str:
        """Family name in Prometheus, counters without ``_total``; the same over OTLP and ``/metrics``."""
        return prometheus_name(self.name, self.unit)

    @property
    def series(self) -> str:
        """Name to query: with ``_total`` for counters, without suffix for gauges and histograms."""
        return self.prometheus + ("_total" if self.kind == "counter" else "")


UNIT_SUFFIXES: Final = {"s": "seconds", "By": "bytes", "USD": "USD"}


def prometheus_name(name: str, unit: str) -> str:
    """Prometheus form of an OpenTelemetry name by the translation ``UnderscoreEscapingWithSuffixes``
    (Prometheus' OTLP receiver and the Collector's default). Annotation units (``{call}``) add nothing."""
    flat = name.replace(".", "_")
    suffix = UNIT_SUFFIXES.get(unit, "")
    return f"{flat}_{suffix}" if suffix and not flat.endswith(suffix) else flat


def label_name(attribute: str) -> str:
    """Prometheus label of an attribute: ``gen_ai.request.model`` -> ``gen_ai_request_model``."""
    return attribute.replace(".", "_")


MODEL: Final = (OPERATION, PROVIDER, REQUEST_MODEL)
"""Labels on every ``otel_llm_*`` call metric."""
GEN_AI: Final = (*MODEL, RESPONSE_MODEL, SERVER_ADDRESS, SERVER_PORT)
"""Labels that the conventions ask for on their histograms."""

DURATION: Final = Metric(
    name="gen_ai.client.operation.duration",
    kind="histogram", unit="s", help="GenAI operation duration.", labels=(*GEN_AI, ERROR_TYPE), buckets=SECONDS,
)  # fmt: skip
TOKEN_USAGE: Final = Metric(
    name="gen_ai.client.token.usage", kind="histogram", unit="{token}",
    help="Number of input and output tokens used.", labels=(*GEN_AI, TOKEN_TYPE), buckets=TOKENS,
)  # fmt: skip
FIRST_CHUNK: Final = Metric(
    name="gen_ai.client.operation.time_to_first_chunk",
    kind="histogram", unit="s", labels=GEN_AI, buckets=SECONDS,
    help="Time to receive the first chunk, measured from when the client issues the generation request to when the "
    "first chunk is received in the response stream.",
)  # fmt: skip
OUTPUT_CHUNK: Final = Metric(
    name="gen_ai.client.operation.time_per_output_chunk",
    kind="histogram", unit="s", labels=GEN_AI, buckets=SECONDS,
    help="Time per output chunk, recorded for each chunk received after the first one, measured as the time elapsed "
    "from the end of the previous chunk to the end of the current chunk.",
)  # fmt: skip

# What the main branch has for inference; its operation.duration is for everything else, and token.usage is gone.
MAIN_DURATION: Final = msgspec.structs.replace(DURATION, name="gen_ai.client.inference.duration")
MAIN_FIRST_CHUNK: Final = msgspec.structs.replace(FIRST_CHUNK, name="gen_ai.client.inference.time_to_first_chunk")
MAIN_OUTPUT_CHUNK: Final = msgspec.structs.replace(OUTPUT_CHUNK, name="gen_ai.client.inference.time_per_output_chunk")
MAIN_INPUT_TOKENS: Final = Metric(
    name="gen_ai.client.inference.operation.input_tokens", kind="histogram", unit="{token}", labels=GEN_AI,
    buckets=TOKENS, help="Input tokens of one call, for percentiles; sums are in the usage counters.",
)  # fmt: skip
MAIN_OUTPUT_TOKENS: Final = Metric(
    name="gen_ai.client.inference.operation.output_tokens", kind="histogram", unit="{token}", labels=GEN_AI,
    buckets=TOKENS, help="Output tokens of one call, for percentiles; sums are in the usage counters.",
)  # fmt: skip


def _main_usage(total: UsageTotal, what: str) -> Metric:
    return Metric(
        name=f"gen_ai.client.inference.usage.{total}", kind="counter", unit="{token}", labels=(*GEN_AI, TOKEN_MODALITY),
        help=f"{what}, by modality; unknown where the provider states none.",
    )  # fmt: skip


MAIN_USAGE: Final[dict[UsageTotal, Metric]] = {
    "input_tokens": _main_usage("input_tokens", "Input tokens, cached ones included"),
    "output_tokens": _main_usage("output_tokens", "Output tokens, reasoning included"),
    "cache_read.input_tokens": _main_usage("cache_read.input_tokens", "Input tokens read from the provider's cache"),
    "cache_write.input_tokens": _main_usage("cache_write.input_tokens", "Input tokens written to the provider's cache"),
    "reasoning.output_tokens": _main_usage("reasoning.output_tokens", "Output tokens spent on reasoning"),
}

CALLS: Final = Metric(
    name="otel_llm.calls", kind="counter", unit="{call}", labels=(*MODEL, OUTCOME, ERROR_CLASS),
    help="Logical LLM calls that ended, retries included in their call, by outcome and by whose fault an error is.",
)  # fmt: skip
CALL_TOKENS: Final = Metric(
    name="otel_llm.tokens", kind="counter", unit="{token}", labels=(*MODEL, TOKEN_TYPE),
    help="Tokens that providers stated, by disjoint type: the types add up to the total.",
)  # fmt: skip
COST: Final = Metric(
    name="otel_llm.cost", kind="counter", unit="USD", labels=(*MODEL, TOKEN_TYPE),
    help="Cost of calls in US dollars by the price table, by disjoint token type. Unpriced calls add nothing.",
)  # fmt: skip
UNPRICED: Final = Metric(
    name="otel_llm.unpriced_calls", kind="counter", unit="{call}", labels=(*MODEL, REASON),
    help="Calls with usage that could not be priced; the reason says what is missing.",
)  # fmt: skip
USAGE_MISSING: Final = Metric(
    name="otel_llm.usage_missing", kind="counter", unit="{call}", labels=(*MODEL, REASON),
    help="Calls for which the provider stated no token usage.",
)  # fmt: skip
FINISH: Final = Metric(
    name="otel_llm.finish", kind="counter", unit="{choice}", labels=(*MODEL, FINISH_REASON),
    help="Finished choices by normalised finish reason.",
)  # fmt: skip
RETRIES: Final = Metric(
    name="otel_llm.retries", kind="counter", unit="{retry}", labels=(*MODEL, ERROR_CLASS),
    help="Attempts after the first one of a call, by the error class of the attempt that failed.",
)  # fmt: skip
RETRY_WAIT: Final = Metric(
    name="otel_llm.retry_wait", kind="counter", unit="s", labels=MODEL,
    help="Seconds that calls spent between a failed attempt and the next one.",
)  # fmt: skip
RETRY_COST: Final = Metric(
    name="otel_llm.retry_cost", kind="counter", unit="USD", labels=MODEL,
    help="US dollars for usage that providers stated on attempts that were retried; not part of the cost of calls.",
)  # fmt: skip
TRUNCATED_COST: Final = Metric(
    name="otel_llm.truncated_cost", kind="counter", unit="USD", labels=MODEL,
    help="US dollars spent on answers that were cut by a length limit.",
)  # fmt: skip
DUPLICATE_CALLS: Final = Metric(
    name="otel_llm.duplicate_calls", kind="counter", unit="{call}", labels=MODEL,
    help="Calls that repeat a recent successful call of this process to the letter.",
)  # fmt: skip
DUPLICATE_COST: Final = Metric(
    name="otel_llm.duplicate_cost", kind="counter", unit="USD", labels=MODEL,
    help="US dollars spent on calls that repeat a recent call of this process to the letter.",
)  # fmt: skip
CACHE_SAVINGS: Final = Metric(
    name="otel_llm.cache_savings", kind="counter", unit="USD", labels=MODEL,
    help="US dollars that cached input tokens cost less than the same tokens uncached.",
)  # fmt: skip
INVALID_OUTPUT: Final = Metric(
    name="otel_llm.invalid_output", kind="counter", unit="{call}", labels=(*MODEL, REASON),
    help="Successful calls whose answer is of no use as it stands, by reason.",
)  # fmt: skip
ATTRIBUTED: Final = (PROVIDER, REQUEST_MODEL, ATTRIBUTION_KEY, ATTRIBUTION_VALUE)
"""One series per key and value, never one per combination of values: a call with two keys counts in two series, so
only series of one key may be added up."""
ATTRIBUTED_CALLS: Final = Metric(
    name="otel_llm.attributed_calls", kind="counter", unit="{call}", labels=(*ATTRIBUTED, OUTCOME),
    help="Calls by what the app attributes them to. Sum over one attribution key only.",
)  # fmt: skip
ATTRIBUTED_TOKENS: Final = Metric(
    name="otel_llm.attributed_tokens", kind="counter", unit="{token}", labels=ATTRIBUTED,
    help="Tokens of all types by what the app attributes their calls to. Sum over one attribution key only.",
)  # fmt: skip
ATTRIBUTED_COST: Final = Metric(
    name="otel_llm.attributed_cost", kind="counter", unit="USD", labels=ATTRIBUTED,
    help="Cost in US dollars by what the app attributes calls to. Sum over one attribution key only.",
)  # fmt: skip
RATELIMIT_LIMIT: Final = Metric(
    name="otel_llm.ratelimit.limit", kind="gauge", unit="{limit}", labels=(PROVIDER, REQUEST_MODEL, LIMIT_KIND),
    help="Rate limit that the provider stated last, per kind, in the provider's own unit and window.", merge="latest",
)  # fmt: skip
RATELIMIT_REMAINING: Final = Metric(
    name="otel_llm.ratelimit.remaining", kind="gauge", unit="{limit}", labels=(PROVIDER, REQUEST_MODEL, LIMIT_KIND),
    help="What is left of the rate limit, as the provider stated last; divide by the limit.", merge="latest",
)  # fmt: skip
BUDGET: Final = Metric(
    name="otel_llm.budget", kind="gauge", unit="USD", labels=(PERIOD,), merge="max",
    help="Budget from the settings, in US dollars per period; absent where none is set.",
)  # fmt: skip
PRICES_TIME: Final = Metric(
    name="otel_llm.price_table_time", kind="gauge", unit="s", labels=(), merge="max",
    help="Date of the price table in use, in seconds since 1970.",
)  # fmt: skip
INFLIGHT: Final = Metric(
    name="otel_llm.inflight", kind="gauge", unit="{call}", labels=MODEL, merge="sum",
    help="Calls that are open now, streams included until they end.",
)  # fmt: skip
OLDEST_INFLIGHT: Final = Metric(
    name="otel_llm.oldest_inflight", kind="gauge", unit="s", labels=MODEL, merge="max",
    help="Age of the oldest call that is still open.",
)  # fmt: skip
INTERNAL_ERRORS: Final = Metric(
    name="otel_llm.internal_errors", kind="counter", unit="{error}", labels=(SITE,),
    help="Errors inside otel-llm, which the app never sees, by the place in our code.",
)  # fmt: skip
LABEL_OVERFLOW: Final = Metric(
    name="otel_llm.label_overflow", kind="counter", unit="{value}", labels=(LABEL,),
    help="Label values that were replaced by 'other' because the label's cap was reached.",
)  # fmt: skip
BUILD_INFO: Final = Metric(
    name="otel_llm.build_info", kind="gauge", unit="{build}", labels=(VERSION,), merge="max",
    help="Always 1; the version of otel-llm in this process.",
)  # fmt: skip

OWN_METRICS: Final[tuple[Metric, ...]] = (
    CALLS, CALL_TOKENS, COST, UNPRICED, USAGE_MISSING, FINISH, RETRIES, RETRY_WAIT,
    RETRY_COST, TRUNCATED_COST, DUPLICATE_CALLS, DUPLICATE_COST, CACHE_SAVINGS, INVALID_OUTPUT,
    ATTRIBUTED_CALLS, ATTRIBUTED_TOKENS, ATTRIBUTED_COST,
    RATELIMIT_LIMIT, RATELIMIT_REMAINING, BUDGET, PRICES_TIME,
    INFLIGHT, OLDEST_INFLIGHT, INTERNAL_ERRORS, LABEL_OVERFLOW, BUILD_INFO,
)  # fmt: skip
METRICS: Final[tuple[Metric, ...]] = (DURATION, TOKEN_USAGE, FIRST_CHUNK, OUTPUT_CHUNK, *OWN_METRICS)
"""Everything under the released names."""
MAIN_METRICS: Final[tuple[Metric, ...]] = (
    MAIN_DURATION, DURATION, MAIN_FIRST_CHUNK, MAIN_OUTPUT_CHUNK, MAIN_INPUT_TOKENS, MAIN_OUTPUT_TOKENS,
    *MAIN_USAGE.values(), *OWN_METRICS,
)  # fmt: skip
"""Everything under the names of the conventions' main branch."""
