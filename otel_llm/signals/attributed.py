"""Series of attributed calls: one set per provider, model, key and value, and none per combination of keys."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog
from otel_llm.call import Call
from otel_llm.prices.cost import Priced
from otel_llm.settings import Settings, keys
from otel_llm.signals.labels import CappedLabel
from otel_llm.signals.ledger import Ledger
from otel_llm.signals.summary import Summary

SETS_CAP: Final = 2000
"""Sets of provider, model, key and value; past it the value is ``other``, and the model, too."""


class AttributedSeries:
    """Counters of one provider, model, key and value; all at 0 when first seen."""

    def __init__(self, ledger: Ledger, labels: tuple[str, ...]) -> None:
        self.calls: Final = {
            outcome: ledger.counter(catalog.ATTRIBUTED_CALLS, *labels, outcome) for outcome in catalog.OUTCOMES
        }
        self.tokens: Final = ledger.counter(catalog.ATTRIBUTED_TOKENS, *labels)
        self.cost: Final = ledger.counter(catalog.ATTRIBUTED_COST, *labels)

    def add(self, summary: Summary) -> None:
        """Counts a closed call. The ledger's lock is held by the caller."""
        self.calls[summary.end.outcome].add(1)
        self.tokens.add(sum(summary.tokens.values()))
        if isinstance(summary.price, Priced):
            self.cost.add(summary.price.total)


class AttributedBook:
    """Finds the series of a call's keys and values."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self._ledger = ledger
        self.labels: Final = {
            key: CappedLabel(catalog.label_name(catalog.attribution(key)), settings.attribution_cap)
            for key in keys(settings.attribution)
        }
        self._sets: dict[tuple[str, ...], AttributedSeries] = {}

    def series(self, call: Call, model: str) -> tuple[AttributedSeries, ...]:
        """The series when a call begins, at 0 if they are new: its end is then an increase. ``model`` is capped."""
        return tuple(self._find(call.provider, model, key, value) for key, value in call.attribution)

    def _find(self, provider: str, model: str, key: str, value: str) -> AttributedSeries:
        labels = (provider, model, key, self.labels[key](value))
        found = self._sets.get(labels)
        return found if found is not None else self._add(labels)

    def _add(self, labels: tuple[str, str, str, str]) -> AttributedSeries:
        with self._ledger.lock:
            if len(self._sets) >= SETS_CAP and labels not in self._sets:
                labels = (labels[0], catalog.OTHER, labels[2], catalog.OTHER)
            found = self._sets.get(labels)
            if found is None:
                found = self._sets[labels] = AttributedSeries(self._ledger, labels)
        return found
