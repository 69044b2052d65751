"""PromQL from the catalogue: one place that spells selectors, rates, ratios and quantiles.

Only syntax and functions that Prometheus has from 2.42 to 3.x: no ``info``, ``limitk`` (3.x) and no ``holt_winters``
(gone in 3.x).
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from otel_llm import catalog
from otel_llm.pack.config import PackConfig

JOB: Final = "job"
"""The one service label that both OTLP (``namespace/name``) and a scrape give to every series."""
PROVIDER: Final = catalog.label_name(catalog.PROVIDER)
MODEL: Final = catalog.label_name(catalog.REQUEST_MODEL)
SERVED_MODEL: Final = catalog.label_name(catalog.RESPONSE_MODEL)
OPERATION: Final = catalog.label_name(catalog.OPERATION)
TOKEN_TYPE: Final = catalog.label_name(catalog.TOKEN_TYPE)
FINISH_REASON: Final = catalog.label_name(catalog.FINISH_REASON)
ERROR_TYPE: Final = catalog.label_name(catalog.ERROR_TYPE)
ERROR_CLASS: Final = catalog.label_name(catalog.ERROR_CLASS)
OUTCOME: Final = catalog.label_name(catalog.OUTCOME)
REASON: Final = catalog.label_name(catalog.REASON)
LIMIT_KIND: Final = catalog.label_name(catalog.LIMIT_KIND)
PERIOD: Final = catalog.label_name(catalog.PERIOD)
SITE: Final = catalog.label_name(catalog.SITE)
LABEL: Final = catalog.label_name(catalog.LABEL)
ATTRIBUTION_KEY: Final = catalog.label_name(catalog.ATTRIBUTION_KEY)
ATTRIBUTION_VALUE: Final = catalog.label_name(catalog.ATTRIBUTION_VALUE)
VERSION: Final = catalog.label_name(catalog.VERSION)

Labels = tuple[str, ...]
_LABEL_OF: Final = re.compile("[=!]")


def equal(label: str, value: str) -> str:
    """Matcher ``label="value"``."""
    return f'{label}="{value}"'


def one_of(label: str, values: tuple[str, ...]) -> str:
    """Matcher for any of plain values (no regular expression characters in them)."""
    return equal(label, values[0]) if len(values) == 1 else f'{label}=~"{"|".join(values)}"'


def escaped(pattern: str) -> str:
    """A regular expression as it stands between PromQL's quotation marks."""
    return pattern.replace("\\", "\\\\").replace('"', '\\"')


def bound(seconds: float) -> str:
    """Matcher of ``le`` for one bucket, in every spelling that emitters and Prometheus versions use."""
    text = f"{seconds:g}".replace(".", "[.]")
    return f'le=~"{text}"' if "." in text else f'le=~"{text}|{text}[.]0"'


def by(labels: Labels) -> str:
    """Grouping clause, with the space after it; empty for no labels."""
    return f"by ({', '.join(labels)}) " if labels else ""


def on(labels: Labels) -> str:
    """Vector matching clause."""
    return f"on ({', '.join(labels)})"


def total(labels: Labels, expr: str) -> str:
    """Sum over all labels but those given."""
    return f"sum {by(labels)}({expr})"


def ratio(part: str, whole: str) -> str:
    """``part / whole``; 0 where only the part is missing, nothing where there is no whole.

    Both sides need the same labels. Never 0 for want of telemetry, never NaN for want of traffic.
    """
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Where and over what a signal is asked: label matchers, window, grouping."""

    config: PackConfig = PackConfig()
    select: Labels = ()
    """Matchers that every series has to pass; those of labels that a metric lacks are left out."""
    window: str = "5m"
    by: Labels = ()
    offset: str = ""
    pinned: bool = False
    """Asked at the end of the time shown, at every moment of a graph."""

    def over(self, window: str) -> Scope:
        """The same with another window."""
        return msgspec.structs.replace(self, window=window)

    def per(self, *labels: str) -> Scope:
        """The same, grouped by these labels."""
        return msgspec.structs.replace(self, by=labels)

    def ago(self, offset: str) -> Scope:
        """The same at an earlier time."""
        return msgspec.structs.replace(self, offset=offset)

    def at_end(self) -> Scope:
        """The same, asked at the end of the time shown."""
        return msgspec.structs.replace(self, pinned=True)

    def where(self, *matchers: str) -> Scope:
        """The same with more matchers."""
        return msgspec.structs.replace(self, select=(*self.select, *matchers))

    def _matchers(self, metric: catalog.Metric, more: Labels) -> str:
        own = {JOB, *map(catalog.label_name, metric.labels)}
        chosen = [text for text in self.select if _LABEL_OF.split(text, maxsplit=1)[0] in own]
        return "{" + ",".join([*chosen, *more]) + "}" if chosen or more else ""

    @property
    def _ago(self) -> str:
        return (" @ end()" if self.pinned else "") + (f" offset {self.offset}" if self.offset else "")

    def value(self, metric: catalog.Metric, *matchers: str) -> str:
        """Selector of the metric's last value."""
        return self.config.metric_name(metric) + self._matchers(metric, matchers) + self._ago

    def series(self, metric: catalog.Metric, suffix: str, *matchers: str) -> str:
        """Range selector over the window."""
        name = self.config.metric_name(metric) + suffix
        return f"{name}{self._matchers(metric, matchers)}[{self.window}]{self._ago}"

    def rate(self, metric: catalog.Metric, *matchers: str, suffix: str = "") -> str:
        """Summed growth per second."""
        return total(self.by, f"rate({self.series(metric, suffix, *matchers)})")

    def increase(self, metric: catalog.Metric, *matchers: str, suffix: str = "") -> str:
        """Summed growth over the window; right across restarts, since it sums after ``increase``."""
        return total(self.by, f"increase({self.series(metric, suffix, *matchers)})")

    def growth(self, kind: Literal["rate", "increase"], metric: catalog.Metric, *matchers: str) -> str:
        """Either of the two above."""
        return self.rate(metric, *matchers) if kind == "rate" else self.increase(metric, *matchers)

    def quantile(self, q: float, metric: catalog.Metric, *matchers: str) -> str:
        """Quantile of a histogram."""
        buckets = self.per("le", *self.by).rate(metric, *matchers, suffix="_bucket")
        return f"histogram_quantile({q:g}, {buckets})"
