"""What a closed call amounts to: the facts of its attempts, checked, made disjoint and priced. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from otel_llm.call import Call
from otel_llm.catalog import ErrorClass, TokenType
from otel_llm.failures import End
from otel_llm.formats.facts import Facts, Usage
from otel_llm.formats.finish import normalise
from otel_llm.prices.cost import Priced, Unpriced, consistent
from otel_llm.prices.pricing import PriceTable
from otel_llm.signals.quality import faults


class Summary(msgspec.Struct, kw_only=True):
    """One call, ready to be shown. Seconds and dollars."""

    end: End
    response_model: str | None
    usage: Usage | None
    """Stated and consistent usage, in the conventions' inclusive meaning."""
    usage_missing: str | None
    """Why there is no (whole) usage, one of ``catalog.USAGE_MISSING_VALUES``; ``None`` if there is."""
    tokens: dict[TokenType, int]
    """Disjoint counts of :attr:`usage`."""
    price: Priced | Unpriced | None
    """``None`` without usage and without a stated cost."""
    finish: list[str]
    """Normalised finish reasons by choice."""
    retried: list[ErrorClass]
    """Error class of each attempt that was followed by another."""
    retry_wait: float
    retry_cost: float
    invalid: set[str]
    """Reasons of ``catalog.INVALID_VALUES`` why a successful answer is of no use."""


def summarise(call: Call, prices: PriceTable) -> Summary:
    """The summary of a closed call."""
    end = call.end or End("success")
    facts = call.facts
    at = datetime.fromtimestamp(call.wall_ns / 1e9, UTC)
    usage, missing = _usage(facts, end)
    price = _price(call, facts, usage, prices, at)
    failed = call.attempts[:-1]
    return Summary(
        end=end,
        response_model=facts.response_model,
        usage=usage,
        usage_missing=missing,
        tokens=disjoint(usage) if usage else {},
        price=price,
        finish=_finish(facts, end),
        retried=[(attempt.end.error_class if attempt.end else None) or "unknown" for attempt in failed],
        retry_wait=sum(attempt.backoff or 0.0 for attempt in call.attempts) if failed else 0.0,
        retry_cost=sum(_retry_cost(call, attempt.facts, prices, at) for attempt in failed) if failed else 0.0,
        invalid=faults(call, end, prices),
    )


def unread(call: Call) -> Summary:
    """What is left of a call whose facts could not be judged: that it was one, and how it ended."""
    return Summary(
        end=call.end or End("success"), response_model=None, usage=None, usage_missing="undecodable", tokens={},
        price=None, finish=[], retried=[], retry_wait=0.0, retry_cost=0.0, invalid=set(),
    )  # fmt: skip


def disjoint(usage: Usage) -> dict[TokenType, int]:
    """Counts that add up: input without cached tokens, output without reasoning. Unstated totals give no count."""
    found: dict[TokenType, int] = {}
    if usage.input is not None:
        read, write = usage.cache_read or 0, usage.cache_write or 0
        found["input"] = usage.input - read - write
        found["input_cache_read"], found["input_cache_write"] = read, write
    if usage.output is not None:
        reasoning = usage.reasoning or 0
        found["output"], found["output_reasoning"] = usage.output - reasoning, reasoning
    return found


def _usage(facts: Facts, end: End) -> tuple[Usage | None, str | None]:
    usage = facts.usage
    if usage is not None and not consistent(usage):
        return None, "inconsistent"
    if usage is not None and (usage.output is not None or end.outcome == "success"):
        return usage, None
    if end.outcome == "error":
        return usage, None
    if facts.undecodable is not None:
        return usage, "undecodable"
    return usage, "not_stated" if end.outcome == "success" and facts.complete else "stream_unfinished"


def _price(call: Call, facts: Facts, usage: Usage | None, prices: PriceTable, at: datetime) -> Priced | Unpriced | None:
    """By the model that served, else by the one asked for: an alias may be priced where a snapshot is not known yet."""
    if facts.cost is not None and (usage is None or usage.cost is None):
        usage = msgspec.structs.replace(usage or Usage(), cost=facts.cost)
    if usage is None:
        return None
    served, asked, tier = facts.response_model, call.request.model, facts.service_tier
    price: Priced | Unpriced = Unpriced("unknown_model")
    if served:
        price = prices.price(call.provider, served, usage, at=at, service_tier=tier)
    if asked and asked != served and isinstance(price, Unpriced):
        price = prices.price(call.provider, asked, usage, at=at, service_tier=tier)
    return price


def _retry_cost(call: Call, facts: Facts, prices: PriceTable, at: datetime) -> float:
    usage = facts.usage if facts.usage is not None and consistent(facts.usage) else None
    price = _price(call, facts, usage, prices, at)
    return price.total if isinstance(price, Priced) else 0.0


def _finish(facts: Facts, end: End) -> list[str]:
    """One per choice in the provider's order. A call that broke has ``error`` where no reason arrived (conventions)."""
    found = [normalise(facts.finish_reasons[choice]) for choice in sorted(facts.finish_reasons)]
    if not found and end.outcome != "success" and facts.chunks:
        return ["error"]
    return found
