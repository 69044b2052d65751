"""Token counts times rates: dollars by disjoint token type.

Sums are done in floats: prices have few digits and a call few terms, so a figure differs from the exact decimal one
by less than one part in 10^14 (``tests/prices/test_differential.py`` holds it to 10^-9 of genai-prices' decimals).
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from otel_llm.catalog import TOKEN_TYPES, TokenType, UnpricedReason
from otel_llm.formats.facts import Usage
from otel_llm.prices.table import Rate, Rates

MILLION = 1_000_000
MAX_TOKENS = 2**53
"""Largest count that a float holds exactly; no call has as many tokens."""
Source = Literal["table", "override", "provider"]
Split = tuple[float, float, float, float, float]
"""US dollars in the order of :data:`otel_llm.catalog.TOKEN_TYPES`."""


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """What a call cost, in US dollars."""

    dollars: dict[TokenType, float]
    """By disjoint token type, every type present. A fee per request stands under ``input``."""
    total: float
    """``math.fsum`` of :attr:`dollars`."""
    source: Source
    """``table``: the price table; ``override``: the user's own price, factor or alias; ``provider``: a gateway stated
    the sum, and only its split over the types is ours."""
    savings: float = 0.0
    """What cache reads cost less than the same tokens as plain input; never negative."""


class Unpriced(msgspec.Struct, frozen=True):
    """No honest figure: see :data:`otel_llm.catalog.UNPRICED_VALUES`."""

    reason: UnpricedReason


def consistent(usage: Usage) -> bool:
    """False if a count is negative or absurd, or a part is larger than its whole (a missing whole counts as 0)."""
    whole, out = usage.input or 0, usage.output or 0
    if not parted(usage):
        return 0 <= whole <= MAX_TOKENS and 0 <= out <= MAX_TOKENS
    read, write, hour = usage.cache_read or 0, usage.cache_write or 0, usage.cache_write_1h or 0
    return (
        0 <= read <= whole - write
        and 0 <= hour <= write
        and 0 <= (usage.input_audio or 0) <= whole <= MAX_TOKENS
        and 0 <= (usage.reasoning or 0) <= out <= MAX_TOKENS
        and 0 <= (usage.output_audio or 0) <= out
    )


def counted(usage: Usage) -> bool:
    """True if the input or the output has a count."""
    return usage.input is not None or usage.output is not None


def parted(usage: Usage) -> bool:
    """True if a part of the input or of the output has a count of its own. Most calls have none."""
    return bool(
        usage.cache_read or usage.cache_write or usage.cache_write_1h
        or usage.reasoning or usage.input_audio or usage.output_audio
    )  # fmt: skip


def cost(rates: Rates, usage: Usage) -> tuple[Split, float] | None:
    """Dollars by token type and what cache reads saved; ``None`` if the rates do not cover consistent usage.

    Counts that are ``None`` cost nothing. A part without a rate costs what its whole costs. Where audio has a rate and
    another part of the same whole has none, each token of the whole bears the average; where both have rates, nothing
    says how much of the one is the other (cached audio), and there is no honest figure.
    """
    if rates.unsplit or not counted(usage) or (rates.input is None and rates.output is None):
        return None
    size = usage.input or 0
    into = _input(rates, usage, size) if size else (0.0, 0.0, 0.0, 0.0)
    out = _output(rates, usage, size) if usage.output else (0.0, 0.0)
    if into is None or out is None:
        return None
    fresh, read, write, saved = into
    return (fresh + (rates.request or 0.0), read, write, out[0], out[1]), saved


class Flat(msgspec.Struct, frozen=True):
    """Dollars per token where one price holds for the whole input and one for the whole output, as in most calls: the
    same figure as :func:`cost` has, in one step."""

    input: float
    output: float
    request: float
    """Dollars per call."""

    def price(self, usage: Usage, source: Source) -> Priced:
        """Of consistent usage that has counts, and none of a part."""
        fresh, said = (usage.input or 0) * self.input + self.request, (usage.output or 0) * self.output
        return Priced(
            dollars=_by_type(fresh, 0.0, 0.0, said, 0.0),
            total=fresh + said,  # two terms are rounded once, as fsum does
            source=source,
        )


def flat(rates: Rates) -> Flat | None:
    """``None`` where the price depends on more than the two counts."""
    if rates.unsplit or not isinstance(rates.input, float) or not isinstance(rates.output, float):
        return None
    return Flat(rates.input / MILLION, rates.output / MILLION, rates.request or 0.0)


def _price(rate: Rate, size: int) -> float:
    """Dollars per token of a call with ``size`` input tokens."""
    if not isinstance(rate, tuple):
        return rate / MILLION
    price = rate[0][1]
    for above, other in rate[1:]:
        if size > above:
            price = other
    return price / MILLION


def _input(rates: Rates, usage: Usage, size: int) -> tuple[float, float, float, float] | None:
    """Dollars for uncached input, cache reads and cache writes, and what the reads saved."""
    if rates.input is None:
        return None
    read, write = usage.cache_read or 0, usage.cache_write or 0
    plain = _price(rates.input, size)
    if not (read or write or usage.input_audio):
        return size * plain, 0.0, 0.0, 0.0
    if usage.input_audio and rates.input_audio is not None:
        if (read and rates.cache_read is not None) or (write and rates.cache_write is not None):
            return None
        plain += usage.input_audio / size * (_price(rates.input_audio, size) - plain)
    cached = plain if rates.cache_read is None else _price(rates.cache_read, size)
    written = write * plain if rates.cache_write is None else _written(rates, rates.cache_write, usage, size)
    return (size - read - write) * plain, read * cached, written, max(0.0, read * (plain - cached))


def _written(rates: Rates, rate: Rate, usage: Usage, size: int) -> float:
    """Dollars for cache writes, those for an hour at their own rate."""
    write, hour = usage.cache_write or 0, usage.cache_write_1h or 0
    if not hour or rates.cache_write_1h is None:
        return write * _price(rate, size)
    return (write - hour) * _price(rate, size) + hour * _price(rates.cache_write_1h, size)


def _output(rates: Rates, usage: Usage, size: int) -> tuple[float, float] | None:
    """Dollars for output that is not reasoning and for reasoning."""
    if rates.output is None:
        return None
    count, reasoning = usage.output or 0, usage.reasoning or 0
    plain = _price(rates.output, size)
    if not (reasoning or usage.output_audio):
        return count * plain, 0.0
    if usage.output_audio and rates.output_audio is not None:
        if reasoning and rates.reasoning is not None:
            return None
        plain += usage.output_audio / count * (_price(rates.output_audio, size) - plain)
    thought = plain if rates.reasoning is None else _price(rates.reasoning, size)
    return (count - reasoning) * plain, reasoning * thought


def priced(split: Split, savings: float, source: Source, factor: float = 1.0) -> Priced:
    """The result for a split, each part times the factor."""
    if factor != 1.0:
        split = tuple(part * factor for part in split)  # pyright: ignore[reportAssignmentType]
        savings *= factor
    return Priced(dollars=_by_type(*split), total=math.fsum(split), source=source, savings=savings)


def _by_type(fresh: float, read: float, write: float, said: float, thought: float) -> dict[TokenType, float]:
    return {
        "input": fresh, "input_cache_read": read, "input_cache_write": write, "output": said,
        "output_reasoning": thought,
    }  # fmt: skip


def stated(amount: float, usage: Usage, table: Priced | Unpriced) -> Priced:
    """A cost that a gateway stated, split over the token types.

    In proportion to the table's own split where the table knows the model (savings scale with it); otherwise as if
    every token had cost the same; without any tokens all of it is ``input``.
    """
    savings = 0.0
    if isinstance(table, Priced) and table.total > 0.0:
        weights = tuple(table.dollars.values())
        savings = table.savings * (amount / table.total)
    else:
        weights = _counts(usage)
    split = _divide(amount, weights)
    return Priced(dollars=_by_type(*split), total=amount, source="provider", savings=savings)


def _counts(usage: Usage) -> tuple[int, ...]:
    if not consistent(usage):
        return (0,) * len(TOKEN_TYPES)
    read, write, reasoning = usage.cache_read or 0, usage.cache_write or 0, usage.reasoning or 0
    return (usage.input or 0) - read - write, read, write, (usage.output or 0) - reasoning, reasoning


def _divide(amount: float, weights: tuple[float, ...]) -> list[float]:
    """Splits an amount so that the parts add up to it to the last bit, in any order: every part is a whole number of
    units in the amount's last place, so no addition has to round."""
    unit = math.ulp(amount)
    units = int(amount / unit)
    whole = math.fsum(weights)
    parts = [int(units * (weight / whole)) for weight in weights] if whole > 0.0 else [0] * len(weights)
    largest = parts.index(max(parts))
    parts[largest] += units - sum(parts)
    return [part * unit for part in parts]
