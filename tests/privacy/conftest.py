"""Fixtures of the privacy tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability

from tests.privacy.canaries import Everything, listening


@pytest.fixture
def heard() -> Iterator[Everything]:
    with listening() as handler:
        yield handler


@pytest.fixture
def both_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP spans with the old attribute names and with the new ones."""
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup")
    # opentelemetry-instrumentation (0.66b2) reads that once per process; whoever was first must not decide for us.
    monkeypatch.setattr(_OpenTelemetrySemanticConventionStability, "_initialized", False)
    monkeypatch.setattr(_OpenTelemetrySemanticConventionStability, "_OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING", {})
