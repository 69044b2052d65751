"""The same SDKs at other addresses: clouds, gateways, the app's own HTTP clients, and calls without any SDK."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from opentelemetry import context
from opentelemetry.instrumentation.utils import suppress_instrumentation
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply
from tests.behaviour.rows import CHAT, EMBED, MESSAGE, USAGE
from tests.telemetry import Telemetry

AZURE = {"api_key": "k", "api_version": "2024-10-21"}
VERTEX = {"region": "europe-west1", "project_id": "demo", "access_token": "t"}
AWS = {"aws_region": "eu-west-1", "aws_access_key": "a", "aws_secret_key": "s"}
LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2])


def test_azure(emulator: Emulator, telemetry: Telemetry) -> None:
    with openai.AzureOpenAI(azure_endpoint=emulator.url, **AZURE) as client:
        client.chat.completions.create(**{**CHAT, "model": "my-deployment"})
    span = telemetry.one()
    assert emulator.requests[0].path == "/openai/deployments/my-deployment/chat/completions"
    assert (span[catalog.PROVIDER], span[catalog.REQUEST_MODEL]) == ("azure.ai.openai", "my-deployment")
    assert (span.outcome, span.tokens) == ("success", (11, 7))


def test_azure_openai_at_a_foundry_host(telemetry: Telemetry) -> None:
    """The class says which of Azure's products it is, and so whether OpenAI's attributes are shown."""
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": []}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json={**answer, "service_tier": "default"}))
    endpoint = "https://mine.services.ai.azure.com"
    with openai.AzureOpenAI(azure_endpoint=endpoint, http_client=httpx2.Client(transport=transport), **AZURE) as client:
        client.chat.completions.create(**CHAT)
    span = telemetry.one()
    assert (span[catalog.PROVIDER], span[catalog.SERVER_ADDRESS]) == ("azure.ai.openai", endpoint.partition("//")[2])
    assert span[catalog.OPENAI_RESPONSE_TIER] == "default"


async def test_azure_async_stream(emulator: Emulator, telemetry: Telemetry) -> None:
    async with openai.AsyncAzureOpenAI(azure_endpoint=emulator.url, **AZURE) as client:
        async for _ in await client.chat.completions.create(**CHAT, **USAGE):
            pass
    span = telemetry.one()
    assert (span[catalog.PROVIDER], span.outcome, span.tokens) == ("azure.ai.openai", "success", (11, 7))


@pytest.mark.parametrize("stream", [False, True])
def test_vertex(stream: bool, emulator: Emulator, telemetry: Telemetry) -> None:
    with anthropic.AnthropicVertex(base_url=emulator.url + "/v1", **VERTEX) as client:
        answer = client.messages.create(**MESSAGE, stream=stream)
        if stream:
            list(answer)
    span = telemetry.one()
    assert (span[catalog.PROVIDER], span[catalog.REQUEST_MODEL]) == ("gcp.vertex_ai", MESSAGE["model"])
    assert (span.outcome, span.tokens, span.finish) == ("success", (11, 7), ["stop"])


def test_bedrock_refused(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.script = lambda _: Reply.error("auth")
    with (
        anthropic.AnthropicBedrock(base_url=emulator.url, max_retries=0, **AWS) as client,
        pytest.raises(anthropic.APIStatusError),
    ):
        client.messages.create(**MESSAGE)
    span = telemetry.one()
    assert (span[catalog.PROVIDER], span[catalog.REQUEST_MODEL]) == ("aws.bedrock", MESSAGE["model"])
    assert span.outcome == "error"
    assert len(span.attempts) == 1


async def _bedrock_stream(emulator: Emulator, helper: bool) -> None:
    with anthropic.AnthropicBedrock(base_url=emulator.url, max_retries=0, **AWS) as client:
        if not helper:
            list(client.messages.create(**MESSAGE, stream=True))
            return
        with client.messages.stream(**MESSAGE) as stream:
            stream.get_final_message()


async def _async_bedrock_stream(emulator: Emulator, helper: bool) -> None:
    async with anthropic.AsyncAnthropicBedrock(base_url=emulator.url, max_retries=0, **AWS) as client:
        if not helper:
            async for _ in await client.messages.create(**MESSAGE, stream=True):
                pass
            return
        async with client.messages.stream(**MESSAGE) as stream:
            await stream.get_final_message()


@pytest.mark.parametrize("read", [_bedrock_stream, _async_bedrock_stream])
@pytest.mark.parametrize("helper", [False, True], ids=["stream", "helper"])
@pytest.mark.parametrize("fails", ["rate_limit", "provider"])
async def test_bedrock_fails_in_a_stream(
    read: Any, helper: bool, fails: Any, emulator: Emulator, telemetry: Telemetry
) -> None:
    """An exception event of AWS' framing: the SDK raises, and the call is the error that the event states."""
    emulator.reply(Reply.error(fails, after=2))
    with pytest.raises((ValueError, anthropic.APIError)):
        await read(emulator, helper)
    span = telemetry.one()
    assert (span[catalog.PROVIDER], span.outcome, span.error_class) == ("aws.bedrock", "error", fails)
    assert span[catalog.ERROR_TYPE].endswith("Exception")
    assert span.tokens[0] == 11  # stated before it broke


def test_any_base_url(emulator: Emulator, telemetry: Telemetry) -> None:
    """A gateway keeps the SDK's provider and shows the true address."""
    with openai.OpenAI(base_url=emulator.url + "/gateway/openai/v1", api_key="k") as client:
        client.embeddings.create(**EMBED)
    span = telemetry.one()
    assert (span[catalog.PROVIDER], span[catalog.SERVER_ADDRESS]) == ("openai", "127.0.0.1")
    assert span[catalog.SERVER_PORT] == int(emulator.url.rpartition(":")[2])
    assert span[catalog.OPERATION] == "embeddings"


@LIBRARIES
def test_own_http_client_in_openai(library: Any, emulator: Emulator, telemetry: Telemetry) -> None:
    class Mine(library.Client):  # type: ignore[misc, name-defined]
        def send(self, *args: Any, **kwargs: Any) -> Any:
            return super().send(*args, **kwargs)

    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", http_client=Mine()) as client:
        list(client.chat.completions.create(**CHAT, **USAGE))
    span = telemetry.one()
    assert (span.outcome, span.tokens, span.statuses) == ("success", (11, 7), [200])


@LIBRARIES
def test_mock_transport(library: Any, telemetry: Telemetry) -> None:
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": []}
    stated = {"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}
    transport = library.MockTransport(lambda request: library.Response(200, json=answer | stated))
    with openai.OpenAI(api_key="k", http_client=library.Client(transport=transport)) as client:
        client.chat.completions.create(**CHAT)
    span = telemetry.one()
    assert (span.outcome, span.tokens, span[catalog.SERVER_ADDRESS]) == ("success", (3, 4), "api.openai.com")


def test_both_libraries_in_one_process(emulator: Emulator, telemetry: Telemetry) -> None:
    url = emulator.url + "/v1"
    with (
        openai.OpenAI(base_url=url, api_key="k", http_client=httpx.Client()) as old,
        openai.OpenAI(base_url=url, api_key="k", http_client=httpx2.Client()) as new,
    ):
        old.chat.completions.create(**CHAT)
        new.chat.completions.create(**CHAT)
    assert [len(span.attempts) for span in telemetry.spans()] == [1, 1]


# ------------------------------------------------------------------------------------------------ without an SDK
@LIBRARIES
def test_raw_call(library: Any, emulator: Emulator, telemetry: Telemetry) -> None:
    response = library.post(emulator.url + "/v1/chat/completions", json=CHAT)
    assert response.json()["usage"]["prompt_tokens"] == 11
    span = telemetry.one()
    assert (span[catalog.SPAN_CLIENT], span[catalog.PROVIDER]) == ("http", "openai")
    assert (span.outcome, span.tokens, span.finish) == ("success", (11, 7), ["stop"])


@LIBRARIES
def test_raw_stream(library: Any, emulator: Emulator, telemetry: Telemetry) -> None:
    body = {**CHAT, **USAGE}
    with (
        library.Client() as client,
        client.stream("POST", emulator.url + "/v1/chat/completions", json=body) as response,
    ):
        lines = [line for line in response.iter_lines() if line.startswith("data: {")]
    assert json.loads(lines[-1].removeprefix("data: "))["usage"]["prompt_tokens"] == 11
    span = telemetry.one()
    assert (span.outcome, span.tokens) == ("success", (11, 7))
    assert catalog.TIME_TO_FIRST_CHUNK in span.attributes


@LIBRARIES
async def test_raw_async_stream_left_early(library: Any, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.broken("stall", after=2))
    async with (
        library.AsyncClient() as client,
        client.stream("POST", emulator.url + "/v1/chat/completions", json={**CHAT, **USAGE}) as response,
    ):
        async for line in response.aiter_lines():
            if line:
                break
    assert telemetry.one().outcome == "abandoned"


def test_raw_error(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.error("quota"))
    assert httpx.post(emulator.url + "/v1/chat/completions", json=CHAT).status_code == 429
    span = telemetry.one()
    assert (span.outcome, span.error_class, span[catalog.ERROR_TYPE]) == ("error", "quota", "insufficient_quota")


@LIBRARIES
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"messages": [{"text": "hello"}]}),
        ("/api/chat", {"model": "blue", "room": 7}),
        ("/api/chat", {"model": "car", "input": "x"}),
        ("/api/chat", {"model": "car", "messages": [{"text": "hello"}]}),
        ("/responses", {"model": "survey", "answers": [1, 2]}),
        ("/v1/users", CHAT),
        ("/embeddings", None),
    ],
)
def test_the_apps_own_services_are_no_calls(
    library: Any, path: str, body: Any, emulator: Emulator, telemetry: Telemetry
) -> None:
    library.post(emulator.url + path, json=body)
    library.get(emulator.url + "/v1/models")
    assert telemetry.spans() == []
    assert telemetry.value(catalog.CALLS) == 0


def test_what_an_sdk_does_besides_calls(emulator: Emulator, telemetry: Telemetry) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        client.models.list()
    assert telemetry.spans() == []


def _asgi(library: Any) -> Any:
    """A client of an app in this process, over ASGI."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"{}"})

    return library.AsyncClient(transport=library.ASGITransport(app), base_url="http://mine")


@LIBRARIES
async def test_an_app_of_this_process_is_no_provider(library: Any, telemetry: Telemetry) -> None:
    """A gateway's own tests, say; unless it stands in for a provider by name."""
    async with _asgi(library) as client:
        assert (await client.post("/v1/chat/completions", json=CHAT)).json() == {}
        assert telemetry.spans() == []
        await client.post("https://api.openai.com/v1/chat/completions", json=CHAT)
    assert telemetry.one()[catalog.REQUEST_MODEL] == "gpt-4o"


@LIBRARIES
def test_a_wsgi_app_of_this_process_is_no_provider(library: Any, telemetry: Telemetry) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("content-type", "application/json")])
        return [b"{}"]

    with library.Client(transport=library.WSGITransport(app), base_url="http://mine") as client:
        assert client.post("/v1/chat/completions", json=CHAT).json() == {}
    assert telemetry.spans() == []


def test_starlettes_test_client_asks_no_provider(telemetry: Telemetry) -> None:
    async def answer(_: Any) -> JSONResponse:
        return JSONResponse({"choices": []})

    app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
    assert TestClient(app).post("/v1/chat/completions", json=CHAT).json() == {"choices": []}
    assert telemetry.spans() == []


async def test_an_sdk_over_an_app_of_this_process_is_a_call(telemetry: Telemetry) -> None:
    async with openai.AsyncOpenAI(base_url="http://mine/v1", api_key="k", http_client=_asgi(httpx2)) as client:
        await client.chat.completions.create(**CHAT)
    assert telemetry.one().statuses == [200]


# ---------------------------------------------------------------------------------------------- observed elsewhere
@pytest.mark.parametrize(
    "key", [context._SUPPRESS_INSTRUMENTATION_KEY, "suppress_instrumentation"], ids=["sdk", "plain"]
)
def test_suppressed_by_either_key(key: str, emulator: Emulator, telemetry: Telemetry) -> None:
    """opentelemetry-sdk's exporters set the one, older instrumentations the other."""
    token = context.attach(context.set_value(key, True))
    try:
        with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
            client.chat.completions.create(**CHAT)
    finally:
        context.detach(token)
    assert telemetry.spans() == []


def test_suppressed(emulator: Emulator, telemetry: Telemetry) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client, suppress_instrumentation():
        client.chat.completions.create(**CHAT)
        list(client.chat.completions.create(**CHAT, stream=True))
        httpx.post(emulator.url + "/v1/chat/completions", json=CHAT)
    assert telemetry.spans() == []
    assert telemetry.value(catalog.CALLS) == 0
    assert len(emulator.requests) == 3


def test_observed_by_an_official_instrumentation(emulator: Emulator, telemetry: Telemetry) -> None:
    """opentelemetry-util-genai marks its context while it observes the call."""
    token = context.attach(context.set_value("opentelemetry.genai.client.inference.context", True))
    try:
        with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
            client.chat.completions.create(**CHAT)
    finally:
        context.detach(token)
    assert telemetry.spans() == []
