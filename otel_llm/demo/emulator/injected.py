"""What the emulator handed out, as the figures that a scrape must show: what demo and tests compare with."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import msgspec

from otel_llm import catalog
from otel_llm.catalog import LIMIT_KINDS, Metric
from otel_llm.demo.emulator.quality import Answered, reasons, undecodable
from otel_llm.demo.emulator.received import CALL_HEADER, FEATURE_HEADER, FEATURE_KEY, Received
from otel_llm.demo.emulator.reply import Reply, Usage
from otel_llm.demo.emulator.wire import Wire

Labels = tuple[str, ...]
"""Label values in the order of ``Metric.labels``."""
_OPEN_LIMIT: Final = 10_000
"""Failed attempts that may still be retried; the oldest are taken for final."""


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars per million tokens, by disjoint type."""

    input: float = 0.0
    cache_read: float = 0.0
    cache_write: float = 0.0
    output: float | None = 0.0
    """``None``: not known, so that a call with output has no cost."""
    reasoning: float = 0.0

    def dollars(self, usage: Usage) -> dict[str, float] | None:
        """Cost by token type of the catalogue; ``None`` if a type that was used has no price."""
        if self.output is None and usage.output + usage.reasoning:
            return None
        rates = {
            "input": self.input, "input_cache_read": self.cache_read, "input_cache_write": self.cache_write,
            "output": self.output or 0.0, "output_reasoning": self.reasoning,
        }  # fmt: skip
        return {kind: count * rates[kind] / 1e6 for kind, count in usage.disjoint().items()}


class Stated(msgspec.Struct):
    """What was said of one rate limit. Of calls at the same time nobody knows which one ends last."""

    limits: set[float] = msgspec.field(default_factory=set[float])
    remaining: set[float] = msgspec.field(default_factory=set[float])
    at: float = 0.0
    """When it was said last, in seconds of the monotonic clock."""


class _Failed(msgspec.Struct):
    """A failed attempt, which a retry takes back."""

    error_class: str
    entries: list[tuple[Metric, Labels, float]]
    dollars: float
    at: float
    """Seconds of the monotonic clock."""
    wait: float
    """Seconds that the provider asked to wait for."""


class Injected:
    """Sums by metric of the catalogue and by its labels. Every HTTP attempt is noted when its reply is chosen, before
    a byte is sent, so that the figures stand once a client has its answer. A retry takes back the failure before it:
    what remains are calls. Not thread-safe: the emulator holds its lock."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self.prices = prices
        self.attempts = 0
        self.sums: dict[Metric, dict[Labels, float]] = {}
        """For ``RETRY_WAIT`` the seconds between reply and retry as seen from here: a client waits no longer."""
        self.asked_waits: dict[Labels, float] = {}
        """Seconds by the labels of ``RETRY_WAIT`` that replies asked to wait for: a client waits no less."""
        self.limits: dict[Labels, Stated] = {}
        """By the labels of ``RATELIMIT_LIMIT``."""
        self._answered = Answered()
        self._open: OrderedDict[object, list[_Failed]] = OrderedDict()
        self._entries: list[tuple[Metric, Labels, float]] = []
        """What the attempt at hand added."""

    def note(self, asked: Received, wire: Wire, reply: Reply) -> None:
        """Adds one attempt and what its reply states."""
        self.attempts += 1
        model: Labels = (wire.operation, wire.provider, asked.model)
        self._take_back(model, asked)
        self._entries = []
        self._note_limits(asked, wire, reply)
        if reply.outcome is None and reply.fails is None:
            self._note_answer(model, asked, wire, reply)
        else:
            self._note_failure(model, asked, wire, reply)

    def total(self, metric: Metric, **labels: str) -> float:
        """Sum over the label sets with the given values, by Prometheus label names."""
        names = [catalog.label_name(name) for name in metric.labels]
        rows = self.sums.get(metric, {}).items()
        return sum(value for row, value in rows if labels.items() <= dict(zip(names, row, strict=True)).items())

    def _sum(self, metric: Metric, labels: Labels, amount: float) -> None:
        rows = self.sums.setdefault(metric, {})
        rows[labels] = rows.get(labels, 0) + amount

    def _add(self, metric: Metric, labels: Labels, amount: float = 1) -> None:
        """Adds what a retry would take back."""
        self._sum(metric, labels, amount)
        self._entries.append((metric, labels, amount))

    def _attribute(self, asked: Received, model: Labels, metric: Metric, *rest: str, amount: float = 1) -> None:
        if feature := asked.headers.get(FEATURE_HEADER):
            self._add(metric, (*model[1:], FEATURE_KEY, feature, *rest), amount)

    def _ended(self, asked: Received, model: Labels, outcome: str, error_class: str = "") -> None:
        self._add(catalog.CALLS, (*model, outcome, error_class))
        self._attribute(asked, model, catalog.ATTRIBUTED_CALLS, outcome)

    def _note_answer(self, model: Labels, asked: Received, wire: Wire, reply: Reply) -> None:
        self._ended(asked, model, "success")
        if undecodable(reply):
            self._add(catalog.USAGE_MISSING, (*model, "undecodable"))
            return
        for finish in wire.finishes(reply, asked):
            self._add(catalog.FINISH, (*model, finish))
        faults, again = reasons(reply, asked, wire), self._answered.again(asked)
        for reason in faults:
            self._add(catalog.INVALID_OUTPUT, (*model, reason))
        if again:
            self._add(catalog.DUPLICATE_CALLS, model)
        usage = wire.stated(reply, asked, broken=False)
        if usage is None or not usage.consistent:
            self._add(catalog.USAGE_MISSING, (*model, "not_stated" if usage is None else "inconsistent"))
            return
        dollars = self._note_usage(model, asked, usage, reply)
        if dollars and "truncated" in faults:
            self._add(catalog.TRUNCATED_COST, model, dollars)
        if dollars and again:
            self._add(catalog.DUPLICATE_COST, model, dollars)

    def _note_failure(self, model: Labels, asked: Received, wire: Wire, reply: Reply) -> None:
        """A call that fails, or that the app gives up."""
        self._ended(asked, model, reply.outcome or "error", "" if reply.outcome else reply.fails or "")
        begun = reply.after is not None and asked.streams
        if begun:
            self._add(catalog.FINISH, (*model, "error"))
        if reply.outcome is not None:
            self._add(catalog.USAGE_MISSING, (*model, "stream_unfinished"))
        usage = wire.stated(reply, asked, broken=True) if begun else reply.usage if reply.bills else None
        dollars = self._note_usage(model, asked, usage, reply) if usage is not None else 0.0
        if reply.outcome is None:
            wait = reply.retry_after or 0.0
            failed = _Failed(reply.fails or "", self._entries, dollars, time.monotonic(), wait)
            self._open.setdefault(_call(asked), []).append(failed)
            if len(self._open) > _OPEN_LIMIT:
                self._open.popitem(last=False)

    def _take_back(self, model: Labels, asked: Received) -> None:
        """If the attempt is a retry: what the attempt before it counted as an error was a retry's cause."""
        failures = self._open.get(_call(asked)) if asked.retry or CALL_HEADER in asked.headers else None
        if not failures:
            return
        failed = failures.pop()
        for metric, labels, amount in failed.entries:
            self._sum(metric, labels, -amount)
        self._sum(catalog.RETRIES, (*model, failed.error_class), 1)
        self._sum(catalog.RETRY_WAIT, model, time.monotonic() - failed.at)
        self.asked_waits[model] = self.asked_waits.get(model, 0.0) + failed.wait
        if failed.dollars:
            self._sum(catalog.RETRY_COST, model, failed.dollars)

    def _note_usage(self, model: Labels, asked: Received, usage: Usage, reply: Reply) -> float:
        """Adds tokens and their cost by the model that served; returns the dollars."""
        for kind, count in usage.disjoint().items():
            self._add(catalog.CALL_TOKENS, (*model, kind), count)
            self._attribute(asked, model, catalog.ATTRIBUTED_TOKENS, amount=count)
        price = self.prices.get(reply.model or model[2]) or self.prices.get(model[2])
        parts = None if price is None else price.dollars(usage)
        if price is None or parts is None or reply.tier is not None:
            reason = (
                "unknown_model" if price is None else "unknown_service_tier" if reply.tier else "unknown_token_type"
            )
            self._add(catalog.UNPRICED, (*model, reason))
            return 0.0
        for kind, dollars in parts.items():
            self._add(catalog.COST, (*model, kind), dollars)
            self._attribute(asked, model, catalog.ATTRIBUTED_COST, amount=dollars)
        if usage.cache_read:
            saved = usage.cache_read * (price.input - price.cache_read) / 1e6
            self._add(catalog.CACHE_SAVINGS, model, max(saved, 0.0))
        return sum(parts.values())

    def _note_limits(self, asked: Received, wire: Wire, reply: Reply) -> None:
        """Rate limits, of replies that come as far as their headers."""
        if reply.breaks in ("cut", "stall") and reply.after is None:
            return
        names = wire.headers(reply, asked).keys()
        for kind in LIMIT_KINDS:
            spellings = {f"x-ratelimit-limit-{kind}", f"anthropic-ratelimit-{kind.replace('_', '-')}-limit"}
            if kind in reply.limits and not spellings.isdisjoint(names):
                labels, limit = (wire.provider, asked.model, kind), reply.limits[kind]
                stated = self.limits.setdefault(labels, Stated())
                stated.limits.add(limit.limit)
                stated.remaining.add(limit.remaining)
                stated.at = time.monotonic()


def _call(asked: Received) -> object:
    """What the attempts of one call have in common."""
    return asked.headers.get(CALL_HEADER) or (asked.mode, asked.path, asked.raw)
