"""Ollama's own API: chat, generate and embeddings; newline-delimited JSON unless ``stream`` is false.

Source: Ollama API reference and recorded traffic. The last line states the counts; ``prompt_eval_count`` may be
missing there when the prompt was cached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.json_format import MODEL, SAMPLING, JsonFormat
from otel_llm.formats.openai_chat import tool_names
from otel_llm.formats.reading import Fields, Shape, strings, text, whole


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: msgspec.Raw = msgspec.Raw()


class _ToolCall(msgspec.Struct):
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Answer(msgspec.Struct):
    model: str | None = None
    message: _Message | None = None
    response: str | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: str | None = None


_read = Shape(_Answer)


_OPTIONS: Final[Fields] = {**SAMPLING, "num_predict": ("max_tokens", whole), "stop": ("stop_sequences", strings)}

_REQUEST: Final[Fields] = {
    **MODEL,
    "options": _OPTIONS,
    "dimensions": ("dimensions", whole),
    "think": ("reasoning_level", text),
    "format": ("output_type", lambda stated: "json" if stated else None),
    "tools": ("tools", tool_names),
}


class Ollama(JsonFormat[_Answer]):
    """Ollama's own API; that it speaks OpenAI's, too, is nothing of its own."""

    shape = _read
    fields = _REQUEST

    def request(self, body: Mapping[str, Any]) -> Request:
        request = super().request(body)
        request.stream = self.operation != "embeddings" and body.get("stream") is not False
        return request

    def note(self, answer: _Answer, facts: Facts) -> None:
        facts.response_model = answer.model or facts.response_model
        if answer.message is not None:
            _note_message(answer.message, facts)
        if answer.response is not None:
            _note_text(answer.response, facts)
        if answer.done_reason:
            facts.finish_reasons[0] = answer.done_reason
        if answer.prompt_eval_count is not None or answer.eval_count is not None:
            facts.usage = Usage(input=answer.prompt_eval_count, output=answer.eval_count)
        if answer.error:
            facts.error_type, facts.error_message = "error", answer.error
        facts.complete = facts.complete or bool(answer.done or answer.error)


def _note_message(message: _Message, facts: Facts) -> None:
    _note_text(message.content, facts)
    for place, call in enumerate(message.tool_calls or ()):
        if call.function is not None and call.function.name:
            facts.tools_called.add(call.function.name)
            facts.argue(place, call.function.arguments)


def _note_text(said: str | None, facts: Facts) -> None:
    facts.text = facts.text or False
    if said:
        facts.say(0, said)


CHAT = Ollama("ollama_chat", "chat")
GENERATE = Ollama("ollama_generate", "text_completion")
EMBED = Ollama("ollama_embeddings", "embeddings")
