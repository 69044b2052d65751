"""Servers that we have no row for, spoken to over an HTTP library alone, and the app's own services beside them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm import catalog
from tests.behaviour.rows import installed
from tests.clients.canned import Canned, canned
from tests.clients.operations.answers import CHAT_BODY, CHAT_EVENTS, Answer, events, whole
from tests.clients.operations.http import LIBRARIES
from tests.clients.operations.operation import ASK
from tests.telemetry import Telemetry

CHAT: Any = {"model": "m", "messages": ASK}
TIMINGS = {"prompt_n": 11, "prompt_ms": 20.1, "predicted_n": 7, "predicted_ms": 90.4, "predicted_per_second": 77.4}
CHOICE: Any = CHAT_BODY["choices"][0]

SERVERS: dict[str, tuple[str, Any, Answer]] = {
    "vllm": (
        "/v1/chat/completions",
        {**CHAT, "guided_choice": ["a", "b"], "top_k": 20, "min_tokens": 1, "chat_template_kwargs": {}},
        whole(
            {
                **CHAT_BODY, "service_tier": None, "system_fingerprint": None, "prompt_logprobs": None,
                "kv_transfer_params": None, "prompt_token_ids": None,
                "choices": [{**CHOICE, "stop_reason": None, "token_ids": None,
                             "message": {**CHOICE["message"], "reasoning_content": None, "tool_calls": []}}],
                "usage": {**CHAT_BODY["usage"], "prompt_tokens_details": None},
            }
        ),
    ),
    "vllm stream": (
        "/v1/chat/completions",
        {**CHAT, "stream": True, "stream_options": {"include_usage": True, "continuous_usage_stats": True}},
        events(*({**event, "prompt_token_ids": None} for event in CHAT_EVENTS), last="[DONE]"),
    ),
    "litellm proxy": (
        "/chat/completions",
        {**CHAT, "metadata": {"tags": ["a"]}, "fallbacks": ["n"], "num_retries": 1},
        whole(
            {
                **CHAT_BODY, "system_fingerprint": "fp",
                "usage": {**CHAT_BODY["usage"], "completion_tokens_details": None, "cost": 0.0001},
            },
            **{"x-litellm-model-id": "1", "x-litellm-response-cost": "0.0001", "x-litellm-version": "1.80.0"},
        ),
    ),
    "llama.cpp": (
        "/v1/chat/completions",
        {"messages": ASK, "cache_prompt": True, "id_slot": 0, "n_probs": 0},  # one model is loaded: none is named
        whole({**CHAT_BODY, "timings": TIMINGS, "__verbose": {"prompt": "x"}}),
    ),
    "llama.cpp stream": (
        "/v1/chat/completions",
        {**CHAT, "stream": True, "timings_per_token": True},
        events(*({**event, "timings": TIMINGS} for event in CHAT_EVENTS), last="[DONE]"),
    ),
}  # fmt: skip

OWN: tuple[tuple[str, Any], ...] = (
    ("/api/chat", {"messages": [{"text": "hello"}]}),
    ("/api/chat", {"model": "blue", "room": 7}),
    ("/api/chat", {"model": "car", "input": "x"}),
    ("/api/chat", {"model": "car", "messages": [{"text": "hello"}]}),
    ("/api/generate", {"model": "invoice", "input": "x"}),
    ("/responses", {"model": "survey", "answers": [1, 2]}),
    ("/rerank", {"model": "cars", "input": [1, 2]}),
    ("/v1/chat/completions", {"messages": [{"text": "hello"}]}),
)
"""Requests of an app to its own services, under paths that LLM servers have, too."""

# httpx and the like are left to the collector where an async client had no loop to be closed in.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

POSTS = [
    pytest.param(make, id=f"{library}-{side}", marks=pytest.mark.sdk(library))
    for library, sides in LIBRARIES.items()
    if installed(library)
    for side, make in zip(("sync", "async"), sides, strict=True)
    if make is not None
]


@pytest.fixture(scope="module")
def server() -> Iterator[Canned]:
    with canned() as running:
        yield running


def posted(make: Any, url: str, path: str, body: Any) -> None:
    answer = make(url)(path, body)
    if inspect.iscoroutine(answer):
        asyncio.run(answer)


@pytest.mark.parametrize("make", POSTS)
@pytest.mark.parametrize("name", SERVERS)
def test_server(name: str, make: Any, server: Canned, telemetry: Telemetry) -> None:
    path, body, server.answer = SERVERS[name]
    posted(make, server.url, path, body)
    span = telemetry.one()
    assert (span[catalog.SPAN_CLIENT], span[catalog.PROVIDER]) == ("http", "openai")
    assert (span[catalog.OPERATION], span.get(catalog.REQUEST_MODEL)) == ("chat", body.get("model"))
    assert (span.outcome, span.tokens, span.finish) == ("success", (11, 7), ["stop"])


@pytest.mark.parametrize("make", POSTS)
def test_own_services_are_no_calls(make: Any, server: Canned, telemetry: Telemetry) -> None:
    server.answer = whole({"text": "hello"})
    for path, body in OWN:
        posted(make, server.url, path, body)
    assert telemetry.spans() == []
    assert telemetry.value(catalog.CALLS) == 0
