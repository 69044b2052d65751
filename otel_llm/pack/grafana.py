"""What Grafana reads besides dashboards: provisioning files, the grafana.com form, and its own alert rules."""

from __future__ import annotations

import re
from typing import Any, Final

from otel_llm.pack.alerts import by_theme
from otel_llm.pack.boards import dashboards
from otel_llm.pack.boards.board import TAG, panel_id
from otel_llm.pack.boards.panel import Json
from otel_llm.pack.config import PackConfig
from otel_llm.pack.rules import Group, alert_groups

FOLDER: Final = "LLM"
DASHBOARD_PATH: Final = "/etc/grafana/dashboards/otel-llm"
_INPUT: Final = "DS_PROMETHEUS"


def provider() -> Json:
    """Provisioning of the dashboards; put the JSON files at the path it names."""
    return {
        "apiVersion": 1,
        "providers": [{
            "name": TAG, "orgId": 1, "folder": FOLDER, "type": "file", "updateIntervalSeconds": 60,
            "allowUiUpdates": False, "options": {"path": DASHBOARD_PATH, "foldersFromFilesStructure": False},
        }],
    }  # fmt: skip


def datasource() -> Json:
    """Example of a Prometheus data source whose exemplars lead to traces in Tempo."""
    exemplars = [{"name": "trace_id", "datasourceUid": "tempo", "urlDisplayLabel": "Trace"}]
    return {
        "apiVersion": 1,
        "datasources": [
            {"name": "Prometheus", "uid": "prometheus", "type": "prometheus", "access": "proxy",
             "url": "http://prometheus:9090", "isDefault": True,
             "jsonData": {"httpMethod": "POST", "timeInterval": "15s", "exemplarTraceIdDestinations": exemplars}},
            {"name": "Tempo", "uid": "tempo", "type": "tempo", "access": "proxy", "url": "http://tempo:3200"},
        ],
    }  # fmt: skip


def for_import(dashboard: Json) -> Json:
    """The form that grafana.com and the import dialog take: it asks for the data source. Not for provisioning."""
    kinds = sorted({panel["type"] for panel in dashboard["panels"]} - {"row"})
    inputs = {"name": _INPUT, "label": "Prometheus", "description": "The Prometheus that has the otel-llm metrics.",
              "type": "datasource", "pluginId": "prometheus", "pluginName": "Prometheus"}  # fmt: skip
    requires = [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "10.4.0"},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": kind, "name": kind, "version": ""} for kind in kinds),
    ]
    variables = [_ask(variable) for variable in dashboard["templating"]["list"]]
    return {"__inputs": [inputs], "__requires": requires, **dashboard, "id": None, "templating": {"list": variables}}


def _ask(variable: Json) -> Json:
    """The data source variable starts at the one that the import asked for; the panels follow the variable."""
    if variable["name"] != "datasource":
        return variable
    chosen = f"${{{_INPUT}}}"
    return {**variable, "current": {"selected": True, "text": chosen, "value": chosen}}


_VALUE: Final = re.compile(r"\$value\b")


def managed_rules(config: PackConfig) -> Json:
    """The alerts as Grafana-managed rules, as file provisioning reads them.

    They read the recording rules, which still have to be in Prometheus. ``keepFiringFor``, spelled so in these files
    alone, is newer than Grafana 11.6: what does not know it leaves it out, and the alert ends with its condition.
    """
    return {"apiVersion": 1, "groups": [_group(group, config) for group in alert_groups(config)]}


def _group(group: Group, config: PackConfig) -> Json:
    theme = str(group["name"]).removeprefix("otel-llm-alerts-")
    boards = dashboards(config)
    found = by_theme(config)[theme]
    rules: list[Json] = []
    for alert, rule in zip(found, group["rules"], strict=True):
        annotations = {key: _VALUE.sub("$values.A.Value", text) for key, text in rule["annotations"].items()}
        place = {"__dashboardUid__": f"{TAG}-{alert.board}",
                 "__panelId__": str(panel_id(boards[alert.board], alert.panel))}  # fmt: skip
        keep = {"keepFiringFor": alert.keep} if alert.keep else {}
        rules.append({
            "uid": re.sub(r"[^a-z0-9-]", "-", alert.key.lower())[:40], "title": alert.key, "condition": "B",
            "data": _queries(rule["expr"], config.links.datasource), "noDataState": "OK", "execErrState": "Error",
            "for": rule["for"] if rule["for"] != "0m" else "0s", **keep,
            "annotations": {**annotations, **place},
            "labels": rule["labels"], "isPaused": False,
        })  # fmt: skip
    return {"orgId": 1, "name": group["name"], "folder": FOLDER, "interval": group["interval"], "rules": rules}


def _queries(expr: str, source: str) -> list[dict[str, Any]]:
    """The expression, which returns a series only while it is true, and a condition that holds for any value of it:
    a plain threshold would miss a limit of which exactly 0 is left."""
    at = {"from": 600, "to": 0}
    return [
        {"refId": "A", "relativeTimeRange": at, "datasourceUid": source,
         "model": {"refId": "A", "expr": expr, "instant": True, "range": False, "editorMode": "code"}},
        {"refId": "B", "relativeTimeRange": at, "datasourceUid": "__expr__",
         "model": {"refId": "B", "type": "math", "expression": "is_number($A)",
                   "datasource": {"type": "__expr__", "uid": "__expr__"}}},
    ]  # fmt: skip
