"""OpenTelemetry instruments on a meter: counters and gauges observe the ledger, the four histograms are recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

from otel_llm import catalog
from otel_llm.call import Call
from otel_llm.catalog import METRICS, Metric
from otel_llm.settings import Semconv
from otel_llm.signals.ledger import Ledger
from otel_llm.signals.summary import Summary


def metric_name(metric: Metric, semconv: Semconv) -> str:
    """Name by the chosen state of the conventions."""
    return metric.main_name if semconv == "main" and metric.main_name else metric.name


class Instruments:
    """Everything in the catalogue, on one meter."""

    def __init__(self, meter: Meter, ledger: Ledger, semconv: Semconv) -> None:
        self._histograms: Final[dict[str, Histogram]] = {}
        for metric in METRICS:
            name = metric_name(metric, semconv)
            if metric.kind == "histogram":
                self._histograms[metric.name] = meter.create_histogram(
                    name,
                    unit=metric.unit,
                    description=metric.help,
                    explicit_bucket_boundaries_advisory=list(metric.buckets),
                )
            elif metric.kind == "counter":
                meter.create_observable_counter(name, [observer(ledger, metric)], metric.unit, metric.help)
            else:
                meter.create_observable_gauge(name, [observer(ledger, metric)], metric.unit, metric.help)

    def record(
        self, call: Call, summary: Summary, base: dict[str, str | int], error_type: str, context: Context | None
    ) -> None:
        """Records a closed call's histograms inside its span's context, so that exemplars carry its ids.
        ``base`` and ``error_type`` are capped."""
        histograms = self._histograms
        duration = {**base, catalog.ERROR_TYPE: error_type} if error_type else base
        histograms[catalog.DURATION.name].record(call.duration, duration, context)
        if summary.usage is not None:
            for token_type, count in (("input", summary.usage.input), ("output", summary.usage.output)):
                if count is not None:
                    labels = {**base, catalog.TOKEN_TYPE: token_type}
                    histograms[catalog.TOKEN_USAGE.name].record(count, labels, context)
        if call.time_to_first_chunk is not None:
            histograms[catalog.FIRST_CHUNK.name].record(call.time_to_first_chunk, base, context)
        self.record_gaps(call, base, context)

    def record_gaps(self, call: Call, base: dict[str, str | int], context: Context | None) -> None:
        """Records the chunk gaps that the call holds."""
        if call.gaps:
            record = self._histograms[catalog.OUTPUT_CHUNK.name].record
            for gap in call.gaps:
                record(gap, base, context)


def observer(ledger: Ledger, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
    """Callback that reports the ledger's rows; empty labels are attributes that are not there."""

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        for labels, value in ledger.counters(metric):
            yield Observation(value, {key: text for key, text in zip(metric.labels, labels, strict=True) if text})

    return observe
