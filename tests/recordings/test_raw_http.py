"""Every recorded exchange as a raw HTTP request to its own host, seen by the wire seam alone: no SDK, any provider.

The transport takes the request to the replay server; above it the URL is the recorded one, so that host and path are
what recognises the call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from otel_llm.providers import provider_of
from tests.formats.recordings import OUT_OF_SCOPE, Stated, exchanges, wanted
from tests.recordings.agreement import facts, stated
from tests.recordings.replaying import replay_module
from tests.telemetry import SpanFacts, Telemetry, observed

HIDDEN = {
    "replicate.predictions": "polls and streams are GETs of a prediction's id, and creating one states nothing yet",
    "replicate.stream": "likewise",
    "huggingface.text_generation": "the path is a model's own: the client seam tells the task",
    "openai.prompt_completions": "the prompt stands at the gateway: the body shows neither model nor prompt",
}
"""APIs that raw HTTP does not show, and why."""

UNRECORDED = "the request was not recorded, so that nothing in it can be read"
GUESSED = "the expected operation is a guess: the request is Cohere's chat"
DIFFERING: dict[str, tuple[set[str], str]] = {
    "anthropic-620b974f76af": ({"stream"}, UNRECORDED),
    "anthropic-6a42e5d48674": ({"stream"}, UNRECORDED),
    "aws-bedrock-8876a7da873e": ({"operation"}, GUESSED),
    "aws-bedrock-b908a9be0601": ({"operation"}, GUESSED),
}
"""Rows that do not agree: the fields, and why."""


class Redirect(httpx.BaseTransport):
    """Takes a request for anywhere to one recorded exchange."""

    def __init__(self, url: str) -> None:
        self._url = httpx.URL(url)
        self._inner = httpx.HTTPTransport()
        self.exchange = ""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = f"/@id:{self.exchange}/x".encode()
        url = request.url.copy_with(scheme="http", host=self._url.host, port=self._url.port, raw_path=path)
        return self._inner.handle_request(
            httpx.Request(request.method, url, headers=request.headers, content=request.content)
        )

    def close(self) -> None:
        self._inner.close()


class Row(msgspec.Struct):
    id: str
    api: str
    provider: str
    want: Stated
    spans: int
    differences: dict[str, tuple[Any, Any]]


@pytest.fixture(scope="module")
def rows(shared: Path) -> Iterator[list[Row]]:
    found: list[Row] = []
    files = shared / "recordings" / "exchanges.jsonl.gz"
    with replay_module(shared).Server(files) as server, observed(model_cap=1000) as telemetry:
        redirect = Redirect(server.url)
        with httpx.Client(transport=redirect) as client:
            for exchange, expected in exchanges(shared):
                if exchange["api"] not in OUT_OF_SCOPE and exchange["api"] not in HIDDEN:
                    redirect.exchange = exchange["id"]
                    found.append(sent(client, exchange, expected, telemetry))
        yield found


def sent(client: httpx.Client, exchange: dict[str, Any], expected: dict[str, Any], telemetry: Telemetry) -> Row:
    """Sends one exchange, reads its answer, and compares the span."""
    body = exchange["request_body"]
    with client.stream(exchange["method"], exchange["url"], json=body) as response:
        for _ in response.iter_bytes():
            pass
    spans = [SpanFacts(span) for span in telemetry.exporter.get_finished_spans()]
    telemetry.exporter.clear()
    want = wanted(expected)
    row = Row(exchange["id"], exchange["api"], exchange["provider"], want, len(spans), {})
    if len(spans) == 1:
        got = stated(spans[0])
        should = facts(want, expected, provider_of(httpx.URL(exchange["url"]).host) or got["provider"], None)
        if should["error_type"] is None and want.error:
            del should["error_type"]  # an SDK's exception would say it
        row.differences = {key: (got[key], should[key]) for key in should if got[key] != should[key]}
    return row


def test_every_exchange_is_one_call_with_the_facts_of_its_bytes(rows: list[Row]) -> None:
    assert {row.id: (row.api, row.spans) for row in rows if row.spans != 1} == {}
    wrong = {row.id: row.differences for row in rows if row.differences}
    assert {key: set(fields) for key, fields in wrong.items()} == {
        key: fields for key, (fields, _) in DIFFERING.items()
    }, wrong


def test_table(rows: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    """The count of agreeing rows, printed."""
    found = Counter((row.provider, row.want.operation, row.spans == 1 and not row.differences) for row in rows)
    with capsys.disabled():
        print()
        for (provider, operation, agrees), count in sorted(found.items()):
            print(f"  {provider:18} {operation:16} {'agree' if agrees else 'DIFFER':8} {count}")
    assert sum(count for key, count in found.items() if key[2]) == len(rows) - len(DIFFERING)
