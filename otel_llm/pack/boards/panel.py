"""Panels as plain dictionaries in Grafana's JSON model, schema 39 (Grafana 10.4 and later read it).

Only core panel types. A panel has no id and no place yet: :mod:`otel_llm.pack.boards.board` gives it both.
"""

from __future__ import annotations

import re
from string import ascii_uppercase
from typing import Any, Final

import msgspec

Json = dict[str, Any]

DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}

# Okabe and Ito's palette, which colour-blind people tell apart (Color Universal Design, 2008).
BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
ORANGE: Final = "#E69F00"
RED: Final = "#D55E00"
PINK: Final = "#CC79A7"
GREY: Final = "#8E8E8E"
# And three that can still be told from them, by lightness.
WINE: Final = "#902040"
SAND: Final = "#FFD9A0"
STONE: Final = "#656565"

REFS: Final = ascii_uppercase
"""Names of a panel's queries, in order."""
DASHES: Final[Json] = {"fill": "dash", "dash": [14, 5]}
FAINT: Final = 8
WEEK_AGO: Final = "a week ago"
"""Ending of a legend that is drawn dashed and grey."""
NO_CALLS: Final = "no calls"
NO_PRICE: Final = "no price"

Steps = tuple[tuple[float | None, str], ...]
PLAIN: Final[Steps] = ((None, "text"),)
"""A figure that is neither good nor bad: the theme's own text colour, on dark and on light."""


class Query(msgspec.Struct, frozen=True):
    """One query of a panel."""

    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False
    heatmap: bool = False
    exemplar: bool = False
    minor: bool = False
    """Its lines are dashed."""

    def target(self, ref: str, datasource: Json = DATASOURCE) -> Json:
        """Grafana's form."""
        form = "table" if self.table else "heatmap" if self.heatmap else "time_series"
        return {
            "refId": ref, "datasource": datasource, "editorMode": "code", "expr": self.expr, "format": form,
            "instant": self.instant, "range": not self.instant, "legendFormat": self.legend or "__auto",
            "exemplar": self.exemplar,
        }  # fmt: skip


def now(expr: str) -> Query:
    """A query for one value, now."""
    return Query(expr, instant=True)


def column(expr: str) -> Query:
    """A query for a column of a table."""
    return Query(expr, instant=True, table=True)


def link(title: str, url: str) -> Json:
    """A data link."""
    return {"title": title, "url": url, "targetBlank": False}


def override(name: str, **properties: object) -> Json:
    """Properties of the series or column of this name; ``__`` in a property stands for a dot."""
    return _override("byName", name, properties)


def override_matching(pattern: str, **properties: object) -> Json:
    """The same for names that match a regular expression."""
    return _override("byRegexp", f"/{pattern}/", properties)


def _override_minor(queries: tuple[Query, ...], *, filled: bool) -> list[Json]:
    """Dashes, and a fainter fill where there is one, for queries of minor lines."""
    look: Json = {"custom.lineStyle": DASHES, **({"custom.fillOpacity": FAINT} if filled else {})}
    return [_override("byFrameRefID", REFS[index], look) for index, query in enumerate(queries) if query.minor]


def _override(matcher: str, options: str, properties: dict[str, object]) -> Json:
    chosen = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": matcher, "options": options}, "properties": chosen}


def fixed(color: str) -> Json:
    """A colour that does not depend on the order of series."""
    return {"mode": "fixed", "fixedColor": color}


def _steps(steps: Steps) -> Json:
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def _panel(kind: str, title: str, help_: str, queries: tuple[Query, ...], defaults: Json) -> Json:
    return {
        "type": kind, "title": title, "description": help_, "datasource": DATASOURCE,
        "targets": [query.target(ref) for ref, query in zip(REFS, queries, strict=False)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }  # fmt: skip


def stat(
    title: str, help_: str, query: Query, *, unit: str, steps: Steps = PLAIN, decimals: int | None = None,
    none: str = NO_CALLS, links: tuple[Json, ...] = (), spark: bool = True, zero: str = "",
) -> Json:  # fmt: skip
    """One number; with a spark line where the query is a range. ``zero`` is shown instead of 0."""
    defaults: Json = {
        "unit": unit, "noValue": none, "color": {"mode": "thresholds"}, "thresholds": _steps(steps),
        "links": list(links),
    }  # fmt: skip
    if decimals is not None:
        defaults["decimals"] = decimals
    if zero:
        defaults["mappings"] = _zero(zero)
    panel = _panel("stat", title, help_, (query,), defaults)
    panel["options"] = {
        "colorMode": "value", "graphMode": "area" if spark and not query.instant else "none", "justifyMode": "center",
        "orientation": "auto", "textMode": "value", "wideLayout": False,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }  # fmt: skip
    return panel


def gauge(
    title: str, help_: str, query: Query, *, unit: str, steps: Steps, top: float, none: str,
    links: tuple[Json, ...] = (),
) -> Json:  # fmt: skip
    """One number on a scale from 0 to ``top``."""
    defaults: Json = {
        "unit": unit, "min": 0, "max": top, "noValue": none, "color": {"mode": "thresholds"},
        "thresholds": _steps(steps), "links": list(links),
    }  # fmt: skip
    panel = _panel("gauge", title, help_, (query,), defaults)
    panel["options"] = {
        "orientation": "auto", "showThresholdLabels": False, "showThresholdMarkers": True,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }  # fmt: skip
    return panel


def series(
    title: str, help_: str, *queries: Query, unit: str, stack: bool = False, limits: Steps = (),
    colors: dict[str, str] | None = None, links: tuple[Json, ...] = (), top: float | None = None,
    none: str = NO_CALLS, low: float | None = 0, bars: bool = False, side: bool = False, whole: bool = False,
    soft: tuple[float, float] | None = None, dotted: str = "",
    others: bool = False,
) -> Json:  # fmt: skip
    """Lines over time.

    ``limits`` draws dashed lines; a legend that ends with :data:`WEEK_AGO` is dashed grey; ``dotted`` is the legend of
    a forecast. ``side`` puts the legend to the right; ``whole``: only whole numbers; ``soft`` is what the axis shows
    at least. Lines whose names are open (models, jobs) have Grafana's colours: they come from
    :mod:`otel_llm.pack.boards.ranked`, and their legend says each one's last value, so that a line is also found by its
    height. ``others``: names that ``colors`` lacks are dashed.
    """
    custom: Json = {
        "drawStyle": "bars" if bars else "line", "lineWidth": 1, "fillOpacity": 60 if bars else 25 if stack else 0,
        "gradientMode": "none", "showPoints": "never", "spanNulls": False,
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
    }  # fmt: skip
    defaults: Json = {
        "unit": unit, "noValue": none, "custom": custom, "color": {"mode": "palette-classic"},
        "thresholds": _steps(((None, "transparent"), *limits) if limits else PLAIN), "links": list(links),
    }  # fmt: skip
    if low is not None:
        defaults["min"] = low
    if top is not None:
        defaults["max"] = top
    if whole:
        defaults["decimals"] = 0
    if soft:
        custom["axisSoftMin"], custom["axisSoftMax"] = soft
    panel = _panel("timeseries", title, help_, queries, defaults)
    many = any(query.legend.endswith(WEEK_AGO) and "{{" in query.legend for query in queries)
    past = override_matching(
        f"{WEEK_AGO}$", color=fixed(GREY), custom__lineStyle={"fill": "dash", "dash": [6, 6]}, custom__fillOpacity=0,
        custom__stacking={"mode": "none", "group": "B"},
        custom__hideFrom={"legend": many, "tooltip": False, "viz": False},
    )  # fmt: skip
    named = [override(name, color=fixed(color)) for name, color in (colors or {}).items()]
    ago = [past] if any(query.legend.endswith(WEEK_AGO) for query in queries) else []
    ahead = [override(dotted, custom__lineStyle={"fill": "dot", "dash": [2, 6]})] if dotted else []
    known = "|".join(map(re.escape, colors or {}))
    rest = [override_matching(f"^(?!(?:{known})$)", custom__lineStyle=DASHES)] if others else []
    panel["fieldConfig"]["overrides"] = [*_override_minor(queries, filled=stack or bars), *rest, *named, *ago, *ahead]
    values = ["lastNotNull"] if _open_names(queries, colors or {}) else []
    panel["options"] = {
        "legend": {"displayMode": "table" if side else "list", "placement": "right" if side else "bottom",
                   "showLegend": True, "calcs": values, "sortBy": "Last *", "sortDesc": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }  # fmt: skip
    return panel


def _open_names(queries: tuple[Query, ...], colors: dict[str, str]) -> bool:
    """Whether there are lines whose colour is not settled here."""
    return not colors and any("{{" in query.legend for query in queries)


def heatmap(title: str, help_: str, query: Query, *, unit: str, none: str = NO_CALLS) -> Json:
    """Counts per bucket over time."""
    panel = _panel("heatmap", title, help_, (query,), {"noValue": none, "custom": {"hideFrom": {
        "legend": False, "tooltip": False, "viz": False}}})  # fmt: skip
    panel["maxDataPoints"] = 120  # cells wide enough to be told apart
    panel["options"] = {
        "calculate": False, "cellGap": 1, "cellValues": {"unit": "short", "decimals": 0},
        "color": {"mode": "scheme", "scheme": "Cividis", "steps": 64, "exponent": 0.5, "fill": "dark-orange",
                  "reverse": False, "scale": "exponential"},
        "exemplars": {"color": RED}, "filterValues": {"le": 1e-9}, "legend": {"show": True},
        "rowsFrame": {"layout": "auto"}, "showValue": "never", "tooltip": {"mode": "single", "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }  # fmt: skip
    return panel


WIDTHS: Final = {"Job": 160, "Provider": 110, "Model": 190, "Asked": 220}
"""Of key columns, in pixels; the others share the rest."""


class Column(msgspec.Struct, frozen=True):
    """One column of a table."""

    title: str
    expr: str
    unit: str = "short"
    decimals: int | None = None
    bar: str = ""
    """Colour of a bar in the cell; none where empty."""
    steps: Steps = ()
    """Colours of the figure by its size."""


def table(
    title: str, help_: str, keys: dict[str, str], columns: tuple[Column, ...], *, links: tuple[Json, ...] = (),
    none: str = NO_CALLS,
) -> Json:  # fmt: skip
    """One row per set of key labels; sorted by the first column, the largest on top."""
    panel = _panel("table", title, help_, tuple(column(one.expr) for one in columns), {
        "noValue": none, "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "minWidth": 70},
        "thresholds": _steps(PLAIN), "color": {"mode": "thresholds"}, "links": [],
    })  # fmt: skip
    single = len(columns) == 1
    names = ["Value"] if single else [f"Value #{target['refId']}" for target in panel["targets"]]
    order = {**{key: index for index, key in enumerate(keys)},
             **{name: len(keys) + index for index, name in enumerate(names)}}  # fmt: skip
    shown = dict(zip(names, (one.title for one in columns), strict=True))
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": order,
                                       "renameByName": {**keys, **shown}}},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": columns[0].title, "desc": True}]}},
    ]  # fmt: skip
    overrides = [_cell(one) for one in columns]
    overrides += [override(shown_as, custom__width=width) for shown_as, width in WIDTHS.items()
                  if shown_as in keys.values()]  # fmt: skip
    if links:
        overrides.append(override(list(keys.values())[-1], links=list(links)))
    panel["fieldConfig"]["overrides"] = overrides
    panel["options"] = {
        "showHeader": True,
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "fields": ""},
    }
    return panel


def _zero(text_: str) -> list[Json]:
    return [{"type": "value", "options": {"0": {"index": 0, "text": text_}}}]


def _cell(one: Column) -> Json:
    properties: dict[str, object] = {"unit": one.unit}
    if one.unit == "currencyUSD":  # calls that cost nothing are free or, mostly, unpriced: $0.00 would hide that
        properties["mappings"] = _zero(NO_PRICE)
    if one.decimals is not None:
        properties["decimals"] = one.decimals
    if one.bar:
        properties["custom.cellOptions"] = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
        properties["color"] = fixed(one.bar)
        properties["min"] = 0
        if one.unit == "percentunit":
            properties["max"] = 1
        else:
            properties["fieldMinMax"] = True  # else one scale for dollars and tokens
    if one.steps:
        properties["custom.cellOptions"] = {"type": "color-text"}
        properties["thresholds"] = _steps(one.steps)
    return override(one.title, **properties)


def text(title: str, help_: str, markdown: str) -> Json:
    """A note."""
    return {
        "type": "text", "title": title, "description": help_, "datasource": DATASOURCE, "targets": [],
        "options": {"mode": "markdown", "content": markdown}, "fieldConfig": {"defaults": {}, "overrides": []},
    }  # fmt: skip
