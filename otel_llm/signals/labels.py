"""Label values: cleaned, cut and capped, so that no input can grow the number of series without bound."""

from __future__ import annotations

import re
import threading
from typing import Final

from otel_llm.catalog import OTHER

LENGTH_CAP: Final = 128
"""Characters of a label value."""
ADDRESS_CAP: Final = 50
"""Different server addresses, and different ports."""
ERROR_TYPE_CAP: Final = 50
"""Different values of ``error.type``: an exception class of the app's own code may be made anew for every call."""

_KEY_CAP: Final = 4 * LENGTH_CAP
"""Characters of a value that is remembered as it came: a longer one is cleaned each time."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


def clean(value: str, cap: int = LENGTH_CAP) -> str:
    """A value without control characters and halves of UTF-16 pairs (which no exporter can encode), at most ``cap``
    characters long."""
    if value.isprintable() and len(value) <= cap:
        return value
    return _CONTROL.sub("", value[: 4 * cap])[:cap]


class CappedLabel:
    """The values of one label: the first ``cap`` different ones stand, any further one becomes ``other``. Ask once per
    call: each answer ``other`` is counted."""

    def __init__(self, name: str, cap: int) -> None:
        self.name = name
        self.cap = cap
        self.overflowed = 0
        """How often a value was replaced."""
        self._lock = threading.RLock()  # re-entrant for signal handlers
        self._known: dict[str, str] = {}
        self._kept: set[str] = set()

    def __call__(self, value: str | None) -> str:
        """The value to expose; empty for ``None``."""
        if not value:
            return ""
        found = self._known.get(value)
        return found if found is not None else self._admit(value)

    def overflow(self) -> str:
        """The overflow value, and one more that it stands for."""
        with self._lock:
            self.overflowed += 1
        return OTHER

    def forked(self) -> None:
        """In a forked child: what was replaced so far is in the parent's count."""
        self._lock = threading.RLock()  # a thread of the parent may have held it
        self.overflowed = 0

    def _admit(self, value: str) -> str:
        kept = clean(value).strip()
        with self._lock:
            new = kept not in self._kept
            if new and len(self._kept) >= self.cap:
                return self.overflow()
            if new:
                self._kept.add(kept)
            if (new or len(self._known) < 4 * self.cap) and len(value) <= _KEY_CAP:
                self._known[value] = kept
        return kept
