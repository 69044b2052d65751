"""Ollama chat: newline-delimited JSON. Source: Ollama's API document and answers recorded from a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from otel_llm.catalog import ErrorClass
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply, Usage
from otel_llm.demo.emulator.wire import Event, Failure

_CREATED: Final = "2026-11-22T12:00:00Z"
_FINISH: Final = {"stop": "stop", "length": "length", "content_filter": "stop", "tool_call": "stop"}
_STATUSES: Final[Mapping[ErrorClass, int]] = {
    "auth": 401, "bad_request": 400, "context_length": 400, "content_filter": 400, "not_found": 404, "rate_limit": 429,
    "quota": 402, "provider": 500, "overloaded": 503, "timeout": 504,
}  # fmt: skip


class OllamaChat:
    provider = "ollama"
    operation = "chat"
    stream_type = "application/x-ndjson"

    def body(self, reply: Reply, asked: Received) -> Mapping[str, Any]:
        return {**_line(reply, asked, reply.text), **_end(reply)}

    def events(self, reply: Reply, asked: Received) -> Iterator[Event]:
        for piece in reply.chunks():
            yield Event(_ndjson({**_line(reply, asked, piece), "done": False}), output=True)
        if reply.terminator:
            yield Event(_ndjson({**_line(reply, asked, ""), **_end(reply)}))

    def failure(self, reply: Reply, asked: Received) -> Failure:
        status = reply.status or _STATUSES.get(reply.fails or "provider", 500)
        return Failure(status, {"error": reply.message or f"emulated {reply.fails}"})

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        return _ndjson(self.failure(reply, asked).body)

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        return {}

    def stated(self, reply: Reply, asked: Received, *, broken: bool) -> Usage | None:
        return None if broken else reply.usage

    def finishes(self, reply: Reply, asked: Received) -> list[str]:
        return [_FINISH[reply.finish]]


def _line(reply: Reply, asked: Received, said: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": said}
    return {"model": reply.model or asked.model, "created_at": _CREATED, "message": message}


def _end(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = {"done": True, "done_reason": _FINISH[reply.finish], "total_duration": 250_000_000}
    if reply.usage is not None:
        found["prompt_eval_count"] = reply.usage.input
        found["eval_count"] = reply.usage.output
    return found


def _ndjson(payload: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(payload) + b"\n"


OLLAMA_CHAT = OllamaChat()
