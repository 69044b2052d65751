"""A Gemini stream without ``alt=sse``, one JSON array: its chunks are timed as those of any other stream."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx

from otel_llm import catalog
from tests.telemetry import Telemetry

URL = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent"
LAST = {"candidates": [{"content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2}}  # fmt: skip


class Pieces(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"["
        yield json.dumps({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}).encode()
        yield b",\r\n" + json.dumps(LAST).encode() + b"]"


def test_the_span_has_the_time_to_the_first_chunk(telemetry: Telemetry) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/json; charset=UTF-8"}, stream=Pieces())

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        client.stream("POST", URL, json={"contents": [{"parts": [{"text": "hi"}]}]}) as response,
    ):
        assert b"".join(response.iter_raw()).startswith(b"[")
    [span] = telemetry.exporter.get_finished_spans()
    attributes = span.attributes or {}
    assert attributes[catalog.SPAN_CHUNKS] == 2
    assert attributes[catalog.TIME_TO_FIRST_CHUNK]
    assert attributes[catalog.USAGE_INPUT] == 7
    assert attributes[catalog.SPAN_OUTCOME] == "success"
