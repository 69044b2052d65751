"""Cohere chat, v2. Source: Cohere API reference ("Chat", "Errors") and answers recorded from the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_llm.catalog import ErrorClass
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply, Usage
from otel_llm.demo.emulator.wire import Event, Failure, sse

_ERRORS: Final[Mapping[ErrorClass, tuple[int, str]]] = {
    "auth": (401, "invalid api token"),
    "bad_request": (400, "invalid request: message must be at least 1 token long"),
    "context_length": (400, "too many tokens: size limit exceeded by 12 tokens"),
    "content_filter": (400, "blocked output: this generation may be a potential policy violation"),
    "not_found": (404, "model 'no-such-model' not found"),
    "rate_limit": (429, "You are past the per minute request limit, please wait and try again later."),
    "quota": (402, "Please add or update your payment method"),
    "provider": (500, "internal server error"),
    "overloaded": (503, "the service is unavailable"),
    "timeout": (504, "timeout"),
}
_FINISH: Final = {"stop": "COMPLETE", "length": "MAX_TOKENS", "content_filter": "ERROR_TOXIC", "tool_call": "TOOL_CALL"}


class CohereChat:
    provider = "cohere"
    operation = "chat"
    stream_type = "text/event-stream"

    def body(self, reply: Reply, asked: Received) -> Mapping[str, Any]:
        said = {"role": "assistant", "content": [{"type": "text", "text": reply.text}]}
        return {"id": _id(asked), "message": said, "finish_reason": _FINISH[reply.finish], **_usage(reply.usage)}

    def events(self, reply: Reply, asked: Received) -> Iterator[Event]:
        def event(kind: str, **stated: Any) -> bytes:
            return sse({"type": kind, **stated}, kind)

        start: dict[str, Any] = {
            "message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        }
        yield Event(event("message-start", id=_id(asked), delta=start))
        block = {"message": {"content": {"type": "text", "text": ""}}}
        yield Event(event("content-start", index=0, delta=block))
        for piece in reply.chunks():
            delta = {"message": {"content": {"text": piece}}}
            yield Event(event("content-delta", index=0, delta=delta), output=True)
        yield Event(event("content-end", index=0))
        if reply.terminator:
            yield Event(event("message-end", delta={"finish_reason": _FINISH[reply.finish], **_usage(reply.usage)}))
            yield Event(sse(b"[DONE]"))

    def failure(self, reply: Reply, asked: Received) -> Failure:
        status, message = _ERRORS[reply.fails or "provider"]
        return Failure(reply.status or status, {"id": _id(asked), "message": reply.message or message})

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        message = self.failure(reply, asked).body["message"]
        return sse({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}}, "message-end")

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        return {"x-debug-trace-id": f"{asked.number:032x}"}

    def stated(self, reply: Reply, asked: Received, *, broken: bool) -> Usage | None:
        return None if broken else reply.usage

    def finishes(self, reply: Reply, asked: Received) -> list[str]:
        return [reply.finish]


def _id(asked: Received) -> str:
    return f"00000000-0000-4000-8000-{asked.number:012x}"


def _usage(stated: Usage | None) -> dict[str, Any]:
    """What is billed, and what the model saw, which includes Cohere's own preamble."""
    if stated is None:
        return {}
    output = stated.output + stated.reasoning
    billed = {"input_tokens": stated.input, "output_tokens": output}
    return {"usage": {"billed_units": billed, "tokens": {"input_tokens": stated.input + 100, "output_tokens": output}}}


COHERE_CHAT = CohereChat()
