"""Whether a price table can price: what its shape alone does not say. A table that passes makes no lookup raise and no
cost negative, so it is checked where it comes in and never again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

import msgspec

from otel_llm.prices.table import RATE_NAMES, Clause, Dated, Model, Rate, Table

MAX_DOLLARS = 1_000_000.0
"""Above any price per million tokens, or per call: a larger one is a wrong unit, or would overflow."""


def decode(data: bytes) -> Table:
    """Reads a table from outside. Raises ``ValueError`` on other data and on a table that :func:`check` refuses."""
    table = msgspec.json.decode(data, type=Table)
    check(table)
    return table


def check(table: Table) -> None:
    """Raises ``ValueError`` that names provider, model, what is wrong and what to write instead."""
    if not table.providers:
        raise ValueError("the price table has no providers: rebuild it with python -m otel_llm.prices.build")
    for name, provider in table.providers.items():
        for model in provider.models:
            for complaint in _complaints(model):
                raise ValueError(f"the price table is wrong at {name} {model.id}: {complaint}")


def _complaints(model: Model) -> Iterator[str]:
    """What is wrong with a model, each with its mend."""
    standard = [row for row in model.prices if not row.tier]
    if not standard:
        yield "no standard price: give `prices` a row without `tier`"
    days = [row.since or date.min for row in standard if row.hours is None]
    if days != sorted(days):
        yield "standard prices are not in order: put the oldest first, one without `since` before all"
    for row in model.prices:
        yield from _row(row)
    for name in model.names:
        if name != name.lower():
            yield f"name {name!r} fits nothing: write it in lower case"
    for clause in model.match:
        yield from _clause(clause)


def _row(row: Dated) -> Iterator[str]:
    if row.hours is not None and any(moment.tzinfo is not None for moment in row.hours):
        yield "`hours` have a time zone: write them in UTC without one"
    for name in RATE_NAMES:
        rate: Rate | None = getattr(row.rates, name)
        if rate is None:
            continue
        if isinstance(rate, tuple):
            steps = [above for above, _ in rate]
            if not steps or steps[0] != 0 or any(low >= high for low, high in pairwise(steps)):
                yield f"`{name}` has steps above {steps}: give at least one, the first above 0, each above the last"
        for price in [price for _, price in rate] if isinstance(rate, tuple) else [rate]:
            if not 0.0 <= price <= MAX_DOLLARS:
                yield f"`{name}` costs {price}: give US dollars from 0 to {MAX_DOLLARS:.0f}"


def _clause(clause: Clause) -> Iterator[str]:
    """Rules that cannot be tried: no or several conditions, an expression that is none."""
    said = [name for name in Clause.__struct_fields__ if getattr(clause, name) not in (None, ())]
    if len(said) != 1:
        yield f"a rule in `match` states {' and '.join(said) or 'nothing'}: state one condition in each"
    if clause.regex is not None:
        try:
            re.compile(clause.regex)
        except (re.error, OverflowError, RecursionError) as error:
            yield f"expression {clause.regex!r} in `match` is none ({error}): write a regular expression of Python"
    for part in (*clause.any, *clause.all):
        yield from _clause(part)
