"""The contract: emulator -> real SDKs -> otel-llm -> /metrics -> real Prometheus -> every query of the pack answers.

Nothing here is made up: the series are those that the library exposes after every kind of call was made. Only time is
short: each window and offset of a query is set to seconds, which changes how much a query sees and not whether its
metric, labels, joins and recorded names exist. An alert's thresholds are taken out (``> bool``), so that the test asks
whether the alert could see, not whether it fires; that is what the promtool cases are for.
"""

from __future__ import annotations

import io
import json
import re
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from otel_llm.demo.prometheus import JOB, Prometheus, installed
from otel_llm.demo.session import Options, Session
from otel_llm.pack import inventory
from otel_llm.pack.boards.panel import Json
from otel_llm.pack.config import PackConfig
from otel_llm.pack.inventory import PackQuery
from otel_llm.pack.rules import Group, alert_groups, recording_groups

SCENARIO_SECONDS = 30.0
PATIENCE = 60.0
"""Seconds until the last query must have answered after the scenario began."""
WINDOW, OFFSET = "12s", "6s"
_IN_BRACKETS = re.compile(r"\[(\d+[smhdwy]|\$__\w+)(:[^\]]*)?\]")
_OFFSET = re.compile(r"offset \d+[smhdwy]")
_COMPARISON = re.compile(r" (>=|<=|>|<|==|!=) (?!bool )")

EMPTY = {
    r".*/Deploys": "a deploy is a version that was not there before, and the demo deploys nothing",
    r"OtelLLMTelemetryAbsent.*": "asks for what was there and is gone, and the demo does not stop",
}
"""Places whose query has no answer in a scenario that is well, and why."""


def short(expr: str) -> str:
    """The query with every window and offset set to seconds."""
    expr = _IN_BRACKETS.sub(lambda found: f"[{WINDOW}{':2s' if found[2] else ''}]", expr)
    return _OFFSET.sub(f"offset {OFFSET}", expr)


def seeing(query: PackQuery) -> str:
    """PromQL that answers if the query's series exist."""
    expr = short(query.promql)
    if query.kind in ("alert", "runbook"):
        return _COMPARISON.sub(r" \1 bool ", expr)
    return expr.removesuffix(" > 0")  # a panel that lists what is wrong shows "none" where nothing is


def quick(groups: list[Group]) -> list[Group]:
    """The rules with short windows, evaluated every second; alerts fire at once."""

    def at_once(rule: Json) -> Json:
        held = {key: value for key, value in rule.items() if key not in ("for", "keep_firing_for")}
        return {**held, "expr": short(rule["expr"])}

    return [{**group, "interval": "1s", "rules": [at_once(rule) for rule in group["rules"]]} for group in groups]


class QuickPrometheus(Prometheus):
    """The demo's Prometheus with the pack's rules at short windows."""

    def _write_config(self) -> None:
        config = PackConfig()
        groups = quick([*recording_groups(config), *alert_groups(config)])
        (self._folder / "rules.yml").write_text(json.dumps({"groups": groups}))
        settings = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [self._target]}]}],
        }
        (self._folder / "prometheus.yml").write_text(json.dumps(settings))


class Answers:
    """Which queries have answered at least once while the scenario ran, and what Prometheus said of the others."""

    def __init__(self, server: Prometheus, queries: list[PackQuery]) -> None:
        self._server = server
        self.open = {query.place: query for query in queries}
        self.errors: dict[str, str] = {}

    def ask(self) -> None:
        for place, query in list(self.open.items()):
            try:
                if self._server.query(seeing(query)):
                    del self.open[place]
            except urllib.error.HTTPError as error:
                self.errors[place] = error.read().decode()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    program = installed()
    if program is None:
        pytest.fail("no `prometheus` on PATH: `make test` installs it")
    folder = tmp_path_factory.mktemp("prometheus")
    values = {**inventory.DEFAULTS, "__rate_interval": WINDOW, "__range": WINDOW}
    options = Options(scenario="full", duration=SCENARIO_SECONDS, prometheus=False)
    with Session(options, Console(file=io.StringIO())) as session, _scraping(program, folder, session) as server:
        found = Answers(server, list(inventory.queries(values=values)))
        session.driver.start()
        deadline = time.monotonic() + PATIENCE
        while not all(map(excused, found.open)) and time.monotonic() < deadline:
            found.ask()
        yield found


def _scraping(program: str, folder: Path, session: Session) -> QuickPrometheus:
    shown = session.console.file
    assert isinstance(shown, io.StringIO)
    target = re.search(r"http://([\d.:]+)/metrics", shown.getvalue())
    assert target is not None
    return QuickPrometheus(program, folder, target[1], speed=1.0)


def excused(place: str) -> bool:
    return any(re.fullmatch(pattern, place) for pattern in EMPTY)


PLACES = [(query.kind, query.place) for query in inventory.queries()]


@pytest.mark.parametrize(("kind", "place"), PLACES, ids=[f"{kind}:{place}" for kind, place in PLACES])
def test_every_query_answers(answers: Answers, kind: str, place: str) -> None:
    assert place not in answers.errors, answers.errors[place]
    if not excused(place):
        assert place not in answers.open, f"no data: {seeing(answers.open[place])}"


def test_excuses_are_needed() -> None:
    """An excuse that excuses nothing hides a query that was renamed."""
    for pattern in EMPTY:
        assert any(re.fullmatch(pattern, place) for _, place in PLACES), pattern
