"""Bedrock ``Converse`` and ``ConverseStream``; Nova models answer ``InvokeModel`` in the same shape.

Source: AWS API reference and recorded traffic. The model stands in the URL (botocore: ``modelId``). Stream events are
read as ``{"<event name>": {...}}``, from the wire (:mod:`otel_llm.formats.eventstream`) as from botocore.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from otel_llm.formats.facts import Facts, Usage
from otel_llm.formats.json_format import JsonFormat
from otel_llm.formats.reading import Fields, Present, Shape, mapping, names, number, rows, strings, text, whole


class _Cached(msgspec.Struct, rename="camel"):
    ttl: str | None = None
    input_tokens: int | None = None


class ConverseUsage(msgspec.Struct, rename="camel"):
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_read_input_token_count: int | None = None  # Nova's names
    cache_write_input_token_count: int | None = None
    cache_details: list[_Cached] | None = None
    """Tokens written to the cache, by lifetime (botocore 1.44)."""


class _ToolUse(msgspec.Struct):
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()
    """An object; in a stream a piece of its JSON as text."""


class _Block(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    image: Present | None = None
    audio: Present | None = None
    video: Present | None = None
    document: Present | None = None

    def other(self) -> bool:
        """True if there is something in it that is no text."""
        return any(part is not None for part in (self.image, self.audio, self.video, self.document))


class _Message(msgspec.Struct):
    content: list[_Block] | None = None


class _Output(msgspec.Struct):
    message: _Message | None = None


class _Tier(msgspec.Struct):
    type: str | None = None


class _BlockStart(msgspec.Struct):
    start: _Block | None = None


class _BlockDelta(msgspec.Struct, rename="camel"):
    delta: _Block | None = None
    content_block_index: int | None = None


class _Stop(msgspec.Struct, rename="camel"):
    stop_reason: str | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    usage: ConverseUsage | None = None
    service_tier: _Tier | None = None


class _Fault(msgspec.Struct, rename="camel"):
    code: str | int | None = None
    message: str | None = None
    original_message: str | None = None


class BedrockFault(msgspec.Struct, rename="camel"):
    """What goes wrong on Bedrock: an error body, or an exception in the middle of a stream, by its name."""

    message: str | None = None
    type_: str | None = msgspec.field(default=None, name="__type")
    error: _Fault | None = None
    internal_server_exception: _Fault | None = None
    model_stream_error_exception: _Fault | None = None
    model_timeout_exception: _Fault | None = None
    service_unavailable_exception: _Fault | None = None
    throttling_exception: _Fault | None = None
    validation_exception: _Fault | None = None


class _Answer(BedrockFault, rename="camel"):
    """A whole answer or one stream event: the fields do not collide."""

    output: _Output | None = None
    stop_reason: str | None = None
    usage: ConverseUsage | None = None
    service_tier: _Tier | None = None
    content_block_start: _BlockStart | None = None
    content_block_delta: _BlockDelta | None = None
    message_stop: _Stop | None = None
    metadata: _Metadata | None = None


_read = Shape(_Answer)

_EXCEPTIONS = (
    "internal_server_exception", "model_stream_error_exception", "model_timeout_exception",
    "service_unavailable_exception", "throttling_exception", "validation_exception",
)  # fmt: skip


def _tool_names(tools: object) -> frozenset[str]:
    return names([mapping(row.get("toolSpec")) for row in rows(tools)])


_INFERENCE: Final[Fields] = {
    "maxTokens": ("max_tokens", whole),
    "max_new_tokens": ("max_tokens", whole),  # Nova's InvokeModel
    "temperature": ("temperature", number),
    "topP": ("top_p", number),
    "topK": ("top_k", whole),
    "stopSequences": ("stop_sequences", strings),
}
_OUTPUT: Final[Fields] = {
    "effort": ("reasoning_level", text),
    "textFormat": {"type": ("output_type", lambda stated: "json" if stated == "json_schema" else None)},
}
_REQUEST: Final[Fields] = {
    "modelId": ("model", text),
    "inferenceConfig": _INFERENCE,
    "additionalModelRequestFields": {"top_k": ("top_k", whole), "inferenceConfig": {"topK": ("top_k", whole)}},
    "outputConfig": _OUTPUT,
    "serviceTier": {"type": ("service_tier", text)},
    "toolConfig": {"tools": ("tools", _tool_names)},
}


class BedrockConverse(JsonFormat[_Answer]):
    """One shape for all models: a message of blocks, or the events that make it up."""

    shape = _read
    fields = _REQUEST

    def headers(self, headers: Mapping[str, str], facts: Facts) -> None:
        note_error_type(headers, facts)

    def note(self, answer: _Answer, facts: Facts) -> None:
        stopped = answer.stop_reason or (answer.message_stop.stop_reason if answer.message_stop else None)
        if stopped:
            facts.finish_reasons[0] = stopped
        if answer.output is not None:
            facts.text = facts.text or False
        grown = answer.content_block_delta.content_block_index if answer.content_block_delta else None
        for place, block in enumerate(_blocks(answer)):
            _note_block(block, place if grown is None else grown, facts)
        closing = answer.metadata or answer
        if closing.usage is not None:
            facts.usage = _usage(closing.usage) or facts.usage
        if closing.service_tier is not None:
            facts.service_tier = closing.service_tier.type or facts.service_tier
        note_fault(answer, facts)
        # The metadata event follows messageStop; without it the answer is whole, only its usage is not stated.
        facts.complete = facts.complete or answer.message_stop is not None or answer.metadata is not None


def _note_block(block: _Block, place: int, facts: Facts) -> None:
    facts.text = facts.text or False
    if block.text:
        facts.say(0, block.text)
    facts.other_output = facts.other_output or block.other()
    if block.tool_use is not None:
        if block.tool_use.name:
            facts.tools_called.add(block.tool_use.name)
        facts.argue(place, block.tool_use.input)


def _blocks(answer: _Answer) -> list[_Block]:
    if answer.output is not None and answer.output.message is not None:
        return answer.output.message.content or []
    started = answer.content_block_start.start if answer.content_block_start else None
    grown = answer.content_block_delta.delta if answer.content_block_delta else None
    return [block for block in (started, grown) if block is not None]


def _usage(stated: ConverseUsage) -> Usage | None:
    spent, said = stated.input_tokens, stated.output_tokens
    if spent is None and said is None:
        return None
    read, write = stated.cache_read_input_tokens, stated.cache_write_input_tokens
    read = stated.cache_read_input_token_count if read is None else read
    write = stated.cache_write_input_token_count if write is None else write
    beside = stated.total_tokens is not None and stated.total_tokens > (spent or 0) + (said or 0)
    hour = [row.input_tokens or 0 for row in stated.cache_details or () if row.ttl == "1h"]
    return Usage(
        input=with_cached(spent, read, write, beside), output=said, cache_read=read, cache_write=write,
        cache_write_1h=sum(hour) if hour else None,
    )  # fmt: skip


def with_cached(spent: int | None, read: int | None, write: int | None, beside: bool = False) -> int | None:
    """Bedrock's input count with the cached tokens in it. AWS does not say whether its count includes them, so they
    are added only if the total shows that they stand ``beside`` it, or if they do not fit in."""
    cached = (read or 0) + (write or 0)
    return spent + cached if spent is not None and (beside or cached > spent) else spent


def note_fault(answer: BedrockFault, facts: Facts) -> None:
    """Puts an error body, an exception event or a protocol error into the facts."""
    if answer.type_ or answer.message:
        facts.error_type = facts.error_type or short_type(answer.type_ or "error")
        facts.error_message = answer.message
    if answer.error is not None:
        facts.error_type = str(answer.error.code or "error")
        facts.error_message = answer.error.message
    for field in _EXCEPTIONS:
        fault: _Fault | None = getattr(answer, field)
        if fault is not None:
            head, *rest = field.split("_")
            facts.error_type = head + "".join(word.title() for word in rest)
            facts.error_message = fault.message or fault.original_message


def note_error_type(headers: Mapping[str, str], facts: Facts) -> None:
    """AWS names an error's type in a header; its body has the message alone."""
    stated = headers.get("x-amzn-errortype")
    if stated:
        facts.error_type = short_type(stated)


def short_type(stated: str) -> str:
    """``ValidationException`` of ``com.amazon#ValidationException`` and of ``ValidationException:http://...``."""
    return stated.split(":", 1)[0].rsplit("#", 1)[-1]


CONVERSE = BedrockConverse("bedrock_converse", "chat")
