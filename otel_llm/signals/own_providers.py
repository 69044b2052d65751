"""Providers of our own, from the standard ``OTEL_*`` environment, for apps that have set up none."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_llm.guard import logger

PROTOCOLS: Final = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc",
}


def tracer_provider() -> TracerProvider | None:
    """A provider that exports spans over OTLP, or ``None`` where the environment asks for none."""
    exporter = _exporter("TRACES", "trace_exporter", "OTLPSpanExporter")
    if exporter is None:
        return None
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter()))
    return provider


def meter_provider() -> MeterProvider | None:
    """A provider that exports metrics over OTLP, or ``None`` where the environment asks for none."""
    exporter = _exporter("METRICS", "metric_exporter", "OTLPMetricExporter")
    if exporter is None:
        return None
    return MeterProvider([PeriodicExportingMetricReader(exporter())], shutdown_on_exit=False)


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
