"""Bedrock ``Converse`` and ``ConverseStream``. Source: Bedrock API reference and answers recorded from the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from otel_llm.demo.emulator.anthropic_bedrock import BEDROCK, message
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply, Usage
from otel_llm.demo.emulator.wire import Event, Failure

_STOP: Final = {
    "stop": "end_turn", "length": "max_tokens", "content_filter": "guardrail_intervened", "tool_call": "tool_use",
}  # fmt: skip
_LATENCY: Final = {"latencyMs": 250}


class BedrockConverse:
    provider = "aws.bedrock"
    operation = "chat"
    stream_type = "application/vnd.amazon.eventstream"

    def body(self, reply: Reply, asked: Received) -> Mapping[str, Any]:
        content: list[dict[str, Any]] = [{"text": reply.text}]
        content += [
            {"toolUse": {"toolUseId": f"tool_{at}", "name": tool.name, "input": tool.given}}
            for at, tool in enumerate(reply.tools)
        ]
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _STOP[reply.finish],
            "metrics": _LATENCY,
            **_usage(reply.usage),
        }

    def events(self, reply: Reply, asked: Received) -> Iterator[Event]:
        yield Event(_event("messageStart", {"role": "assistant"}))
        for piece in reply.chunks():
            yield Event(_event("contentBlockDelta", {"delta": {"text": piece}, "contentBlockIndex": 0}), output=True)
        yield Event(_event("contentBlockStop", {"contentBlockIndex": 0}))
        if reply.terminator:
            yield Event(_event("messageStop", {"stopReason": _STOP[reply.finish]}))
            yield Event(_event("metadata", {"metrics": _LATENCY, **_usage(reply.usage)}))

    def failure(self, reply: Reply, asked: Received) -> Failure:
        return BEDROCK.failure(reply, asked)

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        return BEDROCK.failure_event(reply, asked)

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        found = BEDROCK.headers(reply, asked)
        return {name: text for name, text in found.items() if not name.endswith("-token-count")}

    def stated(self, reply: Reply, asked: Received, *, broken: bool) -> Usage | None:
        return None if broken else reply.usage

    def finishes(self, reply: Reply, asked: Received) -> list[str]:
        return [reply.finish]


def _event(name: str, payload: Mapping[str, Any]) -> bytes:
    return message({":event-type": name, ":message-type": "event"}, msgspec.json.encode(payload))


def _usage(stated: Usage | None) -> dict[str, Any]:
    """AWS counts cached tokens beside the input: the total shows it."""
    if stated is None:
        return {}
    output = stated.output + stated.reasoning
    total = stated.input + stated.cache_read + stated.cache_write + output
    found = {"inputTokens": stated.input, "outputTokens": output, "totalTokens": total}
    if stated.cache_read or stated.cache_write:
        found |= {"cacheReadInputTokens": stated.cache_read, "cacheWriteInputTokens": stated.cache_write}
    return {"usage": found}


CONVERSE = BedrockConverse()
