"""The ledger: current value of every series that we emit. Counters are kept here and observed by OpenTelemetry and by
``/metrics``; histograms are kept here for ``/metrics``.

Values live in :mod:`~otel_llm.signals.cells`: in memory, or, in one of several worker processes, in a file that its
siblings read. An update costs an addition in place under one lock, against 31 us of an OpenTelemetry record.
"""

from __future__ import annotations

import struct
import threading
import time
from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec

from otel_llm.catalog import Metric
from otel_llm.signals.cells import CELL, Buffer, Cells, Segment

Labels = tuple[str, ...]
"""Label values in the order of :attr:`Metric.labels`; empty where a call does not have the attribute."""

_EXEMPLAR: Final = struct.Struct("<d24sdd")
EXEMPLAR_CELLS: Final = _EXEMPLAR.size // CELL
"""Time, trace id and span id, value, the time again: a reader that finds two times read in the middle of a write."""


class Exemplar(msgspec.Struct, frozen=True):
    """The span of one observation."""

    trace_id: str
    span_id: str
    value: float
    time: float
    """Seconds since 1970."""


class HistogramValue(msgspec.Struct):
    """A histogram series at one moment: counts per bucket (not cumulative, the last is +Inf), sum, latest exemplars."""

    counts: list[float]
    sum: float
    exemplars: list[Exemplar | None]


class Rows(Protocol):
    """Series that can be exposed: this process's own, or the sum over all workers."""

    def counters(self, metric: Metric) -> list[tuple[Labels, float]]: ...

    def histograms(self, metric: Metric) -> list[tuple[Labels, HistogramValue]]: ...


class Counter:
    """One counter series. ``value`` is changed while the ledger's lock is held."""

    __slots__ = ("_place", "_segment")

    def __init__(self, segment: Segment, place: int) -> None:
        self._segment = segment
        self._place = place

    @property
    def value(self) -> float:
        return self._segment.cells[self._place]

    @value.setter
    def value(self, value: float) -> None:
        self._segment.cells[self._place] = value

    def add(self, amount: float) -> None:
        """``value += amount`` in one step."""
        self._segment.cells[self._place] += amount


class Histogram:
    """One histogram series: a cell per bucket, the sum, and an exemplar per bucket."""

    __slots__ = ("_bounds", "_place", "_segment", "_sum")

    def __init__(self, segment: Segment, place: int, bounds: Sequence[float]) -> None:
        self._segment = segment
        self._place = place
        self._sum = place + len(bounds) + 1
        self._bounds = bounds

    def record(self, value: float, exemplar: tuple[str, str] | None = None) -> None:
        """Counts one observation; ``exemplar`` is trace and span id as hex. The ledger's lock is held by the caller."""
        cells, bucket = self._segment.cells, bisect_left(self._bounds, value)
        cells[self._place + bucket] += 1.0
        cells[self._sum] += value
        if exemplar is not None:
            self._exemplify(bucket, value, exemplar)

    def record_all(self, values: Sequence[float], exemplar: tuple[str, str] | None = None) -> None:
        """Counts many observations of one span; each bucket's exemplar is the last one. The lock is held as above."""
        cells, bounds = self._segment.cells, self._bounds
        buckets = [bisect_left(bounds, value) for value in values]
        for bucket, count in Counts(buckets).items():
            cells[self._place + bucket] += count
        cells[self._sum] += sum(values)
        if exemplar is not None:
            for bucket, value in dict(zip(buckets, values, strict=True)).items():
                self._exemplify(bucket, value, exemplar)

    def _exemplify(self, bucket: int, value: float, exemplar: tuple[str, str]) -> None:
        at = (self._place + len(self._bounds) + 2 + bucket * EXEMPLAR_CELLS) * CELL
        ids, now = bytes.fromhex(exemplar[0] + exemplar[1]), time.time()
        _EXEMPLAR.pack_into(self._segment.raw, at, now, ids, value, now)

    def read(self) -> HistogramValue:
        return read_histogram(self._segment.raw, self._place, len(self._bounds) + 1)


def histogram_cells(bounds: Sequence[float]) -> int:
    """Cells of one histogram series."""
    return (len(bounds) + 1) * (1 + EXEMPLAR_CELLS) + 1


def read_histogram(data: Buffer, first: int, buckets: int) -> HistogramValue:
    """A histogram from a segment's bytes; an exemplar that is just being written is left out."""
    *counts, total = struct.unpack_from(f"<{buckets + 1}d", data, first * CELL)
    exemplars: list[Exemplar | None] = []
    for bucket in range(buckets):
        place = (first + buckets + 1 + bucket * EXEMPLAR_CELLS) * CELL
        began, ids, value, ended = _EXEMPLAR.unpack_from(data, place)
        whole = began and began == ended
        exemplars.append(Exemplar(ids[:16].hex(), ids[16:].hex(), value, began) if whole else None)
    return HistogramValue(counts, total, exemplars)


def write_histogram(segment: Segment, first: int, value: HistogramValue) -> None:
    """Sets a histogram's cells."""
    segment.raw[first * CELL : (first + len(value.counts) + 1) * CELL] = struct.pack(
        f"<{len(value.counts) + 1}d", *value.counts, value.sum
    )
    for bucket, found in enumerate(value.exemplars):
        if found is not None:
            place = (first + len(value.counts) + 1 + bucket * EXEMPLAR_CELLS) * CELL
            ids = bytes.fromhex(found.trace_id + found.span_id)
            _EXEMPLAR.pack_into(segment.raw, place, found.time, ids, found.value, found.time)


GaugeRows = Iterable[tuple[Labels, float]]


class Observed(msgspec.Struct, frozen=True):
    """A gauge, or a counter that is kept elsewhere."""

    metric: Metric
    rows: Callable[[], GaugeRows]
    stated: Callable[[Labels], float] | None
    """When a row was stated, in seconds of the monotonic clock; decides where the merge rule is ``latest``."""


class Ledger:
    """All series of this process. ``lock`` is held while series are made or updated; it is re-entrant, for signal
    handlers."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.cells: Final = Cells()
        self._counters: Final[dict[str, dict[Labels, Counter]]] = {}
        self._histograms: Final[dict[str, dict[Labels, Histogram]]] = {}
        self._observed: Final[dict[str, Observed]] = {}
        self._published: Final[dict[tuple[str, ...], tuple[Segment, int]]] = {}

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """The series, made at 0 when first asked for."""
        family = self._counters.setdefault(metric.name, {})
        found = family.get(labels)
        if found is None:
            with self.lock:
                found = family.get(labels)
                if found is None:
                    found = family[labels] = Counter(*self.cells.place((metric.name, *labels), 1))
        return found

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """The series, made empty when first asked for."""
        family = self._histograms.setdefault(metric.name, {})
        found = family.get(labels)
        if found is None:
            with self.lock:
                found = family.get(labels)
                if found is None:
                    place = self.cells.place((metric.name, *labels), histogram_cells(metric.buckets))
                    found = family[labels] = Histogram(*place, metric.buckets)
        return found

    def observe(
        self, metric: Metric, rows: Callable[[], GaugeRows], stated: Callable[[Labels], float] | None = None
    ) -> None:
        """A gauge, or a counter that is kept elsewhere: ``rows`` is asked at every collection."""
        self._observed[metric.name] = Observed(metric, rows, stated)

    def counters(self, metric: Metric) -> list[tuple[Labels, float]]:
        """Values of a counter or gauge now."""
        observed = self._observed.get(metric.name)
        if observed is not None:
            return list(observed.rows())
        family = self._counters.get(metric.name, {})
        with self.lock:
            return [(labels, series.value) for labels, series in family.items()]

    def histograms(self, metric: Metric) -> list[tuple[Labels, HistogramValue]]:
        """A histogram's series now."""
        family = self._histograms.get(metric.name, {})
        with self.lock:
            return [(labels, series.read()) for labels, series in family.items()]

    def publish(self) -> None:
        """Writes what is only known when asked for (gauges, counters kept elsewhere) into cells, for the siblings."""
        for observed in list(self._observed.values()):
            rows = list(observed.rows())
            with self.lock:
                self._write(observed, rows)

    def _write(self, observed: Observed, rows: list[tuple[Labels, float]]) -> None:
        name, gauge, now = observed.metric.name, observed.metric.kind == "gauge", time.monotonic()
        shown: set[tuple[str, ...]] = set()
        for labels, value in rows:
            key = (name, *labels)
            shown.add(key)
            place = self._published.get(key)
            if place is None:
                place = self._published[key] = self.cells.place(key, 2 if gauge else 1)
            segment, first = place
            segment.cells[first] = value
            if gauge:
                segment.cells[first + 1] = observed.stated(labels) if observed.stated else now
        for key in self._published.keys() - shown if gauge else ():
            if key[0] == name:
                segment, first = self._published[key]
                segment.cells[first + 1] = 0.0  # no longer stated

    def fork(self) -> None:
        """In a forked child: the same series at 0, in memory; what was counted so far stands in the parent."""
        self.lock = threading.RLock()  # a thread of the parent may have held it: it does not exist here
        self.cells.fork()

    def clear(self) -> None:
        """Forgets every series; for tests."""
        with self.lock:
            self._counters.clear()
            self._histograms.clear()
            self._published.clear()
            self.cells.clear()
