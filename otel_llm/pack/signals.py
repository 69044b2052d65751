"""Signals: what the pack can say about LLM calls, each defined once.

A signal is a name, a unit, a meaning and an expression over a :class:`~otel_llm.pack.promql.Scope`. Panels, recording
rules, alerts, runbooks and the reference all ask the same signal over their own scope, so they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack.promql import Scope


class Signal(msgspec.Struct, frozen=True):
    """One measured fact."""

    name: str
    unit: str
    """Grafana's unit id."""
    help: str
    expr: Callable[[Scope], str]


def _errors(*classes: str) -> str:
    return q.one_of(q.ERROR_CLASS, classes)


SUCCESS: Final = q.equal(q.ERROR_TYPE, "")
"""On duration: only calls without an error, so that fast refusals do not flatter latency."""
CACHED: Final = q.equal(q.TOKEN_TYPE, "input_cache_read")
INPUT: Final = f'{q.TOKEN_TYPE}=~"input.*"'


def _share(metric: c.Metric, *matchers: str) -> Callable[[Scope], str]:
    return lambda scope: q.ratio(scope.rate(metric, *matchers), scope.rate(c.CALLS))


def _hourly(metric: c.Metric) -> Callable[[Scope], str]:
    return lambda scope: f"{scope.rate(metric)} * 3600"


# ------------------------------------------------------------------------------------------------- traffic
CALL_RATE: Final = Signal(
    "Calls per second", "reqps", "Logical calls that ended, retries counted with their call.",
    lambda scope: scope.rate(c.CALLS),
)  # fmt: skip
CALLS: Final = Signal(
    "Calls", "short", "Logical calls that ended in the window.", lambda scope: scope.increase(c.CALLS)
)
IN_FLIGHT: Final = Signal(
    "Open calls", "short", "Calls that are open now, streams included.",
    lambda scope: q.total(scope.by, scope.value(c.INFLIGHT)),
)  # fmt: skip
OLDEST_OPEN: Final = Signal(
    "Oldest open call", "s", "Age of the oldest call that has not ended.",
    lambda scope: f"max {q.by(scope.by)}({scope.value(c.OLDEST_INFLIGHT)})",
)  # fmt: skip

# ------------------------------------------------------------------------------------------------- failures
SLO_ERRORS: Final = Signal(
    "SLO errors per second", "reqps", "Calls that failed by the provider's or a limit's fault.",
    lambda scope: scope.rate(c.CALLS, _errors(*c.SLO_FAULT)),
)  # fmt: skip
SLO_ERROR_RATIO: Final = Signal(
    "SLO error ratio", "percentunit", "Share of calls that failed by the provider's or a limit's fault.",
    _share(c.CALLS, _errors(*c.SLO_FAULT)),
)  # fmt: skip
PROVIDER_FAULT: Final = Signal(
    "Their fault", "percentunit", "Share of calls that failed at the provider or on the way to it.",
    _share(c.CALLS, _errors(*c.PROVIDER_FAULT)),
)  # fmt: skip
LIMIT_FAULT: Final = Signal(
    "Limits", "percentunit", "Share of calls that failed by a rate limit or a spent quota.",
    _share(c.CALLS, _errors(*c.LIMIT_FAULT)),
)  # fmt: skip
OWN_FAULT: Final = Signal(
    "Our fault", "percentunit", "Share of calls that failed because the request was wrong.",
    _share(c.CALLS, _errors(*c.OWN_FAULT)),
)  # fmt: skip
ERROR_RATE: Final = Signal(
    "Errors per second", "reqps", "Failed calls of every class.",
    lambda scope: scope.rate(c.CALLS, q.equal(q.OUTCOME, "error")),
)  # fmt: skip
ERROR_RATIO: Final = Signal(
    "Error ratio", "percentunit", "Share of calls that failed, whoever is at fault.",
    _share(c.CALLS, q.equal(q.OUTCOME, "error")),
)  # fmt: skip
RATE_LIMITED: Final = Signal(
    "Rate-limited calls", "percentunit", "Share of calls that a rate limit refused, retries spent.",
    _share(c.CALLS, _errors("rate_limit")),
)  # fmt: skip
TIMEOUTS: Final = Signal(
    "Timed-out calls", "percentunit", "Share of calls that ran into a time-out.", _share(c.CALLS, _errors("timeout"))
)
QUOTA: Final = Signal(
    "Calls refused for quota", "short", "Calls refused because credit or quota is spent.",
    lambda scope: scope.increase(c.CALLS, _errors("quota")),
)  # fmt: skip
ERRORS_BY_TYPE: Final = Signal(
    "Errors by type", "short", "Failed calls of the window by the provider's code or the exception.",
    lambda scope: scope.increase(c.DURATION, f'{q.ERROR_TYPE}!=""', suffix="_count"),
)  # fmt: skip
RETRIES_PER_CALL: Final = Signal(
    "Retries per call", "none", "Attempts after the first, per logical call.", _share(c.RETRIES)
)
RETRY_RATE: Final = Signal(
    "Retries per second", "reqps", "Attempts after the first one of a call.", lambda scope: scope.rate(c.RETRIES)
)
RETRY_WAIT: Final = Signal(
    "Waiting between attempts", "s", "Mean seconds that a call waits between attempts.", _share(c.RETRY_WAIT)
)
HEADROOM: Final = Signal(
    "Rate limit left", "percentunit", "Remaining share of the limit the provider stated; absent where it states none.",
    lambda scope: (
        f"min {q.by(scope.by)}({scope.value(c.RATELIMIT_REMAINING)} / ({scope.value(c.RATELIMIT_LIMIT)} > 0))"
    ),
)  # fmt: skip


# ------------------------------------------------------------------------------------------------- latency
def duration(quantile: float) -> Signal:
    """Duration of successful calls."""
    return Signal(
        f"p{quantile * 100:g} duration", "s", f"{quantile:.0%} of the calls that succeed end within this time.",
        lambda scope: scope.quantile(quantile, c.DURATION, SUCCESS),
    )  # fmt: skip


def first_chunk(quantile: float) -> Signal:
    """Time to the first chunk of streamed calls."""
    return Signal(
        f"p{quantile * 100:g} first chunk", "s", f"{quantile:.0%} of the streams show a first chunk within this time.",
        lambda scope: scope.quantile(quantile, c.FIRST_CHUNK),
    )  # fmt: skip


def chunk_gap(quantile: float) -> Signal:
    """Time between two chunks of a stream."""
    return Signal(
        f"p{quantile * 100:g} chunk gap", "s", f"{quantile:.0%} of the chunks follow the one before within this time.",
        lambda scope: scope.quantile(quantile, c.OUTPUT_CHUNK),
    )  # fmt: skip


DURATION_BUCKETS: Final = Signal(
    "Calls by duration", "s", "Successful calls per bucket of duration.",
    lambda scope: scope.per("le", *scope.by).increase(c.DURATION, SUCCESS, suffix="_bucket"),
)  # fmt: skip
FIRST_CHUNK_BUCKETS: Final = Signal(
    "Streams by first chunk", "s", "Streamed calls per bucket of time to the first chunk.",
    lambda scope: scope.per("le", *scope.by).increase(c.FIRST_CHUNK, suffix="_bucket"),
)  # fmt: skip
WITHIN_TARGET: Final = Signal(
    "Within latency target", "percentunit", "Share of successful calls that end within the target (latency.target).",
    lambda scope: q.ratio(
        scope.rate(c.DURATION, SUCCESS, q.bound(scope.config.latency.target), suffix="_bucket"),
        scope.rate(c.DURATION, SUCCESS, suffix="_count"),
    ),
)  # fmt: skip

# --------------------------------------------------------------------------------------------------- money
SPEND: Final = Signal(
    "Spend", "currencyUSD", "US dollars of the window by the price table; unpriced calls add nothing.",
    lambda scope: scope.increase(c.COST),
)  # fmt: skip
SPEND_PER_HOUR: Final = Signal("Spend per hour", "currencyUSD", "Spend at the rate of now.", _hourly(c.COST))
COST_PER_CALL: Final = Signal(
    "Cost per call", "currencyUSD", "US dollars per call of the window.",
    lambda scope: f"{scope.increase(c.COST)} / ({scope.increase(c.CALLS)} > 0)",
)  # fmt: skip
COST_PER_1K: Final = Signal(
    "Per 1,000 calls", "currencyUSD", "US dollars per thousand calls of the window.",
    lambda scope: f"1000 * {scope.increase(c.COST)} / ({scope.increase(c.CALLS)} > 0)",
)  # fmt: skip
COST_PER_MTOKEN: Final = Signal(
    "Per 1M tokens", "currencyUSD", "US dollars per million tokens of the window, all types together.",
    lambda scope: f"1e6 * {scope.increase(c.COST)} / ({scope.increase(c.CALL_TOKENS)} > 0)",
)  # fmt: skip
PRICED_SHARE: Final = Signal(
    "Calls priced", "percentunit", "Share of calls that have a price; spend undercounts by the rest.",
    lambda scope: "1 - " + q.ratio(scope.increase(c.UNPRICED), scope.increase(c.CALLS)),
)  # fmt: skip
UNPRICED: Final = Signal(
    "Unpriced calls", "short", "Calls of the window that could not be priced.", lambda scope: scope.increase(c.UNPRICED)
)
DUPLICATE_SPEND: Final = Signal(
    "Repeated calls", "currencyUSD", "Dollars per hour on calls that repeat a recent one to the letter.",
    _hourly(c.DUPLICATE_COST),
)  # fmt: skip
RETRY_SPEND: Final = Signal(
    "Failed attempts", "currencyUSD", "Dollars per hour on attempts that failed and were retried.",
    _hourly(c.RETRY_COST),
)  # fmt: skip
FAILED_SPEND: Final = Signal(
    "Failed calls", "currencyUSD", "Dollars per hour on calls that ended in an error; part of spend.",
    _hourly(c.FAILED_COST),
)  # fmt: skip
TRUNCATED_SPEND: Final = Signal(
    "Cut-off answers", "currencyUSD", "Dollars per hour on answers cut by a length limit.", _hourly(c.TRUNCATED_COST)
)
CACHE_SAVING: Final = Signal(
    "Saved by the prompt cache", "currencyUSD", "Dollars per hour that cached input cost less than uncached.",
    _hourly(c.CACHE_SAVINGS),
)  # fmt: skip
DUPLICATE_SHARE: Final = Signal(
    "Repeated calls, share", "percentunit", "Share of calls that repeat a recent one to the letter.",
    _share(c.DUPLICATE_CALLS),
)  # fmt: skip
ATTRIBUTED_SPEND: Final = Signal(
    "Attributed spend", "currencyUSD", "US dollars of the window by what the app attributes calls to; of one key only.",
    lambda scope: scope.increase(c.ATTRIBUTED_COST),
)  # fmt: skip
ATTRIBUTED_SPEND_PER_HOUR: Final = Signal(
    "Attributed spend per hour", "currencyUSD", "The same at the rate of now.", _hourly(c.ATTRIBUTED_COST)
)
ATTRIBUTED_CALLS: Final = Signal(
    "Attributed calls", "short", "Calls of the window by what the app attributes them to; of one key only.",
    lambda scope: scope.increase(c.ATTRIBUTED_CALLS),
)  # fmt: skip
ATTRIBUTED_TOKENS: Final = Signal(
    "Attributed tokens", "short", "Tokens of the window by what the app attributes calls to; of one key only.",
    lambda scope: scope.increase(c.ATTRIBUTED_TOKENS),
)  # fmt: skip
BUDGET: Final = Signal(
    "Budget", "currencyUSD", "Budget per job and period: the app's own setting, the largest of its replicas.",
    lambda scope: f"max {q.by(scope.by)}({scope.value(c.BUDGET)})",
)  # fmt: skip

# -------------------------------------------------------------------------------------------------- tokens
TOKEN_RATE: Final = Signal(
    "Tokens per second", "short", "Tokens by disjoint type: the types add up.", lambda scope: scope.rate(c.CALL_TOKENS)
)
TOKENS: Final = Signal(
    "Tokens", "short", "Tokens of the window, all types together.", lambda scope: scope.increase(c.CALL_TOKENS)
)
CACHE_SHARE: Final = Signal(
    "Cached share of input", "percentunit", "Share of input tokens that the provider read from its prompt cache.",
    lambda scope: q.ratio(scope.rate(c.CALL_TOKENS, CACHED), scope.rate(c.CALL_TOKENS, INPUT)),
)  # fmt: skip


def tokens_per_call(quantile: float, kind: str) -> Signal:
    """Input or output tokens of one call, inclusive as the conventions count them."""
    return Signal(
        f"{kind.capitalize()} tokens p{quantile * 100:g}", "short",
        f"{quantile:.0%} of the calls use fewer {kind} tokens.",
        lambda scope: scope.quantile(quantile, *_tokens_of(scope, kind)),
    )  # fmt: skip


def _tokens_of(scope: Scope, kind: str) -> tuple[c.Metric, *tuple[str, ...]]:
    """On the conventions' main branch each side has a histogram of its own, for inference alone."""
    if scope.config.semconv == "main":
        return (c.MAIN_INPUT_TOKENS if kind == "input" else c.MAIN_OUTPUT_TOKENS,)
    return c.TOKEN_USAGE, q.equal(q.TOKEN_TYPE, kind)


USAGE_MISSING: Final = Signal(
    "Calls without usage", "percentunit", "Share of calls whose provider stated no usable token usage.",
    _share(c.USAGE_MISSING),
)  # fmt: skip

# ------------------------------------------------------------------------------------------------- answers
BROKEN: Final = ("empty", "invalid_json", "invalid_tool_arguments", "unknown_tool")
"""Answers that a program cannot use."""
REFUSED: Final = ("refused", "filtered")

FINISH_RATE: Final = Signal(
    "Finished answers per second", "reqps", "Finished choices by reason.", lambda scope: scope.rate(c.FINISH)
)
INVALID_SHARE: Final = Signal(
    "Useless answers", "percentunit", "Share of calls whose answer is of no use as it stands, by reason.",
    _share(c.INVALID_OUTPUT),
)  # fmt: skip
BROKEN_SHARE: Final = Signal(
    "Broken answers", "percentunit", "Share of calls with an empty, unparsable or impossible answer.",
    _share(c.INVALID_OUTPUT, q.one_of(q.REASON, BROKEN)),
)  # fmt: skip
MISMATCH_SHARE: Final = Signal(
    "Served by another model", "percentunit", "Share of calls that another model answered than the one asked.",
    _share(c.INVALID_OUTPUT, q.equal(q.REASON, "model_mismatch")),
)  # fmt: skip
REFUSED_SHARE: Final = Signal(
    "Refused or filtered", "percentunit", "Share of calls that the model refused or a content filter stopped.",
    lambda scope: f"({_refused(scope)}) / ({scope.rate(c.CALLS)} > 0)",
)  # fmt: skip
TRUNCATED_SHARE: Final = Signal(
    "Cut-off answers", "percentunit", "Share of finished choices that a length limit cut.",
    lambda scope: q.ratio(scope.rate(c.FINISH, q.equal(q.FINISH_REASON, "length")), scope.rate(c.FINISH)),
)  # fmt: skip
SERVED: Final = Signal(
    "Calls by served model", "short", "Successful calls of the window by model asked and model that answered.",
    lambda scope: scope.increase(c.DURATION, SUCCESS, suffix="_count"),
)  # fmt: skip


def _refused(scope: Scope) -> str:
    """A refusal is an answer with some providers and an error with others; a call is one or the other."""
    none = f"0 * {scope.rate(c.CALLS)}"
    answers = scope.rate(c.INVALID_OUTPUT, q.one_of(q.REASON, REFUSED))
    return f"({answers} or {none}) + ({scope.rate(c.CALLS, _errors('content_filter'))} or {none})"


# ------------------------------------------------------------------------------------------- own telemetry
INSTANCES: Final = Signal(
    "Instances reporting", "short", "Processes or scrape targets that report, as Prometheus sees them now.",
    lambda scope: f"count {q.by(scope.by)}({scope.value(c.BUILD_INFO)})",
)  # fmt: skip
INTERNAL_ERRORS: Final = Signal(
    "Internal errors", "short", "Errors inside otel-llm in the window; the app never sees them.",
    lambda scope: scope.increase(c.INTERNAL_ERRORS),
)  # fmt: skip
OVERFLOW: Final = Signal(
    "Label values capped", "short", "Label values of the window that were replaced by 'other'.",
    lambda scope: scope.increase(c.LABEL_OVERFLOW),
)  # fmt: skip
PRICE_AGE: Final = Signal(
    "Price table age", "s", "Age of the oldest price table in use.",
    lambda scope: f"time() - min {q.by(scope.by)}({scope.value(c.PRICES_TIME)})",
)  # fmt: skip

SIGNALS: Final[tuple[Signal, ...]] = (
    CALL_RATE, CALLS, IN_FLIGHT, OLDEST_OPEN,
    SLO_ERRORS, SLO_ERROR_RATIO, PROVIDER_FAULT, LIMIT_FAULT, OWN_FAULT, ERROR_RATE, ERROR_RATIO, RATE_LIMITED,
    TIMEOUTS, QUOTA, ERRORS_BY_TYPE, RETRIES_PER_CALL, RETRY_RATE, RETRY_WAIT, HEADROOM,
    duration(0.5), duration(0.95), duration(0.99), first_chunk(0.5), first_chunk(0.95), chunk_gap(0.95),
    DURATION_BUCKETS, FIRST_CHUNK_BUCKETS, WITHIN_TARGET,
    SPEND, SPEND_PER_HOUR, COST_PER_CALL, COST_PER_1K, COST_PER_MTOKEN, PRICED_SHARE, UNPRICED,
    DUPLICATE_SPEND, RETRY_SPEND, FAILED_SPEND, TRUNCATED_SPEND, CACHE_SAVING, BUDGET, DUPLICATE_SHARE,
    ATTRIBUTED_SPEND, ATTRIBUTED_SPEND_PER_HOUR, ATTRIBUTED_CALLS, ATTRIBUTED_TOKENS,
    TOKEN_RATE, TOKENS, CACHE_SHARE, tokens_per_call(0.5, "input"), tokens_per_call(0.95, "output"), USAGE_MISSING,
    FINISH_RATE, INVALID_SHARE, BROKEN_SHARE, MISMATCH_SHARE, REFUSED_SHARE, TRUNCATED_SHARE, SERVED,
    INSTANCES, INTERNAL_ERRORS, OVERFLOW, PRICE_AGE,
)  # fmt: skip
"""In the order of the reference."""
