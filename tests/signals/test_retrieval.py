"""The span of a reranking call, which the conventions call a retrieval."""

from __future__ import annotations

import httpx
import pytest

from otel_llm import catalog
from tests.telemetry import Telemetry

ANSWER = {"id": "r", "results": [{"index": 0, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 1}}}


@pytest.mark.parametrize(
    ("url", "member"), [("https://api.cohere.com/v2/rerank", "top_n"), ("https://api.voyageai.com/v1/rerank", "top_k")]
)
def test_how_many_documents_were_asked_for(telemetry: Telemetry, url: str, member: str) -> None:
    body = {"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"], member: 2}
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=ANSWER))) as client:
        client.post(url, json=body)
    [span] = telemetry.exporter.get_finished_spans()
    attributes = span.attributes or {}
    assert attributes[catalog.OPERATION] == "retrieval"
    assert attributes["gen_ai.retrieval.top_k"] == 2
    assert "gen_ai.request.top_k" not in attributes
