"""The series of one operation, provider and model: made at 0 when the model is first seen, and updated by each call.

``increase()`` never sees a series' first value, so a counter that is born at 1 hides its first event from every alert.
"""

from __future__ import annotations

import msgspec

from otel_llm import catalog
from otel_llm.call import Call
from otel_llm.catalog import GEN_AI, ErrorClass, Outcome, TokenType
from otel_llm.formats.facts import Usage
from otel_llm.prices.cost import Priced
from otel_llm.settings import Semconv
from otel_llm.signals.attributed import AttributedSeries
from otel_llm.signals.conventions import GENERATES, Conventions, Tokens, conventions, sides, totals
from otel_llm.signals.labels import ERROR_TYPE_CAP, CappedLabel
from otel_llm.signals.ledger import Counter, Histogram, Ledger
from otel_llm.signals.models import label
from otel_llm.signals.summary import Summary


class ModelSeries:
    """All ``otel_llm`` counters of one (operation, provider, request model)."""

    def __init__(self, ledger: Ledger, operation: str, provider: str, model: str) -> None:
        labels = (operation, provider, model)
        self.labels = labels
        self.model = model
        """Value of the label, which may be the overflow's."""
        counter = ledger.counter
        self.calls: dict[tuple[Outcome, ErrorClass | None], Counter] = {
            (outcome, None): counter(catalog.CALLS, *labels, outcome, "")
            for outcome in catalog.OUTCOMES
            if outcome != "error"
        }
        for fault in catalog.ERROR_CLASSES:
            self.calls["error", fault] = counter(catalog.CALLS, *labels, "error", fault)
        self.retries = {fault: counter(catalog.RETRIES, *labels, fault) for fault in catalog.ERROR_CLASSES}
        types = catalog.TOKEN_TYPES
        self.tokens: dict[TokenType, Counter] = {kind: counter(catalog.CALL_TOKENS, *labels, kind) for kind in types}
        self.cost: dict[TokenType, Counter] = {kind: counter(catalog.COST, *labels, kind) for kind in types}
        self.unpriced = {why: counter(catalog.UNPRICED, *labels, why) for why in catalog.UNPRICED_VALUES}
        self.missing = {why: counter(catalog.USAGE_MISSING, *labels, why) for why in catalog.USAGE_MISSING_VALUES}
        self.retry_wait = counter(catalog.RETRY_WAIT, *labels)
        self.retry_cost = counter(catalog.RETRY_COST, *labels)
        self.cache_savings = counter(catalog.CACHE_SAVINGS, *labels)
        self.duplicates = counter(catalog.DUPLICATE_CALLS, *labels)
        self.duplicate_cost = counter(catalog.DUPLICATE_COST, *labels)
        self.failed_cost = counter(catalog.FAILED_COST, *labels)
        self.truncated_cost = counter(catalog.TRUNCATED_COST, *labels)
        answers = operation in GENERATES
        self.finish = {why: counter(catalog.FINISH, *labels, why) for why in catalog.FINISH_VALUES if answers}
        self.invalid = {why: counter(catalog.INVALID_OUTPUT, *labels, why) for why in catalog.INVALID_VALUES if answers}
        self.open: dict[int, Call] = {}
        """The calls that are open, by identity."""

    def add(self, summary: Summary, *, duplicate: bool) -> None:
        """Counts a closed call. The ledger's lock is held by the caller."""
        self.calls[summary.end.outcome, summary.end.error_class].add(1)
        for kind, count in summary.tokens.items():
            if count:
                self.tokens[kind].add(count)
        if summary.usage_missing:
            self.missing[summary.usage_missing].add(1)
        if summary.retried:
            for fault in summary.retried:
                self.retries[fault].add(1)
            self.retry_wait.add(summary.retry_wait)
            self.retry_cost.add(summary.retry_cost)
        for reason in summary.finish if self.finish and summary.answered else ():
            self.finish[reason].add(1)
        for reason in summary.invalid:
            self.invalid[reason].add(1)
        self._add_cost(summary, duplicate)

    def _add_cost(self, summary: Summary, duplicate: bool) -> None:
        if duplicate:
            self.duplicates.add(1)
        price = summary.price
        if price is None:
            return
        if not isinstance(price, Priced):
            self.unpriced[price.reason].add(1)
            return
        for kind, dollars in price.dollars.items():
            if dollars:
                self.cost[kind].add(dollars)
        if price.savings:
            self.cache_savings.add(price.savings)
        if duplicate:
            self.duplicate_cost.add(price.total)
        if summary.end.outcome == "error":
            self.failed_cost.add(price.total)
        if "truncated" in summary.invalid:
            self.truncated_cost.add(price.total)


class CallHistograms:
    """The conventions' histograms and counters of one set of labels, kept for ``/metrics``."""

    def __init__(self, ledger: Ledger, labels: tuple[str, ...], found: Conventions) -> None:
        self._ledger = ledger
        self._conventions = found
        self._labels = labels
        self.attributes: dict[str, str | int] = {key: value for key, value in zip(GEN_AI, labels, strict=True) if value}
        """The labels as OpenTelemetry attributes."""
        if labels[-1].isdecimal():
            self.attributes[catalog.SERVER_PORT] = int(labels[-1])
        self._durations: dict[str, Histogram] = {}
        self._tokens: dict[Tokens, Histogram] = {}
        self._usage: dict[tuple[str, str], Counter] = {}
        self._first: Histogram | None = None
        self._gap: Histogram | None = None

    def add(self, call: Call, summary: Summary, error_type: str, exemplar: tuple[str, str] | None) -> None:
        """Records a closed call. The ledger's lock is held by the caller; ``error_type`` is capped."""
        kind, found = error_type, self._conventions
        if len(self._durations) >= DURATIONS_CAP and kind:
            kind = catalog.OTHER
        duration = self._durations.get(kind)
        if duration is None:
            duration = self._durations[kind] = self._ledger.histogram(found.duration, *self._labels, kind)
        duration.record(call.duration, exemplar)
        for tokens, count in sides(found, summary.usage, succeeded=summary.end.outcome == "success"):
            (self._tokens.get(tokens) or self._add_tokens(tokens)).record(count, exemplar)
        if found.usage and summary.usage is not None:
            self._add_usage(summary.usage)
        if call.time_to_first_chunk is not None and found.first_chunk is not None:
            if self._first is None:
                self._first = self._ledger.histogram(found.first_chunk, *self._labels)
            self._first.record(call.time_to_first_chunk, exemplar)
        if call.gaps:
            self.add_gaps(call, exemplar)

    def add_gaps(self, call: Call, exemplar: tuple[str, str] | None) -> None:
        """Records the chunk gaps that the call holds. The ledger's lock is held by the caller."""
        metric = self._conventions.output_chunk
        if metric is None:
            return
        if self._gap is None:
            self._gap = self._ledger.histogram(metric, *self._labels)
        self._gap.record_all(call.gaps, exemplar)

    def _add_tokens(self, tokens: Tokens) -> Histogram:
        found = self._tokens[tokens] = self._ledger.histogram(tokens.metric, *self._labels, *tokens.labels)
        return found

    def _add_usage(self, usage: Usage) -> None:
        for total, modality, count in totals(usage):
            found = self._usage.get((total, modality))
            if found is None:
                metric = self._conventions.usage[total]
                found = self._usage[total, modality] = self._ledger.counter(metric, *self._labels, modality)
            found.add(count)


FOUND_CAP = 4096
"""Label sets that are found again without cleaning their values."""
FOUND_LENGTH = 1024
"""Characters of a label set that is found again so."""
SETS_CAP = 1000
"""Label sets with histograms of their own. Caps of single labels do not bound their combinations."""
DURATIONS_CAP = 20
"""Error types in one label set."""


def _short(raw: tuple[object, ...]) -> bool:
    return sum(len(value) for value in raw if isinstance(value, str)) <= FOUND_LENGTH


class Held(msgspec.Struct, eq=False):
    """What the signals keep with an open call: its series, each found once."""

    series: ModelSeries | None = None
    attributed: tuple[AttributedSeries, ...] = ()
    histograms: CallHistograms | None = None
    response_model: str | None = None
    """What :attr:`histograms` were found by."""
    error_type: str = ""
    """Capped; empty for a call that did not fail."""


class Book:
    """Finds the series of a call, with label values capped. One entry per set of labels, never per call."""

    def __init__(self, ledger: Ledger, model_cap: int, address_cap: int, semconv: Semconv = "released") -> None:
        self.ledger = ledger
        self._semconv: Semconv = semconv
        self.request_model = CappedLabel(catalog.label_name(catalog.REQUEST_MODEL), model_cap)
        self.response_model = CappedLabel(catalog.label_name(catalog.RESPONSE_MODEL), model_cap)
        self.address = CappedLabel(catalog.label_name(catalog.SERVER_ADDRESS), address_cap)
        self.port = CappedLabel(catalog.label_name(catalog.SERVER_PORT), address_cap)
        self.error_type = CappedLabel(catalog.label_name(catalog.ERROR_TYPE), ERROR_TYPE_CAP)
        self._models_cap = 2 * model_cap
        self._models: dict[tuple[str, str, str], ModelSeries] = {}
        self._models_found: dict[tuple[object, ...], ModelSeries] = {}
        self._histograms: dict[tuple[str, ...], CallHistograms] = {}
        self._found: dict[tuple[object, ...], CallHistograms] = {}
        """This one and :attr:`_models_found` by label values as they came; never for a value that was replaced, so that
        each replacement is counted."""

    def model(self, call: Call) -> ModelSeries:
        """The counters of a call, made at 0 if its model is new. Ask once per call: it counts what it replaces."""
        request = call.request
        raw = (request.operation, call.provider, request.model)
        found = self._models_found.get(raw)
        if found is not None:
            return found
        key = (request.operation, call.provider, self.request_model(label(call.provider, request.model)))
        found = self._models.get(key) or self._add_model(key)
        if catalog.OTHER not in found.labels and _short(raw) and len(self._models_found) < FOUND_CAP:
            self._models_found[raw] = found
        return found

    def _add_model(self, key: tuple[str, str, str]) -> ModelSeries:
        with self.ledger.lock:
            if key not in self._models and len(self._models) >= self._models_cap and key[2] != catalog.OTHER:
                key = (*key[:2], self.request_model.overflow())
            found = self._models.get(key)
            if found is None:
                found = self._models[key] = ModelSeries(self.ledger, *key)
        return found

    def histograms(self, series: ModelSeries, call: Call, response_model: str | None) -> CallHistograms:
        """The histograms of a call with these counters. Ask once per call: it counts what it replaces."""
        raw = (series, response_model, call.server_address, call.server_port)
        found = self._found.get(raw)
        if found is not None:
            return found
        labels = (
            *series.labels,
            self.response_model(label(call.provider, response_model)),
            self.address(call.server_address),
            "" if call.server_port is None else self.port(str(call.server_port)),
        )
        with self.ledger.lock:
            replaced = catalog.OTHER in labels[len(series.labels) :]
            if len(self._histograms) >= SETS_CAP and labels not in self._histograms:
                labels = (*labels[:2], *[catalog.OTHER] * (len(GEN_AI) - 2))
                replaced = True
            found = self._histograms.get(labels)
            if found is None:
                found = self._histograms[labels] = CallHistograms(
                    self.ledger, labels, conventions(self._semconv, labels[0])
                )
            if _short(raw) and not replaced and len(self._found) < FOUND_CAP:
                self._found[raw] = found
        return found

    def capped(self) -> tuple[CappedLabel, ...]:
        """Every label whose values come from outside."""
        return self.request_model, self.response_model, self.address, self.port, self.error_type

    def models(self) -> list[ModelSeries]:
        """Every model's counters."""
        return list(self._models.values())
