"""Content of Bedrock's ``InvokeModel``: each model family's own JSON, handed on to the family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.content import (
    anthropic_messages,
    bedrock_converse,
    cohere_chat_v1,
    openai_chat,
    text_completion,
)
from otel_llm.content.family import Answers, Family
from otel_llm.content.message import Content, Message
from otel_llm.formats.bedrock_invoke import answered, requested
from otel_llm.formats.facts import Format


def _family(spoken: Format | None) -> Family:
    families: dict[str, Family] = {
        "anthropic_messages": anthropic_messages, "openai_chat": openai_chat, "bedrock_converse": bedrock_converse,
        "cohere_chat_v1": cohere_chat_v1,
    }  # fmt: skip
    return text_completion if spoken is None else families[spoken.name]


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    return _family(requested(body)).request(body, limit)


class Response:
    """The answer of one response, plain or streamed: mostly of one family, which only its parts tell."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._answers: dict[Family, Answers] = {}

    def body(self, data: bytes) -> None:
        data, spoken = answered(data)
        self._of(spoken).body(data)

    def event(self, data: bytes) -> None:
        data, spoken = answered(data)
        self._of(spoken).event(data)

    def _of(self, spoken: Format | None) -> Answers:
        family = _family(spoken)
        if family not in self._answers:
            self._answers[family] = family.Response(self._limit)
        return self._answers[family]

    def content(self) -> tuple[list[Message], bool]:
        """The messages, and whether something was cut."""
        found = [answers.content() for answers in self._answers.values()]
        return [message for messages, _ in found for message in messages], any(cut for _, cut in found)
