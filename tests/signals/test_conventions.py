"""The two states of the GenAI conventions: the same calls, under the names and in the instruments of each."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from otel_llm import catalog
from otel_llm.catalog import Metric, label_name
from otel_llm.formats.facts import Usage
from otel_llm.signals.conventions import totals
from tests.telemetry import observed

USAGE = {
    "prompt_tokens": 100, "completion_tokens": 40,
    "prompt_tokens_details": {"cached_tokens": 30, "audio_tokens": 25},
    "completion_tokens_details": {"reasoning_tokens": 15, "audio_tokens": 0},
}  # fmt: skip
CHAT = {"model": "gpt-4o", "choices": [{"index": 0, "finish_reason": "stop", "message": {}}], "usage": USAGE}
EMBEDDED = {"data": [], "model": "text-embedding-3-small", "usage": {"prompt_tokens": 3, "total_tokens": 3}}
RANKED = {"id": "a", "results": [], "meta": {"billed_units": {"search_units": 1}}}
REQUESTS = {
    "https://api.openai.com/v1/chat/completions": {"model": "gpt-4o", "messages": []},
    "https://api.openai.com/v1/embeddings": {"model": "text-embedding-3-small", "input": "a"},
    "https://api.cohere.com/v2/rerank": {"model": "rerank-v3.5", "query": "q", "documents": ["a"]},
}
Points = dict[str, dict[tuple[str, ...], float]]
"""Metric name -> operation, and the metric's own label where it has one -> sum, or a histogram's count."""
OWN = (catalog.TOKEN_TYPE, catalog.TOKEN_MODALITY)
USED = "gen_ai.client.inference.usage."
RELEASED: Points = {
    "gen_ai.client.operation.duration": {("chat",): 2, ("embeddings",): 1, ("retrieval",): 1},
    "gen_ai.client.token.usage": {
        ("chat", "input"): 1, ("chat", "output"): 1, ("embeddings", "input"): 1,
    },
}  # fmt: skip
MAIN: Points = {
    "gen_ai.client.inference.duration": {("chat",): 2},
    "gen_ai.client.operation.duration": {("embeddings",): 1, ("retrieval",): 1},
    "gen_ai.client.inference.operation.input_tokens": {("chat",): 1},
    "gen_ai.client.inference.operation.output_tokens": {("chat",): 1},
    f"{USED}input_tokens": {("chat", "audio"): 25, ("chat", "unknown"): 75},
    f"{USED}output_tokens": {("chat", "unknown"): 40},
    f"{USED}cache_read.input_tokens": {("chat", "unknown"): 30},
    f"{USED}reasoning.output_tokens": {("chat", "unknown"): 15},
}


def answer(request: httpx.Request) -> httpx.Response:
    if b"refused" in request.content:
        return httpx.Response(400, json={"error": {"message": "no"}})
    bodies = (("chat", CHAT), ("embeddings", EMBEDDED), ("rerank", RANKED))
    return httpx.Response(200, json=next(body for path, body in bodies if path in str(request.url)))


def recorded(reader: InMemoryMetricReader) -> Points:
    found: Points = {}
    data: Any = reader.get_metrics_data()
    for metric in (m for resource in data.resource_metrics for scope in resource.scope_metrics for m in scope.metrics):
        for point in metric.data.data_points if metric.name.startswith("gen_ai.") else ():
            key = _key(lambda name, point=point: point.attributes.get(name, ""))
            series = found.setdefault(metric.name, {})
            series[key] = series.get(key, 0) + (point.count if hasattr(point, "count") else point.value)
    return found


def scraped(metrics: tuple[Metric, ...]) -> Points:
    by_series = {m.prometheus + ("_count" if m.kind == "histogram" else "_total"): m.name for m in metrics}
    found: Points = {}
    for family in text_string_to_metric_families(generate_latest(REGISTRY).decode()):
        for sample in family.samples:
            if sample.name.startswith("gen_ai") and sample.name.endswith(("_count", "_total")):
                key = _key(lambda name, sample=sample: sample.labels.get(label_name(name), ""))
                series = found.setdefault(by_series[sample.name], {})
                series[key] = series.get(key, 0) + sample.value
    return found


def _key(label: Any) -> tuple[str, ...]:
    own = [value for name in OWN if (value := label(name))]
    return (label(catalog.OPERATION), *own)


@pytest.mark.parametrize(("semconv", "expected"), [("released", RELEASED), ("main", MAIN)])
def test_the_same_calls_in_both_states(semconv: str, expected: Points) -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    with observed(meter_provider=meters, scrape="on", semconv=semconv):
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            for url, body in REQUESTS.items():
                client.post(url, json=body)
            client.post("https://api.openai.com/v1/chat/completions", json={"model": "gpt-4o", "user": "refused"})
        assert scraped(catalog.MAIN_METRICS if semconv == "main" else catalog.METRICS) == expected
        assert recorded(reader) == expected
    meters.shutdown()


tokens = st.none() | st.integers(0, 1000)


@given(tokens, tokens, tokens, tokens)
def test_modalities_add_up_to_the_total(inputs: int | None, heard: int | None, outputs: int | None, said: int | None):
    """Whatever the provider states of audio, even more of it than there is."""
    usage = Usage(input=inputs, input_audio=heard, output=outputs, output_audio=said)
    sums: dict[str, int] = {}
    for total, _, count in totals(usage):
        assert count > 0
        sums[total] = sums.get(total, 0) + count
    assert sums == {t: n for t, n in (("input_tokens", inputs), ("output_tokens", outputs)) if n}


def test_failed_calls_count_their_tokens_and_are_in_no_percentile_of_them() -> None:
    """Of a stream that is left early, as Anthropic states the input at its begin."""
    start = b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-opus-4-8","usage":'
    start += b'{"input_tokens":9,"output_tokens":1}}}\n\n'

    def stream(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter([start, start]))

    with observed(semconv="main") as telemetry, httpx.Client(transport=httpx.MockTransport(stream)) as client:
        body = {"model": "claude-opus-4-8", "messages": [], "stream": True}
        with client.stream("POST", "https://api.anthropic.com/v1/messages", json=body) as response:
            next(response.iter_raw())
        assert telemetry.one().outcome == "abandoned"
        assert telemetry.value(catalog.MAIN_USAGE["input_tokens"]) == 9
        assert telemetry.value(catalog.MAIN_INPUT_TOKENS) == 0
        assert telemetry.value(catalog.MAIN_DURATION) == 1
