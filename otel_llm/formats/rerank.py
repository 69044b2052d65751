"""Reranking as Cohere, Voyage, Jina and vLLM speak it: one query, scored documents.

Source: Cohere and Voyage API references, recorded traffic. Cohere bills searches and states no tokens; Voyage, Jina
and vLLM state ``usage.total_tokens``, which is all input.
"""

from __future__ import annotations

from typing import Final

import msgspec

from otel_llm.formats.cohere import CohereUsage, cohere_usage, note_message
from otel_llm.formats.facts import Facts, Usage
from otel_llm.formats.json_format import JsonFormat
from otel_llm.formats.reading import Fields, Shape, text, whole


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    meta: CohereUsage | None = None
    usage: _Usage | None = None
    message: str | None = None
    detail: str | None = None


_read = Shape(_Answer)

_REQUEST: Final[Fields] = {"model": ("model", text), "top_n": ("results", whole), "top_k": ("results", whole)}


class Rerank(JsonFormat[_Answer]):
    """One query, documents by their scores."""

    terminated = False
    shape = _read
    fields = _REQUEST

    def note(self, answer: _Answer, facts: Facts) -> None:
        facts.response_id, facts.response_model = answer.id or None, answer.model or None
        if answer.meta is not None:
            facts.usage = cohere_usage(answer.meta)
        if answer.usage is not None:
            count = answer.usage.total_tokens
            count = answer.usage.prompt_tokens if count is None else count
            facts.usage = facts.usage if count is None else Usage(input=count)
        if answer.message or answer.detail:
            note_message(answer.message or answer.detail or "", facts)


RERANK = Rerank("rerank", "retrieval")
