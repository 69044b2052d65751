"""Prices of calls, in one object that the rest of the package holds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from otel_llm.formats.facts import Usage
from otel_llm.prices.cost import Priced, Unpriced, consistent, cost, counted, parted, priced, stated
from otel_llm.prices.lookup import EPOCH, Lookup
from otel_llm.prices.overrides import Overrides
from otel_llm.prices.table import Model, Table, packaged

_NOT_COVERED = Unpriced("unknown_token_type")


class PriceTable:
    """Prices calls. Safe to use from many threads; the one I/O is reading the packaged table on first use.

    ``table``: the price table (default: the packaged one). ``overrides``: the user's own prices, which come first.
    """

    def __init__(self, table: Table | None = None, overrides: Overrides | None = None) -> None:
        self._overrides = overrides or Overrides()
        self._given = None if table is None else Lookup(table, self._overrides)
        self._packaged: Lookup | None = None
        """A place of its own: whoever reads the package meanwhile must not undo a :meth:`replace`."""

    @property
    def table(self) -> Table:
        """The table in use."""
        return self._used().table

    @property
    def time(self) -> float:
        """Date of the table in use, in seconds since 1970."""
        return self.table.time

    def replace(self, table: Table) -> None:
        """Uses another table from the next call on; overrides stay."""
        self._given = Lookup(table, self._overrides)

    def price(
        self, provider: str, model: str, usage: Usage, *, at: datetime, service_tier: str | None = None
    ) -> Priced | Unpriced:
        """What a call cost, in US dollars by disjoint token type. Never raises on a sound table
        (:func:`otel_llm.prices.soundness.check`).

        ``provider`` is the conventions' provider name, ``model`` best the one that the response names (of an Azure
        deployment only that one is in the table). ``at`` is when the call was made (naive: UTC). ``service_tier`` is
        what the **response** states: a tier other than the standard one has a price only where the table or an
        override states it. Usage that is not :func:`~otel_llm.prices.cost.consistent` has none. A cost that a gateway
        stated (``usage.cost``; not negative, finite) wins over all.
        """
        since = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - EPOCH
        wall_ns = since // timedelta(microseconds=1) * 1000
        return self.price_at(provider, model, usage, wall_ns, service_tier, sound=consistent(usage))

    def price_at(
        self, provider: str, model: str, usage: Usage, wall_ns: int, service_tier: str | None, *, sound: bool = True
    ) -> Priced | Unpriced:
        """As :meth:`price`, at nanoseconds since 1970; ``sound``: the usage is known to be consistent."""
        found = self._used().find(provider, model, service_tier, wall_ns)
        result: Priced | Unpriced
        if isinstance(found, Unpriced):
            result = found
        elif sound and found.flat is not None and counted(usage) and not parted(usage):
            result = found.flat.price(usage, found.source)
        elif not sound or (parts := cost(found.at(wall_ns), usage)) is None:
            result = _NOT_COVERED
        else:
            result = priced(*parts, found.source, found.factor)
        amount = usage.cost
        if amount is not None and amount >= 0.0 and math.isfinite(amount):
            return stated(amount, usage, result)
        return result

    def listed(self, provider: str, model: str) -> Model | None:
        """The table's model of that name; ``None`` if the name is in no table. Two names of one model give the same."""
        return self._used().listed(provider, model)

    def _used(self) -> Lookup:
        found = self._given or self._packaged
        if found is None:
            made = self._packaged = Lookup(packaged(), self._overrides)
            found = self._given or made
        return found
