"""The rules as documents: names, texts, links, guards, and formats."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from otel_llm.pack import PackConfig, configure, records
from otel_llm.pack.alertmanager import CAUSES
from otel_llm.pack.alerts.alert import PREFIX, VARIABLES, Alert
from otel_llm.pack.boards import dashboards
from otel_llm.pack.boards.board import panel_id
from otel_llm.pack.documents import yaml_text
from otel_llm.pack.rules import accelerate, alert_groups, recording_groups
from tests.pack.promtool import ALERTS

BOARDS = dashboards(PackConfig())
RULES = {(rule["alert"], tuple(rule["labels"].items())): rule
         for group in alert_groups(PackConfig()) for rule in group["rules"]}  # fmt: skip
USED = re.compile(r"\$labels\.(\w+)")
GUARDED = re.compile(r">= [\d.]+$")
UNGUARDED = {
    "QuotaExhausted": "one refused call is real",
    "StuckStreams": "age, not a share",
    "CostSpike": "a floor in dollars", "DuplicateCallWaste": "a floor in dollars",
    "RetryWaste": "a floor in dollars", "AttributionSpike": "a floor in dollars",
    "PriceTableStale": "age, not a share",
    "BudgetForecastExceeded": "a budget in dollars", "BudgetExceeded": "a budget in dollars",
    "MonthlyBudgetForecastExceeded": "a budget in dollars",
    "UnpricedModel": "any is wrong", "TelemetryAbsent": "nothing is the point",
    "TelemetryDropping": "any that goes on is wrong", "SeriesOverflow": "any is wrong",
}  # fmt: skip


def _rule(alert: Alert) -> dict[str, dict[str, str]]:
    return next(rule for (name, labels), rule in RULES.items()
                if name == alert.full_name and set(alert.extra.items()) <= set(labels))  # fmt: skip


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_texts_use_labels_that_survive(alert: Alert) -> None:
    """Every $labels.x in a text or link is a label that the alert is said to keep; the stories prove that it does."""
    rule = _rule(alert)
    for text in rule["annotations"].values():
        assert set(USED.findall(text)) <= set(alert.labels), text
    assert "" not in alert.labels


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_link_narrows_by_known_variables(alert: Alert) -> None:
    """The link sets each variable that the alert has a label for and none that it has not: empty would show nothing."""
    address = urlsplit(_rule(alert)["annotations"]["dashboard_url"])
    asked = parse_qs(address.query)
    variables = {name.removeprefix("var-") for name in asked if name.startswith("var-")}
    assert variables == {VARIABLES[label] for label in alert.labels if label in VARIABLES}
    board = BOARDS[alert.board]
    assert address.path == f"/d/{board['uid']}"
    assert asked["viewPanel"] == [str(panel_id(board, alert.panel))]


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_runbook(alert: Alert) -> None:
    """Three looks, at least one panel and one query; panels exist."""
    looks = alert.runbook.looks
    assert len(looks) == 3
    for look in looks:
        assert bool(look.query) != bool(look.board), "a query or a panel"
        if look.board:
            panel_id(BOARDS[look.board], look.panel)
    assert any(look.board for look in looks)
    assert any(look.query for look in looks)
    assert alert.runbook.mitigate


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_guard(alert: Alert) -> None:
    """A least amount of traffic, or a stated reason for none."""
    guarded = any(GUARDED.search(guard) for guard in alert.guards)
    assert guarded != (alert.name in UNGUARDED), alert.name
    assert alert.severity in ("critical", "warning", "info")


def test_runbook_files_are_there() -> None:
    folder = Path(__file__).parents[2] / "dashboards"
    for rule in RULES.values():
        assert (folder / rule["annotations"]["runbook_url"]).is_file()


def test_recorded_names() -> None:
    """level:metric:operation, unique, and read only after they are written where the pace is the same."""
    seen: list[str] = []
    for one in records.records(PackConfig()):
        assert re.fullmatch(r"[a-z_]+:[A-Za-z_]+:[a-z0-9_]+", one.name)
        assert one.name not in seen
        seen.append(one.name)
        for read in re.findall(r"[a-z_]+:[A-Za-z_]+:[a-z0-9_]+", one.expr):
            assert read in seen, f"{one.name} reads {read} before it is written"


LOOKBACK = 300
"""Seconds after which Prometheus holds a series for ended (``--query.lookback-delta``)."""


@pytest.mark.parametrize("group", recording_groups(PackConfig()), ids=lambda group: group["name"])
def test_no_hole_between_two_samples(group: dict[str, str]) -> None:
    """An evaluation may come late, or once not at all: the series is still there, and ``for`` goes on."""
    number, unit = int(group["interval"][:-1]), group["interval"][-1]
    assert 2 * number * {"s": 1, "m": 60}[unit] <= LOOKBACK


OTHERS = ["slo=0.999", "budget.day=50", "budget.month=1000", r"traffic.ignore_jobs=batch-\d+/.*|a[(]b"]


@pytest.mark.parametrize("settings", [[], OTHERS, ["semconv=main"]])
def test_promtool_accepts(settings: list[str], tmp_path: Path) -> None:
    """Whole files by the oldest Prometheus, templates included, as they are and accelerated."""
    config = configure(settings)
    groups = [*recording_groups(config), *alert_groups(config)]
    for name, content in {"plain": groups, "fast": accelerate(groups, 20)}.items():
        path = tmp_path / f"{name}.yml"
        path.write_text(yaml_text({"groups": content}))
        done = subprocess.run(["promtool", "check", "rules", "--lint=all", "--lint-fatal", str(path)],
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_newer_than_the_oldest_prometheus() -> None:
    for group in [*recording_groups(PackConfig()), *alert_groups(PackConfig())]:
        assert set(group) == {"name", "interval", "rules"}


def test_accelerated_windows() -> None:
    group = {"name": "g", "interval": "1m", "rules": [
        {"alert": "A", "expr": "a:b:rate5m > 2 * a:b:rate5m offset 1w and sum(rate(x[1h])) * 3600 >= 50", "for": "0m",
         "keep_firing_for": "5m", "labels": {}},
    ]}  # fmt: skip
    rule = accelerate([group], 60)[0]["rules"][0]
    assert rule["expr"] == "a:b:rate5m > 2 * a:b:rate5m offset 10080s and sum(rate(x[60s])) * 3600 >= 50"
    assert (rule["for"], rule["keep_firing_for"]) == ("0m", "5s")


def test_budget_setting_is_a_fallback() -> None:
    """A budget from the settings is there for jobs that state none."""
    budget = next(one for one in records.records(configure(["budget.day=50"])) if one.name == records.BUDGET)
    assert "or label_replace(" in budget.expr
    assert "+ 50," in budget.expr


def test_alertmanager_example(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "dashboards" / "alertmanager"
    done = subprocess.run(["amtool", "check-config", str(folder / "example.yml")], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    names = {alert.name for alert in ALERTS.values()}
    for cause, symptoms, equal in CAUSES:
        assert {cause, *symptoms} <= names
        for name in (cause, *symptoms):
            alert = ALERTS[PREFIX + name]
            assert set(equal) <= set(alert.labels), f"{name} would be held back, or not, by a label it has not"


def test_routes() -> None:
    """Critical pages, warning makes a ticket, by amtool itself."""
    path = Path(__file__).parents[2] / "dashboards" / "alertmanager" / "example.yml"
    for severity, receiver in (("critical", "llm-pager"), ("warning", "llm-tickets"), ("info", "llm-review")):
        labels = ["component=otel-llm", f"severity={severity}"]
        done = subprocess.run(["amtool", "config", "routes", "test", f"--config.file={path}", *labels],
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.stdout.strip() == receiver


def test_yaml_is_what_was_meant() -> None:
    groups = alert_groups(PackConfig())
    assert yaml.safe_load(yaml_text({"groups": groups}, "a note")) == {"groups": groups}
