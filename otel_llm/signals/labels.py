"""Label values: cleaned, cut and capped, so that no input can grow the number of series without bound."""

from __future__ import annotations

import re
from typing import Final

from otel_llm.catalog import OTHER

LENGTH_CAP: Final = 128
"""Characters of a label value."""
ADDRESS_CAP: Final = 50
"""Different server addresses."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


class CappedLabel:
    """The values of one label: the first ``cap`` different ones stand, any further one becomes ``other``."""

    def __init__(self, name: str, cap: int) -> None:
        self.name = name
        self.cap = cap
        self.overflowed = 0
        """How often a value was replaced."""
        self._known: dict[str, str] = {}
        self._kept: set[str] = set()

    def __call__(self, value: str | None) -> str:
        """The value to expose; empty for ``None``."""
        if not value:
            return ""
        found = self._known.get(value)
        return found if found is not None else self._admit(value)

    def _admit(self, value: str) -> str:
        clean = _CONTROL.sub("", value[: 4 * LENGTH_CAP])[:LENGTH_CAP].strip()
        if clean in self._kept:
            if len(self._known) < 4 * self.cap:
                self._known[value] = clean
            return clean
        if len(self._kept) >= self.cap:
            self.overflowed += 1
            return OTHER
        self._kept.add(clean)
        self._known[value] = clean
        return clean
