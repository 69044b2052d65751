"""Alert rules under ``promtool test rules``: which rules, which series, what has to fire."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from otel_llm.pack import PackConfig, configure, records
from otel_llm.pack.alerts import alerts
from otel_llm.pack.alerts.alert import COMPONENT, Alert
from otel_llm.pack.boards import dashboards
from otel_llm.pack.rules import alert_rule

JOB, PROVIDER, MODEL = "shop/app", "openai", "m1"
REPLICAS = ("app-1:9464", "app-2:9464")
CONFIG = PackConfig()
ALERTS: dict[str, Alert] = {alert.key: alert for alert in alerts(CONFIG)}

RUNBOOKS, GRAFANA = "https://runbooks.example/llm", "https://grafana.example/sub"
LINKED = configure([f"links.runbooks={RUNBOOKS}", f"links.grafana={GRAFANA}"])
BOARDS = dashboards(LINKED)
Texts = dict[str, str]
"""Annotations by name."""
RENDERED = Path(__file__).with_name("rendered.json")
"""What the alerts say at the end of their stories, by alert and story: ``python -m tests.pack.rendered`` writes it."""

Rate = list[tuple[float, int]]
"""Growth per step, and for how many steps."""


@dataclass(frozen=True)
class Case:
    """One story: series, and whether the alert fires at its end."""

    name: str
    fires: bool
    series: dict[str, str]
    minutes: int
    step: int = 1
    """Minutes between samples and evaluations."""
    labels: dict[str, str] = field(default_factory=dict)
    """More labels that the firing alert has to carry."""


def counter(rates: Rate) -> str:
    """promtool's notation for a counter that is born at 0 and grows as told."""
    parts, total = ["0"], 0.0
    for growth, steps in rates:
        parts.append(f"{total + growth:.10g}+{growth:.10g}x{steps - 1}")
        total += growth * steps
    return " ".join(parts)


def series(name: str, labels: dict[str, str], rates: Rate) -> dict[str, str]:
    """A counter of two replicas, each with half of the growth."""
    half = [(growth / len(REPLICAS), steps) for growth, steps in rates]
    return {selector(name, labels, replica): counter(half) for replica in REPLICAS}


def gauge(name: str, labels: dict[str, str], value: float, steps: int) -> dict[str, str]:
    """A gauge that is the same on both replicas."""
    return {selector(name, labels, replica): f"{value:g}x{steps}" for replica in REPLICAS}


def selector(name: str, labels: dict[str, str], replica: str) -> str:
    """A series as promtool writes it."""
    full = {"job": JOB, "instance": replica, **labels}
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in full.items()) + "}"


def closure(expr: str) -> list[dict[str, str]]:
    """The recording rules that an expression reads, and those that they read, in order."""
    known = {one.name: one for one in records.records(CONFIG)}
    wanted: set[str] = set()
    todo = [expr]
    while todo:
        text = todo.pop()
        # Exact names: one is a prefix of another (increase1h, increase1h_mean1w).
        found = {name for name in known if re.search(re.escape(name) + r"(?![\w])", text)} - wanted
        wanted |= found
        todo += [known[name].expr for name in found]
    return [{"record": name, "expr": one.expr} for name, one in known.items() if name in wanted]


def rules(alert: Alert, expr: str | None = None) -> list[dict[str, Any]]:
    """The alert, without texts, after the recording rules it needs; ``expr`` replaces its expression."""
    labels = {"severity": alert.severity, "component": COMPONENT, **alert.extra}
    rule: dict[str, Any] = {"alert": alert.full_name, "expr": expr or alert.expr, "for": alert.hold, "labels": labels}
    return [*closure(alert.expr), rule]


def annotated(alert: Alert) -> list[dict[str, Any]]:
    """The same with texts and links."""
    *recorded, rule = rules(alert)
    return [*recorded, {**rule, "annotations": alert_rule(alert, LINKED, BOARDS)["annotations"]}]


def rendered(alert: Alert) -> dict[str, Texts]:
    """What the alert is to say at the end of each story in which it fires, by the story's name."""
    return json.loads(RENDERED.read_text())[alert.key]


def own_labels(alert: Alert, case: Case) -> dict[str, str]:
    """Labels that the firing alert has of the story's series."""
    known = {"job": JOB, "gen_ai_provider_name": PROVIDER, "gen_ai_request_model": MODEL, **case.labels}
    return {name: known[name] for name in alert.labels}


def _expected(alert: Alert, case: Case, texts: dict[str, Texts]) -> list[dict[str, Any]]:
    if not case.fires:
        return []
    found = {**own_labels(alert, case), "severity": alert.severity, "component": COMPONENT, **alert.extra}
    return [{"exp_labels": found, "exp_annotations": texts.get(case.name, {})}]


def run(
    alert: Alert, cases: list[Case], tested: list[dict[str, Any]], folder: Path, names: tuple[str, ...] = (), *,
    texts: dict[str, Texts] | None = None, every: int = 0,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Runs the cases against the rules; promtool's exit status is 0 where all hold.

    ``names``: the rules' names where they are not the alert's own; the same is expected of each. ``texts``: annotations
    by story. ``every``: minutes between evaluations where they are more than those between samples.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "tested", "rules": tested}]}, width=9999))
    files: list[str] = []
    for step in sorted({case.step for case in cases}):
        tests = [
            {
                "name": case.name,
                "interval": f"{step}m",
                "input_series": [{"series": key, "values": values} for key, values in case.series.items()],
                "alert_rule_test": [
                    {"eval_time": f"{case.minutes}m", "alertname": name,
                     "exp_alerts": _expected(alert, case, texts or {})} for name in names or (alert.full_name,)
                ],
            }
            for case in cases if case.step == step
        ]  # fmt: skip
        path = folder / f"tests-{step}m.yml"
        path.write_text(
            yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": f"{max(step, every)}m", "tests": tests})
        )
        files.append(str(path))
    return subprocess.run(["promtool", "test", "rules", *files], capture_output=True, text=True, check=False)


_NOTICED = re.compile(r"alertname: \w+?_(\d+),")
_BROKEN = re.compile(r"rule: \w+?_(\d+),")
"""A rule that cannot even be evaluated: promtool then compares nothing else of that case."""


def survivors(
    alert: Alert, cases: list[Case], damaged: dict[str, str], folder: Path, every: int = 0
) -> list[str]:  # fmt: skip
    """Which damaged expressions, by what was done to them, do what the alert itself does in every case.

    All in one run, each a rule of its own beside the others; in another one without those that are no valid rules.
    """
    *recorded, rule = rules(alert)
    names = tuple(f"{alert.full_name}_{number}" for number in range(len(damaged)))
    several = [{**rule, "alert": name, "expr": expr} for name, expr in zip(names, damaged.values(), strict=True)]
    done = run(alert, cases, [*recorded, *several], folder, names, every=every)
    said = done.stdout + done.stderr
    if broken := {int(number) for number in _BROKEN.findall(said)}:
        sound = {what: expr for number, (what, expr) in enumerate(damaged.items()) if number not in broken}
        return survivors(alert, cases, sound, folder, every)
    noticed = {int(number) for number in _NOTICED.findall(said)}
    assert done.returncode == (1 if noticed else 0), done.stdout + done.stderr
    return [what for number, what in enumerate(damaged) if number not in noticed]
