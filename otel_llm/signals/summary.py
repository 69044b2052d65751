"""What a closed call amounts to: the facts of its attempts, checked, made disjoint and priced. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from otel_llm import guard
from otel_llm.attempt import Attempt
from otel_llm.call import Call
from otel_llm.catalog import ErrorClass, TokenType, UsageMissing
from otel_llm.failures import SUCCESS, End
from otel_llm.formats.facts import Facts, Usage
from otel_llm.formats.finish import normalise
from otel_llm.guard import guarded
from otel_llm.prices.cost import Priced, Unpriced, consistent
from otel_llm.prices.lookup import UNKNOWN_MODEL
from otel_llm.prices.pricing import PriceTable
from otel_llm.signals.conventions import GENERATES
from otel_llm.signals.quality import faults

_pricing: Final = guard.site("summary.price")


class Summary(msgspec.Struct, kw_only=True):
    """One call, ready to be shown. Seconds and dollars."""

    end: End
    response_model: str | None
    usage: Usage | None
    """Stated and consistent usage, in the conventions' inclusive meaning."""
    usage_missing: UsageMissing | None
    """Why there is no (whole) usage; ``None`` if there is."""
    tokens: dict[TokenType, int]
    """Disjoint counts of :attr:`usage`."""
    price: Priced | Unpriced | None
    """``None`` without usage and without a stated cost."""
    finish: list[str]
    """Normalised finish reasons by choice; ``error`` where one was expected and never came."""
    answered: bool = True
    """Something of an answer came: its choices are counted. A refused call has slots on its span and no choices."""
    retried: list[ErrorClass]
    """Error class of each attempt that was followed by another."""
    retry_wait: float
    retry_cost: float
    invalid: set[str]
    """Reasons of ``catalog.INVALID_VALUES`` why a successful answer is of no use."""


@guarded("signals.summary")
def summarise(call: Call, prices: PriceTable) -> Summary:
    """The summary of a closed call."""
    end = call.end or SUCCESS
    facts = call.facts
    usage, missing = _usage(call, facts, end)
    finish = _finish(call, facts, end)
    failed = call.attempts[:-1]
    return Summary(
        end=end,
        response_model=facts.response_model,
        usage=usage,
        usage_missing=missing,
        tokens=disjoint(usage) if usage else {},
        price=_price(call, facts, usage, prices),
        finish=finish,
        answered=end.outcome == "success" or facts.chunks > 0 or bool(facts.finish_reasons),
        retried=[_fault(attempt) for attempt in failed] if failed else [],
        retry_wait=sum(attempt.backoff or 0.0 for attempt in call.attempts) if failed else 0.0,
        retry_cost=sum(_retry_cost(call, attempt.facts, prices) for attempt in failed) if failed else 0.0,
        invalid=faults(call, facts, end, finish, prices),
    )


def _fault(attempt: Attempt) -> ErrorClass:
    return (attempt.end.error_class if attempt.end else None) or "unknown"


def unread(call: Call) -> Summary:
    """What is left of a call whose facts could not be judged: that it was one, and how it ended."""
    return Summary(
        end=call.end or SUCCESS, response_model=None, usage=None, usage_missing="undecodable", tokens={},
        price=None, finish=[], retried=[], retry_wait=0.0, retry_cost=0.0, invalid=set(),
    )  # fmt: skip


def disjoint(usage: Usage) -> dict[TokenType, int]:
    """Counts that add up: input without cached tokens, output without reasoning. Unstated totals give no count."""
    read, write, reasoning = usage.cache_read or 0, usage.cache_write or 0, usage.reasoning or 0
    found: dict[TokenType, int] = {}
    if usage.input is not None:
        found = {"input": usage.input - read - write, "input_cache_read": read, "input_cache_write": write}
    if usage.output is not None:
        found |= {"output": usage.output - reasoning, "output_reasoning": reasoning}
    return found


def _usage(call: Call, facts: Facts, end: End) -> tuple[Usage | None, UsageMissing | None]:
    usage = facts.usage
    if usage is not None and not consistent(usage):
        return None, "inconsistent"
    # An answer has both sides: what cannot be read of one is not 0, and the cost of the other is not the call's.
    half = usage is not None and call.request.operation in GENERATES and (usage.input is None) != (usage.output is None)
    if usage is not None and not half and (usage.output is not None or end.outcome == "success"):
        return usage, None
    if end.outcome == "error":
        return usage, None
    if facts.undecodable is not None:
        return usage, "undecodable"
    last = call.last
    streamed = last is not None and (last.streamed or call.request.stream)
    whole = end.outcome == "success" and (facts.complete or not streamed)
    return usage, "not_stated" if whole else "stream_unfinished"


def _price(call: Call, facts: Facts, usage: Usage | None, prices: PriceTable) -> Priced | Unpriced | None:
    """By the model that served, else by the one asked for: an alias may be priced where a snapshot is not known yet.
    ``None`` without usage and without a stated cost. A price table that fails costs the price, and not the call."""
    if facts.cost is not None and (usage is None or usage.cost is None):
        usage = msgspec.structs.replace(usage or Usage(), cost=facts.cost)
    if usage is None:
        return None
    served, asked, tier = facts.response_model, call.request.model, facts.service_tier
    price: Priced | Unpriced = UNKNOWN_MODEL
    try:
        if served:
            price = prices.price_at(call.provider, served, usage, call.wall_ns, tier)
        if asked and asked != served and isinstance(price, Unpriced):
            price = prices.price_at(call.provider, asked, usage, call.wall_ns, tier)
    except Exception as defect:
        _pricing.note(defect, (call,))
    return price


def _retry_cost(call: Call, facts: Facts, prices: PriceTable) -> float:
    usage = facts.usage if facts.usage is not None and consistent(facts.usage) else None
    price = _price(call, facts, usage, prices)
    return price.total if isinstance(price, Priced) else 0.0


CHOICES_CAP: Final = 128
"""Choices of a call that broke: OpenAI's own limit, whatever a request says."""


def _finish(call: Call, facts: Facts, end: End) -> list[str]:
    """One per choice in the provider's order. A call that broke has ``error`` where no reason arrived (conventions)."""
    found = facts.finish_reasons
    if end.outcome != "success" and call.request.operation in GENERATES:
        found = dict.fromkeys(range(min(call.request.choices or 1, CHOICES_CAP)), "error") | found
    return [normalise(found[choice]) for choice in sorted(found)]
