"""IBM watsonx.ai: text generation and embeddings; its chat is OpenAI's with another name for the model.

Source: watsonx.ai API reference and recorded traffic. A stream states the input's tokens on its first event, then 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.json_format import SAMPLING, JsonFormat
from otel_llm.formats.openai_chat import OpenAIChat
from otel_llm.formats.reading import Fields, Shape, strings, text, whole


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


_PARAMETERS: Final[Fields] = {
    **SAMPLING,
    "max_new_tokens": ("max_tokens", whole),
    "random_seed": ("seed", whole),
    "stop_sequences": ("stop_sequences", strings),
}
_REQUEST: Final[Fields] = {"model_id": ("model", text), "parameters": _PARAMETERS}


class WatsonxText(JsonFormat[_Answer]):
    """Text generation, plain and streamed, and embeddings (``operation``)."""

    shape = _read
    fields = _REQUEST

    def note(self, answer: _Answer, facts: Facts) -> None:
        facts.response_model = answer.model_id or facts.response_model
        if answer.input_token_count is not None:
            facts.usage = Usage(input=answer.input_token_count)
        for index, row in enumerate(answer.results or ()):
            _note_result(row, index, facts)
        for error in answer.errors or ():
            facts.error_code = facts.error_code or error.code or "error"
            facts.error_message = facts.error_message or error.message
        facts.complete = facts.complete or bool(facts.finish_reasons) or facts.failed()


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
    """OpenAI's chat with the model as ``model_id``."""

    def request(self, body: Mapping[str, Any]) -> Request:
        found = super().request(body)
        found.model = text(body.get("model_id")) or found.model
        return found


CHAT = WatsonxChat("watsonx_chat", "chat")
GENERATION = WatsonxText("watsonx_generation", "text_completion")
EMBEDDINGS = WatsonxText("watsonx_embeddings", "embeddings")
