"""The ledger: current value of every series that we emit. Counters are kept here and observed by OpenTelemetry and by
``/metrics``; histograms are kept here for ``/metrics``.

An update costs a dictionary look-up and an addition under one lock, against 31 us of an OpenTelemetry record.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from otel_llm.catalog import Metric

Labels = tuple[str, ...]
"""Label values in the order of :attr:`Metric.labels`; empty where a call does not have the attribute."""


class Exemplar(msgspec.Struct, frozen=True):
    """The span of one observation."""

    trace_id: str
    span_id: str
    value: float
    time: float
    """Seconds since 1970."""


class Counter:
    """One counter series."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Histogram:
    """One histogram series: counts per bucket (not cumulative, the last is +Inf), sum, latest exemplar per bucket."""

    __slots__ = ("bounds", "counts", "exemplars", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.exemplars: list[Exemplar | None] = [None] * (len(bounds) + 1)
        self.sum = 0.0

    def record(self, value: float, exemplar: tuple[str, str] | None = None) -> None:
        place = bisect_left(self.bounds, value)
        self.counts[place] += 1
        self.sum += value
        if exemplar is not None:
            self.exemplars[place] = Exemplar(*exemplar, value, time.time())


GaugeRows = Iterable[tuple[Labels, float]]


class Ledger:
    """All series. ``lock`` is held while series are made or updated; it is re-entrant, for signal handlers."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._counters: Final[dict[str, dict[Labels, Counter]]] = {}
        self._histograms: Final[dict[str, dict[Labels, Histogram]]] = {}
        self._gauges: Final[dict[str, Callable[[], GaugeRows]]] = {}
        self._observed: Final[dict[str, Callable[[], GaugeRows]]] = {}

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """The series, made at 0 when first asked for."""
        family = self._counters.setdefault(metric.name, {})
        found = family.get(labels)
        if found is None:
            with self.lock:
                found = family.setdefault(labels, Counter())
        return found

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """The series, made empty when first asked for."""
        family = self._histograms.setdefault(metric.name, {})
        found = family.get(labels)
        if found is None:
            with self.lock:
                found = family.setdefault(labels, Histogram(metric.buckets))
        return found

    def observe(self, metric: Metric, rows: Callable[[], GaugeRows]) -> None:
        """A gauge, or a counter that is kept elsewhere: ``rows`` is asked at every collection."""
        (self._observed if metric.kind == "counter" else self._gauges)[metric.name] = rows

    def counters(self, metric: Metric) -> list[tuple[Labels, float]]:
        """Values of a counter or gauge now."""
        rows = self._observed.get(metric.name) or self._gauges.get(metric.name)
        if rows is not None:
            return list(rows())
        family = self._counters.get(metric.name, {})
        with self.lock:
            return [(labels, series.value) for labels, series in family.items()]

    def histograms(self, metric: Metric) -> list[tuple[Labels, list[int], float, list[Exemplar | None]]]:
        """Copies of a histogram's series now: labels, counts per bucket, sum, exemplars."""
        family = self._histograms.get(metric.name, {})
        with self.lock:
            return [(labels, list(h.counts), h.sum, list(h.exemplars)) for labels, h in family.items()]

    def clear(self) -> None:
        """Forgets every series; for tests."""
        with self.lock:
            self._counters.clear()
            self._histograms.clear()
