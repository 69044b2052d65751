"""A dashboard: rows of panels, the variables, annotations and links that all of ours share."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack.alerts.alert import PREFIX
from otel_llm.pack.boards.panel import BLUE, DATASOURCE, ORANGE, RED, Json
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB, MODEL, PROVIDER, Scope

TAG: Final = "otel-llm"
SCHEMA: Final = 39
"""Grafana 10.4's; later ones upgrade it when they load it."""
COLUMNS: Final = 24
IDS_PER_ROW: Final = 20
"""Panel ids are row * 20 + place: a panel added at the end of a row leaves the others' links alone."""

IN_JOB: Final = f'{JOB}=~"$job"'
SELECTED: Final = (IN_JOB, f'{PROVIDER}=~"$provider"', f'{MODEL}=~"$model"')


class Row(msgspec.Struct, frozen=True):
    """A row: panels with width and height, left to right, wrapping at 24."""

    title: str
    panels: tuple[tuple[Json, int, int], ...]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """A dashboard."""

    key: str
    title: str
    question: str
    """What it answers, and for whom."""
    rows: tuple[Row, ...]
    variables: tuple[Json, ...] = ()
    """More variables than the common ones."""
    span: str = "6h"

    @property
    def uid(self) -> str:
        """Stable for ever: links from alerts and other people's notes lead here."""
        return f"{TAG}-{self.key}"


def selection(config: PackConfig, window: str = "$__rate_interval") -> Scope:
    """What the reader has chosen by the variables."""
    return Scope(config=config, select=SELECTED, window=window)


def open_board(key: str, *labels: str, anchor: str = "field") -> str:
    """Address of another of our dashboards that keeps time and variables; ``labels`` of what was clicked narrow it.

    ``anchor``: ``field`` on lines, ``data`` on rows of tables.
    """
    parts = ["${datasource:queryparam}"]
    names = {JOB: "job", PROVIDER: "provider", MODEL: "model"}
    for label, variable in names.items():
        if label in labels:
            value = f"${{__field.labels.{label}}}" if anchor == "field" else f'${{__data.fields["{label}"]}}'
            parts.append(f"var-{variable}={value}")
        else:
            parts.append(f"${{{variable}:queryparam}}")
    return f"/d/{TAG}-{key}?{'&'.join(parts)}&${{__url_time_range}}"


def label_values(name: str, title: str, metric: str, label: str, select: q.Labels, every: str) -> Json:
    """A variable of a label's values, all by default."""
    chosen = "{" + ",".join(select) + "}" if select else ""
    query = f"label_values({metric}{chosen}, {label})"
    return {
        "name": name, "label": title, "type": "query", "datasource": DATASOURCE, "definition": query,
        "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
        "allValue": every, "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, "options": [],
        "regex": "", "hide": 0, "skipUrlSync": False,
    }  # fmt: skip


def textbox(name: str, title: str, value: str, help_: str) -> Json:
    """A variable that the reader types."""
    chosen = {"selected": True, "text": value, "value": value}
    return {
        "name": name, "label": title, "type": "textbox", "query": value, "current": chosen, "options": [chosen],
        "description": help_, "hide": 0, "skipUrlSync": False,
    }  # fmt: skip


def datasource(name: str, title: str, kind: str) -> Json:
    """A variable of data sources of one kind; without ``current``, so the reader's default is taken."""
    return {
        "name": name, "label": title, "type": "datasource", "query": kind, "refresh": 1, "regex": "", "hide": 0,
        "includeAll": False, "multi": False, "options": [], "skipUrlSync": False,
    }  # fmt: skip


def _variables(config: PackConfig) -> list[Json]:
    calls = config.metric_name(c.CALLS)
    # ".*" and not ".+" below the job: a call that fails before its model is known has none.
    return [
        datasource("datasource", "Data source", "prometheus"),
        label_values("job", "Job", calls, JOB, (), ".+"),
        label_values("provider", "Provider", calls, PROVIDER, SELECTED[:1], ".*"),
        label_values("model", "Model", calls, MODEL, SELECTED[:2], ".*"),
    ]  # fmt: skip


def _annotation(name: str, expr: str, color: str, title: str, tags: q.Labels = ()) -> Json:
    """``tags``: labels that not every series has. In a text Grafana would write the name of one that is missing."""
    return {
        "name": name, "datasource": DATASOURCE, "enable": True, "hide": False, "iconColor": color, "expr": expr,
        "target": {"refId": "Anno", "expr": expr, "interval": "60s", "instant": False, "range": True},
        "titleFormat": title, "textFormat": "{{job}}", "tagKeys": ",".join(tags), "step": "60s",
        "useValueForTime": False,
    }  # fmt: skip


def _alerts(severity: str) -> str:
    matchers = (f'alertname=~"{PREFIX}.+"', 'alertstate="firing"', f'severity="{severity}"', IN_JOB)
    return f"ALERTS{{{','.join(matchers)}}}"


def _deploys() -> str:
    """A version that was not there in the five minutes before the last five: a scrape that failed once is no deploy.

    ``target_info`` holds the service's version on both paths.
    """
    info = f'target_info{{{IN_JOB},service_version!=""}}'
    seen = f"group by ({JOB}, service_version)"
    return f"{seen} ({info}) unless {seen} (last_over_time({info}[5m] offset 5m))"


def shared_annotations() -> list[Json]:
    """Firing alerts and deploys, on every dashboard."""
    name, about = "{{alertname}}", (PROVIDER, MODEL, q.ERROR_CLASS, q.ATTRIBUTION_VALUE)
    return [
        _annotation("Critical alerts", _alerts("critical"), RED, name, about),
        _annotation("Warnings", _alerts("warning"), ORANGE, name, about),
        _annotation("Deploys", _deploys(), BLUE, "deploy {{service_version}}"),
    ]


def _siblings() -> Json:
    return {
        "type": "dashboards", "title": "LLM", "tags": [TAG], "asDropdown": True, "includeVars": True, "keepTime": True,
        "icon": "external link", "targetBlank": False, "tooltip": "", "url": "",
    }  # fmt: skip


def _place(rows: tuple[Row, ...]) -> list[Json]:
    placed: list[Json] = []
    y = 0
    for number, row in enumerate(rows, start=1):
        first = number * IDS_PER_ROW
        placed.append({
            "type": "row", "title": row.title, "id": first, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
        })  # fmt: skip
        y += 1
        x = line = 0
        for offset, (panel, width, height) in enumerate(row.panels, start=1):
            if x + width > COLUMNS:
                x, y, line = 0, y + line, 0
            placed.append({"id": first + offset, "gridPos": {"x": x, "y": y, "w": width, "h": height}, **panel})
            x, line = x + width, max(line, height)
        y += line
    return placed


def render(board: Board, config: PackConfig) -> Json:
    """Grafana's JSON, ready to be provisioned: no ``__inputs``, no fixed data source."""
    return {
        "uid": board.uid, "title": board.title, "description": board.question, "tags": [TAG], "schemaVersion": SCHEMA,
        "version": 1, "editable": True, "graphTooltip": 1, "refresh": "1m", "timezone": "browser", "weekStart": "",
        "time": {"from": f"now-{board.span}", "to": "now"}, "timepicker": {}, "fiscalYearStartMonth": 0,
        "liveNow": False, "links": [_siblings()], "annotations": {"list": shared_annotations()},
        "templating": {"list": [*_variables(config), *board.variables]}, "panels": _place(board.rows),
    }  # fmt: skip


def panel_id(dashboard: dict[str, Any], title: str) -> int:
    """Id of the panel of this title. Raises :class:`KeyError` where there is none."""
    for panel in dashboard["panels"]:
        if panel["title"] == title and panel["type"] != "row":
            return panel["id"]
    raise KeyError(f"dashboard {dashboard['uid']} has no panel {title!r}")
