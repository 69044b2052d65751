"""Cohere's AWS clients: the SDK's event hooks turn request and response into Amazon's and back below our seams."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_llm import catalog
from tests.behaviour.rows import wanted
from tests.clients.operations.answers import COHERE_V1_BODY, COHERE_V1_EVENTS
from tests.clients.operations.operation import ASK
from tests.telemetry import Telemetry

pytestmark = [
    pytest.mark.sdk("cohere"),
    pytest.mark.skipif(not wanted("cohere"), reason="this run is about other SDKs"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

TOKENS = {"x-amzn-bedrock-input-token-count": "11", "x-amzn-bedrock-output-token-count": "7"}
EMBEDDED = {"id": "e", "embeddings": [[0.1]], "texts": ["x"], "response_type": "embeddings_floats"}
RANKED = {"id": "r", "results": [{"index": 0, "relevance_score": 0.9}]}
CHAT: dict[str, Any] = {"model": "cohere.command-r-v1:0"}
EMBED: Any = {"model": "cohere.embed-english-v3", "texts": ["x"], "input_type": "search_query"}
RERANK: Any = {"model": "cohere.rerank-v3-5:0", "query": "q", "documents": ["a"]}

HOSTS = {
    "aws.bedrock": "bedrock-runtime.us-east-1.amazonaws.com",
    "aws.sagemaker": "runtime.sagemaker.us-east-1.amazonaws.com",
}
FIRST = [("BedrockClient", "aws.bedrock"), ("SagemakerClient", "aws.sagemaker")]
SECOND = [("BedrockClientV2", "aws.bedrock"), ("SagemakerClientV2", "aws.sagemaker")]

Make = Callable[..., Any]


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes a client whose requests get the given answer."""
    cohere = pytest.importorskip("cohere", reason="cohere is installed by the version matrix only")
    pytest.importorskip("boto3")
    httpx = pytest.importorskip("httpx")
    made: list[Any] = []

    def make(kind: str, answer: Any, content_type: str = "application/json", **headers: str) -> Any:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

        def handle(_: Any, request: Any) -> Any:
            return httpx.Response(200, headers={"content-type": content_type, **headers}, content=content)

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
        options = {"aws_access_key": "a", "aws_secret_key": "b", "aws_session_token": "t"}
        made.append(getattr(cohere, kind)(aws_region="us-east-1", **options))
        return made[-1]

    yield make
    for client in made:
        client._client_wrapper.httpx_client.httpx_client.close()


def check(telemetry: Telemetry, provider: str, operation: str, model: str) -> Any:
    span = telemetry.one()
    assert (span[catalog.SPAN_CLIENT], span[catalog.PROVIDER]) == ("cohere", provider)
    assert (span[catalog.OPERATION], span[catalog.REQUEST_MODEL]) == (operation, model)
    assert span[catalog.SERVER_ADDRESS] == HOSTS[provider]
    assert (span.outcome, span.statuses) == ("success", [200])
    return span


@pytest.mark.parametrize(("kind", "provider"), FIRST + SECOND)
def test_chat(kind: str, provider: str, amazon: Make, telemetry: Telemetry) -> None:
    asked = {"messages": ASK} if kind.endswith("V2") else {"message": "x"}
    amazon(kind, {**COHERE_V1_BODY, "meta": None}, **TOKENS).chat(**CHAT, **asked)
    span = check(telemetry, provider, "chat", CHAT["model"])
    assert (span.tokens, span.finish) == ((11, 7), ["stop"])


def test_counts_that_amazon_does_not_state_are_missing(amazon: Make, telemetry: Telemetry) -> None:
    """The SDK puts -1 for them into the answer."""
    amazon("SagemakerClient", {**COHERE_V1_BODY, "meta": None}).chat(**CHAT, message="x")
    assert check(telemetry, "aws.sagemaker", "chat", CHAT["model"]).tokens == (None, None)


@pytest.mark.parametrize(("kind", "provider"), FIRST)
def test_chat_stream(kind: str, provider: str, amazon: Make, telemetry: Telemetry) -> None:
    """The hook hands lines of JSON on under the content type of Amazon's event stream."""
    wrapped = [{"bytes": base64.b64encode(json.dumps(event).encode()).decode()} for event in COHERE_V1_EVENTS]
    body = b"".join(json.dumps(event).encode() + b"\n" for event in wrapped)
    client = amazon(kind, body, "application/vnd.amazon.eventstream")
    assert [event.event_type for event in client.chat_stream(**CHAT, message="x")][-1] == "stream-end"
    span = check(telemetry, provider, "chat", CHAT["model"])
    assert (span.tokens, span.finish) == ((11, 7), ["stop"])


@pytest.mark.parametrize(("kind", "provider"), FIRST)
def test_embed(kind: str, provider: str, amazon: Make, telemetry: Telemetry) -> None:
    amazon(kind, EMBEDDED, **TOKENS).embed(**EMBED)
    assert check(telemetry, provider, "embeddings", EMBED["model"]).tokens[0] == 11


@pytest.mark.parametrize(("kind", "provider"), [*SECOND, FIRST[1]])
def test_rerank(kind: str, provider: str, amazon: Make, telemetry: Telemetry) -> None:
    amazon(kind, RANKED, **TOKENS).rerank(**RERANK)
    check(telemetry, provider, "retrieval", RERANK["model"])
