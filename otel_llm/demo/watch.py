"""Follows alerts through their states and remembers what fired."""

from __future__ import annotations

from typing import Final

import msgspec
from rich.table import Table

from otel_llm.demo.prometheus import Prometheus
from otel_llm.demo.tables import plain

_STYLES: Final = {"firing": "bold red", "pending": "yellow", "fired": "dim"}
_ORDER: Final = ("firing", "pending", "fired")
_ABOUT_WIDTH: Final = 28
"""Columns: what the longest alert name leaves of 80."""


class Seen(msgspec.Struct):
    """One alert, over all that it is about."""

    severity: str
    state: str = ""
    """``firing`` or ``pending`` now, ``fired`` if it did before; empty if it was only ever pending."""
    fired: bool = False
    about: dict[str, None] = {}
    """What it was firing for, in order of time."""

    def summary(self) -> str:
        """The one thing that it was firing for, or the providers of all of them."""
        if len(self.about) == 1:
            return next(iter(self.about))
        return ", ".join(dict.fromkeys(where.partition(" ")[0] for where in self.about))


class AlertWatch:
    """All alerts that were seen, by name."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._seen: dict[str, Seen] = {}

    @property
    def fired(self) -> set[str]:
        """Names of alerts that fired at least once."""
        return {name for name, seen in self._seen.items() if seen.fired}

    def poll(self) -> None:
        """Asks Prometheus."""
        for seen in self._seen.values():
            seen.state = "fired" if seen.fired else ""
        for alert in self._prometheus.alerts():
            seen = self._seen.setdefault(alert.name, Seen(alert.severity))
            if alert.state == "firing":
                seen.state, seen.fired = "firing", True
                seen.about.setdefault(alert.where)
            elif seen.state != "firing":
                seen.state = "pending"

    def table(self) -> Table:
        """Alerts by state, firing first."""
        table = plain("Alerts", "alert", "severity", "state")
        table.add_column("fired for", no_wrap=True, overflow="ellipsis", max_width=_ABOUT_WIDTH)
        shown = [(name, seen) for name, seen in self._seen.items() if seen.state]
        for name, seen in sorted(shown, key=lambda row: (_ORDER.index(row[1].state), row[0])):
            table.add_row(name, seen.severity, seen.state, seen.summary(), style=_STYLES[seen.state])
        return table
