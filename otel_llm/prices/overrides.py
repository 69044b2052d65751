"""The user's own prices: rates, service tiers, discounts, names of deployments, models that are free.

A file (YAML or JSON) and a mapping have the same shape: four lists, all optional. ::

    prices:                           # instead of the table's
      - provider: azure.ai.openai     # as in gen_ai.provider.name; * stands for any characters
        model: prod-chat*             # as called, or as named by an alias
        since: 2026-10-01             # optional: first day (UTC)
        tier: batch                   # optional: for calls whose response states this service tier
        input: 2.0                    # US dollars per million tokens
        input_cache_read: 1.0
        input_cache_write: 2.5
        input_cache_write_1h: 4.0
        input_audio: 40.0
        output: 8.0
        output_reasoning: 8.0
        output_audio: 80.0
        request: 0.005                # US dollars per call
      - provider: ollama
        model: "*"
        free: true                    # on every service tier
    tiers:                            # a service tier as a multiple of the standard price
      - {provider: openai, model: "gpt-4o*", tier: flex, factor: 0.5}
    discounts:                        # what you pay of the price, as a factor
      - {provider: anthropic, model: "*", factor: 0.85}
    aliases:                          # names that no table can know
      - {provider: azure.ai.openai, model: prod-chat, priced_as: gpt-4o}
      - {provider: openai, model: team-claude, priced_as: claude-sonnet-4-5, priced_by: anthropic}

In each list the first row that fits counts. Names are compared in lower case. Tokens without a price of their own cost
what ``input`` or ``output`` costs. A ``prices`` row wins over ``tiers`` and over the table; ``discounts`` apply to
both, but not to a cost that a gateway stated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import msgspec

from otel_llm.prices.rows import Row, RowsError, read_rows
from otel_llm.prices.table import Rates

Dollars = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Factor = Annotated[float, msgspec.Meta(ge=0, le=1_000)]
Name = Annotated[str, msgspec.Meta(min_length=1)]


class Selector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a row is for; ``*`` stands for any characters."""

    provider: Name = "*"
    model: Name = "*"

    def fits(self, provider: str, names: tuple[str, ...]) -> bool:
        """True if the provider and one of the model's names fit."""
        return _like(self.provider, provider) and any(_like(self.model, name) for name in names)


class PriceRow(Selector, frozen=True, kw_only=True):
    """Prices in US dollars per million tokens, ``request`` in US dollars per call."""

    since: date | None = None
    tier: str = ""
    free: bool = False
    input: Dollars | None = None
    input_cache_read: Dollars | None = None
    input_cache_write: Dollars | None = None
    input_cache_write_1h: Dollars | None = None
    input_audio: Dollars | None = None
    output: Dollars | None = None
    output_reasoning: Dollars | None = None
    output_audio: Dollars | None = None
    request: Dollars | None = None

    def __post_init__(self) -> None:
        fields = [name for name in PriceRow.__struct_fields__ if name.startswith(("input", "output", "request"))]
        parts = [name for name in fields if getattr(self, name) is not None]
        if self.free and parts:
            raise ValueError(f"`free: true` beside a price (`{parts[0]}`): keep one of them")
        if not self.free and not parts:
            raise ValueError("states no price: give `input` and `output`, or `free: true`")
        for whole in ("input", "output"):
            part = next((name for name in parts if name.startswith(f"{whole}_")), None)
            if part is not None and getattr(self, whole) is None:
                raise ValueError(f"`{part}` needs `{whole}` beside it, the price of the other tokens")
        if self.input_cache_write_1h is not None and self.input_cache_write is None:
            raise ValueError("`input_cache_write_1h` needs `input_cache_write` beside it")

    def rates(self) -> Rates:
        """The row as rates."""
        if self.free:
            return Rates(input=0.0, output=0.0)
        return Rates(
            input=self.input,
            input_audio=self.input_audio,
            cache_read=self.input_cache_read,
            cache_write=self.input_cache_write,
            cache_write_1h=self.input_cache_write_1h,
            output=self.output,
            output_audio=self.output_audio,
            reasoning=self.output_reasoning,
            request=self.request,
        )


class TierRow(Selector, frozen=True, kw_only=True):
    """A service tier's price as a multiple of the standard one."""

    tier: Name
    factor: Factor


class DiscountRow(Selector, frozen=True, kw_only=True):
    """What is paid of the price."""

    factor: Factor


class AliasRow(Selector, frozen=True, kw_only=True):
    """The model (and, if it is another one, the provider) whose prices hold for a name."""

    priced_as: Name
    priced_by: Name | None = None


R = TypeVar("R", bound=Selector)


class Overrides:
    """Checked override rows. Without arguments: none."""

    def __init__(
        self,
        prices: Iterable[PriceRow] = (),
        tiers: Iterable[TierRow] = (),
        discounts: Iterable[DiscountRow] = (),
        aliases: Iterable[AliasRow] = (),
    ) -> None:
        self._prices, self._tiers = tuple(prices), tuple(tiers)
        self._discounts, self._aliases = tuple(discounts), tuple(aliases)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, name: str = "prices") -> Overrides:
        """Overrides from a mapping. Raises :class:`~otel_llm.prices.rows.RowsError` naming the row that is wrong."""
        sections: dict[str, list[Row]] = {}
        for section, rows in mapping.items():
            if not isinstance(rows, list | tuple):
                raise RowsError(f"{name}: `{section}` is no list: write a list of rows")
            values = cast("list[object]", rows)
            sections[section] = [Row(f"{name}: {section}[{place}]", value) for place, value in enumerate(values)]
        return cls._from_rows(name, sections)

    @classmethod
    def from_file(cls, path: str | Path) -> Overrides:
        """Overrides from a YAML (``.yaml``, ``.yml``; needs pyyaml) or JSON (``.json``) file.

        Raises :class:`~otel_llm.prices.rows.RowsError` with file and line of what is wrong.
        """
        return cls._from_rows(str(path), read_rows(Path(path)))

    @classmethod
    def _from_rows(cls, name: str, sections: Mapping[str, list[Row]]) -> Overrides:
        unknown = sections.keys() - _SECTIONS.keys()
        if unknown:
            raise RowsError(f"{name}: unknown section `{min(unknown)}`: use {', '.join(_SECTIONS)}")
        return cls(**{section: [row.convert(_SECTIONS[section]) for row in rows] for section, rows in sections.items()})

    def alias(self, provider: str, model: str) -> tuple[str, str]:
        """Provider and model to look up in the table."""
        row = _first(self._aliases, provider, (model,))
        return (provider, model) if row is None else (row.priced_by or provider, row.priced_as)

    def rates(self, provider: str, names: tuple[str, ...], tier: str, day: date) -> Rates | None:
        """Own rates for a tier (empty: the standard one) on a day."""

        def holds(row: PriceRow) -> bool:
            return (row.free or row.tier.lower() == tier) and (row.since is None or row.since <= day)

        row = _first(self._prices, provider, names, holds)
        return None if row is None else row.rates()

    def tier(self, provider: str, names: tuple[str, ...], tier: str) -> float | None:
        """Multiple of the standard price for a tier, where one is stated."""
        row = _first(self._tiers, provider, names, lambda row: row.tier.lower() == tier) if tier else None
        return None if row is None else row.factor

    def discount(self, provider: str, names: tuple[str, ...]) -> float | None:
        """What is paid of the price, where it is stated."""
        row = _first(self._discounts, provider, names)
        return None if row is None else row.factor


_SECTIONS: dict[str, type[Any]] = {
    "prices": PriceRow,
    "tiers": TierRow,
    "discounts": DiscountRow,
    "aliases": AliasRow,
}


def _first(
    rows: tuple[R, ...], provider: str, names: tuple[str, ...], holds: Callable[[R], bool] | None = None
) -> R | None:
    return next((row for row in rows if row.fits(provider, names) and (holds is None or holds(row))), None)


def _like(pattern: str, name: str) -> bool:
    return pattern == "*" or _compiled(pattern.lower()).fullmatch(name.strip().lower()) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
