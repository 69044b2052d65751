"""Providers of our own, from the standard ``OTEL_*`` environment, for apps that have set up none."""

from __future__ import annotations

import importlib
import os
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from otel_llm.guard import logger
from otel_llm.prefork import processes

PROTOCOLS: Final = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc",
}


class PerProcess:
    """An exporter of the process that uses it: a forked child gets one of its own, since two processes on one
    connection garble each other's requests."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make: Final = make
        self._made = make()
        self._pid = os.getpid()
        self.muted = False
        """True for an exporter that has nothing to say any more."""

    def get(self) -> Any:
        if os.getpid() != self._pid:
            self._made, self._pid = self._make(), os.getpid()
        return self._made


class WorkerSpanExporter(SpanExporter):
    """Exports spans by the process's own exporter."""

    def __init__(self, make: Callable[[], SpanExporter]) -> None:
        self._exporter: Final = PerProcess(make)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.get().export(spans)

    def shutdown(self) -> None:
        self._exporter.get().shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.get().force_flush(timeout_millis)


class WorkerMetricExporter(MetricExporter):
    """Exports metrics by the process's own exporter."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._exporter: Final = PerProcess(make)
        made = self._exporter.get()
        super().__init__(made._preferred_temporality, made._preferred_aggregation)

    def mute(self) -> None:
        """Exports nothing from now on."""
        self._exporter.muted = True

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        if self._exporter.muted:
            return MetricExportResult.SUCCESS
        return self._exporter.get().export(metrics_data, timeout_millis=timeout_millis, **kwargs)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        if not self._exporter.muted:
            self._exporter.get().shutdown(timeout_millis=timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._exporter.muted or self._exporter.get().force_flush(timeout_millis)


class OwnMeterProvider(MeterProvider):
    """Exports every ``OTEL_METRIC_EXPORT_INTERVAL``, until it is muted."""

    def __init__(self, make: Callable[[], Any], resource: Resource) -> None:
        self._exporter: Final = WorkerMetricExporter(make)
        super().__init__([PeriodicExportingMetricReader(self._exporter)], resource, shutdown_on_exit=False)

    def mute(self) -> None:
        """In a forked child, for the parent's provider: what it sums up is the parent's."""
        self._exporter.mute()


def tracer_provider() -> TracerProvider | None:
    """A provider that exports spans over OTLP, or ``None`` where the environment asks for none."""
    exporter = _exporter("TRACES", "trace_exporter", "OTLPSpanExporter")
    if exporter is None:
        return None
    provider = TracerProvider(shutdown_on_exit=False, resource=resource())
    provider.add_span_processor(BatchSpanProcessor(WorkerSpanExporter(exporter)))
    return provider


def meter_provider() -> OwnMeterProvider | None:
    """A provider that exports metrics over OTLP, or ``None`` where the environment asks for none."""
    exporter = _exporter("METRICS", "metric_exporter", "OTLPMetricExporter")
    return None if exporter is None else OwnMeterProvider(exporter, resource())


def resource() -> Resource:
    """The environment's resource with a ``service.instance.id`` of this process: random (SDKs before 1.45 make none),
    and one that is given to all workers of a family gets the pid, since their counters may not be told apart else."""
    found = Resource.create()
    given = Resource({}).merge(OTELResourceDetector().detect()).attributes.get(SERVICE_INSTANCE_ID)
    if given and processes.root().pid != os.getpid():
        return found.merge(Resource({SERVICE_INSTANCE_ID: f"{given}:{os.getpid()}"}))
    if not found.attributes.get(SERVICE_INSTANCE_ID):
        return found.merge(Resource({SERVICE_INSTANCE_ID: str(uuid.uuid4())}))
    return found


def _exporter(signal: str, module: str, name: str) -> Callable[[], Any] | None:
    """Class of the OTLP exporter if an endpoint is given for the signal and the signal is not switched off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    wanted = os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower()
    endpoint = _standard(signal, "ENDPOINT")
    if "otlp" not in wanted.split(",") or not endpoint:
        return None
    protocol = _standard(signal, "PROTOCOL") or "http/protobuf"
    package = PROTOCOLS.get(protocol)
    if package is None:
        logger.warning(
            "otel-llm: OTEL_EXPORTER_OTLP_PROTOCOL=%r: allowed is %s; nothing is exported over OTLP",
            protocol, " or ".join(PROTOCOLS),
        )  # fmt: skip
        return None
    try:
        return getattr(importlib.import_module(f"{package}.{module}"), name)
    except ImportError:
        logger.warning(
            "otel-llm: an OTLP endpoint is set (%s) but the exporter for %s is not installed: "
            "pip install 'otel-llm[otlp]'; nothing is exported over OTLP",
            endpoint, protocol,
        )  # fmt: skip
        return None


def _standard(signal: str, what: str) -> str:
    """``OTEL_EXPORTER_OTLP_{signal}_{what}``, else ``OTEL_EXPORTER_OTLP_{what}``."""
    specific = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{what}", "")
    return specific.strip() or os.environ.get(f"OTEL_EXPORTER_OTLP_{what}", "").strip()
