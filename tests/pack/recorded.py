"""What the SLO's recording rules would have written: evenly over 30 days, so that a month's windows mean what they say.

Raw samples of a month every minute would be gigabytes; the rules' own results are a few series.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from otel_llm import catalog as c
from otel_llm.pack import records
from tests.pack.synthetic import DAY, MODELS, Model, day_of, key_of, moment

STEP, DAYS = 300, 33
"""Seconds between samples; days, three more than the month, for the longest window."""
Sums = list[float]


def _sums(scenario: str, model: Model, end: float) -> tuple[Sums, Sums]:
    """Calls and SLO errors from the beginning to each moment."""
    calls: Sums = []
    errors: Sums = []
    for number in range(DAYS * DAY // STEP):
        age = DAYS * DAY - number * STEP
        now = moment(scenario, model, age)
        made = model.rate * now.more * day_of(end - age) * STEP
        calls.append(made)
        errors.append(made * sum(now.errors.get(name, 0) for name in c.SLO_FAULT))
    return [0, *accumulate(calls)], [0, *accumulate(errors)]


def _rates(sums: Sums, window: str, first: int) -> list[float]:
    width = max(1, records.SECONDS[window] // STEP)
    return [(sums[at] - sums[at - width]) / (width * STEP) for at in range(first, len(sums))]


def slo(scenario: str, end: float, models: tuple[Model, ...] = MODELS) -> Iterator[str]:
    """OpenMetrics lines without the end mark."""
    if scenario == "empty":
        return
    first = 3 * DAY // STEP
    ratios: dict[tuple[str, str, str], tuple[list[Sums], list[Sums]]] = defaultdict(lambda: ([], []))
    for model in models:
        calls, errors = _sums(scenario, model, end)
        who = {"job": model.job, c.label_name(c.PROVIDER): model.provider}
        for window in records.SECONDS:
            rates = _rates(calls, window, first), _rates(errors, window, first)
            for name, values in zip((records.calls(window), records.slo_errors(window)), rates, strict=True):
                yield from _lines(key_of(name, {**who, c.label_name(c.REQUEST_MODEL): model.name}), values, end)
            for found, values in zip(ratios[model.job, model.provider, window], rates, strict=True):
                found.append(values)
    for (job, provider, window), (calls, errors) in ratios.items():
        shares = [sum(bad) / sum(all_) for bad, all_ in zip(zip(*errors, strict=True), zip(*calls, strict=True),
                                                            strict=True)]  # fmt: skip
        who = {"job": job, c.label_name(c.PROVIDER): provider}
        yield from _lines(key_of(records.slo_ratio(window), who), shares, end)


def _lines(key: str, values: list[float], end: float) -> Iterator[str]:
    begin = end - (len(values) - 1) * STEP
    for number, value in enumerate(values):
        yield f"{key} {value:.6g} {begin + number * STEP:.0f}"


NAMES = {name for window in records.SECONDS
         for name in (records.calls(window), records.slo_errors(window), records.slo_ratio(window))}  # fmt: skip
"""Recorded names that :func:`slo` writes."""
