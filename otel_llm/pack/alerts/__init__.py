"""Alerts by theme: one module per theme, one function per alert, its runbook beside its expression."""

from __future__ import annotations

from otel_llm.pack.alerts import failures, latency, limits, money, output, telemetry, waste
from otel_llm.pack.alerts.alert import Alert
from otel_llm.pack.config import PackConfig

THEMES = {
    "failures": failures, "limits": limits, "latency": latency, "money": money, "waste": waste,
    "output": output, "telemetry": telemetry,
}  # fmt: skip


def by_theme(config: PackConfig) -> dict[str, tuple[Alert, ...]]:
    """All alerts by theme, in reading order."""
    return {theme: module.alerts(config) for theme, module in THEMES.items()}


def alerts(config: PackConfig) -> tuple[Alert, ...]:
    """All alerts."""
    return tuple(alert for group in by_theme(config).values() for alert in group)
