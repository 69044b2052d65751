"""What is wrong with an answer by the way it was made, and whether it had been given before: the truth that the
library's ``invalid_output`` and duplicates must show. Written for itself: nothing of the library decides here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply
from otel_llm.demo.emulator.wire import Wire

_GENERATES: Final = ("chat", "generate_content", "text_completion")


def reasons(reply: Reply, asked: Received, wire: Wire) -> set[str]:
    """Reasons of ``catalog.INVALID_VALUES`` for a good answer; empty for one that is of use."""
    if wire.operation not in _GENERATES:
        return set()
    found = _cut_short(reply, asked, wire) or _content(reply, asked)
    called, offered = {tool.name for tool in reply.tools}, _offered(asked.body)
    if offered and called - offered:
        found.add("unknown_tool")
    if reply.model is not None and not reply.model.startswith(asked.model):
        found.add("model_mismatch")
    return found


def _cut_short(reply: Reply, asked: Received, wire: Wire) -> set[str]:
    finishes = set(wire.finishes(reply, asked))
    claude = asked.path.endswith("/messages")  # its filter says "refusal", too
    if (reply.refusal and wire.operation == "chat") or (claude and "content_filter" in finishes):
        return {"refused"}
    return {reason for word, reason in (("length", "truncated"), ("content_filter", "filtered")) if word in finishes}


def _content(reply: Reply, asked: Received) -> set[str]:
    found: set[str] = set()
    text = "".join(reply.chunks())
    if not text and not reply.tools:
        found.add("empty")
    if text and not reply.tools and asks_json(asked.body) and not _is_json(text):
        found.add("invalid_json")
    if any(tool.arguments and not _is_json(tool.arguments) for tool in reply.tools):
        found.add("invalid_tool_arguments")
    return found


def asks_json(body: Mapping[str, Any]) -> bool:
    """Whether the answer is to be JSON, in OpenAI's two spellings and in Anthropic's."""
    for outer, inner in (("response_format", None), ("text", "format"), ("output_config", "format")):
        asked: Any = body.get(outer)
        asked = asked.get(inner) if inner and isinstance(asked, dict) else asked  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(asked, dict) and str(asked.get("type")).startswith("json"):  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            return True
    return False


def undecodable(reply: Reply) -> bool:
    """True for bytes that are no JSON, such as a proxy's page: they say nothing about the call."""
    return reply.raw_body is not None and not _is_json(reply.raw_body)


def _offered(body: Mapping[str, Any]) -> set[str]:
    tools = cast("list[dict[str, Any]]", body.get("tools") or [])
    return {tool.get("name") or tool.get("function", {}).get("name") for tool in tools}


def _is_json(text: str | bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class Answered:
    """The requests that got a good answer. Not thread-safe: the emulator holds its lock."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def again(self, asked: Received) -> bool:
        """True if this very request was answered before, unless it asks for variety. Notes it."""
        body = asked.body
        if asked.choices > 1 or (body.get("temperature") and "seed" not in body):
            return False
        key = (asked.path, json.dumps(body, sort_keys=True))
        before = key in self._seen
        self._seen.add(key)
        return before
