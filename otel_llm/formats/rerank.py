"""Reranking as Cohere, Voyage, Jina and vLLM speak it: one query, scored documents.

Source: Cohere and Voyage API references, recorded traffic. Cohere bills searches and states no tokens; Voyage, Jina
and vLLM state ``usage.total_tokens``, which is all input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.cohere import CohereUsage, cohere_usage, note_message
from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.reading import Shape, text, whole


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


class Rerank:
    name = "rerank"
    terminated = False

    def request(self, body: Mapping[str, Any]) -> Request:
        top = body.get("top_n", body.get("top_k"))
        return Request(operation="retrieval", model=text(body.get("model")), results=whole(top))

    def body(self, data: bytes, facts: Facts) -> None:
        answer = _read(data)
        if answer is None:
            facts.undecodable = "syntax"
            return
        facts.response_id, facts.response_model = answer.id or None, answer.model or None
        if answer.meta is not None:
            facts.usage = cohere_usage(answer.meta)
        if answer.usage is not None:
            count = answer.usage.total_tokens
            count = answer.usage.prompt_tokens if count is None else count
            facts.usage = facts.usage if count is None else Usage(input=count)
        if answer.message or answer.detail:
            note_message(answer.message or answer.detail or "", facts)
        facts.complete = True

    def event(self, data: bytes, facts: Facts) -> bool:
        self.body(data, facts)
        return True


RERANK = Rerank()
