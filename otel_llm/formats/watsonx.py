"""IBM watsonx.ai: text generation and embeddings; its chat is OpenAI's with another name for the model.

Source: watsonx.ai API reference and recorded traffic. A stream states the input's tokens on its first event, then 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.facts import Facts, Operation, Request, Usage
from otel_llm.formats.openai_chat import OpenAIChat
from otel_llm.formats.reading import Shape, mapping, number, strings, text, whole


class _Result(msgspec.Struct):
    generated_text: str | None = None
    generated_token_count: int | None = None
    input_token_count: int | None = None
    stop_reason: str | None = None


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None


class _Answer(msgspec.Struct):
    model_id: str | None = None
    results: list[_Result] | None = None
    input_token_count: int | None = None
    errors: list[_Error] | None = None


_read = Shape(_Answer)


class WatsonxText:
    """Generation and embeddings (``operation``)."""

    terminated = True

    def __init__(self, name: str, operation: Operation) -> None:
        self.name = name
        self._operation: Operation = operation

    def request(self, body: Mapping[str, Any]) -> Request:
        parameters = mapping(body.get("parameters"))
        return Request(
            operation=self._operation,
            model=text(body.get("model_id")),
            max_tokens=whole(parameters.get("max_new_tokens")),
            temperature=number(parameters.get("temperature")),
            top_p=number(parameters.get("top_p")),
            top_k=whole(parameters.get("top_k")),
            seed=whole(parameters.get("random_seed")),
            stop_sequences=strings(parameters.get("stop_sequences")),
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
        facts.complete = facts.complete or bool(facts.finish_reasons) or facts.failed()
        return True


def _note(answer: _Answer, facts: Facts) -> None:
    facts.response_model = answer.model_id or facts.response_model
    if answer.input_token_count is not None:
        facts.usage = Usage(input=answer.input_token_count)
    for index, row in enumerate(answer.results or ()):
        _note_result(row, index, facts)
    for error in answer.errors or ():
        facts.error_code = facts.error_code or error.code or "error"
        facts.error_message = facts.error_message or error.message


def _note_result(row: _Result, index: int, facts: Facts) -> None:
    if row.stop_reason and row.stop_reason.lower() != "not_finished":
        facts.finish_reasons[index] = row.stop_reason
    if row.generated_text is not None:
        facts.text = facts.text or bool(row.generated_text)
    if row.input_token_count is not None or row.generated_token_count is not None:
        known = facts.usage or Usage()
        said = known.output if row.generated_token_count is None else row.generated_token_count
        facts.usage = Usage(input=row.input_token_count or known.input or row.input_token_count, output=said)


class WatsonxChat(OpenAIChat):
    def request(self, body: Mapping[str, Any]) -> Request:
        found = super().request(body)
        found.model = text(body.get("model_id")) or found.model
        return found


CHAT = WatsonxChat("watsonx_chat", "chat")
GENERATION = WatsonxText("watsonx_generation", "text_completion")
EMBEDDINGS = WatsonxText("watsonx_embeddings", "embeddings")
