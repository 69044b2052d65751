"""The dashboards as documents: layout, ids, texts, units, links, and what survives into links."""

from __future__ import annotations

import re
from typing import Any

import promql_parser
import pytest

from otel_llm import catalog
from otel_llm.pack import PackConfig, configure
from otel_llm.pack.alerts import alerts
from otel_llm.pack.alerts.alert import VARIABLES, Alert
from otel_llm.pack.boards import dashboards
from otel_llm.pack.boards.board import IDS_PER_ROW
from otel_llm.pack.inventory import fill, queries, uses

Json = dict[str, Any]
BOARDS = dashboards(PackConfig())
CORE = {"row", "stat", "gauge", "timeseries", "table", "heatmap", "bargauge", "text", "logs"}
UNITS = {"reqps", "percentunit", "s", "currencyUSD", "short", "none", "locale", "suffix:s"}
ACTION = re.compile(
    r"\w: \w|\b(look|check|see|open|click|search|compare|fail over|roll back|update|give|stop|cut|agree|ask|find)\b",
    re.IGNORECASE,
)
"""A description says what it shows, and then ``sign: what it means`` or what to do."""
THRESHOLD_NOTE = re.compile(r"Lines?: [^.]*\.")
LINK = re.compile(r"/d/(otel-llm-[a-z]+)\?")
FIELD = re.compile(r"\$\{__field\.labels\.(\w+)\}")


def panels(board: Json) -> list[Json]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


EVERY = [pytest.param(board, panel, id=f"{key}-{panel['title']}") for key, board in BOARDS.items()
         for panel in panels(board)]  # fmt: skip


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_layout(board: Json) -> None:
    """No overlap, nothing off the grid, unique ids, rows full to the right edge."""
    taken: dict[tuple[int, int], str] = {}
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken.get((x, y))}"
                taken[x, y] = panel["title"]
    height = max(y for _, y in taken) + 1
    assert len(taken) == 24 * height, "a hole in the grid"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert max(ids) < IDS_PER_ROW * (len(ids) + 1)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_head(board: Json) -> None:
    assert board["schemaVersion"] == 39
    assert "__inputs" not in board
    assert len(board["uid"]) <= 40
    names = [variable["name"] for variable in board["templating"]["list"]]
    assert names[:4] == ["datasource", "job", "provider", "model"]
    assert board["links"][0]["keepTime"]
    assert board["links"][0]["includeVars"]
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles), "a title is the address that runbooks use"


@pytest.mark.parametrize(("board", "panel"), EVERY)
def test_panel(board: Json, panel: Json) -> None:
    assert panel["type"] in CORE
    assert panel["title"]
    assert panel["description"].endswith("."), "what it says and what to do"
    assert ACTION.search(THRESHOLD_NOTE.sub("", panel["description"])), "what to conclude from it, or what to do"
    if panel["type"] in ("stat", "gauge") and panel["gridPos"]["w"] <= 4:
        assert len(panel["title"]) <= 24
    refs = [target["refId"] for target in panel["targets"]]
    assert len(set(refs)) == len(refs)
    assert panel["datasource"]["uid"].startswith("${"), "never a fixed data source"
    if panel["type"] == "text":
        return
    assert panel["fieldConfig"]["defaults"]["noValue"], "a reason instead of 'No data'"
    if panel["datasource"]["type"] == "prometheus":
        assert _units(panel) <= UNITS
        assert _units(panel)


def _units(panel: Json) -> set[str]:
    if panel["type"] == "heatmap":
        return {panel["options"]["yAxis"]["unit"]}
    if panel["type"] == "table":
        return {one["value"] for override in panel["fieldConfig"]["overrides"] for one in override["properties"]
                if one["id"] == "unit"}  # fmt: skip
    return {panel["fieldConfig"]["defaults"]["unit"]}


def _links(panel: Json) -> list[str]:
    config = panel["fieldConfig"]
    found = [*config["defaults"].get("links", [])]
    for override in config["overrides"]:
        found += [link for one in override["properties"] if one["id"] == "links" for link in one["value"]]
    return [link["url"] for link in found]


@pytest.mark.parametrize(("board", "panel"), EVERY)
def test_links(board: Json, panel: Json) -> None:
    """Links lead to dashboards of ours, keep the time, and use only labels that the panel's queries still have."""
    for url in _links(panel):
        assert LINK.match(url), url
        assert LINK.match(url)[1] in {one["uid"] for one in BOARDS.values()}
        assert "${__url_time_range}" in url
        for label in FIELD.findall(url):
            now = [target["expr"] for target in panel["targets"] if " offset " not in target["expr"]]
            assert all(re.search(rf"by \([^)]*\b{label}\b", expr) for expr in now), (
                f"{label} is gone in {panel['title']}"
            )


@pytest.mark.parametrize(("board", "panel"), EVERY)
def test_links_keep_what_was_not_clicked(board: Json, panel: Json) -> None:
    """The data source and each of the common variables go along: as they are, or as the value that was clicked.

    Grafana encodes what ``:queryparam`` and ``${__field...}`` put in; nothing else of the reader's stands in a link.
    """
    for url in _links(panel):
        query = url.partition("?")[2].split("&")
        assert "${datasource:queryparam}" in query
        for name in ("job", "provider", "model"):
            kept = [part for part in query if part == f"${{{name}:queryparam}}" or part.startswith(f"var-{name}=${{__")]
            assert len(kept) == 1, f"{name} in {url}"
        assert len(query) == 5, url


@pytest.mark.parametrize(("board", "panel"), EVERY)
def test_thresholds_mean_something(board: Json, panel: Json) -> None:
    """Not Grafana's untouched red at 80, and colours of ours or the theme's text."""
    for step in panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", ()):
        assert step["value"] != 80
        assert step["color"].startswith("#") or step["color"] in ("text", "transparent")
    for color in re.findall(r"'fixedColor': '([^']*)'", str(panel["fieldConfig"])):
        assert color.startswith("#")


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_annotations(board: Json) -> None:
    """Alerts and deploys, of the chosen jobs, on every dashboard and switched on."""
    notes = {note["name"]: note for note in board["annotations"]["list"]}
    assert set(notes) == {"Critical alerts", "Warnings", "Deploys"}
    for note in notes.values():
        assert note["enable"]
        assert '"$job"' in note["expr"]
        assert note["datasource"]["uid"] == "${datasource}"


ALWAYS = {"Critical alerts": {"alertname", "job"}, "Warnings": {"alertname", "job"},
          "Deploys": {"job", "service_version"}}  # fmt: skip
"""Labels that every series of an annotation has: of all alerts, and by the matcher of deploys."""


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_annotations_write_labels_that_are_there(board: Json) -> None:
    """Grafana writes ``gen_ai_request_model`` for ``{{gen_ai_request_model}}`` of a series without that label; of tags
    it leaves out those that are missing."""
    assert all("job" in alert.labels for alert in alerts(PackConfig()))
    for note in board["annotations"]["list"]:
        assert set(re.findall(r"{{(\w+)}}", note["titleFormat"] + note["textFormat"])) <= ALWAYS[note["name"]]
        known = {label for alert in alerts(PackConfig()) for label in alert.labels}
        assert {tag for tag in note["tagKeys"].split(",") if tag} <= known


@pytest.mark.parametrize("panel", panels(BOARDS["traces"]), ids=lambda panel: panel["title"])
def test_traces_follow_the_variables(panel: Json) -> None:
    """A choice above the dashboard narrows every list on it; a log line knows its service, and no model."""
    (target,) = panel["targets"]
    used = set(re.findall(r"\$\{?(\w+)", target.get("query") or target["expr"]))
    assert used >= ({"service"} if panel["type"] == "logs" else {"service", "provider", "model"})
    known = {variable["name"]: variable for variable in BOARDS["traces"]["templating"]["list"]}
    assert used <= set(known)
    assert "$job" in known["service"]["definition"]
    assert known["service"]["allValue"] is None, "All is all of the chosen jobs, and not every service there is"


def test_every_dashboard_is_reached_by_a_link() -> None:
    reached = {LINK.match(url)[1] for board in BOARDS.values() for panel in panels(board) for url in _links(panel)}
    # Every other one is reached by the dropdown; these are where a person on call goes first.
    assert {"otel-llm-errors", "otel-llm-latency", "otel-llm-cost", "otel-llm-slo", "otel-llm-traces"} <= reached


@pytest.mark.parametrize("query", list(queries()), ids=lambda query: query.place)
def test_promql(query: Any) -> None:
    """Parses by today's grammar; no function that 2.42 lacks or that 3.x dropped; known metrics and labels only."""
    parsed = promql_parser.parse(query.promql)
    assert parsed is not None
    assert not re.search(r"\b(info|limitk|limit_ratio|holt_winters|sort_by_label|mad_over_time)\(", query.promql)
    assert not re.search(r"service_name *[=!)]", query.promql), "only job is there over OTLP and over a scrape"
    assert not re.search(r'le="', query.promql), "one spelling of le"
    known = {PackConfig().metric_name(metric) for metric in catalog.METRICS}
    for name in re.findall(r"\b((?:otel_llm|gen_ai_client)_\w+)", re.sub(r"[\w]+:[\w]+:[\w]+", "", query.promql)):
        base = re.sub(r"_(bucket|count|sum)$", "", name)
        labels = {catalog.label_name(label) for metric in catalog.METRICS for label in metric.labels}
        assert base in known or name in labels, f"{name} is not in the catalogue"


@pytest.mark.parametrize(
    "query", [query for query in queries() if query.kind == "panel"], ids=lambda query: query.place
)
def test_rates_follow_the_step(query: Any) -> None:
    """rate over a window that is chosen by Grafana or by meaning, never a habit like [5m] on a panel."""
    raw = re.findall(r"rate\([^[]*\[(\w+)]", query.promql)
    assert set(raw) <= {"1m", "1h", "1d"}, "1m is what $__rate_interval was filled with, 1h the range"


def test_exemplars_lead_to_traces() -> None:
    exemplary = [panel["title"] for board in BOARDS.values() for panel in panels(board)
                 for target in panel["targets"] if target.get("exemplar")]  # fmt: skip
    assert {"Duration", "First chunk", "p95 duration by model", "Calls by duration"} <= set(exemplary)


def test_week_ago_overlays() -> None:
    past = [panel["title"] for board in BOARDS.values() for panel in panels(board)
            for target in panel["targets"] if " offset 1w" in target.get("expr", "")]  # fmt: skip
    assert {"Calls by model", "Duration", "First chunk", "Spend of 24 hours", "Tokens per call by type"} <= set(past)


def test_variables_are_filled() -> None:
    assert fill('a{job=~"$job"}[$__range] ${top:raw}') == 'a{job=~".+"}[1h] 10'
    with pytest.raises(KeyError):
        fill("$unknown")


def test_settings_change_dashboards() -> None:
    steps = [
        panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        for panel in panels(dashboards(configure(["slo=0.995"]))["overview"])
        if panel["title"] == "SLO error ratio"
    ]
    assert steps[0][1]["value"] == 0.005


def test_main_names() -> None:
    """The unreleased names of the conventions, by setting."""
    text = str(dashboards(configure(["semconv=main"])))
    assert "gen_ai_client_inference_duration_seconds_bucket" in text
    assert "gen_ai_client_operation_duration_seconds_bucket" not in text


@pytest.mark.parametrize("alert", alerts(PackConfig()), ids=lambda alert: alert.key)
def test_alert_variables_exist(alert: Alert) -> None:
    """Each variable that an alert's link sets is one of the dashboard that it leads to."""
    known = {variable["name"] for variable in BOARDS[alert.board]["templating"]["list"]}
    assert {VARIABLES[label] for label in alert.labels if label in VARIABLES} <= known


NO_PANEL: dict[str, str] = {}
NO_ALERT = {
    catalog.RETRY_WAIT.name: "grows with the retries: RetryStorm",
    catalog.TRUNCATED_COST.name: "dollars of what TruncationSpike counts",
    catalog.DUPLICATE_CALLS.name: "calls of which DuplicateCallWaste counts the dollars",
    catalog.CACHE_SAVINGS.name: "dollars of the share that CacheHitDrop watches",
    catalog.ATTRIBUTED_CALLS.name: "calls of which AttributionSpike counts the dollars",
    catalog.ATTRIBUTED_TOKENS.name: "tokens of which AttributionSpike counts the dollars",
    catalog.INFLIGHT.name: "grows with traffic; calls that do not end are StuckStreams",
}
"""Metrics of ours that no alert reads, and why."""


@pytest.mark.parametrize(
    "metric", [one for one in catalog.METRICS if one.name.startswith("otel_llm.")], ids=lambda metric: metric.name
)
def test_every_fact_stands_in_a_panel_and_an_alert(metric: catalog.Metric) -> None:
    kinds = {query.kind for query in uses()[metric.name]}
    assert ("panel" in kinds) != (metric.name in NO_PANEL)
    assert ("alert" in kinds) != (metric.name in NO_ALERT)


def test_excuses_name_an_alert() -> None:
    names = {alert.name for alert in alerts(PackConfig())}
    for reason in NO_ALERT.values():
        assert names & set(re.findall(r"\w+", reason)), reason
