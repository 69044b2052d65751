"""Prometheus rule groups: recording rules and alerts as the plain dictionaries of a rule file.

Fit for Prometheus 2.42 to 3.x: ``keep_firing_for`` is there since 2.42; a group's ``query_offset`` and ``labels`` came
later and are not used.
"""

from __future__ import annotations

import re
from typing import Any, Final

from otel_llm.pack import alerts as alert_themes
from otel_llm.pack import records
from otel_llm.pack.alerts.alert import COMPONENT, VARIABLES, Alert
from otel_llm.pack.boards import dashboards
from otel_llm.pack.boards.board import TAG, panel_id
from otel_llm.pack.boards.panel import Json
from otel_llm.pack.config import PackConfig

Group = dict[str, Any]
RUNBOOK_SUFFIX: Final = ".md"
EVERY_MINUTE: Final = "1m"
"""Interval of alert groups: no alert holds for less, and the windows are five minutes or more."""


def recording_groups(config: PackConfig) -> list[Group]:
    """Groups by pace: what is asked over days is evaluated rarely."""
    recorded = records.records(config)
    return [
        {
            "name": f"otel-llm-records-{pace}",
            "interval": interval,
            "rules": [{"record": one.name, "expr": one.expr} for one in recorded if one.pace == pace],
        }
        for pace, interval in records.INTERVALS.items()
    ]


def alert_groups(config: PackConfig) -> list[Group]:
    """Groups by theme."""
    boards = dashboards(config)
    return [
        {
            "name": f"otel-llm-alerts-{theme}",
            "interval": EVERY_MINUTE,
            "rules": [alert_rule(alert, config, boards) for alert in found],
        }
        for theme, found in alert_themes.by_theme(config).items()
    ]


def alert_rule(alert: Alert, config: PackConfig, boards: dict[str, Json]) -> Json:
    """One alert of a rule file."""
    rule: Json = {"alert": alert.full_name, "expr": alert.expr, "for": alert.hold}
    if alert.keep:
        rule["keep_firing_for"] = alert.keep
    return {
        **rule,
        "labels": {"severity": alert.severity, "component": COMPONENT, **alert.extra},
        "annotations": {
            "summary": alert.summary, "description": alert.description,
            "runbook_url": runbook_url(alert, config), "dashboard_url": dashboard_url(alert, config, boards),
        },
    }  # fmt: skip


def runbook_url(alert: Alert, config: PackConfig) -> str:
    """Address of the alert's runbook."""
    return f"{config.links.runbooks.rstrip('/')}/{alert.full_name}{RUNBOOK_SUFFIX}"


def dashboard_url(alert: Alert, config: PackConfig, boards: dict[str, Json]) -> str:
    """Address of the panel that shows the symptom, narrowed to the labels that the alert has and to no others.

    A variable that is set to an empty label would filter the dashboard to nothing.
    """
    known = [label for label in alert.labels if label in VARIABLES]
    chosen = [f"var-{VARIABLES[label]}={{{{ $labels.{label} | urlquery }}}}" for label in known]
    panel = panel_id(boards[alert.board], alert.panel)
    query = "&".join((*chosen, "from=now-3h", "to=now", f"viewPanel={panel}"))
    return f"{config.links.grafana.rstrip('/')}/d/{TAG}-{alert.board}?{query}"


_DURATION: Final = re.compile(r"(?<![\w.])(\d+)([smhdw])(?![\w])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def accelerate(groups: list[Group], factor: float) -> list[Group]:
    """The same groups with every window, offset and hold ``factor`` times shorter, evaluated every second.

    For demonstrations and end-to-end tests that cannot wait an hour. Names of recording rules stay as they are.
    """

    def shorter(match: re.Match[str]) -> str:
        seconds = int(match[1]) * _SECONDS[match[2]] / factor
        return f"{max(1, round(seconds))}s" if int(match[1]) else match[0]

    def rule(old: Json) -> Json:
        windows = re.sub(r"\[[^]]*]|offset \w+", lambda found: _DURATION.sub(shorter, found[0]), old["expr"])
        holds = {key: _DURATION.sub(shorter, old[key]) for key in ("for", "keep_firing_for") if key in old}
        return {**old, "expr": windows, **holds}

    return [{**group, "interval": "1s", "rules": [rule(one) for one in group["rules"]]} for group in groups]
