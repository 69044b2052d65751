"""An app that makes LLM calls, as WSGI, ASGI, Flask-like or celery app; what it counts is known by whoever asks it.

``/call`` makes one call and answers with the worker's pid; ``/metrics`` is the app's own page.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpx
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

import otel_llm

INPUT, OUTPUT = 11, 7
"""Tokens of every call."""


def answer(_: httpx.Request) -> httpx.Response:
    message = {"role": "assistant", "content": "hi"}
    return httpx.Response(
        200,
        json={
            "id": "x", "object": "chat.completion", "model": "gpt-4o", "created": 1,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT},
        },
    )  # fmt: skip


def call(model: str = "gpt-4o") -> None:
    """One LLM call, answered in this process."""
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        client.post("https://api.openai.com/v1/chat/completions", json=body)


def setup(**settings: Any) -> None:
    """``instrument()`` with spans to take exemplars from."""
    otel_llm.instrument(tracer_provider=TracerProvider(shutdown_on_exit=False), **settings)


def respond(path: str) -> tuple[str, bytes]:
    """Content type and body."""
    if path == "/metrics":
        return CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
    if path == "/call":
        call()
    return "text/plain", str(os.getpid()).encode()


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    kind, body = respond(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope: dict[str, Any], receive: Any, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    if scope["type"] != "http":
        return
    kind, body = respond(scope["path"])
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if os.environ.get("PREFORK_APP") == "instrumented":
    setup()
elif os.environ.get("PREFORK_APP") == "own":
    otel_llm.instrument()
