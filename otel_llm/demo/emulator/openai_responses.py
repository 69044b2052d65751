"""OpenAI Responses API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_llm.demo.emulator import openai_api
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply, Usage
from otel_llm.demo.emulator.wire import CREATED, Event, Failure, arguments, sse

_Draft = tuple[dict[str, Any], bool]
"""An event before it is framed, and whether it is an output chunk."""
_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


class OpenAIResponses:
    provider = "openai"
    operation = "chat"
    stream_type = "text/event-stream; charset=utf-8"

    def body(self, reply: Reply, asked: Received) -> Mapping[str, Any]:
        reason = _INCOMPLETE.get(reply.finish)
        return self._response(
            reply, asked, status="incomplete" if reason else "completed", output=_items(reply, asked),
            incomplete_details={"reason": reason} if reason else None,
            usage=None if reply.usage is None else _usage(reply.usage),
        )  # fmt: skip

    def events(self, reply: Reply, asked: Received) -> Iterator[Event]:
        started = self._response(reply, asked, status="in_progress")
        drafts: list[_Draft] = [({"type": "response.created", "response": started}, False),
                  ({"type": "response.in_progress", "response": started}, False)]  # fmt: skip
        for at, item in enumerate(_items(reply, asked)):
            drafts += _item_events(reply, item, at)
        if reply.terminator:
            whole = self.body(reply, asked)
            drafts.append(({"type": f"response.{whole['status']}", "response": whole}, False))
        for number, (draft, output) in enumerate(drafts):
            yield Event(sse({**draft, "sequence_number": number}, draft["type"]), output)

    def failure(self, reply: Reply, asked: Received) -> Failure:
        return openai_api.failure(reply)

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        """A failed response ends its stream with ``response.failed``, which has codes of its own."""
        error = openai_api.error(reply, streamed=True)
        stated = {"code": error["code"] or "server_error", "message": error["message"]}
        failed = self._response(reply, asked, status="failed", error=stated)
        return sse({"type": "response.failed", "response": failed, "sequence_number": 99}, "response.failed")

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        return openai_api.headers(reply, asked)

    def stated(self, reply: Reply, asked: Received, *, broken: bool) -> Usage | None:
        """Usage is part of the last event."""
        return None if broken or (asked.streams and not reply.terminator) else reply.usage

    def finishes(self, reply: Reply, asked: Received) -> list[str]:
        return [] if asked.streams and not reply.terminator else [reply.finish]

    def _response(self, reply: Reply, asked: Received, **stated: Any) -> dict[str, Any]:
        return {
            "id": f"resp_{asked.number:08d}", "object": "response", "created_at": CREATED, "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}, "model": reply.model or asked.model,
            "output": [], "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [],
            "top_p": 1.0, "usage": None, **stated,
        }  # fmt: skip


def _items(reply: Reply, asked: Received) -> list[dict[str, Any]]:
    """Output items of a whole answer: a message, function calls, or both."""
    number = f"{asked.number:08d}"
    status = "incomplete" if reply.finish in _INCOMPLETE else "completed"
    calls = [
        {"type": "function_call", "id": f"fc_{number}_{at}", "call_id": f"call_{at}", "name": tool.name,
         "arguments": tool.arguments, "status": "completed"}
        for at, tool in enumerate(reply.tools)
    ]  # fmt: skip
    if (calls and not reply.pieces) or not reply.text:
        return calls
    part = {"type": "refusal", "refusal": reply.text} if reply.refusal else _text_part(reply.text)
    message = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": status, "content": [part]}
    return [message, *calls]


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item_events(reply: Reply, item: dict[str, Any], at: int) -> list[_Draft]:
    place = {"output_index": at, "item_id": item["id"]}
    middle = _message_events(reply, item, place) if item["type"] == "message" else _call_events(item, place)
    empty: dict[str, Any] = {**item, "status": "in_progress"}
    empty |= {"content": []} if item["type"] == "message" else {"arguments": ""}
    return [
        ({"type": "response.output_item.added", "output_index": at, "item": empty}, False),
        *middle,
        ({"type": "response.output_item.done", "output_index": at, "item": item}, False),
    ]


def _message_events(reply: Reply, item: dict[str, Any], place: dict[str, Any]) -> list[_Draft]:
    part = item["content"][0]
    key, word = ("refusal", "refusal") if reply.refusal else ("text", "output_text")
    place = {**place, "content_index": 0}
    extra: dict[str, Any] = {} if reply.refusal else {"logprobs": []}
    deltas: list[_Draft] = [
        ({"type": f"response.{word}.delta", **place, "delta": piece, **extra}, True) for piece in reply.chunks()
    ]
    return [
        ({"type": "response.content_part.added", **place, "part": {**part, key: ""}}, False),
        *deltas,
        ({"type": f"response.{word}.done", **place, key: reply.text, **extra}, False),
        ({"type": "response.content_part.done", **place, "part": part}, False),
    ]


def _call_events(item: dict[str, Any], place: dict[str, Any]) -> list[_Draft]:
    kind = "response.function_call_arguments"
    deltas: list[_Draft] = [
        ({"type": f"{kind}.delta", **place, "delta": part}, True) for part in arguments(item["arguments"])
    ]
    return [*deltas, ({"type": f"{kind}.done", **place, "name": item["name"], "arguments": item["arguments"]}, False)]


def _usage(stated: Usage) -> dict[str, Any]:
    spent = stated.input + stated.cache_read + stated.cache_write
    said = stated.output + stated.reasoning
    details = {"cached_tokens": stated.cache_read}
    if stated.cache_write:
        details["cache_write_tokens"] = stated.cache_write
    return {
        "input_tokens": spent, "input_tokens_details": details, "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": stated.reasoning}, "total_tokens": spent + said,
    }  # fmt: skip


RESPONSES = OpenAIResponses()
