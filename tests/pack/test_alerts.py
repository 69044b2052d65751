"""Every alert fires in its firing stories, is silent in its near misses, and notices when its rule is damaged."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from otel_llm.pack.alerts.alert import Alert
from tests.pack.cases import CASES
from tests.pack.promtool import ALERTS, rules, run

THRESHOLD = re.compile(r"(>=|<=|>|<) ([\d.e+-]+)(?= \*|$)")
MATCHER = re.compile(r'(\w+)=~?"([^"]+)"')


def test_every_alert_has_stories() -> None:
    assert set(CASES) == set(ALERTS)
    for key, cases in CASES.items():
        assert {case.fires for case in cases} == {True, False}, key


@pytest.mark.parametrize("key", CASES)
def test_stories(key: str, tmp_path: Path) -> None:
    alert = ALERTS[key]
    result = run(alert, CASES[key], rules(alert), tmp_path)
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


@pytest.mark.parametrize("classes", [f"{CLASSES}|auth", CLASSES.removesuffix("|quota"), ".+"])
def test_damage_to_what_counts_is_noticed(classes: str, tmp_path: Path) -> None:
    """The error classes of the SLO, which stand in a recording rule."""
    alert = ALERTS["OtelLLMErrorBudgetBurn-1h-5m"]
    damaged = [{**rule, "expr": rule["expr"].replace(CLASSES, classes)} for rule in rules(alert)]
    assert damaged != rules(alert)
    assert run(alert, CASES[alert.key], damaged, tmp_path).returncode != 0


def _moved(sign: str, value: float) -> list[str]:
    if value:
        return [f"{sign} {value * 3:g}", f"{sign} {value / 3:g}"]
    return [">= 0", "> 1e9"]


@pytest.mark.slow
@pytest.mark.parametrize("key", CASES)
def test_damage_is_noticed(key: str, tmp_path: Path) -> None:
    alert = ALERTS[key]
    damaged = mutants(alert)

    def survives(item: tuple[int, str]) -> bool:
        number, expr = item
        return run(alert, CASES[key], rules(alert, expr), tmp_path / str(number)).returncode == 0

    with ThreadPoolExecutor(2) as pool:
        alive = pool.map(survives, enumerate(damaged.values()))
    assert [what for what, still in zip(damaged, alive, strict=True) if still] == []
