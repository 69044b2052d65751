"""Google embeddings: ``embedContent`` and ``batchEmbedContents`` of the Gemini API, ``:predict`` of Vertex AI.

Source: Gemini API and Vertex AI references, recorded traffic. The Gemini API long stated no usage here; Vertex states
the tokens of each text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.gemini import GeminiUsage, GoogleError, gemini_usage, note_google_error
from otel_llm.formats.json_format import JsonFormat
from otel_llm.formats.reading import Fields, Shape, rows, text, whole


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

_SIZE: Final[Fields] = {"outputDimensionality": ("dimensions", whole)}
_REQUEST: Final[Fields] = {
    **_SIZE,
    "model": ("model", lambda stated: text(str(stated or "").removeprefix("models/"))),
    "parameters": _SIZE,
}


class GeminiEmbeddings(JsonFormat[_Answer]):
    """Embeddings of one text, or of a batch, whose first request tells the model."""

    terminated = False
    shape = _read
    fields = _REQUEST

    def request(self, body: Mapping[str, Any]) -> Request:
        return super().request(next(iter(rows(body.get("requests"))), body))

    def note(self, answer: _Answer, facts: Facts) -> None:
        if answer.error is not None:
            note_google_error(answer.error, facts)
        if answer.usage_metadata is not None:
            facts.usage = gemini_usage(answer.usage_metadata)
        counts = [_tokens(row) for row in answer.predictions or ()]
        stated = [count for count in counts if count is not None]
        if stated:
            facts.usage = Usage(input=sum(stated))


def _tokens(row: _Prediction) -> int | None:
    return row.embeddings.statistics.token_count if row.embeddings and row.embeddings.statistics else None


EMBED = GeminiEmbeddings("gemini_embeddings", "embeddings")
