"""An example of Alertmanager's configuration: who is told, and which symptoms are held back."""

from __future__ import annotations

from typing import Any, Final

from otel_llm.pack.alerts.alert import COMPONENT, PREFIX
from otel_llm.pack.promql import JOB, PROVIDER

CAUSES: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("ProviderOutage", ("ErrorSpike", "Timeouts", "RetryStorm", "LatencyRegression", "FirstTokenRegression"),
     (JOB, PROVIDER)),
    ("QuotaExhausted", ("ErrorSpike", "RateLimited", "RetryStorm"), (JOB, PROVIDER)),
    ("RateLimited", ("RateLimitHeadroomLow",), (JOB, PROVIDER)),
    ("TelemetryAbsent", ("TrafficDrop",), (JOB,)),
    ("BudgetExceeded", ("BudgetForecastExceeded",), (JOB,)),
)  # fmt: skip
"""Cause, the symptoms it holds back, and the labels that have to be the same."""


def _inhibitions() -> list[dict[str, Any]]:
    return [
        {
            "source_matchers": [f'alertname="{PREFIX}{cause}"'],
            "target_matchers": [f'alertname=~"{"|".join(PREFIX + symptom for symptom in symptoms)}"'],
            "equal": list(equal),
        }
        for cause, symptoms, equal in CAUSES
    ]


def example() -> dict[str, Any]:
    """Critical alerts page, warnings make a ticket, the rest is for reviews."""
    mine = f'component="{COMPONENT}"'
    return {
        "route": {
            "receiver": "default", "group_by": ["alertname", JOB], "group_wait": "30s", "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [
                {"receiver": "llm-pager", "matchers": [mine, 'severity="critical"'], "repeat_interval": "4h"},
                {"receiver": "llm-tickets", "matchers": [mine, 'severity="warning"']},
                {"receiver": "llm-review", "matchers": [mine, 'severity="info"'], "repeat_interval": "7d"},
            ],
        },
        "inhibit_rules": _inhibitions(),
        "receivers": [{"name": name} for name in ("default", "llm-pager", "llm-tickets", "llm-review")],
    }  # fmt: skip
