"""The figure that a panel shows is what happened, within 1%: calls, dollars and errors, the first ones included.

Real processes call emulators through the OpenAI SDK, a real Prometheus scrapes them, and the panels' own queries are
asked. ``increase()`` counts what it sees between the first and the last sample of a window and then stretches that to
the window's ends. What keeps the figures within the tolerance here keeps them so for a user:

- The window holds the whole run. A series that begins at 0 is not stretched to the window's start.
- At the end it is stretched by less than one scrape interval: by 1/n after n samples, of the part of the traffic that
  this replica had; by nothing if its newest sample stands at the end of the window. So a service of one target is exact
  here, of two targets one is, and the other is off by at most half an interval (:meth:`Run.moment`).
- A series that ended long before is stretched by half an interval: the replica that is replaced here has few calls.
- A series that begins at 5 has lost five: so a model's series are made at 0 when its first call opens, and the first
  calls here are still open at a scrape.
- What a replica counts after its last scrape dies with it, and no library can help that: it is killed when a scrape
  has seen its last call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from otel_llm import catalog
from otel_llm.demo.prometheus import Prometheus
from otel_llm.pack import inventory
from tests.contract.fleet import Replica, Service, prices
from tests.contract.prometheus import awaited, program

INTERVAL = 0.5
"""Seconds between scrapes."""
EARLY, LATE = 20, 36
"""Samples of each series before the kill and at the end."""
CALLS = 40
"""Of each replica from start to end or restart, at least; of the one that is replaced a fifth."""
WINDOW = 600
"""Seconds that the panels look back: more than the run takes."""
TOLERANCE, ROUNDING = 0.01, 1e-6
SERVICES = {"one process": (1, 1), "two replicas": (2, 1), "swapped": (3, 1), "four workers": (1, 4)}
"""Replicas and workers. ``swapped``: the first is restarted at its address, the second replaced by the third."""
MODEL, CLASS = catalog.label_name(catalog.REQUEST_MODEL), catalog.label_name(catalog.ERROR_CLASS)


class Run:
    """All services at once, each a job of one Prometheus."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.services = {name: Service(stack, folder, n, workers=w) for name, (n, w) in SERVICES.items()}
        self._prices = prices(folder)
        self.prometheus = stack.enter_context(
            Prometheus(program(), folder, {name: each.targets for name, each in self.services.items()}, [],
                       interval=f"{INTERVAL * 1000:.0f}ms")
        )  # fmt: skip

    def play(self) -> None:
        restarted, self.replaced, replacing = self.services["swapped"].replicas
        began = [each for service in self.services.values() for each in service.replicas if each is not replacing]
        self._begin(began)
        self._settle(began, EARLY)
        for each in (restarted, self.replaced):
            each.kill()
        for each in (restarted, self.replaced):
            awaited(lambda each=each: self._number(f"up{each.select}") == 0, "a scrape after the kill")
        self._begin([restarted, replacing])
        self._settle([each for each in (*began, replacing) if each is not self.replaced], LATE)

    def _begin(self, replicas: list[Replica]) -> None:
        """Starts them and lets them make calls, the first ones and more."""
        for each in replicas:
            each.start(self._prices)
        with ThreadPoolExecutor(len(replicas)) as pool:
            list(pool.map(lambda each: each.first(self.prometheus), replicas))
        for each in replicas:
            each.calls(CALLS // 5 if each is self.replaced else CALLS)

    def _settle(self, replicas: list[Replica], samples: int) -> None:
        """Waits until all calls so far were scraped, and every series has so many samples."""
        now = time.time()
        for each in replicas:
            series = catalog.CALLS.series + each.select
            newest = f"min (timestamp({series}))"
            awaited(lambda newest=newest: self._number(newest) > now, "a scrape after the last call")
            count = f"min (count_over_time({series}[{WINDOW}s]))"
            awaited(lambda count=count: self._number(count) >= samples, f"{samples} samples of {each.target}")

    def _number(self, promql: str) -> float:
        return float(next((row["value"][1] for row in self.prometheus.query(promql)), "nan"))

    def moment(self, job: str) -> float:
        """The newest sample's time, in seconds since 1970, or another replica's if that leaves a smaller gap."""
        rows = self.prometheus.query(f'max by (instance) (timestamp({catalog.CALLS.series}{{job="{job}"}}))')
        first, last = min(times := [float(row["value"][1]) for row in rows]), max(times)
        return last if last - first <= INTERVAL / 2 else first

    def panel(self, job: str, place: str) -> list[tuple[dict[str, str], float]]:
        """What the panel shows with this job chosen."""
        values = {"job": job, "__range": f"{WINDOW}s", "__rate_interval": f"{WINDOW}s"}
        (query,) = (query for query in inventory.queries(values=values) if query.place == place)
        rows = self.prometheus.query(query.promql, self.moment(job))
        return [(row["metric"], float(row["value"][1])) for row in rows]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with ExitStack() as stack:
        found = Run(stack, tmp_path_factory.mktemp("figures"))
        found.play()
        yield found


def tolerance(service: Service) -> float:
    """A service of one target is exact: nothing is stretched."""
    return ROUNDING if len(service.replicas) == 1 else TOLERANCE


each_service = pytest.mark.parametrize("name", SERVICES)


@each_service
@pytest.mark.parametrize(("metric", "place"), [
    (catalog.CALLS, "otel-llm-overview/Jobs and models by spend/B"),
    (catalog.COST, "otel-llm-overview/Jobs and models by spend/A"),
], ids=["calls", "dollars"])  # fmt: skip
def test_calls_and_dollars_of_each_model(run: Run, name: str, metric: catalog.Metric, place: str) -> None:
    service = run.services[name]
    injected = service.emulator.injected
    shown = {labels[MODEL]: value for labels, value in run.panel(name, place)}
    truth = {model: injected.total(metric, **{MODEL: model}) for model in shown}
    assert sum(truth.values()) == pytest.approx(injected.total(metric)) != 0
    assert shown == pytest.approx(truth, rel=tolerance(service))


@each_service
def test_dollars_of_the_whole(run: Run, name: str) -> None:
    ((_, shown),) = run.panel(name, "otel-llm-cost/Spend in range/A")
    service = run.services[name]
    assert shown == pytest.approx(service.emulator.injected.total(catalog.COST), rel=tolerance(service))


@each_service
def test_errors_of_each_class(run: Run, name: str) -> None:
    """The panel shows calls per second: times the window, it is their number."""
    service = run.services[name]
    injected = service.emulator.injected
    shown = {labels[CLASS]: rate * WINDOW for labels, rate in run.panel(name, "otel-llm-errors/Errors by class/A")}
    counts = {error: injected.total(catalog.CALLS, **{CLASS: error}) for error in catalog.ERROR_CLASSES}
    assert {"auth", "context_length"} <= shown.keys()
    assert shown == pytest.approx({error: count for error, count in counts.items() if count}, rel=tolerance(service))
