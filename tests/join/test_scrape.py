"""``/metrics``: an endpoint of ours or the app's own, text and OpenMetrics, exemplars that lead to the span."""

from __future__ import annotations

import shutil
import socket
import subprocess
from unittest import mock

import httpx2
import openai
import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

import otel_llm
from otel_llm import catalog
from otel_llm.catalog import METRICS
from otel_llm.demo.emulator import Emulator, Reply
from tests.behaviour.rows import CHAT, USAGE
from tests.telemetry import Telemetry, observed

OPENMETRICS = {"accept": "application/openmetrics-text; version=1.0.0"}


def call(emulator: Emulator, **options: object) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        answer = client.chat.completions.create(**CHAT, **options)
        if "stream" in options:
            list(answer)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def busy(emulator: Emulator, telemetry: Telemetry) -> Telemetry:
    """After one call of each kind."""
    emulator.reply(Reply.chat(), Reply.error("bad_request"), Reply.chat(finish="length"))
    call(emulator)
    with pytest.raises(openai.BadRequestError):
        call(emulator)
    call(emulator, **USAGE)
    return telemetry


def test_text_parses_and_has_the_catalogues_names(busy: Telemetry) -> None:
    families = {family.name: family for family in parse_text(generate_latest(REGISTRY).decode())}
    ours = {name for name in families if name.startswith(("gen_ai_", "otel_llm_"))}
    known = {metric.prometheus: metric for metric in METRICS}
    assert ours <= set(known)
    assert ours >= {catalog.CALLS.prometheus, catalog.DURATION.prometheus, catalog.INFLIGHT.prometheus}
    for name in ours:
        assert families[name].documentation == known[name].help
        assert families[name].type == known[name].kind
        labels = {key for sample in families[name].samples for key in sample.labels} - {"le"}
        assert labels == {catalog.label_name(label) for label in known[name].labels}


def test_openmetrics_exemplars_are_the_calls_spans(busy: Telemetry) -> None:
    families = {family.name: family for family in parse_openmetrics(generate_openmetrics(REGISTRY).decode())}
    spans = {
        (format(span.span.context.trace_id, "032x"), format(span.span.context.span_id, "016x")) for span in busy.spans()
    }
    for metric in (catalog.DURATION, catalog.FIRST_CHUNK, catalog.TOKEN_USAGE):
        found = [sample.exemplar for sample in families[metric.prometheus].samples if sample.exemplar]
        assert found, metric.name
        assert {(e.labels["trace_id"], e.labels["span_id"]) for e in found} <= spans
    durations = [sample for sample in families[catalog.DURATION.prometheus].samples if sample.exemplar]
    assert all(sample.exemplar.value <= float(sample.labels["le"]) for sample in durations)


def test_target_info(busy: Telemetry) -> None:
    (target,) = [sample for sample in busy.samples() if sample.name == "target_info"]
    assert target.labels["service_name"]


def test_no_exemplars_without_a_span_that_is_sampled(emulator: Emulator) -> None:
    with observed(tracer_provider=None) as telemetry:
        call(emulator)
        assert telemetry.value(catalog.CALLS) == 1
        families = parse_openmetrics(generate_openmetrics(REGISTRY).decode())
        assert [s for family in families for s in family.samples if s.exemplar] == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (apt: prometheus) is not installed")
def test_promtool_has_nothing_to_say(busy: Telemetry) -> None:
    registry = CollectorRegistry()
    registry.register(next(c for c in REGISTRY._collector_to_names if type(c).__module__.startswith("otel_llm")))
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, input=generate_latest(registry), capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_counters_that_alerts_watch_exist_at_0(busy: Telemetry) -> None:
    for fault in catalog.ERROR_CLASSES:
        found = [s for s in busy.samples() if s.name == catalog.CALLS.series and s.labels["error_class"] == fault]
        assert [sample.value for sample in found] == [1.0 if fault == "bad_request" else 0.0]
        assert any(s.name == catalog.RETRIES.series and s.labels["error_class"] == fault for s in busy.samples())


# -------------------------------------------------------------------------------------------------- endpoint
def test_endpoint_serves_the_default_registry(emulator: Emulator, free_port: int) -> None:
    mine = Counter("app_orders", "Orders of the app.")
    try:
        with observed(endpoint=True, scrape_port=free_port):
            served = otel_llm.status().endpoint
            assert served == f"http://127.0.0.1:{free_port}/metrics", "and nowhere else, by default"
            call(emulator)
            url = f"http://127.0.0.1:{free_port}/metrics"
            text = httpx2.get(url).text
            assert f"{catalog.CALLS.series}{{" in text
            assert "app_orders_total" in text
            assert "# {" in httpx2.get(url, headers=OPENMETRICS).text
        with socket.create_server(("127.0.0.1", free_port)):
            pass  # the port is free again
    finally:
        REGISTRY.unregister(mine)


def test_standard_variable_gives_the_port(emulator: Emulator, free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_PORT", str(free_port))
    with observed(endpoint=True, scrape_port=None):
        assert httpx2.get(f"http://127.0.0.1:{free_port}/metrics").status_code == 200


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_standard_variable_gives_the_host(host: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_HOST", host)
    with observed(endpoint=True):
        page = otel_llm.status().endpoint
        assert page is not None
        assert page.startswith(url)
        assert httpx2.get(page).status_code == 200


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a" * 70 + ".invalid"])
def test_a_host_that_is_not_of_this_machine_is_a_warning_that_names_the_setting(host: str) -> None:
    with observed(endpoint=True, scrape_host=host) as telemetry:
        (warning,) = [record.getMessage() for record in telemetry.logged]
        telemetry.logged.clear()
    assert f"no scrape endpoint on {host}:0" in warning
    assert "OTEL_EXPORTER_PROMETHEUS_HOST" in warning
    assert "PROMETHEUS_PORT" not in warning


def test_taken_port_is_a_warning_that_names_the_setting(emulator: Emulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with observed(endpoint=True, scrape_port=port) as telemetry:
            (warning,) = [record.getMessage() for record in telemetry.logged]
            telemetry.logged.clear()
            assert f"127.0.0.1:{port}" in warning
            assert "OTEL_EXPORTER_PROMETHEUS_PORT" in warning
            assert "OTEL_LLM_SCRAPE=off" in warning
            call(emulator)
            assert telemetry.value(catalog.CALLS) == 1, "the app's own registry has the series all the same"


def test_scrape_off(emulator: Emulator, free_port: int) -> None:
    with observed(endpoint=True, scrape="off", scrape_port=free_port) as telemetry:
        call(emulator)
        assert telemetry.one().outcome == "success"
        names = {sample.name for sample in telemetry.samples()}  # the process's own figures go on
        assert names
        assert not [name for name in names if name.startswith(("gen_ai", "otel_llm"))]
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"http://127.0.0.1:{free_port}/metrics")


def test_registry_is_left_as_it_was() -> None:
    before = set(REGISTRY._collector_to_names)
    with observed():
        assert set(REGISTRY._collector_to_names) != before
    assert set(REGISTRY._collector_to_names) == before


def test_a_registry_that_the_app_emptied_keeps_nothing_back(emulator: Emulator, free_port: int) -> None:
    """As tests' fixtures do: port and providers are ended all the same."""
    with observed(endpoint=True, scrape_port=free_port):
        ours = [c for c in REGISTRY._collector_to_names if type(c).__module__.startswith("otel_llm")]
        for collector in ours:
            REGISTRY.unregister(collector)
        shutdown = mock.Mock()
        with mock.patch.object(otel_llm.instrumentor.installed().pipeline, "shutdown", shutdown):
            otel_llm.uninstrument()
        assert (len(ours), shutdown.call_count) == (1, 1)
        with socket.create_server(("127.0.0.1", free_port)):
            pass


@pytest.mark.parametrize("step", ["refresh.stop", "recorder.abandon_open", "exposure._unregister", "endpoint.close"])
def test_one_step_of_the_end_that_fails_spares_the_others(emulator: Emulator, free_port: int, step: str) -> None:
    with observed(endpoint=True, scrape_port=free_port, prices_refresh="none") as telemetry:
        made = otel_llm.instrumentor.installed()
        owner, method = step.split(".")
        holder = made.exposure.endpoint if owner == "endpoint" else getattr(made, owner)
        real, shutdown = getattr(holder, method), mock.Mock()

        def fails() -> None:
            real()
            raise OSError("broken")

        with mock.patch.object(holder, method, fails), mock.patch.object(made.pipeline, "shutdown", shutdown):
            otel_llm.uninstrument()
        assert shutdown.call_count == 1
        assert otel_llm.guard.failures()["close"] > 0
        telemetry.forgive()
