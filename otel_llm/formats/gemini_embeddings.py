"""Google embeddings: ``embedContent`` and ``batchEmbedContents`` of the Gemini API, ``:predict`` of Vertex AI.

Source: Gemini API and Vertex AI references, recorded traffic. The Gemini API long stated no usage here; Vertex states
the tokens of each text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.gemini import GeminiUsage, GoogleError, gemini_usage, note_google_error
from otel_llm.formats.reading import Shape, mapping, rows, text, whole


class _Statistics(msgspec.Struct):
    token_count: int | None = None


class _Embedding(msgspec.Struct):
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Embedding | None = None


class _Answer(msgspec.Struct, rename={"usage_metadata": "usageMetadata"}):
    predictions: list[_Prediction] | None = None
    usage_metadata: GeminiUsage | None = None
    error: GoogleError | None = None


_read = Shape(_Answer)


class GeminiEmbeddings:
    name = "gemini_embeddings"
    terminated = False

    def request(self, body: Mapping[str, Any]) -> Request:
        first = next(iter(rows(body.get("requests"))), body)
        parameters = mapping(body.get("parameters"))
        return Request(
            operation="embeddings",
            model=text(str(first.get("model") or "").removeprefix("models/")),
            dimensions=whole(first.get("outputDimensionality", parameters.get("outputDimensionality"))),
        )

    def body(self, data: bytes, facts: Facts) -> None:
        answer = _read(data)
        if answer is None:
            facts.undecodable = "syntax"
            return
        if answer.error is not None:
            note_google_error(answer.error, facts)
        if answer.usage_metadata is not None:
            facts.usage = gemini_usage(answer.usage_metadata)
        counts = [_tokens(row) for row in answer.predictions or ()]
        stated = [count for count in counts if count is not None]
        if stated:
            facts.usage = Usage(input=sum(stated))
        facts.complete = True

    def event(self, data: bytes, facts: Facts) -> bool:
        self.body(data, facts)
        return True


def _tokens(row: _Prediction) -> int | None:
    return row.embeddings.statistics.token_count if row.embeddings and row.embeddings.statistics else None


EMBED = GeminiEmbeddings()
