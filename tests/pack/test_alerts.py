"""Every alert fires in its firing stories, is silent in its near misses, and notices when its rule is damaged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otel_llm.pack.alerts.alert import Alert
from tests.pack.cases import CASES
from tests.pack.promtool import ALERTS, annotated, rendered, rules, run, survivors

THRESHOLD = re.compile(r"(>=|<=|>|<) ([\d.e+-]+)(?= \*|$)")
MATCHER = re.compile(r'(\w+)=~?"([^"]+)"')


def test_every_alert_has_stories() -> None:
    assert set(CASES) == set(ALERTS)
    for key, cases in CASES.items():
        assert {case.fires for case in cases} == {True, False}, key


@pytest.mark.parametrize("key", CASES)
def test_stories(key: str, tmp_path: Path) -> None:
    """Whether it fires, with which labels, and what it then says, to the letter."""
    alert = ALERTS[key]
    result = run(alert, CASES[key], annotated(alert), tmp_path, texts=rendered(alert))
    assert result.returncode == 0, result.stdout + result.stderr


def mutants(alert: Alert) -> dict[str, str]:
    """Damaged expressions by what was done: a guard dropped, a threshold moved, a matcher changed."""
    clauses = [alert.when, *alert.guards]
    found: dict[str, str] = {}
    for index in range(1, len(clauses)):
        found[f"without: {clauses[index]}"] = "\n".join(clauses[:index] + clauses[index + 1 :])
    for index, clause in enumerate(clauses):
        for match in THRESHOLD.finditer(clause):
            for change in _moved(match[1], float(match[2])):
                damaged = clause[: match.start()] + change + clause[match.end() :]
                found[f"{match[0]} -> {change} in: {clause}"] = "\n".join(
                    [*clauses[:index], damaged, *clauses[index + 1 :]]
                )
    for match in MATCHER.finditer(alert.expr):
        for change in (f'{match[1]}="nothing"', f'{match[1]}=~".+"'):
            found[f"{match[0]} -> {change}"] = alert.expr.replace(match[0], change)
    return found


CLASSES = "provider|overloaded|timeout|network|rate_limit|quota"
DAMAGE = [
    ("OtelLLMErrorBudgetBurn-1h-5m", CLASSES, f"{CLASSES}|auth"),
    ("OtelLLMErrorBudgetBurn-1h-5m", CLASSES, CLASSES.removesuffix("|quota")),
    ("OtelLLMErrorBudgetBurn-1h-5m", CLASSES, ".+"),
    ("OtelLLMCacheHitDrop", '"input.*"', '".*"'),
    ("OtelLLMCacheHitDrop", "offset 1d", "offset 1h"),
    ("OtelLLMTelemetryAbsent", "[15m]", "[5m]"),
    ("OtelLLMTelemetryAbsent", "[15m]", "[60m]"),
    ("OtelLLMTelemetryAbsent", "[1d]", "[1h]"),
    ("OtelLLMTelemetryAbsent", "[1d]", "[4d]"),
    ("OtelLLMStuckStreams", "5m", "0m"),
    ("OtelLLMTruncationSpike", "[1h]", "[10m]"),
    ("OtelLLMQuotaExhausted", "[10m]", "[2m]"),
    ("OtelLLMBudgetForecastExceeded", "* 4 ", "* 5 "),
    ("OtelLLMBudgetForecastExceeded", "* 4 ", "* 3 "),
    ("OtelLLMBudgetForecastExceeded", "[6h]", "[2h]"),
    ("OtelLLMBudgetExceeded", "[1d]", "[1h]"),
    ("OtelLLMBudgetExceeded", "max by", "sum by"),
    ("OtelLLMMonthlyBudgetForecastExceeded", "/ 7 * 30.4", "/ 3 * 30.4"),
    ("OtelLLMMonthlyBudgetForecastExceeded", "/ 7 * 30.4", "/ 7 * 20"),
    ("OtelLLMMonthlyBudgetForecastExceeded", "[7d]", "[1d]"),
    ("OtelLLMAttributionSpike", "/ 24", "/ 8"),
    ("OtelLLMAttributionSpike", "/ 24", "/ 72"),
    ("OtelLLMAttributionSpike", "[1d]", "[2h]"),
]
"""Alert, a text of its rule or of a recording rule that it reads, and what it is damaged to."""


@pytest.mark.parametrize(("key", "old", "new"), DAMAGE)
def test_damage_to_what_is_read_is_noticed(key: str, old: str, new: str, tmp_path: Path) -> None:
    alert = ALERTS[key]
    damaged = [{name: text.replace(old, new) if name in ("expr", "for") else text for name, text in rule.items()}
               for rule in rules(alert)]  # fmt: skip
    assert damaged != rules(alert)
    assert run(alert, CASES[key], damaged, tmp_path).returncode != 0


def _moved(sign: str, value: float) -> list[str]:
    if value:
        return [f"{sign} {value * 3:g}", f"{sign} {value / 3:g}"]
    return [">= 0", "> 1e9"]


SELDOM = {
    "OtelLLMLatencyRegression": 60, "OtelLLMFirstTokenRegression": 60, "OtelLLMTokensPerCallBloat": 60,
    "OtelLLMTrafficDrop": 60, "OtelLLMAttributionSpike": 30, "OtelLLMMonthlyBudgetForecastExceeded": 480,
    "OtelLLMTelemetryAbsent": 10,
}  # fmt: skip
"""Minutes between evaluations of stories over days or weeks, in which each damage would else take its time. They end as
they do with all evaluations: what is not damaged has to survive."""
UNDAMAGED = "nothing"


@pytest.mark.parametrize("key", CASES)
def test_damage_is_noticed(key: str, tmp_path: Path) -> None:
    alert = ALERTS[key]
    damaged = {UNDAMAGED: alert.expr, **mutants(alert)}
    assert survivors(alert, CASES[key], damaged, tmp_path, SELDOM.get(key, 0)) == [UNDAMAGED]


def test_what_is_not_damaged_survives(tmp_path: Path) -> None:
    """Or the test above would pass whatever promtool says."""
    alert = ALERTS["OtelLLMQuotaExhausted"]
    damaged = {"nothing": alert.expr, "never": "vector(1) > 2", "the same": f"({alert.expr})"}
    assert survivors(alert, CASES[alert.key], damaged, tmp_path) == ["nothing", "the same"]
