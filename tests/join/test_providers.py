"""Whose providers are used: those passed in, else the app's, set before us or after us; nothing global is replaced."""

from __future__ import annotations

import pytest

from otel_llm import catalog
from otel_llm.catalog import METRICS
from otel_llm.demo.emulator import Emulator, Reply
from tests.join.processes import run, told

OURS = ["chat gpt-4o", catalog.SCOPE]
SEEN = {catalog.CALLS.name, catalog.CALL_TOKENS.name, catalog.DURATION.name, catalog.INFLIGHT.name}
SCRAPED = {catalog.CALLS.prometheus, catalog.DURATION.prometheus}


@pytest.mark.parametrize("when", ["before", "after", "later"])
def test_the_apps_providers(when: str, emulator: Emulator) -> None:
    """``later`` is after a first call, which no provider could see; counters still have it."""
    found = told(
        f"""
        when = {when!r}
        tracer, spans = tracing()
        meter, names = metering()
        def set_them():
            trace.set_tracer_provider(tracer)
            metrics.set_meter_provider(meter)
        if when == "before": set_them()
        otel_llm.instrument()
        if when == "after": set_them()
        if when == "later":
            call("early")
            set_them()
        call()
        mine = (trace.get_tracer_provider() is tracer, metrics.get_meter_provider() is meter)
        tell(spans=spans(), names=names(), scraped=scraped(), mine=mine)
        """,
        EMULATOR=emulator.url,
        OTEL_EXPORTER_PROMETHEUS_PORT="0",
    )
    assert found["spans"] == [OURS]
    assert set(found["names"]) >= SEEN
    assert set(found["names"]) <= {metric.name for metric in METRICS}
    assert found["scraped"] == [], "metrics go to the app's provider: scrape=auto stays silent"
    assert found["mine"] == [True, True]


def test_scrape_besides_the_apps_own_meter_provider(emulator: Emulator) -> None:
    found = told(
        """
        meter, names = metering()
        metrics.set_meter_provider(meter)
        otel_llm.instrument(scrape="on", scrape_port=0)
        call()
        tell(names=names(), scraped=scraped())
        """,
        EMULATOR=emulator.url,
    )
    assert set(found["names"]) >= SEEN
    assert {name.removesuffix("_total") for name in found["scraped"]} >= SCRAPED


def test_providers_that_are_passed_in_come_first(emulator: Emulator) -> None:
    found = told(
        """
        theirs, theirs_spans = tracing()
        trace.set_tracer_provider(theirs)
        global_meter, global_names = metering()
        metrics.set_meter_provider(global_meter)
        tracer, spans = tracing()
        meter, names = metering()
        otel_llm.instrument(tracer_provider=tracer, meter_provider=meter, logger_provider=None)
        call()
        tell(spans=spans(), names=names(), theirs=theirs_spans(), global_names=global_names())
        """,
        EMULATOR=emulator.url,
    )
    assert found["spans"] == [OURS]
    assert set(found["names"]) >= SEEN
    assert found["theirs"] == found["global_names"] == []


def test_without_any_provider_nothing_global_is_set(emulator: Emulator) -> None:
    found = told(
        """
        otel_llm.instrument(scrape_port=0)
        call()
        kinds = [type(trace.get_tracer_provider()).__name__, type(metrics.get_meter_provider()).__name__]
        tell(kinds=kinds, scraped=scraped())
        """,
        EMULATOR=emulator.url,
    )
    assert found["kinds"] == ["ProxyTracerProvider", "_ProxyMeterProvider"]
    assert {name.removesuffix("_total") for name in found["scraped"]} >= SCRAPED


@pytest.mark.parametrize("given", [True, False], ids=["given", "global"])
def test_the_apps_providers_are_not_ours_to_end(given: bool, emulator: Emulator) -> None:
    """Neither by uninstrument() nor at the exit; nor does flush() wait for them."""
    done = run(
        f"""
        tracer, meter = TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
        for provider in (tracer, meter):
            provider.shutdown = lambda *_, **__: print("shutdown", flush=True)
            provider.force_flush = lambda *_, **__: print("flush", flush=True)
        if not {given}:
            trace.set_tracer_provider(tracer)
            metrics.set_meter_provider(meter)
        passed = dict(tracer_provider=tracer, meter_provider=meter) if {given} else {{}}
        for _ in range(2):
            otel_llm.uninstrument()
            otel_llm.instrument(scrape="off", **passed)
            call()
            assert otel_llm.flush(1)
        """,
        EMULATOR=emulator.url,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_spans_of_the_app_and_ours_share_a_trace(emulator: Emulator) -> None:
    found = told(
        """
        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        otel_llm.instrument(scrape="off")
        trace.set_tracer_provider(provider)
        with trace.get_tracer("app").start_as_current_span("mine"):
            call()
        ours, mine = exporter.get_finished_spans()
        tell(child=ours.parent.span_id == mine.context.span_id, names=[ours.name, mine.name])
        """,
        EMULATOR=emulator.url,
    )
    assert found == {"child": True, "names": ["chat gpt-4o", "mine"]}


def test_a_call_does_not_wait_for_the_collector_that_the_apps_providers_replace(emulator: Emulator) -> None:
    """It takes connections and never answers: our last export to it, 10 s by default, is no business of the call. The
    exit waits for it, since spans are in it."""
    found = told(
        """
        import logging, socket, threading
        logging.disable(logging.CRITICAL)
        silent = socket.create_server(("127.0.0.1", 0))
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:%d" % silent.getsockname()[1]
        os.environ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"
        otel_llm.instrument(scrape="off", exit_timeout=15)
        call()
        leaving = lambda: sum(thread.name == "otel-llm-flush" for thread in threading.enumerate())
        metrics.set_meter_provider(metering()[0])
        trace.set_tracer_provider(tracing()[0])
        call()
        during = leaving()
        otel_llm.uninstrument()
        tell(during=during, after=leaving())
        """,
        EMULATOR=emulator.url,
    )
    assert found == {"during": 2, "after": 0}


# ------------------------------------------------------------------------------ spans that an SDK makes of itself
@pytest.mark.parametrize(("setting", "expected"), [("suppress", 1), ("keep", 2)])
def test_native_spans_of_anthropic(setting: str, expected: int, emulator: Emulator) -> None:
    found = told(
        f"""
        import anthropic
        tracer, spans = tracing()
        trace.set_tracer_provider(tracer)
        otel_llm.instrument(scrape="off", native_spans={setting!r})
        with anthropic.Anthropic(base_url=URL, api_key="k") as client:
            client.messages.create(model="claude-opus-4-8", max_tokens=9, messages=[{{"role": "user", "content": "x"}}])
        tell(spans=spans())
        """,
        EMULATOR=emulator.url,
    )
    scopes = [scope for _, scope in found["spans"]]
    assert scopes.count(catalog.SCOPE) == 1
    assert len(scopes) == expected


def test_streams_open_at_exit_reach_a_provider_that_the_app_set_later(emulator: Emulator) -> None:
    """The provider's own exit hook, registered after ours, would else run first and shut it down."""
    emulator.script = lambda _: Reply.broken("stall", after=2)
    done = run(
        """
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter
        otel_llm.instrument(scrape="off")
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.name + "\\n")))
        trace.set_tracer_provider(provider)
        client = openai.OpenAI(base_url=URL + "/v1", api_key="k")
        stream = client.chat.completions.create(model="gpt-4o", messages=[], stream=True)
        next(stream)
        """,
        EMULATOR=emulator.url,
    )
    assert (done.stdout, done.stderr) == ("chat gpt-4o\n", "")
