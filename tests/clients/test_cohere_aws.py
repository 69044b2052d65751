"""Cohere's AWS clients: the SDK's event hooks turn request and response into Bedrock's and back below our seams."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm import catalog
from tests.telemetry import Telemetry

ANSWER = {"text": "Hello.", "generation_id": "g", "finish_reason": "COMPLETE", "response_id": "r"}
TOKENS = {"x-amzn-bedrock-input-token-count": "11", "x-amzn-bedrock-output-token-count": "7"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    cohere = pytest.importorskip("cohere", reason="cohere is installed by the version matrix only")
    pytest.importorskip("boto3")
    httpx = pytest.importorskip("httpx")
    sent: list[str] = []

    def answer(_: Any, request: Any) -> Any:
        sent.append(str(request.url))
        return httpx.Response(200, headers={"content-type": "application/json", **TOKENS}, json=ANSWER)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    made = cohere.BedrockClient(aws_region="us-east-1", aws_access_key="a", aws_secret_key="b", aws_session_token="t")
    yield made
    made._client_wrapper.httpx_client.httpx_client.close()
    assert all(url.startswith("https://bedrock-runtime.us-east-1.amazonaws.com/model/") for url in sent)


def test_provider_is_who_bills(client: Any, telemetry: Telemetry) -> None:
    assert client.chat(model="cohere.command-r-v1:0", message="x").text == "Hello."
    span = telemetry.one()
    assert span[catalog.SPAN_CLIENT] == "cohere"
    assert span[catalog.PROVIDER] == "aws.bedrock"
    assert span[catalog.SERVER_ADDRESS] == "bedrock-runtime.us-east-1.amazonaws.com"
    assert span[catalog.REQUEST_MODEL] == "cohere.command-r-v1:0"
    assert (span.outcome, span.tokens, span.finish) == ("success", (11, 7), ["stop"])
