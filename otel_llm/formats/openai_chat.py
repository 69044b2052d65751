"""OpenAI chat completions, legacy completions and embeddings, as OpenAI, Azure and every compatible server speak them.

Source: OpenAI API reference and recorded traffic. Usage on a stream comes only if the request asked for it
(``stream_options.include_usage``); Mistral, Together and Groq (``x_groq.usage``) send it anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.json_format import MODEL, SAMPLING, JsonFormat
from otel_llm.formats.reading import Fields, Present, Shape, mapping, names, rows, strings, text, whole
from otel_llm.formats.template import prose


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_token_details: _PromptDetails | None = None  # Writer's spelling
    completion_token_details: _CompletionDetails | None = None
    cost: float | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek's name for cached_tokens
    cached_tokens: int | None = None  # Together's place for it


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: msgspec.Raw = msgspec.Raw()
    """Text; Mistral also gives an object."""


class _Custom(msgspec.Struct):
    """A custom tool takes text of any kind, so there is nothing in it to check."""

    name: str | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    function: _Function | None = None
    custom: _Custom | None = None


class _Message(msgspec.Struct):
    content: str | list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    """The deprecated form of one tool call."""
    audio: Present | None = None
    images: list[Present] | None = None  # OpenRouter


class _Choice(msgspec.Struct):
    index: int | None = None
    finish_reason: str | None = None
    message: _Message | None = None
    delta: _Message | None = None
    text: str | None = None


class _Inner(msgspec.Struct):
    code: str | None = None


class OpenAIError(msgspec.Struct):
    code: str | int | None = None
    type: str | None = None
    message: str | None = None
    innererror: _Inner | None = None  # Azure


class _Groq(msgspec.Struct):
    usage: _Usage | None = None


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    x_groq: _Groq | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    error: OpenAIError | str | None = None
    # Mistral and vLLM state an error without an object around it
    object: str | None = None
    message: str | None = None
    type: str | None = None
    code: str | int | None = None


_read = Shape(_Answer)
_NO_PROMPT_DETAILS: Final = _PromptDetails()
_NO_COMPLETION_DETAILS: Final = _CompletionDetails()


def output_type(stated: object) -> str | None:
    """What a ``response_format`` asks for: ``text``, ``json``, or ``None`` for another or none."""
    kind = mapping(stated).get("type")
    return "text" if kind == "text" else "json" if kind in ("json_object", "json_schema") else None


def tool_names(tools: object) -> frozenset[str]:
    """Names of the tools in an OpenAI-style ``tools`` list. Those of a namespace (Responses) go by their own names."""
    found: set[str] = set()
    for row in rows(tools):
        inner = rows(row.get("tools"))
        found |= names([mapping(row.get("function")), mapping(row.get("custom")), *(inner or [row])])
    return frozenset(found)


_REQUEST: Final[Fields] = {
    **MODEL,
    **SAMPLING,
    "max_tokens": ("max_tokens", whole),
    "n": ("choices", whole),
    "stop": ("stop_sequences", strings),
    "reasoning_effort": ("reasoning_level", text),
    "response_format": ("output_type", output_type),
    "service_tier": ("service_tier", text),
    "tools": ("tools", tool_names),
    "functions": ("tools", names),
}


_EMBEDDINGS: Final[Fields] = {
    "model": ("model", text),
    "encoding_format": ("encoding_formats", strings),
    "dimensions": ("dimensions", whole),
}


class OpenAIChat(JsonFormat[_Answer]):
    """Chat completions (``operation="chat"``) and legacy completions: one shape with optional parts."""

    terminated = False
    """OpenAI ends a stream with ``[DONE]``, many compatible servers do not."""
    shape = _read
    fields = _REQUEST
    texts = prose("content", "text", "reasoning_content", "reasoning", "obfuscation")

    def request(self, body: Mapping[str, Any]) -> Request:
        request = super().request(body)
        if "max_completion_tokens" in body:  # the newer name wins
            request.max_tokens = whole(body["max_completion_tokens"])
        return request

    def note(self, answer: _Answer, facts: Facts) -> None:
        if facts.response_id is None:
            facts.response_id = answer.id or None
        if facts.response_model is None:
            facts.response_model = answer.model or None
        if answer.system_fingerprint:
            facts.system_fingerprint = answer.system_fingerprint
        if answer.service_tier:
            facts.service_tier = answer.service_tier
        for position, choice in enumerate(answer.choices or ()):
            _note_choice(choice, position, facts)
        stated = answer.usage or (answer.x_groq.usage if answer.x_groq else None)
        if stated is not None and (usage := _usage(stated)):
            facts.usage = usage
        if answer.error is not None:
            note_error(answer.error, facts)
        elif answer.object == "error":
            note_error(OpenAIError(answer.code, answer.type, answer.message), facts)
        elif answer.message:  # beside a status that tells: Mistral's 401 and 429
            facts.error_message = answer.message


class OpenAIEmbeddings(OpenAIChat):
    """Embeddings: the same answer without choices."""

    fields = _EMBEDDINGS


def _note_choice(choice: _Choice, position: int, facts: Facts) -> None:
    index = position if choice.index is None else choice.index
    if choice.finish_reason:
        facts.finish_reasons[index] = choice.finish_reason
    said = choice.message or choice.delta
    output = choice.text or (said.content if said is not None else None)
    if output:
        facts.say(index, output if isinstance(output, str) else _parts(output))
    elif facts.text is None:
        facts.text = False
    if said is not None:
        _note_message(said, index, facts)


def _note_message(said: _Message, choice: int, facts: Facts) -> None:
    """What a message or a piece of one has besides its text."""
    if said.refusal:
        facts.refused = True
    if said.audio is not None or said.images:
        facts.other_output = True
    for place, call in enumerate(said.tool_calls or ()):
        if call.custom is not None and call.custom.name:
            facts.tools_called.add(call.custom.name)
        if call.function is not None:
            _note_function(call.function, (choice, place if call.index is None else call.index), facts)
    if said.function_call is not None:
        _note_function(said.function_call, (choice, None), facts)


def _note_function(function: _Function, tool: tuple[int, int | None], facts: Facts) -> None:
    if function.name:
        facts.tools_called.add(function.name)
    facts.argue(tool, function.arguments)


def _parts(content: list[Any]) -> str:
    """Text of content that comes in parts (Mistral)."""
    return "".join(part for row in rows(content) if isinstance(part := row.get("text"), str))


def _usage(stated: _Usage) -> Usage | None:
    prompt = stated.prompt_tokens_details or stated.prompt_token_details or _NO_PROMPT_DETAILS
    completion = stated.completion_tokens_details or stated.completion_token_details or _NO_COMPLETION_DETAILS
    read = prompt.cached_tokens
    for count in (stated.prompt_cache_hit_tokens, stated.cached_tokens):
        read = count if read is None else read
    spent, said = stated.prompt_tokens, stated.completion_tokens
    if spent is None and said is None:
        spent = stated.total_tokens  # Voyage states embeddings' tokens as the total only
    if spent is None and said is None:
        return None
    return Usage(
        input=spent, output=said, cache_read=read, cache_write=prompt.cache_write_tokens,
        reasoning=completion.reasoning_tokens, input_audio=prompt.audio_tokens,
        output_audio=completion.audio_tokens, cost=stated.cost,
    )  # fmt: skip


def note_error(error: OpenAIError | str, facts: Facts) -> None:
    """Puts an OpenAI-style error object, or the bare message of some servers, into the facts."""
    if isinstance(error, str):
        facts.error_type, facts.error_message = facts.error_type or "error", error
        return
    facts.error_code = facts.error_code or (str(error.code) if error.code not in (None, "") else None)
    facts.error_type = facts.error_type or error.type or ("error" if facts.error_code is None else None)
    facts.error_detail = error.innererror.code if error.innererror else None
    facts.error_message = error.message


CHAT = OpenAIChat("openai_chat", "chat")
COMPLETIONS = OpenAIChat("openai_completions", "text_completion")
EMBEDDINGS = OpenAIEmbeddings("openai_embeddings", "embeddings")
