"""Every query of the pack, in one list: for contract tests and for ``otel-llm check``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from otel_llm.pack import records
from otel_llm.pack.alerts import alerts
from otel_llm.pack.boards import dashboards
from otel_llm.pack.boards.panel import Json
from otel_llm.pack.config import PackConfig

Kind = Literal["panel", "variable", "annotation", "record", "alert", "runbook"]

DEFAULTS: Final[Mapping[str, str]] = {
    "__rate_interval": "1m", "__range": "1h", "job": ".+", "provider": ".*", "model": ".*", "top": "10",
    "budget": "1000",
}  # fmt: skip
"""What Grafana puts in for the variables when nothing is chosen."""
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
_LABEL_VALUES: Final = re.compile(r"label_values\((.+), (\w+)\)")


class PackQuery(msgspec.Struct, frozen=True):
    """One query: where it stands, what for, and its PromQL with all variables filled in."""

    place: str
    """``dashboard/panel/A``, ``dashboard/$variable``, a recorded name, an alert's name."""
    kind: Kind
    promql: str


def fill(expr: str, values: Mapping[str, str] = DEFAULTS) -> str:
    """PromQL with dashboard variables filled in. Raises :class:`KeyError` on a variable without a value."""
    return _VARIABLE.sub(lambda found: values[found[1] or found[2]], expr)


def _dashboard(board: Json, values: Mapping[str, str]) -> Iterator[PackQuery]:
    uid = board["uid"]
    for variable in board["templating"]["list"]:
        found = _LABEL_VALUES.fullmatch(variable["definition"]) if variable["type"] == "query" else None
        if found:
            yield PackQuery(
                f"{uid}/${variable['name']}", "variable", fill(f"group by ({found[2]}) ({found[1]})", values)
            )
    for note in board["annotations"]["list"]:
        yield PackQuery(f"{uid}/{note['name']}", "annotation", fill(note["expr"], values))
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            if target["datasource"]["type"] == "prometheus":
                place = f"{uid}/{panel['title']}/{target['refId']}"
                yield PackQuery(place, "panel", fill(target["expr"], values))


def queries(config: PackConfig | None = None, values: Mapping[str, str] = DEFAULTS) -> Iterator[PackQuery]:
    """Every query of dashboards, recording rules, alerts and runbooks. ``values``: the dashboards' variables."""
    config = config or PackConfig()
    for board in dashboards(config).values():
        yield from _dashboard(board, {**DEFAULTS, **values})
    for one in records.records(config):
        yield PackQuery(one.name, "record", one.expr)
    for alert in alerts(config):
        yield PackQuery(alert.key, "alert", alert.expr)
        for number, look in enumerate(alert.runbook.looks, start=1):
            if look.query:
                yield PackQuery(f"{alert.key}/look {number}", "runbook", look.query)
