"""The library's figures as anybody reads them: the text of ``/metrics``, parsed."""

from __future__ import annotations

from collections import defaultdict

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from otel_llm.catalog import Metric, label_name
from otel_llm.demo.emulator.injected import Labels


class Exposed:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self._samples: defaultdict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples[sample.name].append((sample.labels, sample.value))

    @classmethod
    def now(cls, registry: CollectorRegistry = REGISTRY) -> Exposed:
        """What a scrape of this process would give now."""
        return cls(generate_latest(registry).decode())

    def sums(self, metric: Metric, *, zeros: bool = False) -> dict[Labels, float]:
        """Values of a counter or gauge by label values in the order of ``metric.labels``; without ``zeros``, which
        are nothing in a counter, what is 0 is left out."""
        names = [label_name(name) for name in metric.labels]
        found = {tuple(labels[name] for name in names): value for labels, value in self._samples[metric.series]}
        return {labels: value for labels, value in found.items() if value or zeros}

    def total(self, metric: Metric, **labels: str) -> float:
        """Sum over the series with the given labels."""
        return sum(value for found, value in self._samples[metric.series] if labels.items() <= found.items())

    def count(self, metric: Metric, **labels: str) -> float:
        """Observations of a histogram."""
        rows = self._samples[f"{metric.prometheus}_count"]
        return sum(value for found, value in rows if labels.items() <= found.items())

    def quantile(self, metric: Metric, q: float, **labels: str) -> float | None:
        """Quantile of a histogram in its unit, linear within a bucket as ``histogram_quantile`` has it; ``None``
        without observations, the last bound beyond it."""
        counts: defaultdict[float, float] = defaultdict(float)
        for found, value in self._samples[f"{metric.prometheus}_bucket"]:
            if labels.items() <= found.items():
                counts[float(found["le"])] += value
        edges = sorted(counts)
        if not edges or not counts[edges[-1]]:
            return None
        rank, below, lower = q * counts[edges[-1]], 0.0, 0.0
        for edge in edges[:-1]:
            if counts[edge] >= rank:
                return lower + (edge - lower) * (rank - below) / (counts[edge] - below)
            below, lower = counts[edge], edge
        return lower
