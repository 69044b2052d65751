"""Rate-limit headroom as the providers stated it last; a statement that got old disappears."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from otel_llm.headers import Limit, seconds_until
from otel_llm.signals.ledger import GaugeRows

STALE_AFTER: Final = 300.0
"""Seconds for which a statement without a reset is shown: limits are per minute or shorter for most providers."""
SHOWN_AT_LEAST: Final = 60.0
"""Seconds for which any statement is shown. OpenAI's resets are milliseconds away, and a scrape comes twice a minute
at best."""
SHOWN_AT_MOST: Final = 86_400.0
"""Seconds after which no statement is shown: nobody scrapes a month's limit that was stated yesterday."""


class _Stated(msgspec.Struct, frozen=True):
    at: float
    """Seconds of the monotonic clock, which all processes of a machine share."""
    wall: float
    """Seconds since 1970."""
    limit: Limit

    def shown(self) -> bool:
        """True until the reset that the provider stated."""
        reset = seconds_until(self.limit.reset, self.wall) if self.limit.reset else None
        lasts = STALE_AFTER if reset is None else min(max(reset, SHOWN_AT_LEAST), SHOWN_AT_MOST)
        return time.monotonic() - self.at <= lasts


class RateLimits:
    """Limit and remaining per provider, request model and kind; only where a response stated both."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, ...], _Stated] = {}

    def note(self, provider: str, model: str, limits: list[Limit]) -> None:
        """Takes what a response stated; ``model`` is the request's, capped."""
        for limit in limits:
            self._last[provider, model, limit.kind] = _Stated(time.monotonic(), time.time(), limit)

    def rows(self, *, remaining: bool) -> GaugeRows:
        for key, stated in list(self._last.items()):
            if stated.shown():
                yield key, stated.limit.remaining if remaining else stated.limit.limit

    def stated(self, key: tuple[str, ...]) -> float:
        """When a row was stated, in seconds of the monotonic clock."""
        found = self._last.get(key)
        return found.at if found is not None else 0.0
