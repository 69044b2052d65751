"""Bedrock ``InvokeModel``: each model family's own JSON; in a stream wrapped in base64 in ``chunk`` events.

Source: AWS' inference parameters by model, recorded traffic. A family is told by the fields of its answer, since the
model id may be a profile's ARN. Families that speak another format's JSON are handed on to it: Anthropic, OpenAI-like
(AI21 Jamba, Writer, DeepSeek, Qwen, gpt-oss, newer Mistral), Nova (Converse), Cohere. Here: Titan, Llama, Mistral
text, AI21 J2. Token counts stand in headers, too, and in the last chunk of a stream; where the body states them, the
body's hold.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from otel_llm.formats.anthropic_messages import MESSAGES
from otel_llm.formats.bedrock_converse import CONVERSE, BedrockFault, note_error_type, note_fault, with_cached
from otel_llm.formats.cohere import CHAT_V1
from otel_llm.formats.facts import Facts, Format, Operation, Request, Usage
from otel_llm.formats.openai_chat import CHAT
from otel_llm.formats.reading import Fields, Present, Shape, fill, number, strings, text, whole


class _Chunk(msgspec.Struct):
    bytes: str | None = None


class _Reason(msgspec.Struct):
    reason: str | None = None


class _Result(msgspec.Struct, rename="camel"):
    token_count: int | None = None
    output_text: str | None = None
    completion_reason: str | None = None


class _Output(msgspec.Struct):
    text: str | None = None
    stop_reason: str | None = None


class _Choice(msgspec.Struct):
    index: int | None = None
    text: str | None = None
    stop_reason: str | None = None


class _Completion(msgspec.Struct, rename={"finish_reason": "finishReason"}):
    finish_reason: _Reason | None = None


class _Metrics(msgspec.Struct, rename="camel"):
    input_token_count: int | None = None
    output_token_count: int | None = None
    cache_read_input_token_count: int | None = None
    cache_write_input_token_count: int | None = None


class _Answer(BedrockFault, rename="camel"):
    chunk: _Chunk | None = None
    metrics: _Metrics | None = msgspec.field(default=None, name="amazon-bedrock-invocationMetrics")
    # Marks of the families that are handed on
    type: str | None = None
    completion: str | None = None
    choices: list[_Choice] | None = None
    output: Present | None = None
    message_start: Present | None = None
    content_block_start: Present | None = None
    content_block_delta: Present | None = None
    content_block_stop: Present | None = None
    message_stop: Present | None = None
    metadata: Present | None = None
    event_type: str | None = msgspec.field(default=None, name="event_type")
    is_finished: bool | None = msgspec.field(default=None, name="is_finished")
    response_id: str | None = msgspec.field(default=None, name="response_id")
    generations: list[Present] | None = None
    # Titan
    input_text_token_count: int | None = None
    results: list[_Result] | None = None
    output_text: str | None = None
    total_output_text_token_count: int | None = None
    completion_reason: str | None = None
    # Llama
    generation: str | None = None
    prompt_token_count: int | None = msgspec.field(default=None, name="prompt_token_count")
    generation_token_count: int | None = msgspec.field(default=None, name="generation_token_count")
    stop_reason: str | None = msgspec.field(default=None, name="stop_reason")
    # Mistral text
    outputs: list[_Output] | None = None
    # AI21 J2
    id: str | int | None = None
    completions: list[_Completion] | None = None


_read = Shape(_Answer)

_INPUT, _OUTPUT = "x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count"
_CACHE_READ = "x-amzn-bedrock-cache-read-input-token-count"
_CACHE_WRITE = "x-amzn-bedrock-cache-write-input-token-count"


class BedrockInvoke:
    terminated = True
    texts = None

    def __init__(self, name: str, operation: Operation | None = None) -> None:
        self.name = name
        self._operation: Operation | None = operation

    def request(self, body: Mapping[str, Any]) -> Request:
        found = _request(body)
        found.model = text(body.get("modelId")) or found.model
        found.operation = self._operation or found.operation
        return found

    def headers(self, headers: Mapping[str, str], facts: Facts) -> None:
        """Token counts and the error's type. What the body states later replaces the counts."""
        note_error_type(headers, facts)
        spent, said = whole(headers.get(_INPUT)), whole(headers.get(_OUTPUT))
        if facts.usage is None and (spent is not None or said is not None):
            facts.usage = _cached_usage(spent, said, whole(headers.get(_CACHE_READ)), whole(headers.get(_CACHE_WRITE)))

    def body(self, data: bytes, facts: Facts) -> None:
        answer = _read(data)
        if answer is None:
            facts.undecodable = "syntax"
            return
        family = _family(answer)
        if family is not None:
            family.body(data, facts)
        _note(answer, family, facts)
        facts.complete = True

    def payload(self, data: bytes) -> bytes:
        """The model's own JSON in a ``chunk`` event; any other event as it is."""
        answer = _read(data)
        return data if answer is None or answer.chunk is None else _decoded(answer.chunk.bytes or "")

    def event(self, data: bytes, facts: Facts) -> bool:
        """Reads a ``chunk`` event, an exception event, or what botocore gives: the chunk's decoded bytes."""
        data, answer = _unwrapped(data)
        if answer is None:
            facts.undecodable = "syntax"
            return True
        family = _family(answer)
        counts = family.event(data, facts) if family is not None else True
        _note(answer, family, facts)
        if answer.metrics is not None:
            facts.complete = True
        return counts


def answered(data: bytes) -> tuple[bytes, Format | None]:
    """The family's own JSON of an answer or a stream event, and the format that it speaks; ``None``: one of its own."""
    data, answer = _unwrapped(data)
    return data, None if answer is None else _family(answer)


def _unwrapped(data: bytes) -> tuple[bytes, _Answer | None]:
    answer = _read(data)
    if answer is None or answer.chunk is None:
        return data, answer
    data = _decoded(answer.chunk.bytes or "")
    return data, _read(data)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        return b""


def _family(answer: _Answer) -> Format | None:
    """The format that an answer is handed on to."""
    if answer.type is not None or answer.completion is not None:
        return MESSAGES
    if answer.choices is not None:
        return CHAT
    if answer.event_type or answer.is_finished is not None or answer.response_id or answer.generations is not None:
        return CHAT_V1
    blocks = (answer.content_block_delta, answer.content_block_start, answer.content_block_stop)
    if any(part is not None for part in (answer.output, answer.message_start, answer.message_stop, *blocks)):
        return CONVERSE
    return CONVERSE if answer.metadata is not None else None


def _note(answer: _Answer, family: Format | None, facts: Facts) -> None:
    for position, choice in enumerate(answer.choices or ()):
        if choice.stop_reason:  # Mistral's and DeepSeek's name for finish_reason
            index = position if choice.index is None else choice.index
            facts.finish_reasons.setdefault(index, choice.stop_reason)
    if family is None:
        _note_titan(answer, facts)
        _note_llama(answer, facts)
        _note_texts(answer, facts)
        note_fault(answer, facts)
    measured = answer.metrics
    if measured is not None and facts.usage is None:
        facts.usage = _cached_usage(
            measured.input_token_count, measured.output_token_count,
            measured.cache_read_input_token_count, measured.cache_write_input_token_count,
        )  # fmt: skip


def _note_titan(answer: _Answer, facts: Facts) -> None:
    outputs = answer.results or ()
    said = answer.total_output_text_token_count
    if outputs:
        counts = [row.token_count for row in outputs if row.token_count is not None]
        said = sum(counts) if counts else None
    if answer.input_text_token_count is not None or said is not None:
        facts.usage = Usage(input=answer.input_text_token_count, output=said)
    for index, row in enumerate(outputs):
        _note_choice(index, row.output_text, row.completion_reason, facts)
    if answer.output_text is not None or answer.completion_reason:
        _note_choice(0, answer.output_text, answer.completion_reason, facts)


def _note_llama(answer: _Answer, facts: Facts) -> None:
    """A stream states the prompt's tokens on its first chunk and counts the output up."""
    if answer.prompt_token_count is not None or answer.generation_token_count is not None:
        known = facts.usage or Usage()
        spent, said = answer.prompt_token_count, answer.generation_token_count
        facts.usage = Usage(
            input=known.input if spent is None else spent, output=known.output if said is None else said
        )
    if answer.generation is not None or answer.stop_reason:
        _note_choice(0, answer.generation, answer.stop_reason, facts)


def _note_texts(answer: _Answer, facts: Facts) -> None:
    for index, row in enumerate(answer.outputs or ()):
        _note_choice(index, row.text, row.stop_reason, facts)
    for index, row in enumerate(answer.completions or ()):
        _note_choice(index, None, row.finish_reason.reason if row.finish_reason else None, facts)
        facts.text = None  # J2's text is a list of tokens, which is not read
    if answer.id is not None:
        facts.response_id = str(answer.id)


def _note_choice(index: int, said: str | None, reason: str | None, facts: Facts) -> None:
    facts.text = facts.text or bool(said)
    if reason:
        facts.finish_reasons[index] = reason


def _cached_usage(spent: int | None, said: int | None, read: int | None, write: int | None) -> Usage:
    return Usage(input=with_cached(spent, read, write), output=said, cache_read=read, cache_write=write)


def requested(body: Mapping[str, Any]) -> Format | None:
    """The format that a request's body speaks, by its family's fields; ``None``: one of its own."""
    if "anthropic_version" in body:
        return MESSAGES
    if "inferenceConfig" in body or "schemaVersion" in body:
        return CONVERSE
    if "messages" in body:
        return CHAT
    return CHAT_V1 if "message" in body else None


def _request(body: Mapping[str, Any]) -> Request:
    family = requested(body)
    if family is not None:
        return family.request(body)
    request = Request(operation="text_completion")
    fill(request, body, _REQUEST)
    return request


_TEXT: Final[Fields] = {
    "maxTokenCount": ("max_tokens", whole),  # Titan
    "max_gen_len": ("max_tokens", whole),  # Llama
    "max_tokens": ("max_tokens", whole),  # Mistral, Cohere
    "maxTokens": ("max_tokens", whole),  # AI21 J2
    "max_tokens_to_sample": ("max_tokens", whole),  # Anthropic's text completions
    "temperature": ("temperature", number),
    **dict.fromkeys(("topP", "top_p", "p"), ("top_p", number)),
    **dict.fromkeys(("topK", "top_k", "k"), ("top_k", whole)),
    **dict.fromkeys(("stopSequences", "stop", "stop_sequences"), ("stop_sequences", strings)),
    "dimensions": ("dimensions", whole),
}
_REQUEST: Final[Fields] = {**_TEXT, "textGenerationConfig": _TEXT}
"""Members of the families whose JSON is no other format's; Titan has them in an object of their own."""

INVOKE = BedrockInvoke("bedrock_invoke")
INVOKE_EMBEDDINGS = BedrockInvoke("bedrock_invoke_embeddings", "embeddings")
INVOKE_RERANK = BedrockInvoke("bedrock_invoke_rerank", "retrieval")


def invoke_format(model: str) -> BedrockInvoke:
    """The format for a model id or ARN: requests of embedding models do not tell what they are."""
    if "embed" in model:
        return INVOKE_EMBEDDINGS
    return INVOKE_RERANK if "rerank" in model else INVOKE
