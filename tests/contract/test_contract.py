"""The contract: emulator -> real SDKs -> otel-llm -> /metrics -> real Prometheus -> every query of the pack answers.

Nothing here is made up: the series are those that the library exposes after every kind of call was made. Only time is
short: each window and offset of a query is set to seconds, which changes how much a query sees and not whether its
metric, labels, joins and recorded names exist. An alert's thresholds are taken out (``> bool``), so that the test asks
whether the alert could see, not whether it fires; that is what the promtool cases are for. Everything is asked twice:
of the series as a scrape labels them, and as Prometheus' OTLP receiver would (:mod:`tests.contract.otlp`).
"""

from __future__ import annotations

import math
import re
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from otel_llm import catalog
from otel_llm.demo.prometheus import JOB, Prometheus
from otel_llm.demo.session import Options
from otel_llm.pack import inventory
from otel_llm.pack.boards.panel import Json
from otel_llm.pack.config import PackConfig
from otel_llm.pack.inventory import PackQuery
from otel_llm.pack.rules import Group, alert_groups, recording_groups
from tests.contract import deploy, otlp
from tests.contract.fleet import kept_port
from tests.contract.prometheus import awaited, program, quiet, target

SCENARIO_SECONDS = 30.0
PATIENCE = 60.0
"""Seconds until the last query must have answered after the scenario began."""
WINDOW, OFFSET = "12s", "6s"
SHAPES = ("scraped", "otlp")
DEPLOYS, VERSION = "/Deploys", catalog.label_name("service.version")
VERSIONS = f'group by (job, {VERSION}) (target_info{{{VERSION}!=""}})'
_IN_BRACKETS = re.compile(r"\[(\d+[smhdwy]|\$__\w+)(:[^\]]*)?\]")
_OFFSET = re.compile(r"offset \d+[smhdwy]")
_ABOVE = re.compile(r" > 0(?=$| (and|unless) on)")
_COMPARISON = re.compile(r" (>=|<=|>|<|==|!=) (?!bool )")

EMPTY = {
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
        # What an alert takes away with "unless" has to be there, too; with "bool" it would always take everything.
        return _COMPARISON.sub(r" \1 bool ", expr).replace("unless", "and")
    # A panel that lists what is wrong shows "none" where nothing is; lines beside the largest need that many.
    return _ABOVE.sub("", expr).replace("unless on", "and on") if query.kind == "panel" else expr


def quick(groups: list[Group]) -> list[Group]:
    """The rules with short windows, evaluated every second; alerts fire at once."""

    def at_once(rule: Json) -> Json:
        held = {key: value for key, value in rule.items() if key not in ("for", "keep_firing_for")}
        return {**held, "expr": short(rule["expr"])}

    return [{**group, "interval": "1s", "rules": [at_once(rule) for rule in group["rules"]]} for group in groups]


class Answers:
    """Which queries have answered at least once while the scenario ran, and what Prometheus said of the others."""

    def __init__(self, server: Prometheus, queries: list[PackQuery]) -> None:
        self.server = server
        self.open = {query.place: query for query in queries}
        self.errors: dict[str, str] = {}
        self.versions: set[str] = set()
        """Of the deploys that were marked."""
        self._begin = 0.0

    def settled(self) -> bool:
        """Whether the service's version is there and was there before: its first sight is marked, too."""
        marked = next(seeing(query) for query in self.open.values() if query.place.endswith(DEPLOYS))
        self._begin = time.time()
        return bool(self.server.query(f"{VERSIONS} unless ({marked})"))

    def both_versions(self) -> bool:
        return len(self.server.query(VERSIONS)) == 2

    def ask(self) -> None:
        seconds = int(time.time() - self._begin)
        for place, query in list(self.open.items()):
            if query.kind == "annotation" and not seconds:
                continue  # Prometheus refuses a window of nothing; one second later it is asked
            try:
                if rows := self.server.query(_asked(query, seconds)):
                    del self.open[place]
                    if place.endswith(DEPLOYS):
                        self.versions.update(row["metric"][VERSION] for row in rows)
            except urllib.error.HTTPError as error:
                self.errors[place] = error.read().decode()


def _asked(query: PackQuery, seconds: int) -> str:
    """An annotation stands on a graph after it is over: asked over the whole seconds since all was settled."""
    return f"last_over_time(({seeing(query)})[{seconds}s:1s])" if query.kind == "annotation" else seeing(query)


@contextmanager
def asking(folder: Path, *targets: str, shape: str, job: str) -> Iterator[Answers]:
    """A Prometheus of its own for one shape of labels, with all queries of the pack."""
    config = PackConfig()
    groups = quick([*recording_groups(config), *alert_groups(config)])
    server = Prometheus(program(), folder, {job: targets}, groups, interval="1s", honor_labels=shape == "otlp")
    values = {**inventory.DEFAULTS, "__rate_interval": WINDOW, "__range": WINDOW, "job": job}
    with server:
        yield Answers(server, list(inventory.queries(values=values)))


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """A variable of this process, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Answers]]:
    """The same series, scraped and as if they had come by OTLP: one run for both."""
    folders = [tmp_path_factory.mktemp(shape) for shape in SHAPES]
    with (
        kept_port() as port,
        environment("OTEL_RESOURCE_ATTRIBUTES", deploy.resource(deploy.OLD)),
        quiet(Options(scenario="full", duration=SCENARIO_SECONDS, prometheus=False)) as session,
        otlp.served(REGISTRY.collect, otlp.page(replica := f"127.0.0.1:{port}")) as relay,
        asking(folders[0], target(session), replica, shape="scraped", job=JOB) as scraped,
        asking(folders[1], relay, shape="otlp", job=otlp.JOB) as shaped,
    ):
        found = {"scraped": scraped, "otlp": shaped}
        session.driver.start()
        for each in found.values():
            awaited(each.settled, "the old version to be no news")
        with deploy.rolled_out(folders[0], port):
            awaited(scraped.both_versions, "a scrape of the new version")
            deadline = time.monotonic() + PATIENCE
            while any(map(missing, found.values())) and time.monotonic() < deadline:
                for each in found.values():
                    each.ask()
            yield found


def missing(found: Answers) -> list[str]:
    return [place for place in found.open if not excused(place)]


def excused(place: str) -> bool:
    return any(re.fullmatch(pattern, place) for pattern in EMPTY)


PLACES = [(query.kind, query.place) for query in inventory.queries()]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("kind", "place"), PLACES, ids=[f"{kind}:{place}" for kind, place in PLACES])
def test_every_query_answers(answers: dict[str, Answers], shape: str, kind: str, place: str) -> None:
    found = answers[shape]
    assert place not in found.errors, found.errors[place]
    if not excused(place):
        assert place not in found.open, f"no data: {seeing(found.open[place])}"


@pytest.mark.parametrize("shape", SHAPES)
def test_a_deploy_is_marked_by_its_version(answers: dict[str, Answers], shape: str) -> None:
    """And not by the one that runs on beside it."""
    assert answers[shape].versions == {deploy.NEW}


def test_the_otlp_shape_is_that_of_the_receiver(answers: dict[str, Answers]) -> None:
    """Or the half of the tests above would show nothing."""
    server = answers["otlp"].server
    ours = '{__name__=~"(otel_llm|gen_ai).+",__name__!~".*:.*"}'
    assert {row["metric"]["job"] for row in server.query(f"group by (job) ({ours})")} == {otlp.JOB}
    instances = server.query(f"group by (instance) ({ours})")
    assert {row["metric"]["instance"] for row in instances} == set(otlp.INSTANCES)
    names = {name for row in server.query(ours) for name in row["metric"]}
    assert not {name for name in names if name.startswith(("exported_", "service_"))}
    error = catalog.label_name(catalog.ERROR_CLASS)
    bare = [row["metric"] for row in server.query(catalog.CALLS.series) if error not in row["metric"]]
    assert {labels[catalog.label_name(catalog.OUTCOME)] for labels in bare} == set(catalog.OUTCOMES) - {"error"}
    bounds = {row["metric"]["le"] for row in server.query(f"{catalog.TOKEN_USAGE.prometheus}_bucket")}
    assert {float(bound) for bound in bounds} == {*catalog.TOKEN_USAGE.buckets, math.inf}


def test_bounds_come_by_otlp_without_a_point() -> None:
    """What is served; Prometheus 3 writes them with one whatever came."""
    assert [otlp.labelled({"le": bound}, "")["le"] for bound in ("1.0", "10.24", "+Inf")] == ["1", "10.24", "+Inf"]


def test_excuses_are_needed() -> None:
    """An excuse that excuses nothing hides a query that was renamed."""
    for pattern in EMPTY:
        assert any(re.fullmatch(pattern, place) for _, place in PLACES), pattern
