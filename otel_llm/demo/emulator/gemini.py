"""Gemini ``generateContent`` and ``streamGenerateContent``, on the Gemini API and on Vertex AI.

Source: Gemini API reference ("GenerateContentResponse", "Troubleshooting") and answers recorded from the service. The
model stands in the path; a stream has no last event; each chunk states the input, the last one the output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_llm.catalog import ErrorClass
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply, Usage
from otel_llm.demo.emulator.wire import Event, Failure, sse

_ERRORS: Final[Mapping[ErrorClass, tuple[int, str, str]]] = {
    "auth": (403, "PERMISSION_DENIED", "The caller does not have permission"),
    "bad_request": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "context_length": (400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed."),
    "content_filter": (400, "INVALID_ARGUMENT", "The request was blocked."),
    "not_found": (404, "NOT_FOUND", "models/no-such-model is not found for API version v1beta"),
    "rate_limit": (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "quota": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing."),
    "provider": (500, "INTERNAL", "An internal error has occurred."),
    "overloaded": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "timeout": (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}  # fmt: skip
_FINISH: Final = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY", "tool_call": "STOP"}


class Gemini:
    operation = "generate_content"
    stream_type = "text/event-stream"

    def __init__(self, provider: str) -> None:
        self.provider = provider

    def body(self, reply: Reply, asked: Received) -> Mapping[str, Any]:
        calls: list[Any] = [{"functionCall": {"name": tool.name, "args": tool.given}} for tool in reply.tools]
        return _chunk(reply, asked, [{"text": reply.text}, *calls], last=True)

    def events(self, reply: Reply, asked: Received) -> Iterator[Event]:
        pieces = reply.chunks()
        for at, piece in enumerate(pieces):
            last = reply.terminator and at == len(pieces) - 1
            yield Event(sse(_chunk(reply, asked, [{"text": piece}], last=last)), output=True)

    def failure(self, reply: Reply, asked: Received) -> Failure:
        status, name, message = _ERRORS[reply.fails or "provider"]
        status = reply.status or status
        return Failure(status, {"error": {"code": status, "message": reply.message or message, "status": name}})

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        return sse(self.failure(reply, asked).body)

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        return {}

    def stated(self, reply: Reply, asked: Received, *, broken: bool) -> Usage | None:
        if reply.usage is None or not broken:
            return reply.usage
        return Usage(input=reply.usage.input) if asked.streams and reply.after else None

    def finishes(self, reply: Reply, asked: Received) -> list[str]:
        return ["stop" if reply.finish == "tool_call" else reply.finish]


def _chunk(reply: Reply, asked: Received, parts: list[dict[str, Any]], *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = _FINISH[reply.finish]
    chunk: dict[str, Any] = {
        "candidates": [candidate],
        "modelVersion": reply.model or asked.model.partition(":")[0],
        "responseId": f"gemini-{asked.number:08d}",
    }
    if reply.usage is not None:
        chunk["usageMetadata"] = _usage(reply.usage, last=last)
    return chunk


def _usage(stated: Usage, *, last: bool) -> dict[str, int]:
    """Google's counts: the prompt includes what was cached, the candidates exclude thoughts."""
    prompt = stated.input + stated.cache_read + stated.cache_write
    found = {"promptTokenCount": prompt, "totalTokenCount": prompt}
    if stated.cache_read:
        found["cachedContentTokenCount"] = stated.cache_read
    if last:
        found["candidatesTokenCount"] = stated.output
        found["totalTokenCount"] += stated.output + stated.reasoning
        if stated.reasoning:
            found["thoughtsTokenCount"] = stated.reasoning
    return found


GEMINI = Gemini("gcp.gemini")
VERTEX_GEMINI = Gemini("gcp.vertex_ai")
