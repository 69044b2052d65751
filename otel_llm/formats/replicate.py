"""Replicate predictions: submitted, then polled, or read from a stream of plain text.

Source: Replicate API reference and recorded traffic. Language models state their tokens in ``metrics``, when done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.reading import Shape, mapping, number, text, whole


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


class ReplicatePredictions:
    name = "replicate_predictions"
    terminated = True

    def request(self, body: Mapping[str, Any]) -> Request:
        given = mapping(body.get("input"))
        return Request(
            operation="text_completion",
            model=text(body.get("version")) or text(body.get("model")),
            stream=body.get("stream") is True,
            max_tokens=whole(given.get("max_tokens", given.get("max_new_tokens"))),
            temperature=number(given.get("temperature")),
            top_p=number(given.get("top_p")),
            top_k=whole(given.get("top_k")),
            seed=whole(given.get("seed")),
        )

    def body(self, data: bytes, facts: Facts) -> None:
        found = _read(data)
        if found is None:
            facts.undecodable = "syntax"
            return
        facts.response_id, facts.response_model = found.id or None, found.model or None
        if found.status in _ENDED:
            facts.finish_reasons[0] = found.status
            facts.text = bool(found.output)
        counts = found.metrics
        if counts is not None and (counts.input_token_count is not None or counts.output_token_count is not None):
            facts.usage = Usage(input=counts.input_token_count, output=counts.output_token_count)
        if found.error or found.detail:
            facts.error_type, facts.error_message = found.title or "error", found.error or found.detail
        facts.complete = True

    def event(self, data: bytes, facts: Facts) -> bool:
        """Reads a text event; the ``done`` event's payload is an object with nothing but a reason in it."""
        if data in (b"{}", b'{"reason":"canceled"}', b'{"reason":"error"}'):
            facts.complete = True
        else:
            facts.text = True
        return True


PREDICTIONS = ReplicatePredictions()
