"""Anthropic messages.

Source: Anthropic API reference ("Errors", "Rate limits", "Streaming messages") and answers recorded from the service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from otel_llm.catalog import ErrorClass
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply, Tool, Usage
from otel_llm.demo.emulator.wire import Event, Failure, arguments, sse


class _Row(NamedTuple):
    status: int
    type: str
    message: str


_ERRORS: Final[Mapping[ErrorClass, _Row]] = {
    "auth": _Row(401, "authentication_error", "invalid x-api-key"),
    "bad_request": _Row(400, "invalid_request_error", "messages: at least one message is required"),
    "context_length": _Row(400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
    "content_filter": _Row(400, "invalid_request_error", "Output blocked by content filtering policy"),
    "not_found": _Row(404, "not_found_error", "model: no-such-model"),
    "rate_limit": _Row(429, "rate_limit_error", "This request would exceed your organization's rate limit of 40,000 "
                       "input tokens per minute."),
    "quota": _Row(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please "
                  "go to Plans & Billing to upgrade or purchase credits."),
    "provider": _Row(500, "api_error", "Internal server error"),
    "overloaded": _Row(529, "overloaded_error", "Overloaded"),
    "timeout": _Row(504, "timeout_error", "Request timed out"),
}  # fmt: skip
_STOP: Final = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", "tool_call": "tool_use"}
_LIMIT_KINDS: Final = ("requests", "tokens", "input_tokens", "output_tokens")
_Draft = tuple[str, dict[str, Any]]
"""An event's type and what it states besides."""
_PLACEHOLDER: Final = 1
"""Output count of ``message_start``, before any output."""


class AnthropicMessages:
    stream_type = "text/event-stream; charset=utf-8"
    operation = "chat"

    def __init__(self, provider: str = "anthropic") -> None:
        self.provider = provider

    def body(self, reply: Reply, asked: Received) -> Mapping[str, Any]:
        stated = {} if reply.usage is None else {"usage": _usage(reply.usage)}
        message = _message(reply, asked, content=_content(reply), stop_reason=_stop_reason(reply))
        return {**message, **stated}

    def events(self, reply: Reply, asked: Received) -> Iterator[Event]:
        for kind, stated in _drafts(reply, asked):
            yield Event(self.frame(kind, {"type": kind, **stated}), output=kind == "content_block_delta")

    def frame(self, kind: str, payload: Mapping[str, Any]) -> bytes:
        """One event as the platform sends it."""
        return sse(payload, kind)

    def failure(self, reply: Reply, asked: Received) -> Failure:
        row = _ERRORS[reply.fails or "provider"]
        error = {"type": row.type, "message": reply.message or row.message}
        return Failure(reply.status or row.status, {"type": "error", "error": error, "request_id": _request_id(asked)})

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        return sse(self.failure(reply, asked).body, "error")

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        """Request id and rate limits (``anthropic-ratelimit-*``, reset as RFC 3339)."""
        found = {"request-id": _request_id(asked), "anthropic-organization-id": "demo"}
        for kind in _LIMIT_KINDS:
            if limit := reply.limits.get(kind):
                name = f"anthropic-ratelimit-{kind.replace('_', '-')}"
                found[f"{name}-limit"] = str(limit.limit)
                found[f"{name}-remaining"] = str(limit.remaining)
                found[f"{name}-reset"] = "2026-11-22T12:00:00Z"
        return found

    def stated(self, reply: Reply, asked: Received, *, broken: bool) -> Usage | None:
        """A stream states its input first, so that a broken one leaves the input and a placeholder for the output."""
        if reply.usage is None or not broken:
            return reply.usage
        return msgspec.structs.replace(reply.usage, output=0, reasoning=0) if asked.streams else None

    def finishes(self, reply: Reply, asked: Received) -> list[str]:
        return ["content_filter" if reply.refusal else reply.finish]


def _drafts(reply: Reply, asked: Received) -> Iterator[_Draft]:
    message = _message(reply, asked, content=[], stop_reason=None)
    if reply.usage is not None:
        first = msgspec.structs.replace(reply.usage, output=_PLACEHOLDER, reasoning=0)
        message["usage"] = _usage(first)
    yield "message_start", {"message": message}
    for index, block in enumerate(_content(reply)):
        yield from _block_drafts(reply, block, index)
    last: dict[str, Any] = {"delta": {"stop_reason": _stop_reason(reply), "stop_sequence": None}}
    if reply.usage is not None:
        last["usage"] = _usage(reply.usage)
    yield "message_delta", last
    if reply.terminator:
        yield "message_stop", {}


def _message(reply: Reply, asked: Received, **stated: Any) -> dict[str, Any]:
    return {
        "id": f"msg_{asked.number:08d}", "type": "message", "role": "assistant",
        "model": reply.model or asked.model, "stop_sequence": None, **stated,
    }  # fmt: skip


def _content(reply: Reply) -> list[dict[str, Any]]:
    said = [] if (reply.tools and not reply.pieces) or not reply.text else [{"type": "text", "text": reply.text}]
    return said + [_tool_block(tool, at) for at, tool in enumerate(reply.tools)]


def _tool_block(tool: Tool, at: int) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{at:02d}", "name": tool.name, "input": tool.given}


def _stop_reason(reply: Reply) -> str:
    return "refusal" if reply.refusal else _STOP[reply.finish]


def _block_drafts(reply: Reply, block: dict[str, Any], index: int) -> Iterator[_Draft]:
    said = block["type"] == "text"
    empty: dict[str, Any] = {**block, "text": ""} if said else {**block, "input": {}}
    yield "content_block_start", {"index": index, "content_block": empty}
    if index == 0:
        yield "ping", {}
    if said:
        deltas = [{"type": "text_delta", "text": piece} for piece in reply.chunks()]
    else:
        given = next(tool.arguments for tool in reply.tools if tool.name == block["name"])
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in arguments(given)]
    for delta in deltas:
        yield "content_block_delta", {"index": index, "delta": delta}
    yield "content_block_stop", {"index": index}


def _request_id(asked: Received) -> str:
    return f"req_{asked.number:024d}"


def _usage(stated: Usage) -> dict[str, Any]:
    """Anthropic's usage object: ``input_tokens`` is what no cache had a part in; output includes thinking."""
    found: dict[str, Any] = {
        "input_tokens": stated.input,
        "cache_creation_input_tokens": stated.cache_write,
        "cache_read_input_tokens": stated.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": stated.cache_write - stated.cache_write_1h,
            "ephemeral_1h_input_tokens": stated.cache_write_1h,
        },
        "output_tokens": stated.output + stated.reasoning,
        "service_tier": "standard",
    }
    if stated.reasoning:
        found["output_tokens_details"] = {"thinking_tokens": stated.reasoning}
    return found


MESSAGES = AnthropicMessages()
VERTEX = AnthropicMessages("gcp.vertex_ai")
FOUNDRY = AnthropicMessages("azure.ai.inference")
