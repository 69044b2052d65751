"""The pack as Kubernetes resources: ConfigMaps for Grafana's sidecar, and the operators' own kinds."""

from __future__ import annotations

from typing import Final

from otel_llm.pack.boards.board import TAG
from otel_llm.pack.boards.panel import Json
from otel_llm.pack.documents import json_text
from otel_llm.pack.rules import Group

_LABELS: Final = {"app.kubernetes.io/name": TAG, "app.kubernetes.io/part-of": TAG}


def config_map(dashboard: Json) -> Json:
    """ConfigMap that the sidecar of Grafana's Helm chart picks up by its label."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{dashboard['uid']}-dashboard", "labels": {**_LABELS, "grafana_dashboard": "1"}},
        "data": {f"{dashboard['uid']}.json": json_text(dashboard)},
    }


def grafana_dashboard(dashboard: Json) -> Json:
    """GrafanaDashboard of the Grafana operator (v5); matches instances labelled ``dashboards: grafana``."""
    return {
        "apiVersion": "grafana.integreatly.org/v1beta1",
        "kind": "GrafanaDashboard",
        "metadata": {"name": dashboard["uid"], "labels": dict(_LABELS)},
        "spec": {
            "folder": "LLM",
            "instanceSelector": {"matchLabels": {"dashboards": "grafana"}},
            "json": json_text(dashboard),
        },
    }


def prometheus_rule(groups: list[Group], name: str) -> Json:
    """PrometheusRule of the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "labels": {**_LABELS, "role": "alert-rules"}},
        "spec": {"groups": groups},
    }
