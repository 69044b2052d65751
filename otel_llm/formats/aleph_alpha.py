"""Aleph Alpha completions. Source: recorded traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.reading import Shape, number, strings, text, whole


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


class AlephAlpha:
    name = "aleph_alpha"
    terminated = False

    def request(self, body: Mapping[str, Any]) -> Request:
        return Request(
            operation="text_completion",
            model=text(body.get("model")),
            stream=body.get("stream") is True,
            max_tokens=whole(body.get("maximum_tokens")),
            temperature=number(body.get("temperature")),
            top_p=number(body.get("top_p")),
            top_k=whole(body.get("top_k")),
            frequency_penalty=number(body.get("frequency_penalty")),
            presence_penalty=number(body.get("presence_penalty")),
            choices=whole(body.get("n")),
            stop_sequences=strings(body.get("stop_sequences")),
        )

    def body(self, data: bytes, facts: Facts) -> None:
        answer = _read(data)
        if answer is None:
            facts.undecodable = "syntax"
            return
        facts.response_model = answer.model_version or None
        for index, row in enumerate(answer.completions or ()):
            facts.text = facts.text or bool(row.completion)
            if row.finish_reason:
                facts.finish_reasons[index] = row.finish_reason
        if answer.num_tokens_prompt_total is not None or answer.num_tokens_generated is not None:
            facts.usage = Usage(input=answer.num_tokens_prompt_total, output=answer.num_tokens_generated)
        if answer.error:
            facts.error_code, facts.error_type, facts.error_message = answer.code, "error", answer.error
        facts.complete = True

    def event(self, data: bytes, facts: Facts) -> bool:
        self.body(data, facts)
        return True


COMPLETE = AlephAlpha()
