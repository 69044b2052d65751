"""The demo as a whole: the library must tell what the emulator did, in the terminal and in Prometheus."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time

import pytest
from prometheus_client import REGISTRY
from rich.console import Console
from typer.testing import CliRunner

from otel_llm import catalog
from otel_llm.cli.app import app
from otel_llm.demo import comparison, prometheus, session
from otel_llm.demo.course import NAMES
from otel_llm.demo.exposed import Exposed
from otel_llm.demo.prometheus import Prometheus, PrometheusError
from otel_llm.demo.session import Options, Session

_MAIN = "from otel_llm.cli import main; main()"
HAS_PROMETHEUS = pytest.mark.skipif(prometheus.installed() is None, reason="no `prometheus` on PATH")


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=80)


def played(options: Options, console: Console) -> str:
    assert session.run(options, console) == 0, console.file.getvalue()
    return console.file.getvalue()


def test_every_kind_of_call_is_told_as_it_happened(console):
    """The contract: one round of the showcase, exact in every compared series."""
    with Session(Options(scenario="full", duration=1, prometheus=False), console) as running:
        running.driver.start()
        assert running.driver.join()
        exposed = Exposed.now()
        assert comparison.differences(running.emulator.injected, exposed) == []
        assert running.driver.surprises == []
        calls = exposed.sums(catalog.CALLS)
        assert {labels[3] for labels in calls} == set(catalog.OUTCOMES)
        assert {labels[4] for labels in calls} == {"", *catalog.ERROR_CLASSES} - {"unknown"}  # no rule: nobody's answer
        assert {labels[-1] for labels in exposed.sums(catalog.INVALID_OUTPUT)} == set(catalog.INVALID_VALUES)
        assert {labels[-1] for labels in exposed.sums(catalog.UNPRICED)} == set(catalog.UNPRICED_VALUES)
        assert {labels[-1] for labels in exposed.sums(catalog.USAGE_MISSING)} == set(catalog.USAGE_MISSING_VALUES)
        assert {labels[-1] for labels in exposed.sums(catalog.CALL_TOKENS)} == set(catalog.TOKEN_TYPES)
        assert {labels[-1] for labels in exposed.sums(catalog.RATELIMIT_LIMIT)} == set(catalog.LIMIT_KINDS)
        assert {labels[-1] for labels in exposed.sums(catalog.ATTRIBUTED_CALLS)} == set(catalog.OUTCOMES)
        assert [metric.name for metric in comparison.COMPARED if not exposed.sums(metric)] == []
        empty = [metric.name for metric in catalog.METRICS if not _series(metric)]
        assert empty == []


def _series(metric: catalog.Metric) -> list[object]:
    families = [family for family in REGISTRY.collect() if family.name == metric.prometheus]
    return [sample for family in families for sample in family.samples]


@pytest.mark.parametrize("scenario", ["storm", "slow", "spike", "truncated"])
def test_incidents_are_told_as_they_happened(console, scenario):
    shown = played(Options(scenario=scenario, duration=2, prometheus=False), console)
    assert "Every figure that was compared is what the emulator injected." in shown
    assert "differs" not in shown


def test_the_summary_has_the_figures(console):
    shown = played(Options(scenario="full", duration=1, prometheus=False), console)
    for words in ("calls", "errors", "tokens", "p50", "p95", "first", "rate_limit", "our limits", "claude-sonnet-5"):
        assert words in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_wrong_figure_fails_the_demo(console, monkeypatch):
    real = Exposed.sums

    def lying(self: Exposed, metric: catalog.Metric, **more: bool):
        found = real(self, metric, **more)
        return {labels: value + 1 for labels, value in found.items()} if metric is catalog.RETRIES else found

    monkeypatch.setattr(Exposed, "sums", lying)
    assert session.run(Options(scenario="storm", duration=1.5, prometheus=False), console) == 1
    assert "otel_llm_retries_total{" in console.file.getvalue()


def test_the_demo_leaves_nothing_behind(console):
    before = set(REGISTRY._names_to_collectors)
    played(Options(scenario="normal", duration=1, prometheus=False), console)
    assert set(REGISTRY._names_to_collectors) == before


def test_a_session_that_never_starts_ends_too(console):
    with Session(Options(scenario="normal", duration=1, prometheus=False), console) as running:
        assert not running.driver.running


@HAS_PROMETHEUS
def test_an_outage_fires_in_prometheus(console):
    with Session(Options(scenario="outage", duration=60), console) as running:
        running.driver.start()
        deadline = time.monotonic() + 45
        while "OtelLLMProviderOutage" not in running.watch.fired:
            assert time.monotonic() < deadline, running.watch.fired
            running.watch.poll()
            time.sleep(0.2)
        running.driver.stop()
    assert "120 times faster" in console.file.getvalue().replace("\n", " ")


@HAS_PROMETHEUS
def test_prometheus_that_does_not_start_says_why(tmp_path):
    broken = Prometheus(prometheus.installed(), tmp_path, {"demo": ["not a target/"]}, [])
    with pytest.raises(PrometheusError, match=r"did not start: .*not a target"), broken:
        pass


def test_without_prometheus_the_demo_says_so(console, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "Prometheus is not installed" in played(Options(scenario="normal", duration=1), console)


def test_ctrl_c_is_clean(tmp_path):
    """A real process and a real signal: a summary, exit code 0, and no child left."""
    command = [sys.executable, "-c", _MAIN, "demo", "--duration", "60", "--scenario", "normal"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as process:
        seen = [process.stdout.readline()]
        while "ordinary traffic" not in seen[-1]:
            assert seen[-1], seen
            seen.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=90)
    assert process.returncode == 0, rest
    assert "Interrupted" in rest
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


def test_the_help_names_every_scenario():
    shown = CliRunner().invoke(app, ["demo", "--help"], env={"COLUMNS": "200"}).output
    assert all(name in shown for name in NAMES)


def test_the_command_names_bad_arguments():
    shown = CliRunner().invoke(app, ["demo", "--scenario", "strom"])
    assert shown.exit_code == 2
    assert "strom" in shown.output
    assert CliRunner().invoke(app, ["demo", "--duration", "0"]).exit_code == 2
