"""``http_spans=True``: HTTP child spans of LLM calls, of nothing else, and never twice."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import openai
import pytest
from opentelemetry import baggage, context
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan

import otel_llm
from otel_llm import catalog, runtime
from otel_llm.demo.emulator import Emulator, Reply
from otel_llm.redaction import redact
from tests.behaviour.rows import CHAT, USAGE
from tests.join.processes import run
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


KEY = "sk-canary"
PASSWORD = "pw-canary"


def with_key(emulator: Emulator) -> str:
    """The URL of a call, with secrets in it."""
    host = emulator.url.replace("://", f"://me:{PASSWORD}@")
    return f"{host}/v1/chat/completions?key={KEY}&alt=json"


@pytest.fixture(params=["app", "ours"])
def whoever(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    """HTTP spans by the app's own instrumentation, with all request headers captured, or by our setting."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST", ".*")
    with observed(http_spans=request.param == "ours") as telemetry:
        instrumentors = [HTTPXClientInstrumentor(), HTTPX2ClientInstrumentor()] if request.param == "app" else []
        for instrumentor in instrumentors:
            instrumentor.instrument(tracer_provider=telemetry.provider)
        try:
            yield telemetry
        finally:
            for instrumentor in instrumentors:
                instrumentor.uninstrument()


@LIBRARIES
async def test_no_secret_of_a_call_on_anybodys_span(
    library: Any, instrumentor: Any, emulator: Emulator, whoever: Telemetry
) -> None:
    with library.Client(headers={"x-goog-api-key": KEY}) as client:
        client.post(with_key(emulator), json=CHAT)
    async with library.AsyncClient(headers={"authorization": KEY}) as client:
        await client.post(with_key(emulator), json=CHAT)
    ours, children = split(whoever)
    assert (len(ours), len(children)) == (2, 2)
    told = "".join(child.to_json() for child in children)
    assert (KEY in told, PASSWORD in told) == (False, False)
    assert told.count("?key=REDACTED&alt=json") == 2
    assert "http.request.header.user_agent" in told  # what is no secret stays
    assert all(request.query == f"key={KEY}&alt=json" for request in emulator.requests)


@LIBRARIES
def test_the_apps_other_spans_are_as_the_app_has_them(
    library: Any, instrumentor: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST", "x-token")

    def other(client: Any) -> None:
        client.get(emulator.url + "/v1/models?key=mine&q=1", headers={"x-token": "mine"})
        client.post(emulator.url + "/search?key=mine", json={"q": 1})

    def attributes(telemetry: Telemetry) -> list[Any]:
        return [dict(span.attributes or {}) for span in split(telemetry)[1]]

    with observed() as telemetry:
        instrumentor().instrument(tracer_provider=telemetry.provider)
        try:
            with library.Client() as client:
                other(client)
                client.post(with_key(emulator), json=CHAT)
                otel_llm.uninstrument()
                other(client)
        finally:
            instrumentor().uninstrument()
        first, second, _, *bare = attributes(telemetry)
    assert [first, second] == bare
    assert first["http.url"].endswith("?key=mine&q=1")
    assert first["http.request.header.x_token"] == ("mine",)


def test_an_instrumentation_that_asks_before_our_seam(telemetry: Telemetry) -> None:
    """That of requests wraps the very method that we wrap: where it came after us, no call is open yet."""
    found = importlib.import_module("opentelemetry.util.http").redact_url
    path = "/v1beta/models/gemini-2.5-flash:generateContent?key="
    assert found(f"https://generativelanguage.googleapis.com{path}secret").endswith("?key=REDACTED")
    for other in (f"https://example.org{path}secret", "https://generativelanguage.googleapis.com/other?key=secret"):
        assert found(other) == other


@pytest.mark.parametrize("asked", ["sdk", "raw"])
def test_attribution_stays_at_home(asked: str, emulator: Emulator, whoever: Telemetry) -> None:
    """Baggage goes to the app's own services with its HTTP instrumentation: our keys never to a provider."""
    settings = runtime.current().settings  # type: ignore[union-attr]
    mine = baggage.set_baggage("theirs", "stays", baggage.set_baggage(catalog.attribution("tenant"), "acme"))
    token = context.attach(mine)
    try:
        with (
            httpx2.Client() as http,
            openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", http_client=http) as sdk,
        ):
            if asked == "sdk":
                sdk.chat.completions.create(**CHAT)
            else:
                http.post(emulator.url + "/v1/chat/completions", json=CHAT)
            if not settings.http_spans:
                http.get(emulator.url + "/own/service")
        assert context.get_current() is mine
    finally:
        context.detach(token)
    sent = [request.headers["baggage"] for request in emulator.requests]
    assert sent[0] == "theirs=stays"
    assert all("acme" in header for header in sent[1:])
    assert "traceparent" in emulator.requests[0].headers


def test_baggage_write_with_http_spans(emulator: Emulator) -> None:
    with (
        observed(attribution="tenant", baggage_write="tenant", http_spans=True) as telemetry,
        openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client,
        otel_llm.attribution(tenant="acme"),
    ):
        client.chat.completions.create(**CHAT)
        assert baggage.get_baggage(catalog.attribution("tenant")) == "acme"
        (call,), (child,) = split(telemetry)
    assert (call.attributes or {})[catalog.attribution("tenant")] == "acme"
    assert child.parent.span_id == call.context.span_id
    assert "baggage" not in emulator.requests[0].headers


def test_a_child_of_a_fork_in_the_middle_of_it() -> None:
    """The lock that another thread holds at the fork is nobody's in the child."""
    done = run(
        """
        import httpx, threading
        from otel_llm.wires import http_spans
        otel_llm.instrument(http_spans=True, scrape="off")
        held, over = threading.Event(), threading.Event()
        def hold():
            with http_spans._lock:
                held.set()
                over.wait()
        threading.Thread(target=hold, daemon=True).start()
        assert held.wait(10)
        child = os.fork()
        if child == 0:
            transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
            asked = {"model": "m", "messages": []}
            httpx.Client(transport=transport).post("https://api.openai.com/v1/chat/completions", json=asked)
            os._exit(7)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        over.set()
        print(ended)
        """,
        EMULATOR="",
    )
    assert done.stdout == "7\n"


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
