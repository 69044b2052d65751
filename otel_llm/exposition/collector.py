"""Our collector for prometheus_client: the ledger as metric families, with exemplars in OpenMetrics.

OpenTelemetry's own Prometheus exporter (0.66b2) drops exemplars, fails a whole scrape on an exponential histogram and
can shift labels between scopes; this one reads the ledger and knows each metric's labels from the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as SampleExemplar
from prometheus_client.samples import Sample

from otel_llm.catalog import UNIT_SUFFIXES, Metric, label_name
from otel_llm.guard import site
from otel_llm.settings import Semconv
from otel_llm.signals.conventions import metrics
from otel_llm.signals.ledger import Exemplar, HistogramValue, Rows


class LedgerCollector(Collector):
    """Yields every family of the catalogue that has series, and ``target_info``."""

    def __init__(
        self, view: Callable[[], Rows], resource: Callable[[], dict[str, str]], *, semconv: Semconv = "released",
        before: Callable[[], None] = lambda: None, wanted: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._view = view
        self._resource = resource
        self._semconv: Semconv = semconv
        self._before = before
        self._wanted = wanted

    def describe(self) -> Iterable[Family]:
        """Nothing: so that registering does not collect."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Families now. A family that fails is left out and counted; the others are served."""
        if not self._wanted():
            return
        self._before()
        rows = self._view()
        for metric in metrics(self._semconv):
            try:
                family = self._family(metric, rows)
            except Exception as error:
                site("collector").note(error)
                continue
            if family.samples:
                yield family
        yield self._target()

    def _family(self, metric: Metric, rows: Rows) -> Family:
        name = metric.prometheus
        unit = UNIT_SUFFIXES.get(metric.unit, "")
        family = Family(name, metric.help, metric.kind, unit if name.endswith(f"_{unit}") else "")
        names = [label_name(label) for label in metric.labels]
        if metric.kind == "histogram":
            for labels, value in rows.histograms(metric):
                keys = dict(zip(names, labels, strict=True))
                family.samples.extend(_histogram(name, keys, metric.buckets, value))
        else:
            suffix = "_total" if metric.kind == "counter" else ""
            for labels, value in rows.counters(metric):
                family.samples.append(Sample(name + suffix, dict(zip(names, labels, strict=True)), value))
        return family

    def _target(self) -> Family:
        family = Family("target", "Target metadata", "info")
        family.samples.append(Sample("target_info", self._resource(), 1.0))
        return family


def _histogram(name: str, labels: dict[str, str], bounds: tuple[float, ...], value: HistogramValue) -> Iterator[Sample]:
    edges = [*(repr(float(bound)) for bound in bounds), "+Inf"]
    for edge, count, exemplar in zip(edges, accumulate(value.counts), value.exemplars, strict=True):
        yield Sample(f"{name}_bucket", {**labels, "le": edge}, count, None, _sample_exemplar(exemplar))
    yield Sample(f"{name}_count", labels, sum(value.counts))
    yield Sample(f"{name}_sum", labels, value.sum)


def _sample_exemplar(exemplar: Exemplar | None) -> SampleExemplar | None:
    if exemplar is None:
        return None
    labels = {"trace_id": exemplar.trace_id, "span_id": exemplar.span_id}
    return SampleExemplar(labels, exemplar.value, exemplar.time)
