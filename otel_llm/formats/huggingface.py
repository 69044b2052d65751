"""Hugging Face text generation (TGI), plain and streamed, and feature extraction.

Source: Text Generation Inference API reference and recorded traffic. The path says nothing (it is the model's URL),
so a client seam names the format. Counts stand in ``details``, if asked for, and in headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from otel_llm.formats.facts import Facts, Usage
from otel_llm.formats.json_format import MODEL, SAMPLING, JsonFormat
from otel_llm.formats.reading import Fields, Shape, strings, whole


class _Details(msgspec.Struct):
    finish_reason: str | None = None
    generated_tokens: int | None = None
    input_length: int | None = None


class _Token(msgspec.Struct):
    text: str | None = None
    special: bool | None = None


class _Answer(msgspec.Struct):
    generated_text: str | None = None
    details: _Details | None = None
    token: _Token | None = None
    error: str | list[str] | None = None
    error_type: str | None = None


_read = Shape(_Answer)

_PARAMETERS: Final[Fields] = {**SAMPLING, "max_new_tokens": ("max_tokens", whole), "stop": ("stop_sequences", strings)}
_REQUEST: Final[Fields] = {**MODEL, "parameters": _PARAMETERS}


class TextGeneration(JsonFormat[_Answer]):
    """TGI's generation, and feature extraction, whose array of numbers states nothing."""

    shape = _read
    fields = _REQUEST

    def headers(self, headers: Mapping[str, str], facts: Facts) -> None:
        """Token counts, which the body mostly leaves out."""
        spent, said = whole(headers.get("x-prompt-tokens")), whole(headers.get("x-generated-tokens"))
        if facts.usage is None and (spent is not None or said is not None):
            facts.usage = Usage(input=spent, output=said)

    def note(self, answer: _Answer, facts: Facts) -> None:
        said = answer.generated_text or (answer.token.text if answer.token and not answer.token.special else None)
        if answer.generated_text is not None or answer.token is not None:
            facts.text = facts.text or bool(said)
        if answer.details is not None:
            _note_details(answer.details, facts)
        if answer.error:
            facts.error_type = answer.error_type or "error"
            facts.error_message = answer.error if isinstance(answer.error, str) else "; ".join(answer.error)
        ended = answer.generated_text is not None or answer.details is not None or bool(answer.error)
        facts.complete = facts.complete or ended


def _note_details(details: _Details, facts: Facts) -> None:
    if details.finish_reason:
        facts.finish_reasons[len(facts.finish_reasons)] = details.finish_reason  # of several answers, one after another
    if details.generated_tokens is not None or details.input_length is not None:
        known = facts.usage or Usage()
        spent = known.input if details.input_length is None else details.input_length
        said = known.output if details.generated_tokens is None else details.generated_tokens
        facts.usage = Usage(input=spent, output=said)


GENERATION = TextGeneration("huggingface_generation", "text_completion")
FEATURES = TextGeneration("huggingface_features", "embeddings")
