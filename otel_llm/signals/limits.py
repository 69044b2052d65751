"""Rate-limit headroom as the providers stated it last; a statement that got old disappears."""

from __future__ import annotations

import time
from typing import Final

from otel_llm.call import Call
from otel_llm.signals.labels import CappedLabel
from otel_llm.signals.ledger import GaugeRows

STALE_AFTER: Final = 300.0
"""Seconds after which a statement is no longer shown: limits are per minute or shorter for most providers."""


class RateLimits:
    """Limit and remaining per provider, request model and kind; only where a response stated both."""

    def __init__(self, model: CappedLabel) -> None:
        self._model = model
        self._last: dict[tuple[str, str, str], tuple[float, float, float]] = {}

    def note(self, call: Call) -> None:
        """Takes what the call's last attempt stated."""
        if not call.attempts or not call.attempts[-1].ratelimits:
            return
        now, model = time.monotonic(), self._model(call.request.model)
        for kind, limit, remaining in call.attempts[-1].ratelimits:
            self._last[call.provider, model, kind] = (now, limit, remaining)

    def rows(self, *, remaining: bool) -> GaugeRows:
        oldest = time.monotonic() - STALE_AFTER
        for key, (at, limit, left) in list(self._last.items()):
            if at >= oldest:
                yield key, left if remaining else limit

    def stated(self, key: tuple[str, ...]) -> float:
        """When a row was stated, in seconds of the monotonic clock, which all processes of a machine share."""
        return next((at for known, (at, _, _) in list(self._last.items()) if known == key), 0.0)
