"""Totals: the sum over the segments of all workers, gauges by their declared rule."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from math import fsum
from typing import Final

import msgspec

from otel_llm.catalog import MAIN_METRICS, METRICS, OTHER, Metric
from otel_llm.signals.cells import CELL, HEADER, Buffer, Cells, Key, decode, entries, in_use
from otel_llm.signals.ledger import (
    Exemplar,
    HistogramValue,
    Labels,
    histogram_cells,
    read_histogram,
    write_histogram,
)

ABSURD: Final = 1e300
"""A value like this, or none at all (NaN), comes from a damaged file."""
BY_NAME: Final = {metric.name: metric for metric in (*METRICS, *MAIN_METRICS)}
_CELL: Final = struct.Struct("<d")
_GAUGE: Final = struct.Struct("<dd")
Stated = tuple[float, float]
"""Value of a gauge and when it was stated; time 0 if it is withdrawn."""
ADMITTED: Final = "admitted"
"""First part of an archive's entry (label, value): a value that stands for itself in the sum. No metric's name."""


class Names:
    """Label values of the sum: the first ``cap`` of each label stand, in every process and for good; others become
    ``other``. Each worker caps its own, but workers come and go. ``caps`` are those of single labels."""

    def __init__(self, cap: int, caps: Mapping[str, int] | None = None) -> None:
        self._cap: Final = cap
        self._caps: Final = caps or {}
        self._known: Final[dict[str, dict[str, None]]] = {}
        self._replaced: Final[dict[str, set[str]]] = {}
        self.overflowed: Final[dict[str, int]] = {}
        """How many values of a label this process has replaced, each counted once while that can be remembered."""
        self.changed = False
        """True if a value was admitted that no archive holds yet."""

    def admit(self, label: str, value: str, *, archived: bool = False) -> str:
        if not value or value == OTHER:
            return value
        known = self._known.setdefault(label, {})
        if value in known:
            return value
        cap = self._caps.get(label, self._cap)
        if len(known) >= cap and not archived:
            self._count(label, value, 4 * cap)
            return OTHER
        known[value] = None
        self.changed = self.changed or not archived
        return value

    def _count(self, label: str, value: str, remembered: int) -> None:
        replaced = self._replaced.setdefault(label, set())
        if value not in replaced:
            self.overflowed[label] = self.overflowed.get(label, 0) + 1
            if len(replaced) < remembered:
                replaced.add(value)

    def items(self) -> list[tuple[str, str]]:
        return [(label, value) for label, known in self._known.items() for value in known]


class Row(msgspec.Struct, frozen=True):
    """Where a series stands in a segment."""

    metric: Metric
    labels: Labels
    first: int
    """Index of its first cell."""


class Index:
    """The entries of one segment, read once: they never move."""

    def __init__(self) -> None:
        self.rows: Final[list[Row]] = []
        self.others: Final[list[Key]] = []
        """Keys that are no series: an archive's own."""
        self._read = HEADER

    def extend(self, data: Buffer, names: Names) -> None:
        """Reads the entries that are new; what this version does not know or what is damaged is left out."""
        for text, first, count, after in entries(data, self._read):
            self._read = after
            try:
                key = decode(text)
            except ValueError:
                continue
            metric = BY_NAME.get(key[0]) if key else None
            if metric is None:
                self.others.append(key)
            elif len(key) == len(metric.labels) + 1 and count == width(metric):
                pairs = zip(metric.labels, key[1:], strict=True)
                self.rows.append(Row(metric, tuple(names.admit(label, value) for label, value in pairs), first))


def width(metric: Metric) -> int:
    """Cells of one series."""
    if metric.kind == "histogram":
        return histogram_cells(metric.buckets)
    return 2 if metric.kind == "gauge" else 1


class HistogramSum(msgspec.Struct):
    """A histogram being added up."""

    counts: list[float]
    sums: list[float]
    exemplars: list[Exemplar | None]


class Totals:
    """Sums so far. Implements :class:`otel_llm.signals.ledger.Rows`.

    Dollars and seconds are added exactly (``fsum``, and archived as a value and its remainder): summed in another
    order, because a worker died, they would else come out a last digit lower, which Prometheus takes for a restart.
    """

    def __init__(self) -> None:
        self._counters: Final[dict[str, dict[Labels, list[float]]]] = {}
        self._histograms: Final[dict[str, dict[Labels, HistogramSum]]] = {}
        self._gauges: Final[dict[str, dict[Labels, Stated]]] = {}

    def add(self, index: Index, data: Buffer, *, living: bool) -> None:
        """Adds a segment. Gauges count only while their process lives."""
        end = in_use(data) // CELL
        for row in index.rows:
            metric = row.metric
            if row.first + width(metric) > end:
                return  # the file was cut after its index was read
            if metric.kind == "histogram":
                self._add_histogram(row, read_histogram(data, row.first, len(metric.buckets) + 1))
            elif metric.kind == "counter":
                self._add_counter(row, _CELL.unpack_from(data, row.first * CELL)[0])
            elif living:
                self._add_gauge(row, _GAUGE.unpack_from(data, row.first * CELL))

    def counters(self, metric: Metric) -> list[tuple[Labels, float]]:
        if metric.kind == "gauge":
            return [(labels, value) for labels, (value, _) in self._gauges.get(metric.name, {}).items()]
        return [(labels, fsum(values)) for labels, values in self._counters.get(metric.name, {}).items()]

    def histograms(self, metric: Metric) -> list[tuple[Labels, HistogramValue]]:
        found = self._histograms.get(metric.name, {})
        return [(labels, HistogramValue(h.counts, fsum(h.sums), h.exemplars)) for labels, h in found.items()]

    def write(self, cells: Cells) -> None:
        """Writes counters and histograms down as segments, each sum as a value and, if there is one, a remainder."""
        for name, family in self._counters.items():
            for labels, values in family.items():
                for part in _parts(values):
                    segment, first = cells.place((name, *labels), 1)
                    segment.cells[first] = part
        for name, histograms in self._histograms.items():
            for labels, h in histograms.items():
                counts, exemplars = h.counts, h.exemplars
                nothing: list[Exemplar | None] = [None] * len(exemplars)
                for part in _parts(h.sums):
                    segment, first = cells.place((name, *labels), width(BY_NAME[name]))
                    write_histogram(segment, first, HistogramValue(counts, part, exemplars))
                    counts, exemplars = [0.0] * len(counts), nothing

    def _add_counter(self, row: Row, value: float) -> None:
        if abs(value) < ABSURD:
            self._counters.setdefault(row.metric.name, {}).setdefault(row.labels, []).append(value)

    def _add_gauge(self, row: Row, stated: Stated) -> None:
        if not stated[1]:  # withdrawn
            return
        family = self._gauges.setdefault(row.metric.name, {})
        before = family.get(row.labels)
        family[row.labels] = stated if before is None else MERGE[row.metric.merge](before, stated)

    def _add_histogram(self, row: Row, value: HistogramValue) -> None:
        if not all(abs(number) < ABSURD for number in (*value.counts, value.sum)):
            return
        family = self._histograms.setdefault(row.metric.name, {})
        sofar = family.get(row.labels)
        if sofar is None:
            family[row.labels] = HistogramSum(value.counts, [value.sum], value.exemplars)
            return
        sofar.counts = [a + b for a, b in zip(sofar.counts, value.counts, strict=True)]
        sofar.sums.append(value.sum)
        sofar.exemplars = [_later(a, b) for a, b in zip(sofar.exemplars, value.exemplars, strict=True)]


def _parts(values: list[float]) -> list[float]:
    """The exact sum as the nearest double and, where it is none, the remainder."""
    total = fsum(values)
    rest = fsum([*values, -total])
    return [total, rest] if rest else [total]


MERGE: Final[dict[str, Callable[[Stated, Stated], Stated]]] = {
    "sum": lambda a, b: (a[0] + b[0], max(a[1], b[1])),
    "max": max,
    "min": min,
    "latest": lambda a, b: max(a, b, key=lambda stated: stated[1]),
}
"""Merge rules of :attr:`Metric.merge` for (value, when it was stated)."""


def _later(a: Exemplar | None, b: Exemplar | None) -> Exemplar | None:
    if a is None or b is None:
        return a or b
    return max(a, b, key=lambda found: found.time)
