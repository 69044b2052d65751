"""Providers of our own, from the standard ``OTEL_*`` environment, for apps that have set up none."""

from __future__ import annotations

import importlib
import os
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
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
from otel_llm.redaction import redact

T = TypeVar("T")
SLOW: Final = 3.0
"""Seconds after which an export that is under way is taken to fail."""
PROTOCOLS: Final = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc",
}

_COMMON: Final = frozenset(
    {
        "OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_EXPORTER_OTLP_COMPRESSION",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
    }
)  # fmt: skip
READ_BY: Final = {
    "TRACES": _COMMON
    | {
        "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_BSP_SCHEDULE_DELAY", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT",
        "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG",
    },
    "METRICS": _COMMON
    | {
        "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
        "OTEL_METRICS_EXEMPLAR_FILTER", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT",
    },
}  # fmt: skip
"""Standard variables, by the signal whose provider reads them: those that may be shown, headers and keys not among
them."""


class Health(msgspec.Struct):
    """How the exports of this process go."""

    failed: bool = False
    """Whether the last one that ended failed."""
    began: float | None = None
    """When the one began that is under way, by the monotonic clock."""

    @property
    def failing(self) -> bool:
        """False as long as nothing is known."""
        return self.failed or (self.began is not None and time.monotonic() - self.began > SLOW)

    def watch(self, export: Callable[[], T], good: T) -> T:
        """The result of an export, which is noted."""
        self.began = time.monotonic()
        succeeded = False
        try:
            result = export()
            succeeded = result is good
            return result
        finally:
            self.failed, self.began = not succeeded, None


class PerProcess:
    """An exporter of the process that uses it: a forked child gets one of its own, since two processes on one
    connection garble each other's requests."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make: Final = make
        self._made = make()
        self._pid = os.getpid()
        self.health = Health()
        self.muted = False
        """True for an exporter that has nothing to say any more."""

    @property
    def failing(self) -> bool:
        return self._pid == os.getpid() and self.health.failing

    def get(self) -> Any:
        if os.getpid() != self._pid:
            self._made, self._pid, self.health = self._make(), os.getpid(), Health()
        return self._made

    def export(self, good: T, *given: Any, **kwargs: Any) -> T:
        """The result of the exporter's ``export``; any but ``good`` is a failure."""
        made = self.get()  # first: in a forked child the health is another's until then
        return self.health.watch(lambda: made.export(*given, **kwargs), good)


class WorkerSpanExporter(SpanExporter):
    """Exports spans by the process's own exporter."""

    def __init__(self, make: Callable[[], SpanExporter]) -> None:
        self._exporter: Final = PerProcess(make)

    @property
    def failing(self) -> bool:
        return self._exporter.failing

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export(SpanExportResult.SUCCESS, spans)

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

    @property
    def failing(self) -> bool:
        return self._exporter.failing

    def mute(self) -> None:
        """Exports nothing from now on."""
        self._exporter.muted = True

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        if self._exporter.muted:
            return MetricExportResult.SUCCESS
        return self._exporter.export(MetricExportResult.SUCCESS, metrics_data, timeout_millis=timeout_millis, **kwargs)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        if not self._exporter.muted:
            self._exporter.get().shutdown(timeout_millis=timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._exporter.muted or self._exporter.get().force_flush(timeout_millis)


class OwnTracerProvider(TracerProvider):
    """Exports spans in batches, as ``OTEL_BSP_*`` say."""

    def __init__(self, make: Callable[[], SpanExporter], resource: Resource) -> None:
        self._worker: Final = WorkerSpanExporter(make)
        super().__init__(shutdown_on_exit=False, resource=resource)
        self.add_span_processor(BatchSpanProcessor(self._worker))

    def renew(self, resource: Resource) -> None:
        """In a forked child: the resource of this process. The SDK (1.45) has made the id of the instance a random one
        there, whatever was given."""
        update: Callable[[Resource], None] | None = getattr(self, "_update_resource", None)
        if update is not None:  # SDKs before 1.45
            update(resource)

    @property
    def failing(self) -> bool:
        """Whether exports are known to fail."""
        return self._worker.failing


class OwnMeterProvider(MeterProvider):
    """Exports every ``OTEL_METRIC_EXPORT_INTERVAL``, until it is muted."""

    def __init__(self, make: Callable[[], Any], resource: Resource) -> None:
        self._exporter: Final = WorkerMetricExporter(make)
        super().__init__([PeriodicExportingMetricReader(self._exporter)], resource, shutdown_on_exit=False)

    @property
    def failing(self) -> bool:
        """Whether exports are known to fail."""
        return self._exporter.failing

    def mute(self) -> None:
        """In a forked child, for the parent's provider: what it sums up is the parent's."""
        self._exporter.mute()


class Environment:
    """What the ``OTEL_*`` environment asks for. Nothing in it raises: a value that the SDK does not take is a warning,
    each problem once, and there is no provider."""

    def __init__(self, worker: Callable[[], bool]) -> None:
        """``worker`` tells whether this process is one of several of its app."""
        self._worker: Final = worker
        self._said: Final[set[str]] = set()

    def tracer_provider(self) -> OwnTracerProvider | None:
        """A provider that exports spans over OTLP, or ``None`` where the environment asks for none."""
        return self._made("TRACES", "trace_exporter", "OTLPSpanExporter", self._tracer_provider)

    def meter_provider(self) -> OwnMeterProvider | None:
        """A provider that exports metrics over OTLP, or ``None`` where the environment asks for none."""
        return self._made("METRICS", "metric_exporter", "OTLPMetricExporter", self._meter_provider)

    def resource(self) -> Resource:
        """The environment's resource with a ``service.instance.id`` of this process: random (SDKs before 1.45 make
        none), and one that is given to all workers of a family gets the pid, since their counters may not be told
        apart else."""
        found = Resource.create()
        given = Resource({}).merge(OTELResourceDetector().detect()).attributes.get(SERVICE_INSTANCE_ID)
        if given and self._worker():
            return found.merge(Resource({SERVICE_INSTANCE_ID: f"{given}:{os.getpid()}"}))
        if not found.attributes.get(SERVICE_INSTANCE_ID):
            return found.merge(Resource({SERVICE_INSTANCE_ID: str(uuid.uuid4())}))
        return found

    def _tracer_provider(self, exporter: Callable[[], Any]) -> OwnTracerProvider:
        return OwnTracerProvider(exporter, self.resource())

    def _meter_provider(self, exporter: Callable[[], Any]) -> OwnMeterProvider:
        return OwnMeterProvider(exporter, self.resource())

    def _made(self, signal: str, module: str, name: str, make: Callable[[Callable[[], Any]], T]) -> T | None:
        exporter = self._exporter(signal, module, name)
        if exporter is None:
            return None
        try:
            return make(exporter)
        except Exception as error:
            # The SDK (1.45) says of some variables what is wrong with them, of others only what it could not read.
            text, read = " ".join(str(error).split()), sorted(set(os.environ) & READ_BY[signal])
            named = [variable for variable in read if variable in text] or read
            which = ", ".join(f"{variable}={os.environ[variable]!r}" for variable in named) or "of the OTEL_* variables"
            self._warn(
                f"{which}: OpenTelemetry takes no such value ({type(error).__name__}: {text}); no "
                f"{signal.lower()} are exported over OTLP"
            )
            return None

    def _exporter(self, signal: str, module: str, name: str) -> Callable[[], Any] | None:
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
            self._warn(
                f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol!r}: allowed is {' or '.join(PROTOCOLS)}; nothing is exported "
                "over OTLP"
            )
            return None
        try:
            return getattr(importlib.import_module(f"{package}.{module}"), name)
        except ImportError:
            self._warn(
                f"an OTLP endpoint is set ({redact(endpoint)}) but the exporter for {protocol} is not installed: "
                "pip install 'otel-llm[otlp]'; nothing is exported over OTLP"
            )
            return None

    def _warn(self, problem: str) -> None:
        if problem not in self._said:
            self._said.add(problem)
            logger.warning("otel-llm: %s", problem)


def _standard(signal: str, what: str) -> str:
    """``OTEL_EXPORTER_OTLP_{signal}_{what}``, else ``OTEL_EXPORTER_OTLP_{what}``."""
    specific = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{what}", "")
    return specific.strip() or os.environ.get(f"OTEL_EXPORTER_OTLP_{what}", "").strip()
