"""OpenTelemetry instruments on a meter: counters and gauges observe the ledger, histograms are recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

from otel_llm import catalog
from otel_llm.call import Call
from otel_llm.catalog import Metric
from otel_llm.settings import Semconv
from otel_llm.signals.conventions import conventions, metrics, sides
from otel_llm.signals.ledger import Ledger
from otel_llm.signals.summary import Summary


class Instruments:
    """Everything in the catalogue, on one meter."""

    def __init__(self, meter: Meter, ledger: Ledger, semconv: Semconv) -> None:
        self._semconv: Final[Semconv] = semconv
        self._histograms: Final[dict[str, Histogram]] = {}
        for metric in metrics(semconv):
            name = metric.name
            if metric.kind == "histogram":
                self._histograms[name] = meter.create_histogram(
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
        histograms, found = self._histograms, conventions(self._semconv, call.request.operation)
        duration = {**base, catalog.ERROR_TYPE: error_type} if error_type else base
        histograms[found.duration.name].record(call.duration, duration, context)
        for tokens, count in sides(found, summary.usage, succeeded=summary.end.outcome == "success"):
            # A label of the metric's own comes after those that the call has.
            labels = {**base, catalog.TOKEN_TYPE: tokens.labels[0]} if tokens.labels else base
            histograms[tokens.metric.name].record(count, labels, context)
        if call.time_to_first_chunk is not None and found.first_chunk is not None:
            histograms[found.first_chunk.name].record(call.time_to_first_chunk, base, context)
        self.record_gaps(call, base, context)

    def record_gaps(self, call: Call, base: dict[str, str | int], context: Context | None) -> None:
        """Records the chunk gaps that the call holds."""
        metric = conventions(self._semconv, call.request.operation).output_chunk if call.gaps else None
        if metric is not None:
            record = self._histograms[metric.name].record
            for gap in call.gaps:
                record(gap, base, context)


def observer(ledger: Ledger, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
    """Callback that reports the ledger's rows; empty labels are attributes that are not there."""

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        for labels, value in ledger.counters(metric):
            yield Observation(value, {key: text for key, text in zip(metric.labels, labels, strict=True) if text})

    return observe
