"""Scrapes as figures, and a watcher that no counter ever falls."""

from __future__ import annotations

import http.client
import threading
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import Self

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from otel_llm import catalog
from otel_llm.catalog import Metric, label_name

GONE = (OSError, http.client.HTTPException)
"""What a request ends in if the worker that was to answer is killed."""
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def fetch(url: str, timeout: float = 10.0) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": OPENMETRICS, "Connection": "close"})
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return response.read()


class Figures:
    """What one scrape shows."""

    def __init__(self, text: str) -> None:
        self.samples: list[Sample] = []
        self.rising: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        """Series that may never fall."""
        for family in text_string_to_metric_families(text):
            if family.name.startswith(("otel_llm", "gen_ai")):
                self.samples += family.samples
                if family.type in ("counter", "histogram"):
                    self.rising |= {(s.name, frozenset(s.labels.items())): s.value for s in family.samples}

    def value(self, metric: Metric, **labels: str) -> float:
        """Sum over a metric's series with these labels; a histogram's count."""
        name = metric.prometheus + "_count" if metric.kind == "histogram" else metric.series
        return sum(s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items())

    @property
    def calls(self) -> float:
        return self.value(catalog.CALLS)

    @property
    def errors(self) -> dict[str, float]:
        """Internal errors above 0, by site."""
        series = catalog.INTERNAL_ERRORS.series
        return {s.labels[label_name(catalog.SITE)]: s.value for s in self.samples if s.name == series and s.value}

    @property
    def exemplars(self) -> int:
        return sum(s.exemplar is not None for s in self.samples)


def scrape(url: str) -> Figures:
    return Figures(fetch(url).decode())


class Watcher:
    """Scrapes all the time, in a thread; ``falls`` is every series that was seen to fall or vanish."""

    def __init__(self, take: Callable[[], Figures]) -> None:
        self._take = take
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.falls: list[str] = []
        self.scrapes = 0

    def _run(self) -> None:
        last: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        while not self._stop.wait(0.02):
            try:
                now = self._take().rising
            except GONE:
                continue  # the worker that was to answer was killed
            self.scrapes += 1
            self.falls += [
                f"{key}: {value} -> {now.get(key)}" for key, value in last.items() if now.get(key, -1) < value
            ]
            last = now

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
