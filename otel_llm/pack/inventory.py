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
    "budget": "0", "dollars": "0.1", "service": ".+",
    "key": ".+",
}  # fmt: skip
"""What Grafana puts in for the variables when nothing is chosen."""
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|([A-Za-z_]\w*))")
"""Not ``$1``, which is a group of ``label_replace``."""
_LABEL_VALUES: Final = re.compile(r"label_values\((.+), (\w+)\)")
_QUERY_RESULT: Final = re.compile(r"query_result\((.+)\)")


class PackQuery(msgspec.Struct, frozen=True):
    """One query: where it stands, what for, and its PromQL with all variables filled in."""

    place: str
    """``dashboard/panel/A``, ``dashboard/$variable``, a recorded name, an alert's name."""
    kind: Kind
    promql: str


def fill(expr: str, values: Mapping[str, str] = DEFAULTS) -> str:
    """PromQL with dashboard variables filled in. Raises :class:`KeyError` on a variable without a value."""
    return _VARIABLE.sub(lambda found: values[found[1] or found[2]], expr)


_NAME: Final = re.compile(r"[a-zA-Z_][\w:]*")


def _asked(definition: str) -> str:
    """PromQL that answers where the variable has values. Raises :class:`ValueError` where it has another form."""
    if values := _LABEL_VALUES.fullmatch(definition):
        return f"group by ({values[2]}) ({values[1]})"
    if result := _QUERY_RESULT.fullmatch(definition):
        return result[1]
    raise ValueError(f"not a query of a variable: {definition}")


def _dashboard(board: Json, values: Mapping[str, str]) -> Iterator[PackQuery]:
    uid = board["uid"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield PackQuery(f"{uid}/${variable['name']}", "variable", fill(_asked(variable["definition"]), values))
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


def uses(config: PackConfig | None = None) -> dict[str, list[PackQuery]]:
    """Panels and alerts by the metric (its OpenTelemetry name) that they read, through recording rules or not."""
    config = config or PackConfig()
    names = {
        metric.series + suffix: metric.name
        for metric in config.metrics()
        for suffix in (("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",))
    }
    read: dict[str, set[str]] = {}

    def metrics(promql: str) -> set[str]:
        words = set(_NAME.findall(promql))
        return {names[word] for word in words & names.keys()}.union(*(read[word] for word in words & read.keys()))

    for one in records.records(config):  # in the order in which they read each other
        read[one.name] = metrics(one.expr)
    found: dict[str, list[PackQuery]] = {metric.name: [] for metric in config.metrics()}
    for query in queries(config):
        if query.kind in ("panel", "alert"):
            for name in metrics(query.promql):
                found[name].append(query)
    return found
