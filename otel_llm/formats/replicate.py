"""Replicate predictions: submitted, then polled, or read from a stream of plain text.

Source: Replicate API reference and recorded traffic. Language models state their tokens in ``metrics``, when done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.json_format import MODEL, SAMPLING, JsonFormat
from otel_llm.formats.reading import Fields, Shape, text, whole


class _Metrics(msgspec.Struct):
    input_token_count: int | None = None
    output_token_count: int | None = None


class _Prediction(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: str | list[str] | None = None
    error: str | None = None
    metrics: _Metrics | None = None
    detail: str | None = None
    title: str | None = None


_read = Shape(_Prediction)

_ENDED = ("succeeded", "failed", "canceled")


_INPUT: Final[Fields] = {**SAMPLING, "max_new_tokens": ("max_tokens", whole), "max_tokens": ("max_tokens", whole)}
_REQUEST: Final[Fields] = {**MODEL, "input": _INPUT}


class ReplicatePredictions(JsonFormat[_Prediction]):
    """A prediction as it stands; its stream is plain text."""

    shape = _read
    fields = _REQUEST

    def request(self, body: Mapping[str, Any]) -> Request:
        request = super().request(body)
        request.model = text(body.get("version")) or request.model
        return request

    def note(self, answer: _Prediction, facts: Facts) -> None:
        facts.response_id, facts.response_model = answer.id or None, answer.model or None
        if answer.status in _ENDED:
            facts.finish_reasons[0] = answer.status
            facts.text = bool(answer.output)
        counts = answer.metrics
        if counts is not None and (counts.input_token_count is not None or counts.output_token_count is not None):
            facts.usage = Usage(input=counts.input_token_count, output=counts.output_token_count)
        if answer.error or answer.detail:
            facts.error_type, facts.error_message = answer.title or "error", answer.error or answer.detail

    def event(self, data: bytes, facts: Facts) -> bool:
        """Reads a text event; the ``done`` event's payload is an object with nothing but a reason in it."""
        if data in (b"{}", b'{"reason":"canceled"}', b'{"reason":"error"}'):
            facts.complete = True
        else:
            facts.text = True
        return True


PREDICTIONS = ReplicatePredictions("replicate_predictions", "text_completion")
