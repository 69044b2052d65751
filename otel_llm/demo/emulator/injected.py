"""What the emulator handed out, as the figures that a scrape must show: what demo and tests compare with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import msgspec

from otel_llm import catalog
from otel_llm.catalog import Metric
from otel_llm.demo.emulator.quality import Answered, reasons
from otel_llm.demo.emulator.received import CALL_HEADER, Received
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
    output: float = 0.0
    reasoning: float = 0.0

    def dollars(self, usage: Usage) -> dict[str, float]:
        """Cost by token type of the catalogue."""
        rates = {
            "input": self.input, "input_cache_read": self.cache_read, "input_cache_write": self.cache_write,
            "output": self.output, "output_reasoning": self.reasoning,
        }  # fmt: skip
        return {kind: count * rates[kind] / 1e6 for kind, count in usage.disjoint().items()}


class Injected:
    """Sums by metric of the catalogue and by its labels. Every HTTP attempt is noted when its reply is chosen, before
    a byte is sent, so that the figures stand once a client has its answer. A retry takes back the failure before it:
    what remains are calls. Not thread-safe: the emulator holds its lock."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self.prices = prices
        self.attempts = 0
        self.sums: dict[Metric, dict[Labels, float]] = {}
        self._answered = Answered()
        self._open: OrderedDict[object, list[Labels]] = OrderedDict()

    def note(self, asked: Received, wire: Wire, reply: Reply) -> None:
        """Adds one attempt and what its reply states."""
        self.attempts += 1
        model: Labels = (wire.operation, wire.provider, asked.model)
        self._take_back(asked)
        if reply.outcome is None and reply.fails is None:
            self._note_answer(model, asked, wire, reply)
            return
        if reply.outcome is not None:
            self._add(catalog.CALLS, (*model, reply.outcome, ""))
        elif reply.fails is not None:
            self._note_failure(asked, (*model, reply.fails))
        begun = reply.after is not None and asked.streams
        if begun:
            self._add(catalog.FINISH, (*model, "error"))
        usage = wire.stated(reply, asked, broken=True) if begun else None
        if reply.outcome is not None:
            self._add(catalog.USAGE_MISSING, (*model, "stream_unfinished"))
        if usage is not None:
            self._note_usage(model, usage, reply)

    def total(self, metric: Metric, **labels: str) -> float:
        """Sum over the label sets with the given values, by Prometheus label names."""
        names = [catalog.label_name(name) for name in metric.labels]
        rows = self.sums.get(metric, {}).items()
        return sum(value for row, value in rows if labels.items() <= dict(zip(names, row, strict=True)).items())

    def _add(self, metric: Metric, labels: Labels, amount: float = 1) -> None:
        rows = self.sums.setdefault(metric, {})
        rows[labels] = rows.get(labels, 0) + amount

    def _note_answer(self, model: Labels, asked: Received, wire: Wire, reply: Reply) -> None:
        self._add(catalog.CALLS, (*model, "success", ""))
        for finish in wire.finishes(reply, asked):
            self._add(catalog.FINISH, (*model, finish))
        faults, again = reasons(reply, asked, wire), self._answered.again(asked)
        for reason in faults:
            self._add(catalog.INVALID_OUTPUT, (*model, reason))
        if again:
            self._add(catalog.DUPLICATE_CALLS, model)
        usage = wire.stated(reply, asked, broken=False)
        if usage is None:
            self._add(catalog.USAGE_MISSING, (*model, "not_stated"))
            return
        dollars = self._note_usage(model, usage, reply)
        if dollars and "truncated" in faults:
            self._add(catalog.TRUNCATED_COST, model, dollars)
        if dollars and again:
            self._add(catalog.DUPLICATE_COST, model, dollars)

    def _note_failure(self, asked: Received, failure: Labels) -> None:
        *model, error_class = failure
        self._add(catalog.CALLS, (*model, "error", error_class))
        self._open.setdefault(_call(asked), []).append(failure)
        if len(self._open) > _OPEN_LIMIT:
            self._open.popitem(last=False)

    def _take_back(self, asked: Received) -> None:
        """If the attempt is a retry: what the attempt before it counted as an error was a retry's cause."""
        failures = self._open.get(_call(asked)) if asked.retry or CALL_HEADER in asked.headers else None
        if failures:
            *model, error_class = failures.pop()
            self._add(catalog.RETRIES, (*model, error_class))
            self._add(catalog.CALLS, (*model, "error", error_class), -1)

    def _note_usage(self, model: Labels, usage: Usage, reply: Reply) -> float:
        """Adds tokens and their cost by the model that served; returns the dollars."""
        for kind, count in usage.disjoint().items():
            self._add(catalog.CALL_TOKENS, (*model, kind), count)
        price = self.prices.get(reply.model or model[2]) or self.prices.get(model[2])
        if price is None:
            self._add(catalog.UNPRICED, (*model, "unknown_model"))
            return 0.0
        parts = price.dollars(usage)
        for kind, dollars in parts.items():
            self._add(catalog.COST, (*model, kind), dollars)
        if usage.cache_read:
            saved = usage.cache_read * (price.input - price.cache_read) / 1e6
            self._add(catalog.CACHE_SAVINGS, model, max(saved, 0.0))
        return sum(parts.values())


def _call(asked: Received) -> object:
    """What the attempts of one call have in common."""
    return asked.headers.get(CALL_HEADER) or (asked.mode, asked.path, asked.raw)
