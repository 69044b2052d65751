"""Anthropic messages, plain and streamed, on Anthropic's API, Bedrock and Vertex, and the legacy text completions.

Source: Anthropic API reference and recorded traffic. The provider's ``input_tokens`` excludes cached tokens, so all
three are added up here (conventions: MUST). In a stream, ``message_start`` states the input and a *placeholder* output
count; ``message_delta`` is cumulative and wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.json_format import MODEL, SAMPLING, JsonFormat
from otel_llm.formats.reading import Fields, Shape, mapping, names, strings, text, whole
from otel_llm.formats.template import prose


class _CacheCreation(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: _CacheCreation | None = None
    output_tokens_details: _OutputDetails | None = None
    service_tier: str | None = None
    speed: str | None = None


class _Block(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()


class _Details(msgspec.Struct):
    error_code: str | None = None


class _Error(msgspec.Struct):
    type: str | None = None
    message: str | None = None
    details: _Details | None = None


class _Delta(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Message(msgspec.Struct):
    """A whole message, a stream event, an error, or a legacy completion: the fields do not collide."""

    type: str | None = None
    index: int | None = None
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None
    content: list[_Block] | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    error: _Error | None = None
    completion: str | None = None


class _Event(_Message):
    message: _Message | str | None = None


_read = Shape(_Event)
_PLAIN = b'{"type":"content_block_delta"'
"""Most of a stream, states nothing but content: recognised by its first bytes, and not parsed once a block is known to
be one of which nothing is gathered."""


_WORDS = (None, "text", "thinking", "redacted_thinking", "tool_use")
"""Blocks that are text, or nothing that the app could use alone. Any other is output: a server's tool, a file."""

_REQUEST: Final[Fields] = {
    **MODEL,
    **SAMPLING,
    "max_tokens": ("max_tokens", whole),
    "max_tokens_to_sample": ("max_tokens", whole),
    "stop_sequences": ("stop_sequences", strings),
    "service_tier": ("service_tier", text),
    "tools": ("tools", names),
}


class AnthropicMessages(JsonFormat[_Event]):
    """Messages of blocks, whole or as events; of the legacy completions the answer alone tells what they are."""

    shape = _read
    fields = _REQUEST
    texts = prose("text", "thinking")

    def request(self, body: Mapping[str, Any]) -> Request:
        request = super().request(body)
        if "prompt" in body and "messages" not in body:
            request.operation = "text_completion"
        if "output_config" in body or "output_format" in body:
            config = mapping(body.get("output_config"))
            request.reasoning_level = text(config.get("effort"))
            schema = mapping(config.get("format") or body.get("output_format")).get("type")
            request.output_type = "json" if schema == "json_schema" else None
        return request

    def event(self, data: bytes, facts: Facts) -> bool:
        if facts.skim and data.startswith(_PLAIN):
            return True
        return super().event(data, facts)

    def note(self, answer: _Event, facts: Facts) -> None:
        _note_message(answer, facts)
        if answer.error is not None:
            _note_error(answer.error, facts)

    def note_event(self, event: _Event, facts: Facts) -> bool:
        kind = event.type
        if kind == "ping":
            return False
        if kind == "message_start" and isinstance(event.message, _Message):
            if event.message.usage is not None:
                event.message.usage.output_tokens = None  # a placeholder until message_delta
            _note_message(event.message, facts)
        elif kind == "content_block_start" and event.content_block is not None:
            facts.skim = False
            _note_block(event.content_block, event.index, facts)
        elif kind == "content_block_delta":
            _note_delta(event.delta or _Delta(), event.index, facts)
        elif kind == "message_stop":
            facts.complete = True
        elif event.error is not None:
            _note_error(event.error, facts)
            facts.complete = True
        else:  # message_delta, and the events of legacy completions, which carry everything on top
            _note_message(event, facts)
            if event.delta is not None and event.delta.stop_reason:
                facts.finish_reasons[0] = event.delta.stop_reason
            if kind == "completion" and event.stop_reason:
                facts.complete = True
        return True


def _note_message(message: _Message, facts: Facts) -> None:
    facts.response_id = facts.response_id or message.id or None
    facts.response_model = facts.response_model or message.model or None
    if message.stop_reason:
        facts.finish_reasons[0] = message.stop_reason
    if message.content is not None:
        facts.text = facts.text or False
    for place, block in enumerate(message.content or ()):
        _note_block(block, place, facts)
    if message.completion:
        facts.say(0, message.completion)
    if message.usage is not None:
        _note_usage(message.usage, facts)
        _note_tier(message.usage, facts)


def _note_block(block: _Block, place: int | None, facts: Facts) -> None:
    if block.type == "tool_use" and block.name:
        facts.tools_called.add(block.name)
        facts.argue(place, block.input)
    elif block.type not in _WORDS:
        facts.other_output = True
    if block.text:
        facts.say(0, block.text)


def _note_delta(delta: _Delta, place: int | None, facts: Facts) -> None:
    if delta.type == "text_delta" and delta.text:
        facts.say(0, delta.text)
    elif delta.type == "input_json_delta":
        facts.argue(place, delta.partial_json)
    elif delta.type == "thinking_delta":
        facts.skim = True


def _note_usage(stated: _Usage, facts: Facts) -> None:
    """Adds cache counts to the input. A later statement replaces the counts that it makes and keeps the others."""
    known = facts.usage or Usage()
    read = known.cache_read if stated.cache_read_input_tokens is None else stated.cache_read_input_tokens
    write = known.cache_write if stated.cache_creation_input_tokens is None else stated.cache_creation_input_tokens
    plain = stated.input_tokens
    if plain is None and known.input is not None:
        plain = known.input - (known.cache_read or 0) - (known.cache_write or 0)
    if plain is None and stated.output_tokens is None and known.output is None:
        return
    split, details = stated.cache_creation, stated.output_tokens_details
    facts.usage = Usage(
        input=None if plain is None else plain + (read or 0) + (write or 0),
        output=known.output if stated.output_tokens is None else stated.output_tokens,
        cache_read=read,
        cache_write=write,
        cache_write_1h=split.ephemeral_1h_input_tokens if split else known.cache_write_1h,
        reasoning=details.thinking_tokens if details else known.reasoning,
    )


def _note_tier(stated: _Usage, facts: Facts) -> None:
    """Fast mode (``speed``, anthropic 2.14) has prices of its own, as a tier has; an answer has either."""
    if stated.speed == "fast":
        facts.service_tier = "fast"
    elif stated.service_tier and facts.service_tier != "fast":
        facts.service_tier = stated.service_tier


def _note_error(error: _Error, facts: Facts) -> None:
    facts.error_type = error.type or "error"
    facts.error_detail = error.details.error_code if error.details else None
    facts.error_message = error.message


MESSAGES = AnthropicMessages("anthropic_messages", "chat")
