"""``http_spans=True``: HTTP child spans of LLM calls, of nothing else, and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import openai
import pytest
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply
from otel_llm.redaction import redact
from tests.behaviour.rows import CHAT, USAGE
from tests.telemetry import Telemetry, observed

LIBRARIES = pytest.mark.parametrize(
    ("library", "instrumentor"),
    [(httpx, HTTPXClientInstrumentor), (httpx2, HTTPX2ClientInstrumentor)],
    ids=["httpx", "httpx2"],
)


@pytest.fixture
def http() -> Iterator[Telemetry]:
    with observed(http_spans=True) as telemetry:
        yield telemetry


def split(telemetry: Telemetry) -> tuple[list[ReadableSpan], list[ReadableSpan]]:
    """Our spans and the HTTP instrumentation's."""
    spans = telemetry.finished()
    ours = [span for span in spans if span.instrumentation_scope.name == catalog.SCOPE]
    return ours, [span for span in spans if span.instrumentation_scope.name != catalog.SCOPE]


@LIBRARIES
def test_a_child_span_for_each_attempt(library: Any, instrumentor: Any, emulator: Emulator, http: Telemetry) -> None:
    emulator.reply(Reply.error("provider"))
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", http_client=library.Client()) as client:
        client.chat.completions.create(**CHAT)
    (call,), children = split(http)
    assert [child.parent.span_id for child in children] == [call.context.span_id] * 2
    assert sorted(child.attributes["http.status_code"] for child in children) == [200, 500]


async def test_async_streams(emulator: Emulator, http: Telemetry) -> None:
    async with openai.AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        async for _ in await client.chat.completions.create(**CHAT, **USAGE):
            pass
    (call,), (child,) = split(http)
    assert child.parent.span_id == call.context.span_id


@LIBRARIES
def test_no_other_traffic(library: Any, instrumentor: Any, emulator: Emulator, http: Telemetry) -> None:
    with library.Client() as mine, library.Client() as other:
        with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", http_client=mine) as client:
            client.chat.completions.create(**CHAT)
            client.models.list()
            mine.get(emulator.url + "/v1/models")
        other.get(emulator.url + "/v1/models")
    ours, children = split(http)
    assert (len(ours), len(children)) == (1, 1)


@LIBRARIES
def test_off_by_default(library: Any, instrumentor: Any, emulator: Emulator, telemetry: Telemetry) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", http_client=library.Client()) as client:
        client.chat.completions.create(**CHAT)
    assert split(telemetry)[1] == []


@LIBRARIES
@pytest.mark.parametrize("when", ["before", "after"])
def test_never_double(when: str, library: Any, instrumentor: Any, emulator: Emulator, http: Telemetry) -> None:
    """The app instruments the library itself: its span is the only one, and its other traffic keeps its spans."""
    client = library.Client()
    try:
        if when == "before":
            instrumentor().instrument(tracer_provider=http.provider)
            client = library.Client()
        with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", http_client=client) as sdk:
            sdk.chat.completions.create(**CHAT)
            if when == "after":
                instrumentor().instrument(tracer_provider=http.provider)
                sdk.chat.completions.create(**CHAT)
            client.get(emulator.url + "/v1/models")
    finally:
        instrumentor().uninstrument()
    ours, children = split(http)
    calls = 1 if when == "before" else 2
    assert len(ours) == calls
    posts = [child for child in children if child.attributes["http.method"] == "POST"]
    assert len(posts) == calls
    assert len(children) == calls + 1


@LIBRARIES
def test_keys_in_urls_are_redacted(library: Any, instrumentor: Any, emulator: Emulator, http: Telemetry) -> None:
    with library.Client() as client:
        client.post(emulator.url + "/v1/chat/completions?key=sk-canary&alt=sse", json=CHAT)
    assert emulator.requests[0].query == "key=sk-canary&alt=sse"
    spans = http.finished()
    assert len(spans) == 2
    assert "sk-canary" not in "".join(span.to_json() for span in spans)
    assert any("alt=sse" in str(span.attributes) for span in spans)


def test_uninstrument_takes_it_off_again(emulator: Emulator) -> None:
    client = httpx2.Client()
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", http_client=client) as sdk:
        with observed(http_spans=True) as telemetry:
            sdk.chat.completions.create(**CHAT)
            assert len(split(telemetry)[1]) == 1
        sdk.chat.completions.create(**CHAT)
        assert len(split(telemetry)[1]) == 1
        with observed(http_spans=True) as telemetry:
            sdk.chat.completions.create(**CHAT)
            assert len(split(telemetry)[1]) == 1


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://h/p?key=secret", "https://h/p?key=REDACTED"),
        ("https://h/p?a=1&API_KEY=secret&b=2#key", "https://h/p?a=REDACTED&API_KEY=REDACTED&b=REDACTED#key"),
        ("https://h/p?alt=sse&key=secret", "https://h/p?alt=sse&key=REDACTED"),
        ("https://h/p", "https://h/p"),
    ],
)
def test_redact(url: str, clean: str) -> None:
    assert redact(url) == clean
