"""OpenAI Responses API: one JSON object, or a stream of typed events that ends with the whole response.

Source: OpenAI API reference and recorded traffic. ``input_tokens`` includes cached tokens, ``output_tokens`` reasoning.
"""

from __future__ import annotations

from typing import Final

import msgspec

from otel_llm.formats.facts import Facts, Usage
from otel_llm.formats.json_format import MODEL, SAMPLING, JsonFormat
from otel_llm.formats.openai_chat import OpenAIError, note_error, output_type, tool_names
from otel_llm.formats.reading import Fields, Shape, mapping, text, whole


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None
    cost: float | None = None


class _Reason(msgspec.Struct):
    reason: str | None = None


class _Content(msgspec.Struct):
    type: str | None = None
    text: str | None = None


class _Item(msgspec.Struct):
    type: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[_Content] | None = None


class _Response(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    usage: _Usage | None = None
    error: OpenAIError | None = None
    incomplete_details: _Reason | None = None
    service_tier: str | None = None
    output: list[_Item] | None = None


class _Event(_Response):
    """A response, or an event about one: the fields do not collide."""

    type: str | None = None
    response: _Response | None = None
    code: str | int | None = None
    message: str | None = None


_read = Shape(_Event)

_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
_PLAIN = (b'{"type":"response.output_text.delta"', b'{"type":"response.function_call_arguments.delta"')
"""Deltas state nothing but text, which the last event has again, and make up most of a stream: recognised by their
first bytes, not parsed."""


_CALLS = ("function_call", "custom_tool_call")
"""What a custom tool is called with stands in ``input`` and may be any text."""
_WORDS = (None, "message", "reasoning", "web_search_call", "file_search_call", "mcp_list_tools", "compaction")
"""Items that are text, or nothing that the app could use alone. Any other is output of its own kind."""

_REQUEST: Final[Fields] = {
    **MODEL,
    **SAMPLING,
    "max_output_tokens": ("max_tokens", whole),
    "reasoning": {"effort": ("reasoning_level", text)},
    "previous_response_id": ("previous_response", text),
    "conversation": ("conversation", lambda stated: text(stated) or text(mapping(stated).get("id"))),
    "text": {"format": ("output_type", output_type)},
    "service_tier": ("service_tier", text),
    "tools": ("tools", tool_names),
}


class OpenAIResponses(JsonFormat[_Event]):
    """A response of items, whole or as events, of which the last one has it all."""

    shape = _read
    fields = _REQUEST

    def event(self, data: bytes, facts: Facts) -> bool:
        if data.startswith(_PLAIN):
            facts.text = True
            return True
        return super().event(data, facts)

    def note(self, answer: _Event, facts: Facts) -> None:
        _note(answer, facts)

    def note_event(self, event: _Event, facts: Facts) -> bool:
        if event.type == "response.output_text.delta":
            facts.text = True
        if event.response is not None:
            _note(event.response, facts)
        if event.type in _LAST:
            facts.complete = True
        if event.type == "error" or event.error is not None:
            note_error(event.error or OpenAIError(event.code, None, event.message), facts)
        return True


def _note(response: _Response, facts: Facts) -> None:
    facts.response_id = response.id or facts.response_id
    facts.response_model = response.model or facts.response_model
    facts.service_tier = response.service_tier or facts.service_tier
    if response.usage is not None:
        facts.usage = _usage(response.usage) or facts.usage
    if response.status not in (None, "in_progress", "queued"):
        reason = response.incomplete_details.reason if response.incomplete_details else None
        facts.finish_reasons[0] = reason or response.status or ""
        if response.output is not None:
            facts.text = facts.text or False
    for place, item in enumerate(response.output or ()):
        _note_item(item, place, facts)
    if response.error is not None:
        note_error(response.error, facts)


def _note_item(item: _Item, place: int, facts: Facts) -> None:
    if item.type in _CALLS and item.name:
        facts.tools_called.add(item.name)
        facts.argue(place, item.arguments)
    elif item.type not in _WORDS:
        facts.other_output = True
    for content in item.content or ():
        if content.text and item.type in (None, "message"):
            facts.say(place, content.text)
        facts.text = facts.text or bool(content.text)
        facts.refused = facts.refused or content.type == "refusal"


def _usage(stated: _Usage) -> Usage | None:
    if stated.input_tokens is None and stated.output_tokens is None:
        return None
    spent = stated.input_tokens_details or _InputDetails()
    said = stated.output_tokens_details or _OutputDetails()
    return Usage(
        input=stated.input_tokens, output=stated.output_tokens, cache_read=spent.cached_tokens,
        cache_write=spent.cache_write_tokens, reasoning=said.reasoning_tokens, cost=stated.cost,
    )  # fmt: skip


RESPONSES = OpenAIResponses("openai_responses", "chat")
