"""Hostile names: the number of series, the length of a label and what stands in it are bounded, whatever comes."""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

import otel_llm
from otel_llm import catalog, opening, runtime
from otel_llm.catalog import GEN_AI, METRICS, OTHER
from otel_llm.formats.table import recognise
from otel_llm.signals.labels import LENGTH_CAP, CappedLabel, clean
from otel_llm.signals.ledger import Ledger
from otel_llm.signals.series import DURATIONS_CAP, SETS_CAP, Book, ModelSeries
from tests.telemetry import Telemetry, observed

CALLS = 10_000
MODEL_CAP = 100


def _call(n: int, pick: random.Random) -> Any:
    """One call with names made up anew, or picked from those that have been seen already."""
    active, found = runtime.current(), recognise("/v1/chat/completions")
    assert active is not None
    assert found is not None
    name = (lambda: str(pick.randrange(40))) if n % 2 else (lambda: str(n))
    body = {"model": f"model\n{name()}\ud800" + "x" * (n % 500)}
    return opening.open_call(
        active, found, body, client="openai", provider="openai", host=f"host{name()}.test", port=int(name()) + 1
    )


def _finish(call: Any, n: int, pick: random.Random) -> None:
    if n % 3 == 0:
        kind = type(f"Error{n if n % 2 else pick.randrange(40)}", (Exception,), {"__module__": "app"})
        call.failed(kind())
        return
    attempt = call.attempt()
    attempt.response(200, "application/json", "")
    answer = {"model": f"served{n if n % 2 else pick.randrange(40)}", "choices": [], "usage": {"prompt_tokens": 1}}
    attempt.feed(json.dumps(answer).encode())
    attempt.finish("read")
    call.returned()


def test_ten_thousand_hostile_names() -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    with observed(meter_provider=meters, scrape="on", model_cap=MODEL_CAP) as telemetry:
        pick = random.Random(7)
        for n in range(CALLS):
            _finish(_call(n, pick), n, pick)
        samples = telemetry.samples()
        for name in (catalog.CALLS.series, catalog.DURATION.prometheus + "_count"):
            assert sum(sample.value for sample in samples if sample.name == name) == CALLS
        _check_values(samples)
        _check_series(samples)
        assert any(sample.value for sample in samples if sample.name == catalog.LABEL_OVERFLOW.series)
        for metric in (
            m for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics
        ):
            assert len(metric.data.data_points) <= 2000 + 1
        assert generate_openmetrics(REGISTRY).endswith(b"# EOF\n")


def _check_values(samples: list[Any]) -> None:
    for sample in samples:
        for label, value in sample.labels.items():
            if label.startswith(("gen_ai", "server", "error")):
                assert len(value) <= LENGTH_CAP
                assert value.isprintable()
                value.encode()
    for attribute in (*GEN_AI, catalog.ERROR_TYPE):
        label = catalog.label_name(attribute)
        values = {sample.labels[label] for sample in samples if label in sample.labels}
        assert len(values - {"", OTHER}) <= MODEL_CAP


def _check_series(samples: list[Any]) -> None:
    series = Counter(sample.name for sample in samples if sample.labels.get("le", "+Inf") == "+Inf")
    for metric in METRICS:
        count = series.get(metric.prometheus + "_count" if metric.kind == "histogram" else metric.series, 0)
        errors = DURATIONS_CAP + 1 if metric is catalog.DURATION else 2
        per_model = len(catalog.ERROR_CLASSES) + len(catalog.OUTCOMES)
        bound = (SETS_CAP + 1) * errors if metric.kind == "histogram" else (2 * MODEL_CAP + 1) * per_model
        assert count <= bound, metric.name


@given(st.text(st.characters(), max_size=600))
def test_clean(value: str) -> None:
    found = clean(value)
    assert len(found) <= LENGTH_CAP
    found.encode()
    assert not any(character in found for character in "\n\r\0\x7f\u2028")
    assert clean(found) == found


@given(st.lists(st.text(max_size=300)), st.integers(1, 5))
def test_capped_label(values: list[str], cap: int) -> None:
    label = CappedLabel("label", cap)
    found = {label(value) for value in values}
    assert len(found - {"", OTHER}) <= cap
    assert all(label(value) == label(value) for value in values)


def test_hostile_strings_on_a_span(telemetry: Telemetry, emulator: Any) -> None:
    asked: Any = [{"role": "user", "content": "hi"}]
    model, stop = "m\ud800\n" + "x" * 10_000, ["\ud800"] * 100
    client = openai.OpenAI(base_url=emulator.url + "/v1", api_key="k")
    with client, pytest.raises(UnicodeEncodeError):  # the SDK cannot send it
        client.chat.completions.create(model=model, messages=asked, stop=stop)
    span = telemetry.one()
    assert len(span.span.name) < 300
    for value in span.attributes.values():
        for text in value if isinstance(value, tuple) else [value]:
            if isinstance(text, str):
                text.encode()
                assert len(text) <= 256
    assert len(span[catalog.REQUEST_STOP_SEQUENCES]) <= 32


@pytest.mark.parametrize("character", ['"', "\\", "\n", "{", "}", ","])
def test_what_has_a_meaning_in_the_text_format(telemetry: Telemetry, emulator: Any, character: str) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        client.chat.completions.create(model=f"a{character}b", messages=[{"role": "user", "content": "hi"}])
    assert telemetry.value(catalog.CALLS, gen_ai_request_model=clean(f"a{character}b")) == 1
    assert generate_latest(REGISTRY)


def test_a_replaced_value_is_counted_once_per_call() -> None:
    """However many series and labels of the call show it, in the middle of a stream and at its end."""
    with observed(model_cap=10, attribution="tenant") as telemetry:
        active, found = runtime.current(), recognise("/v1/chat/completions")
        assert active is not None
        assert found is not None
        for n in range(10 + 50):
            with otel_llm.attribution(tenant="acme"):
                call = opening.open_call(
                    active, found, {"model": f"m{n}"}, client="openai", provider="openai", host="h.test", port=1
                )
            _finish(call, 1, random.Random(7))
        assert telemetry.value(catalog.LABEL_OVERFLOW, label="gen_ai_request_model") == 50
        assert telemetry.value(catalog.CALLS, gen_ai_request_model=OTHER) == 50
        assert telemetry.value(catalog.ATTRIBUTED_CALLS, gen_ai_request_model=OTHER) == 50


def test_models_past_the_cap_of_sets_share_their_series() -> None:
    """The caps of single labels do not bound their combinations."""
    ledger = Ledger()
    book = Book(ledger, 2, 50)
    made = mock.Mock(wraps=ModelSeries)

    def series(provider: str, model: str) -> ModelSeries:
        request = SimpleNamespace(operation="chat", model=model)
        return book.model(cast("Any", SimpleNamespace(request=request, provider=provider)))

    with mock.patch("otel_llm.signals.series.ModelSeries", made):
        for provider in "abcd":
            for model in ("x", "y"):
                series(provider, model)
        assert made.call_count == len(book.models()) == 4 + 2
        for _ in range(20):
            assert series("d", "y") is series("d", "x")
        assert made.call_count == 4 + 2  # none is made to be thrown away
    assert book.request_model.overflowed == 2 * 2 + 20 * 2


def test_caps_hold_for_threads_at_once() -> None:
    label, rounds = CappedLabel("label", 7), 400
    found: list[str] = []
    start = threading.Barrier(8)

    def work(name: int) -> None:
        start.wait()
        found.extend(label(f"{name}-{n}") for n in range(rounds))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert len(set(found) - {OTHER}) == 7
    assert label.overflowed == found.count(OTHER) == 8 * rounds - 7
