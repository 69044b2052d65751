"""Cohere chat (v2, and v1 with its legacy ``generate``) and embeddings.

Source: Cohere API reference and recorded traffic. Cohere states two counts: ``tokens``, what the model saw, and
``billed_units``, what is paid. The conventions want the billed ones. ``cached_tokens`` is a part of ``tokens``: with
billed counts it is left out, since it may exceed them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.facts import Facts, Operation, Request, Usage
from otel_llm.formats.openai_chat import tool_names
from otel_llm.formats.reading import Shape, mapping, number, strings, text, whole


class _Counts(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None


class CohereUsage(msgspec.Struct):
    """``usage`` of v2, ``meta`` of v1."""

    billed_units: _Counts | None = None
    tokens: _Counts | None = None
    cached_tokens: int | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    name: str | None = None
    function: _Function | None = None


class _Content(msgspec.Struct):
    type: str | None = None
    text: str | None = None


class _Message(msgspec.Struct):
    content: list[_Content] | _Content | None = None
    tool_calls: list[_ToolCall] | _ToolCall | None = None


class _Generation(msgspec.Struct):
    text: str | None = None
    finish_reason: str | None = None


class _Delta(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: CohereUsage | None = None
    error: str | None = None


class _Answer(msgspec.Struct):
    """A whole answer, or one stream event of either version: the fields do not collide."""

    id: str | None = None
    index: int | None = None
    type: str | None = None
    event_type: str | None = None
    response_id: str | None = None
    message: _Message | str | None = None
    text: str | None = None
    tool_calls: list[_ToolCall] | None = None
    generations: list[_Generation] | None = None
    finish_reason: str | None = None
    usage: CohereUsage | None = None
    meta: CohereUsage | None = None
    delta: _Delta | None = None


class _Event(_Answer):
    response: _Answer | None = None


_read = Shape(_Event)

_LAST = ("message-end", "stream-end")


class CohereChat:
    terminated = True

    def __init__(self, name: str, operation: Operation = "chat") -> None:
        self.name = name
        self._operation: Operation = operation

    def request(self, body: Mapping[str, Any]) -> Request:
        kind = mapping(body.get("response_format")).get("type")
        return Request(
            operation=self._operation,
            model=text(body.get("model")),
            stream=body.get("stream") is True,
            max_tokens=whole(body.get("max_tokens")),
            temperature=number(body.get("temperature")),
            top_p=number(body.get("p")),
            top_k=whole(body.get("k")),
            frequency_penalty=number(body.get("frequency_penalty")),
            presence_penalty=number(body.get("presence_penalty")),
            seed=whole(body.get("seed")),
            stop_sequences=strings(body.get("stop_sequences")),
            conversation=text(body.get("conversation_id")),
            output_type="json" if kind == "json_object" else "text" if kind == "text" else None,
            tools=tool_names(body.get("tools")),
        )

    def body(self, data: bytes, facts: Facts) -> None:
        answer = _read(data)
        if answer is None:
            facts.undecodable = "syntax"
            return
        if isinstance(answer.message, str):
            note_message(answer.message, facts)
        else:
            _note(answer, facts)
        facts.complete = True

    def event(self, data: bytes, facts: Facts) -> bool:
        if data == b"[DONE]":
            facts.complete = True
            return False
        event = _read(data)
        if event is None:
            facts.undecodable = "syntax"
            return True
        if event.response is not None:
            facts.answers = None  # the last event of v1 has the whole text again
        _note(event.response or event, facts)
        if event.delta is not None:
            _note_delta(event.delta, event.index, facts)
        if isinstance(event.message, str) and event.type is None and event.event_type is None:
            note_message(event.message, facts)
        if event.type in _LAST or event.event_type in _LAST:
            facts.complete = True
        return True


def _note(answer: _Answer, facts: Facts) -> None:
    facts.response_id = answer.response_id or answer.id or facts.response_id
    if answer.finish_reason:
        facts.finish_reasons[0] = answer.finish_reason
    for index, generation in enumerate(answer.generations or ()):
        facts.text = facts.text or bool(generation.text)
        if generation.finish_reason:
            facts.finish_reasons[index] = generation.finish_reason
    if answer.text is not None:
        _note_text(answer.text, facts)
    if isinstance(answer.message, _Message):
        _note_message(answer.message, None, facts)
    _note_calls(answer.tool_calls, None, facts)
    stated = answer.usage or answer.meta
    if stated is not None:
        facts.usage = cohere_usage(stated) or facts.usage


def _note_delta(delta: _Delta, place: int | None, facts: Facts) -> None:
    if delta.message is not None:
        _note_message(delta.message, place, facts)
    if delta.finish_reason:
        facts.finish_reasons[0] = delta.finish_reason
    if delta.usage is not None:
        facts.usage = cohere_usage(delta.usage) or facts.usage
    if delta.error:
        note_message(delta.error, facts)


def _note_message(message: _Message, place: int | None, facts: Facts) -> None:
    facts.text = facts.text or False
    for content in message.content if isinstance(message.content, list) else [message.content]:
        _note_text(content.text if content is not None else None, facts)
    _note_calls(message.tool_calls, place, facts)


def _note_text(said: str | None, facts: Facts) -> None:
    facts.text = facts.text or False
    if said:
        facts.say(0, said)


def _note_calls(calls: list[_ToolCall] | _ToolCall | None, place: int | None, facts: Facts) -> None:
    """Tool calls of an answer, or a piece of the one that a stream's event is about (``place``)."""
    for position, call in enumerate([calls] if isinstance(calls, _ToolCall) else calls or ()):
        name = call.name or (call.function.name if call.function else None)
        if name:
            facts.tools_called.add(name)
        if call.function is not None:
            facts.argue(position if place is None else place, call.function.arguments)


def cohere_usage(stated: CohereUsage) -> Usage | None:
    """The billed counts, else the model's; ``None`` where neither is in tokens (reranking bills searches)."""
    billed, seen = stated.billed_units, stated.tokens
    if billed is not None and (billed.input_tokens is not None or billed.output_tokens is not None):
        return Usage(input=billed.input_tokens, output=billed.output_tokens)
    if seen is not None and (seen.input_tokens is not None or seen.output_tokens is not None):
        return Usage(input=seen.input_tokens, output=seen.output_tokens, cache_read=stated.cached_tokens)
    return None


def note_message(message: str, facts: Facts) -> None:
    """Puts Cohere's error, a bare message, into the facts."""
    facts.error_type, facts.error_message = facts.error_type or "error", message


class CohereEmbeddings:
    name = "cohere_embeddings"
    terminated = False

    def request(self, body: Mapping[str, Any]) -> Request:
        return Request(
            operation="embeddings",
            model=text(body.get("model")),
            encoding_formats=strings(body.get("embedding_types")),
            dimensions=whole(body.get("output_dimension")),
        )

    def body(self, data: bytes, facts: Facts) -> None:
        CHAT_V2.body(data, facts)

    def event(self, data: bytes, facts: Facts) -> bool:
        return CHAT_V2.event(data, facts)


CHAT_V2 = CohereChat("cohere_chat")
CHAT_V1 = CohereChat("cohere_chat_v1")
GENERATE = CohereChat("cohere_generate", "text_completion")
EMBED = CohereEmbeddings()
