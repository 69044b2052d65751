"""Ollama's own API: chat, generate and embeddings; newline-delimited JSON unless ``stream`` is false.

Source: Ollama API reference and recorded traffic. The last line states the counts; ``prompt_eval_count`` may be
missing there when the prompt was cached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.facts import Facts, Operation, Request, Usage
from otel_llm.formats.openai_chat import tool_names
from otel_llm.formats.reading import Shape, mapping, number, strings, text, whole


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


class Ollama:
    terminated = True

    def __init__(self, name: str, operation: Operation) -> None:
        self.name = name
        self._operation: Operation = operation

    def request(self, body: Mapping[str, Any]) -> Request:
        options = mapping(body.get("options"))
        think = body.get("think")
        return Request(
            operation=self._operation,
            model=text(body.get("model")),
            stream=self._operation != "embeddings" and body.get("stream") is not False,
            max_tokens=whole(options.get("num_predict")),
            temperature=number(options.get("temperature")),
            top_p=number(options.get("top_p")),
            top_k=whole(options.get("top_k")),
            frequency_penalty=number(options.get("frequency_penalty")),
            presence_penalty=number(options.get("presence_penalty")),
            seed=whole(options.get("seed")),
            stop_sequences=strings(options.get("stop")),
            dimensions=whole(body.get("dimensions")),
            reasoning_level=text(think),
            output_type="json" if body.get("format") else None,
            tools=tool_names(body.get("tools")),
        )

    def body(self, data: bytes, facts: Facts) -> None:
        answer = _read(data)
        if answer is None:
            facts.undecodable = "syntax"
            return
        _note(answer, facts)
        facts.complete = True

    def event(self, data: bytes, facts: Facts) -> bool:
        answer = _read(data)
        if answer is None:
            facts.undecodable = "syntax"
            return True
        _note(answer, facts)
        if answer.done or answer.error:
            facts.complete = True
        return True


def _note(answer: _Answer, facts: Facts) -> None:
    facts.response_model = answer.model or facts.response_model
    if answer.message is not None:
        _note_text(answer.message.content, facts)
        for place, call in enumerate(answer.message.tool_calls or ()):
            if call.function is not None and call.function.name:
                facts.tools_called.add(call.function.name)
                facts.argue(place, call.function.arguments)
    if answer.response is not None:
        _note_text(answer.response, facts)
    if answer.done_reason:
        facts.finish_reasons[0] = answer.done_reason
    if answer.prompt_eval_count is not None or answer.eval_count is not None:
        facts.usage = Usage(input=answer.prompt_eval_count, output=answer.eval_count)
    if answer.error:
        facts.error_type, facts.error_message = "error", answer.error


def _note_text(said: str | None, facts: Facts) -> None:
    facts.text = facts.text or False
    if said:
        facts.say(0, said)


CHAT = Ollama("ollama_chat", "chat")
GENERATE = Ollama("ollama_generate", "text_completion")
EMBED = Ollama("ollama_embeddings", "embeddings")
