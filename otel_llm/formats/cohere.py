"""Cohere chat (v2, and v1 with its legacy ``generate``) and embeddings.

Source: Cohere API reference and recorded traffic. Cohere states two counts: ``tokens``, what the model saw, and
``billed_units``, what is paid. The conventions want the billed ones. ``cached_tokens`` is a part of ``tokens``: with
billed counts it is left out, since it may exceed them.
"""

from __future__ import annotations

from typing import Final

import msgspec

from otel_llm.formats.facts import Facts, Usage
from otel_llm.formats.json_format import MODEL, SAMPLING, JsonFormat
from otel_llm.formats.openai_chat import output_type, tool_names
from otel_llm.formats.reading import Fields, Shape, number, strings, text, whole


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


_REQUEST: Final[Fields] = {
    **MODEL,
    **SAMPLING,
    "max_tokens": ("max_tokens", whole),
    "p": ("top_p", number),
    "k": ("top_k", whole),
    "stop_sequences": ("stop_sequences", strings),
    "conversation_id": ("conversation", text),
    "response_format": ("output_type", output_type),
    "tools": ("tools", tool_names),
}


class CohereChat(JsonFormat[_Event]):
    """Chat of both versions, and the legacy ``generate``. An error is a bare ``message``."""

    shape = _read
    fields = _REQUEST

    def note(self, answer: _Event, facts: Facts) -> None:
        if isinstance(answer.message, str):
            note_message(answer.message, facts)
        else:
            _note(answer, facts)

    def note_event(self, event: _Event, facts: Facts) -> bool:
        if event.response is not None:
            facts.answers = None  # the last event of v1 has the whole text again
        _note(event.response or event, facts)
        if event.delta is not None:
            _note_delta(event.delta, event.index, facts)
        if isinstance(event.message, str) and event.type is None and event.event_type is None:
            note_message(event.message, facts)
        facts.complete = facts.complete or event.type in _LAST or event.event_type in _LAST
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


_EMBED: Final[Fields] = {
    "model": ("model", text),
    "embedding_types": ("encoding_formats", strings),
    "output_dimension": ("dimensions", whole),
}


class CohereEmbeddings(CohereChat):
    """Embeddings state their usage as chat does."""

    terminated = False
    fields = _EMBED


CHAT_V2 = CohereChat("cohere_chat", "chat")
CHAT_V1 = CohereChat("cohere_chat_v1", "chat")
GENERATE = CohereChat("cohere_generate", "text_completion")
EMBED = CohereEmbeddings("cohere_embeddings", "embeddings")
