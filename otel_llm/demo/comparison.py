"""Does the library say what happened? Injected against exposed, series by series."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from otel_llm import catalog
from otel_llm.catalog import Metric
from otel_llm.demo.emulator import Injected
from otel_llm.demo.emulator.injected import Labels
from otel_llm.demo.exposed import Exposed

COMPARED: Final = (
    catalog.CALLS, catalog.RETRIES, catalog.CALL_TOKENS, catalog.USAGE_MISSING, catalog.FINISH,
    catalog.COST, catalog.TRUNCATED_COST, catalog.CACHE_SAVINGS, catalog.UNPRICED,
    catalog.INVALID_OUTPUT, catalog.DUPLICATE_CALLS, catalog.DUPLICATE_COST,
)  # fmt: skip
"""Metrics whose every series must be equal: counts exactly, dollars but for the rounding of their sum."""
_DOLLARS: Final = 1e-9
"""Relative error of a sum of floats."""


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
    found: list[Difference] = []
    for metric in COMPARED:
        truth, told = injected.sums.get(metric, {}), exposed.sums(metric)
        for labels in sorted(truth.keys() | told.keys()):
            pair = truth.get(labels, 0.0), told.get(labels, 0.0)
            equal = math.isclose(*pair, rel_tol=_DOLLARS) if metric.unit == "USD" else pair[0] == pair[1]
            if not equal:
                found.append(Difference(metric, labels, *pair))
    return found
