"""Does the library say what happened? Injected against exposed, series by series."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Final

import msgspec

from otel_llm import catalog
from otel_llm.catalog import Metric
from otel_llm.demo.emulator import Injected
from otel_llm.demo.emulator.injected import Labels, Stated
from otel_llm.demo.exposed import Exposed

EXACT: Final = (
    catalog.CALLS, catalog.RETRIES, catalog.CALL_TOKENS, catalog.USAGE_MISSING, catalog.FINISH,
    catalog.COST, catalog.TRUNCATED_COST, catalog.RETRY_COST, catalog.CACHE_SAVINGS, catalog.UNPRICED,
    catalog.INVALID_OUTPUT, catalog.DUPLICATE_CALLS, catalog.DUPLICATE_COST,
    catalog.ATTRIBUTED_CALLS, catalog.ATTRIBUTED_TOKENS, catalog.ATTRIBUTED_COST,
)  # fmt: skip
"""Metrics whose every series must be equal: counts exactly, dollars but for the rounding of their sum."""
LIMITS: Final = (catalog.RATELIMIT_LIMIT, catalog.RATELIMIT_REMAINING)
"""Gauges whose every series must have a value that was stated, and must be there if it was stated lately."""
COMPARED: Final = (*EXACT, catalog.RETRY_WAIT, *LIMITS)
"""All that is compared; of the waits it is known between which seconds they must be."""
_DOLLARS: Final = 1e-9
"""Relative error of a sum of floats."""
_NOTHING: Final = 1e-12
"""Dollars that are left where a float was added and taken back."""
_CLOCKS: Final = 0.001
"""Seconds by which an event loop's timer may be early."""
_LATELY: Final = 45.0
"""Seconds for which a statement stands, less than the minute for which the library shows any."""


class Difference(msgspec.Struct, frozen=True):
    """One series with two values."""

    metric: Metric
    labels: Labels
    injected: float
    exposed: float

    def __str__(self) -> str:
        names = (catalog.label_name(name) for name in self.metric.labels)
        where = ", ".join(f'{name}="{value}"' for name, value in zip(names, self.labels, strict=True))
        return f"{self.metric.series}{{{where}}}: injected {self.injected:g}, exposed {self.exposed:g}"


def differences(injected: Injected, exposed: Exposed) -> list[Difference]:
    """Series that differ; empty if the library told the truth."""
    return [*_unequal(injected, exposed), *_waits(injected, exposed), *_limits(injected, exposed)]


def _unequal(injected: Injected, exposed: Exposed) -> Iterator[Difference]:
    for metric in EXACT:
        truth, told = injected.sums.get(metric, {}), exposed.sums(metric)
        for labels in sorted(truth.keys() | told.keys()):
            pair = truth.get(labels, 0.0), told.get(labels, 0.0)
            dollars = metric.unit == "USD"
            if not (math.isclose(*pair, rel_tol=_DOLLARS, abs_tol=_NOTHING) if dollars else pair[0] == pair[1]):
                yield Difference(metric, labels, *pair)


def _waits(injected: Injected, exposed: Exposed) -> Iterator[Difference]:
    """Waits that are shorter than was asked for, or longer than the provider saw."""
    most, told = injected.sums.get(catalog.RETRY_WAIT, {}), exposed.sums(catalog.RETRY_WAIT)
    for labels in sorted(most.keys() | told.keys()):
        least, value = injected.asked_waits.get(labels, 0.0) - _CLOCKS, told.get(labels, 0.0)
        if not least <= value <= most.get(labels, 0.0):
            yield Difference(catalog.RETRY_WAIT, labels, least if value < least else most.get(labels, 0.0), value)


def _limits(injected: Injected, exposed: Exposed) -> Iterator[Difference]:
    now = time.monotonic()
    for metric in LIMITS:
        told = exposed.sums(metric, zeros=True)
        for labels in sorted(injected.limits.keys() | told.keys()):
            stated, value = injected.limits.get(labels, Stated()), told.get(labels)
            truth = stated.limits if metric is catalog.RATELIMIT_LIMIT else stated.remaining
            missing = value is None and now - stated.at < _LATELY
            if missing or (value is not None and value not in truth):
                yield Difference(metric, labels, max(truth, default=math.nan), math.nan if value is None else value)
