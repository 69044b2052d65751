"""Own providers from ``OTEL_*``: spans and metrics arrive at an OTLP receiver, under the names of ``/metrics``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from otel_llm import catalog
from otel_llm.catalog import METRICS, label_name, prometheus_name
from otel_llm.demo.emulator import Emulator, Reply
from tests.join.processes import PRELUDE, environment, run, told
from tests.join.receiver import Receiver, attributes

APP = """
otel_llm.instrument(scrape_port=0, set_global=os.environ.get("GLOBAL") == "1")
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


def test_span_and_metrics_arrive(emulator: Emulator, receiver: Receiver) -> None:
    emulator.reply(Reply.error("provider"))
    found = told(
        APP + "call()\nassert otel_llm.flush(10)\ntell(scraped=scraped())\n",
        EMULATOR=emulator.url,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
    )
    assert receiver.scopes == {catalog.SCOPE}
    (span,) = receiver.spans
    facts = attributes(span)
    assert (span.name, facts[catalog.SPAN_OUTCOME], facts[catalog.USAGE_INPUT]) == ("chat gpt-4o", "success", 11)
    assert [attributes(event)[catalog.HTTP_STATUS] for event in span.events] == [500, 200]
    arrived = {metric.name: metric for metric in receiver.metrics}
    translated = {prometheus_name(name, metric.unit) for name, metric in arrived.items()}
    assert translated == {name.removesuffix("_total") for name in found["scraped"]}
    calls = {tuple(attributes(point).items()): point for point in arrived[catalog.CALLS.name].sum.data_points}
    assert sum(point.as_double or point.as_int for point in calls.values()) == 1
    assert arrived[catalog.CALLS.name].sum.is_monotonic


def test_labels_and_buckets_are_those_of_the_catalogue(emulator: Emulator, receiver: Receiver) -> None:
    run(APP + "call()\notel_llm.flush(10)\n", EMULATOR=emulator.url, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    arrived = {metric.name: metric for metric in reversed(receiver.metrics)}  # the first export has the exemplars
    for metric in METRICS:
        if metric.name not in arrived:
            continue
        got = arrived[metric.name]
        points = getattr(got, got.WhichOneof("data")).data_points
        assert (got.unit, got.description) == (metric.unit, metric.help)
        assert {label_name(key) for point in points for key in attributes(point)} <= set(map(label_name, metric.labels))
        if metric.kind == "histogram":
            assert {tuple(point.explicit_bounds) for point in points} == {tuple(map(float, metric.buckets))}
    (point,) = arrived[catalog.DURATION.name].histogram.data_points
    assert (point.count, len(point.exemplars)) == (1, 1)
    assert point.exemplars[0].span_id == receiver.spans[0].span_id


def test_the_last_export_is_not_lost_at_exit(emulator: Emulator, receiver: Receiver) -> None:
    run(APP + "call()\n", EMULATOR=emulator.url, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert [span.name for span in receiver.spans] == ["chat gpt-4o"]
    assert catalog.CALLS.name in {metric.name for metric in receiver.metrics}


def test_what_was_flushed_has_arrived_when_the_process_is_frozen(emulator: Emulator, receiver: Receiver) -> None:
    """As functions are between two invocations, and killed in the end without another word."""
    once = "call()\nassert otel_llm.flush(10)\nos.kill(os.getpid(), signal.{})\n"
    source = PRELUDE + APP + "import signal\nsignal.alarm(60)\n" + once.format("SIGSTOP") + once.format("SIGKILL")
    env = environment(EMULATOR=emulator.url, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    with subprocess.Popen([sys.executable, "-c", source], env=env) as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert len(receiver.spans) == 1
        assert catalog.CALLS.name in {metric.name for metric in receiver.metrics}
        process.send_signal(signal.SIGCONT)
        assert process.wait(60) == -signal.SIGKILL
    assert len(receiver.spans) == 2
    last = [metric for metric in receiver.metrics if metric.name == catalog.CALLS.name][-1]
    assert sum(point.as_double or point.as_int for point in last.sum.data_points) == 2


def test_streams_that_are_open_at_exit_end_as_abandoned(emulator: Emulator, receiver: Receiver) -> None:
    emulator.script = lambda _: Reply.broken("stall", after=2)
    source = """
client = openai.OpenAI(base_url=URL + "/v1", api_key="k")
stream = client.chat.completions.create(model="gpt-4o", messages=[], stream=True)
next(stream)
"""
    run(APP + source, EMULATOR=emulator.url, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert [attributes(span)[catalog.SPAN_OUTCOME] for span in receiver.spans] == ["abandoned"]


def test_signals_that_are_switched_off(emulator: Emulator, receiver: Receiver) -> None:
    run(
        APP + "call()\n",
        EMULATOR=emulator.url,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        OTEL_METRICS_EXPORTER="none",
    )
    assert set(receiver.paths) == {"/v1/traces"}


def test_set_global_exports_the_apps_own_spans(emulator: Emulator, receiver: Receiver) -> None:
    source = 'with trace.get_tracer("app").start_as_current_span("mine"):\n    call()\n'
    run(APP + source, EMULATOR=emulator.url, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, GLOBAL="1")
    assert {span.name for span in receiver.spans} == {"mine", "chat gpt-4o"}
    assert len({span.trace_id for span in receiver.spans}) == 1


def test_collector_that_is_down(emulator: Emulator) -> None:
    """The app works and ends in good time; the exporter's complaint is OpenTelemetry's own."""
    done = run(
        APP + "call()\nprint('done')\n",
        EMULATOR=emulator.url,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )
    assert done.stdout == "done\n"
    assert "otel-llm: internal error" not in done.stderr
