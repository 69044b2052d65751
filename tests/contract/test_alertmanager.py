"""An outage from end to end, once: emulator -> SDKs -> otel-llm -> Prometheus with the pack's rules -> Alertmanager
with the pack's example configuration -> a person's pager, and quiet again when the provider has recovered.

The rules run :data:`otel_llm.demo.session.FASTEST` times faster than they are written: an outage that pages after three
minutes pages after two seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from otel_llm.demo.course import Course
from otel_llm.demo.job import Job
from otel_llm.demo.prometheus import JOB, Prometheus, pack_rules
from otel_llm.demo.scenarios import SCENARIOS
from otel_llm.demo.session import FASTEST, Options
from otel_llm.pack import alertmanager as example
from otel_llm.pack import promql as q
from otel_llm.pack import records
from otel_llm.pack.alerts.alert import PREFIX
from tests.contract import alertmanager
from tests.contract.alertmanager import Alertmanager, Receivers
from tests.contract.prometheus import awaited, program, quiet, target

LIMIT = 300.0
"""Seconds after which the traffic ends if the test has not ended it."""
OUTAGE = f"{PREFIX}ProviderOutage"
DOWN, UP = "anthropic", "openai"
"""The provider of the demo's outage, and the other one."""
SYMPTOMS = next({PREFIX + name for name in symptoms} for cause, symptoms, _ in example.CAUSES
                if PREFIX + cause == OUTAGE)  # fmt: skip


class Weather(Course):
    """Ordinary traffic, and an outage for as long as it is switched on."""

    def __init__(self) -> None:
        super().__init__("normal", LIMIT, seed=1)
        self.outage = False

    def jobs(self) -> Iterator[Job]:
        good, bad = (SCENARIOS[name].jobs(Random(name)) for name in ("normal", "outage"))
        while self.elapsed < LIMIT:
            yield next(bad if self.outage else good)


class Incident:
    """What runs, and what it is asked."""

    def __init__(self, weather: Weather, prometheus: Prometheus, manager: Alertmanager, pager: Receivers) -> None:
        self.weather, self.prometheus, self.manager, self.told = weather, prometheus, manager, pager.told

    def state(self, name: str, state: str) -> bool:
        """Whether the alert was ever in the state, for the provider that is down."""
        series = f'ALERTS{{alertname="{name}",alertstate="{state}",{q.PROVIDER}="{DOWN}"}}'
        return bool(self.prometheus.query(f"max_over_time({series}[10m])"))

    def arrived(self, **labels: str) -> list[dict[str, Any]]:
        """Alerts that Alertmanager holds with these labels."""
        return [alert for alert in self.manager.alerts() if labels.items() <= alert["labels"].items()]

    def suppressed(self) -> list[dict[str, Any]]:
        return [alert for alert in self.arrived() if alert["status"]["state"] == "suppressed"]

    def calm(self) -> bool:
        """Both providers have calls, and none fails."""
        rows = self.prometheus.query(records.slo_ratio("5m"))
        return {row["metric"][q.PROVIDER] for row in rows if float(row["value"][1]) == 0} == {DOWN, UP}


@pytest.fixture
def incident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incident]:
    folder = tmp_path_factory.mktemp("incident")
    weather, session = Weather(), quiet(Options(scenario="normal", prometheus=False))
    session.course = weather
    with Receivers() as pager, alertmanager.running(folder, pager.url) as manager, session:
        alerting = {"alertmanagers": [{"static_configs": [{"targets": [manager.address]}]}]}
        jobs = {JOB: [target(session)]}
        with Prometheus(program(), folder, jobs, pack_rules(FASTEST), more={"alerting": alerting}) as prometheus:
            session.driver.start()
            yield Incident(weather, prometheus, manager, pager)
            session.driver.stop()


def test_an_outage_pages_once_and_is_over_when_it_is_over(incident: Incident) -> None:
    awaited(incident.calm, "traffic of both providers")
    assert not incident.arrived(alertname=OUTAGE)

    incident.weather.outage = True
    (cause,) = awaited(lambda: incident.arrived(alertname=OUTAGE), "the outage in Alertmanager")
    assert incident.state(OUTAGE, "pending")
    assert incident.state(OUTAGE, "firing")
    assert cause["labels"] | {"job": JOB, q.PROVIDER: DOWN, "severity": "critical"} == cause["labels"]
    assert cause["status"]["state"] == "active"
    assert [each["name"] for each in cause["receivers"]] == ["llm-pager"]

    symptoms = awaited(incident.suppressed, "a symptom that is held back")
    for symptom in symptoms:
        assert symptom["labels"]["alertname"] in SYMPTOMS
        assert symptom["labels"][q.PROVIDER] == DOWN
        assert symptom["status"]["inhibitedBy"] == [cause["fingerprint"]]
    awaited(lambda: ("llm-pager", OUTAGE, "firing") in incident.told, "the page")

    incident.weather.outage = False
    awaited(lambda: ("llm-pager", OUTAGE, "resolved") in incident.told, "the all-clear")
    awaited(lambda: not incident.arrived(alertname=OUTAGE), "the outage gone from Alertmanager")
