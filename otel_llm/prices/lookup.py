"""Which rates hold for a provider, model and service tier on a day: overrides first, then the table."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import msgspec

from otel_llm.prices.cost import Flat, Source, Unpriced, flat
from otel_llm.prices.matching import Matcher
from otel_llm.prices.overrides import Overrides
from otel_llm.prices.table import Model, Rates, Table

CACHE_SIZE = 4096
"""Looked-up names, misses included. A full cache is emptied: hostile names cost time and never memory."""
NAME_SIZE = 512
"""Longer names, in characters, are unknown at once and not remembered."""

STANDARD_TIERS = frozenset({"", "auto", "default", "standard", "on_demand"})
"""What providers call the tier that the plain prices are for (Groq, Vertex: ``on_demand``)."""
TIER_ALIASES = {"on_demand_flex": "flex", "on_demand_priority": "priority"}
"""Vertex AI's ``trafficType`` to the tiers of the table."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = EPOCH.toordinal()
_DAY_NS: Final = 86_400 * 10**9

Hours = tuple[tuple[time, time, Rates], ...]
UNKNOWN_MODEL = Unpriced("unknown_model")
UNKNOWN_TIER = Unpriced("unknown_service_tier")


class Found(msgspec.Struct, frozen=True):
    """What holds for one provider, model and tier on one day."""

    rates: Rates
    hours: Hours
    """Times of the day (start in, end out, UTC) with other rates; the first that fits counts."""
    source: Source
    factor: float
    flat: Flat | None = None
    """Of rates that hold all day."""

    def at(self, wall_ns: int) -> Rates:
        """Rates at a moment of the day."""
        if self.hours:
            clock = (EPOCH + timedelta(microseconds=wall_ns // 1000)).time()
            for start, end, rates in self.hours:
                if start <= clock < end if start <= end else clock >= start or clock < end:
                    return rates
        return self.rates


class Lookup:
    """Looks names up in one table under fixed overrides and remembers what it found (below 1 us when warm)."""

    def __init__(self, table: Table, overrides: Overrides) -> None:
        self.table = table
        self._overrides = overrides
        self._matcher = Matcher(table)
        self._cache: dict[tuple[str, str, str | None, int], Found | Unpriced] = {}
        self._today = 0, 0, 0
        """Start and end of the day that was looked up last, in nanoseconds since 1970, and its number."""
        self._listed: dict[tuple[str, str], Model | None] = {}

    def find(self, provider: str, model: str, tier: str | None, wall_ns: int) -> Found | Unpriced:
        """Rates for names as telemetry has them, at nanoseconds since 1970."""
        start, end, day = self._today
        if not start <= wall_ns < end:
            day = wall_ns // _DAY_NS
            self._today = day * _DAY_NS, (day + 1) * _DAY_NS, day
        key = (provider, model, tier, day)
        found = self._cache.get(key)
        if found is None:
            if max(len(provider), len(model), len(tier or "")) > NAME_SIZE:
                return UNKNOWN_MODEL
            found = self._decide(provider, model, (tier or "").strip().lower(), date.fromordinal(_FIRST_DAY + day))
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[key] = found
        return found

    def listed(self, provider: str, model: str) -> Model | None:
        """The table's model of that name, whatever it costs; ``None`` if it has none."""
        key = (provider, model)
        if key not in self._listed:
            if len(self._listed) >= CACHE_SIZE:
                self._listed.clear()
            match = None if max(len(provider), len(model)) > NAME_SIZE else self._matcher.find(*key)
            self._listed[key] = None if match is None else match[0]
        return self._listed.get(key)

    def _decide(self, provider: str, model: str, tier: str, day: date) -> Found | Unpriced:
        own = self._overrides
        tier = "" if tier in STANDARD_TIERS else TIER_ALIASES.get(tier, tier)
        seller, name = own.alias(provider, model)
        names = (model, name)
        factor = own.discount(provider, names)
        rates = own.rates(provider, names, tier, day)
        multiple = own.tier(provider, names, tier) if rates is None else None
        if multiple is not None:
            tier, rates = "", own.rates(provider, names, "", day)
        scale = (1.0 if factor is None else factor) * (1.0 if multiple is None else multiple)
        if rates is not None:
            return _found(rates, (), "override", scale)
        listed = self._in_table(seller, name, tier, day)
        if isinstance(listed, Unpriced):
            return listed
        changed = factor is not None or multiple is not None or (seller, name) != (provider, model)
        return _found(*listed, "override" if changed else "table", scale)

    def _in_table(self, provider: str, model: str, tier: str, day: date) -> tuple[Rates, Hours] | Unpriced:
        match = self._matcher.find(provider, model)
        if match is None:
            return UNKNOWN_MODEL
        found, listed_here = match
        rates, hours = _standard(found, day)
        if not tier:
            return rates, hours
        rows = [row.rates for row in found.prices if row.tier == tier and (row.since is None or row.since <= day)]
        if not rows or not listed_here:
            return UNKNOWN_TIER
        for row in reversed(rows):
            rates = rates.overlay(row)
            hours = tuple((start, end, hourly.overlay(row)) for start, end, hourly in hours)
        return rates, hours


def _found(rates: Rates, hours: Hours, source: Source, factor: float) -> Found:
    return Found(rates, hours, source, factor, flat(rates) if factor == 1.0 and not hours else None)


def _standard(model: Model, day: date) -> tuple[Rates, Hours]:
    """Standard rates on a day. A day before the first dated price has the oldest one, as in genai-prices."""
    hours: list[tuple[time, time, Rates]] = []
    rows = [row for row in model.prices if not row.tier]
    for row in reversed(rows):
        if row.since is not None and row.since > day:
            continue
        if row.hours is None:
            return row.rates, tuple(hours)
        hours.append((*row.hours, row.rates))
    return rows[0].rates, tuple(hours)
