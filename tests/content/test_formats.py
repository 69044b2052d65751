"""The content of every format, from the bytes on the wire to the span: plain, streamed, by the conventions' schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from otel_llm import catalog
from otel_llm.content.capture import FAMILIES
from otel_llm.formats.facts import Facts
from otel_llm.formats.reader import Reader
from otel_llm.formats.table import recognise
from otel_llm.providers import provider_of
from tests.content.rows import IMAGE, JSON, ROWS, Row
from tests.content.schema import check_instructions, check_messages, check_tools
from tests.formats import recordings
from tests.telemetry import SpanFacts, observed

SIDES = [
    pytest.param(row, streamed, id=f"{row}-{'stream' if streamed else 'plain'}")
    for row in ROWS
    for streamed in (False, True)
    if (row.stream if streamed else row.answer is not None)
]


def shown(span: SpanFacts, attribute: str) -> Any:
    return json.loads(span.get(attribute) or "[]")


@pytest.mark.parametrize(("row", "streamed"), SIDES)
def test_wire_to_span(row: Row, streamed: bool) -> None:
    url = row.stream_url if streamed and row.stream_url else row.url
    asked = {**row.request, "stream": True} if streamed and not row.stream_url else row.request
    kind = row.stream_type if streamed else JSON
    body = row.stream if streamed else json.dumps(row.answer).encode()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": kind}, content=_pieces(body))

    with observed(content="span_only") as telemetry, httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert client.post(url, json=asked).content == body
        span = telemetry.one()
        exported = telemetry.finished()[0].to_json()
    assert shown(span, catalog.INPUT_MESSAGES) == row.asked
    assert shown(span, catalog.OUTPUT_MESSAGES) == row.said
    assert shown(span, catalog.SYSTEM_INSTRUCTIONS) == row.system
    assert shown(span, catalog.TOOL_DEFINITIONS) == row.tools
    assert span.get(catalog.CONTENT_TRUNCATED) is None
    check_messages(row.asked + row.said)
    check_instructions(row.system)
    check_tools(row.tools)
    assert IMAGE not in exported


def _pieces(body: bytes) -> Iterator[bytes]:
    """As a network tears it."""
    for at in range(0, len(body), 61):
        yield body[at : at + 61]


def test_every_family_has_a_row() -> None:
    found = (recognise(row.url, provider_of(httpx.URL(row.url).host)) for row in ROWS)
    here = {row.format.name for row in found if row is not None}
    others = {"openai_completions", "openai_responses", "anthropic_messages"}  # tests of their own, in test_capture
    assert here | others == set(FAMILIES)


@pytest.mark.parametrize(("row", "streamed"), SIDES)
@pytest.mark.parametrize("limit", [1, 2])
def test_limit(row: Row, streamed: bool, limit: int) -> None:
    """What is kept of an answer is within the limit, said to be cut, and by the schema."""
    found = recognise(row.url, provider_of(httpx.URL(row.url).host))
    assert found is not None
    family = FAMILIES[found.format.name]
    asked, answers = family.request(row.request, limit), family.Response(limit)
    read(family_tap(answers), row.stream if streamed else json.dumps(row.answer).encode(), row.stream_type, streamed)
    messages, cut = answers.content()
    check_messages(asked.input_messages + messages)
    check_instructions(asked.system_instructions)
    assert asked.truncated
    assert cut
    for side in (asked.input_messages, messages):
        assert sum(len(part.get("content") or "") for message in side for part in message["parts"]) <= limit


def family_tap(answers: Any) -> Any:
    """A format that reads nothing but the content."""

    class Tap:
        name, terminated, texts = "tap", True, None

        def body(self, data: bytes, facts: Facts) -> None:
            answers.body(data)

        def event(self, data: bytes, facts: Facts) -> bool:
            answers.event(data)
            return True

    return Tap()


def read(tap: Any, body: bytes, kind: str, streamed: bool) -> None:
    reader = Reader(tap, kind if streamed else JSON)
    reader.feed(body)
    reader.end()


def test_recordings(shared: Path) -> None:
    """Recorded traffic of all providers: where the format sees words or a tool called, there is content, by the
    schema; and every prompt is there."""
    read_ = dict.fromkeys(FAMILIES, 0)
    for exchange, _ in recordings.exchanges(shared):
        found = recognise(exchange["url"], provider_of(httpx.URL(exchange["url"]).host))
        wire_format = recordings.BY_CLIENT.get(exchange["api"]) or (found.format if found else None)
        family = FAMILIES.get(wire_format.name) if wire_format else None
        if wire_format is None or family is None:
            continue
        body = exchange["request_body"] if isinstance(exchange["request_body"], dict) else {}
        asked, answers, facts = family.request(body, 10**6), family.Response(10**6), Facts()
        recordings._feed(exchange, wire_format, facts, seed=1)
        recordings._feed(exchange, family_tap(answers), Facts(), seed=1)
        messages, cut = answers.content()
        check_messages(asked.input_messages + messages)
        check_instructions(asked.system_instructions)
        check_tools(asked.tool_definitions)
        assert not cut
        parts = [part for message in messages for part in message["parts"] if part.get("content") != ""]
        if facts.text or facts.tools_called:
            assert parts, exchange["id"]
        if body and "variables" not in body and "prompt" not in (body.get("prompt") or {}):  # a prompt by its id
            assert any(message["parts"] for message in asked.input_messages), exchange["id"]
        read_[wire_format.name] += 1
    assert sum(read_.values()) > 500, read_
