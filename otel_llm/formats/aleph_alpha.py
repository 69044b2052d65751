"""Aleph Alpha completions. Source: recorded traffic."""

from __future__ import annotations

from typing import Final

import msgspec

from otel_llm.formats.facts import Facts, Usage
from otel_llm.formats.json_format import MODEL, SAMPLING, JsonFormat
from otel_llm.formats.reading import Fields, Shape, strings, whole


class _Completion(msgspec.Struct):
    completion: str | None = None
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    completions: list[_Completion] | None = None
    model_version: str | None = None
    num_tokens_prompt_total: int | None = None
    num_tokens_generated: int | None = None
    error: str | None = None
    code: str | None = None


_read = Shape(_Answer)

_REQUEST: Final[Fields] = {
    **MODEL,
    **SAMPLING,
    "maximum_tokens": ("max_tokens", whole),
    "n": ("choices", whole),
    "stop_sequences": ("stop_sequences", strings),
}


class AlephAlpha(JsonFormat[_Answer]):
    """Text completions, of one or several choices."""

    terminated = False
    shape = _read
    fields = _REQUEST

    def note(self, answer: _Answer, facts: Facts) -> None:
        facts.response_model = answer.model_version or None
        for index, row in enumerate(answer.completions or ()):
            facts.text = facts.text or bool(row.completion)
            if row.finish_reason:
                facts.finish_reasons[index] = row.finish_reason
        if answer.num_tokens_prompt_total is not None or answer.num_tokens_generated is not None:
            facts.usage = Usage(input=answer.num_tokens_prompt_total, output=answer.num_tokens_generated)
        if answer.error:
            facts.error_code, facts.error_type, facts.error_message = answer.code, "error", answer.error


COMPLETE = AlephAlpha("aleph_alpha", "text_completion")
