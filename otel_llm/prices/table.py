"""Shapes of the price table and its loading. The table is ``prices.json`` beside this module, made by ``build.py``."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import cache
from importlib import resources

import msgspec

Step = tuple[int, float]
Rate = float | tuple[Step, ...]
"""US dollars per million tokens. Steps ``(above, price)`` in ascending order, the first one above 0: the price of the
last step whose ``above`` is less than the call's input tokens holds for **all** tokens of the call."""


class Rates(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Prices of one model at one time. ``None``: no price of its own, so the tokens cost what the kind above them
    costs: ``cache_write_1h`` as ``cache_write``, the other parts as ``input`` or ``output``."""

    input: Rate | None = None
    input_audio: Rate | None = None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    cache_write_1h: Rate | None = None
    output: Rate | None = None
    output_audio: Rate | None = None
    reasoning: Rate | None = None
    request: float | None = None
    """US dollars per call, whatever its tokens."""
    unsplit: bool = False
    """Images or video have prices of their own, and usage does not state their tokens: no honest figure exists."""

    def overlay(self, other: Rates) -> Rates:
        """These rates with what the other ones state in their place."""
        stated = {name: rate for name in RATE_NAMES if (rate := getattr(other, name)) is not None}
        return msgspec.structs.replace(self, **stated, unsplit=self.unsplit or other.unsplit)


RATE_NAMES = tuple(name for name in Rates.__struct_fields__ if name != "unsplit")
"""Every kind of price in :class:`Rates`."""


class Dated(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Rates and when they hold, all in UTC. Of several rows that hold the last one counts."""

    rates: Rates
    since: date | None = None
    hours: tuple[time, time] | None = None
    """Start (in) and end (out) of a daily time, which may pass midnight: off-peak prices."""
    tier: str = ""
    """Service tier that a response must state; empty for the standard one. Rates of a tier are laid over the standard
    ones, and of several rows that hold the first one counts for each rate."""


class Clause(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A rule on a lower-case model name: exactly one field is set."""

    equals: str | None = None
    starts: str | None = None
    ends: str | None = None
    contains: str | None = None
    regex: str | None = None
    any: tuple[Clause, ...] = ()
    all: tuple[Clause, ...] = ()

    def matches(self, name: str) -> bool:
        """True if the name, in lower case, fits the rule."""
        if self.equals is not None:
            return name == self.equals
        if self.starts is not None:
            return name.startswith(self.starts)
        if self.ends is not None:
            return name.endswith(self.ends)
        if self.contains is not None:
            return self.contains in name
        if self.regex is not None:
            return re.search(self.regex, name) is not None
        if self.any:
            return any(clause.matches(name) for clause in self.any)
        return bool(self.all) and all(clause.matches(name) for clause in self.all)


class Model(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One model of a provider."""

    id: str
    prices: tuple[Dated, ...]
    """Standard prices, oldest first, then those of service tiers."""
    names: tuple[str, ...] = ()
    """Lower-case names that mean this model."""
    match: tuple[Clause, ...] = ()
    """Rules besides the names; one that fits is enough."""


class Provider(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One provider's models in the order in which they are tried."""

    models: tuple[Model, ...]
    fallback: tuple[str, ...] = ()
    """Providers whose models this one sells too, at their prices where it has none of its own (Azure)."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole price table; the shape of ``prices.json``."""

    source: str
    """What the table was made from, with its version."""
    date: date
    """Day up to which the source's prices are known to be kept."""
    providers: dict[str, Provider]
    """By genai-prices' provider id."""

    @property
    def time(self) -> float:
        """The date in seconds since 1970."""
        return datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC).timestamp()


@cache
def packaged() -> Table:
    """The table in this package, read on first use (about 10 ms; that it is sound is for a test to say)."""
    return msgspec.json.decode(resources.files("otel_llm.prices").joinpath("prices.json").read_bytes(), type=Table)
