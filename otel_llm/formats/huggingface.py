"""Hugging Face text generation (TGI), plain and streamed, and feature extraction.

Source: Text Generation Inference API reference and recorded traffic. The path says nothing (it is the model's URL),
so a client seam names the format. Counts stand in ``details``, if asked for, and in headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.facts import Facts, Operation, Request, Usage
from otel_llm.formats.reading import Shape, mapping, number, strings, text, whole


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


class _Answers(msgspec.Struct):
    answers: list[_Answer] | None = None


_read = Shape(_Answer)
_read_all = Shape(_Answers)


class TextGeneration:
    terminated = True

    def __init__(self, name: str, operation: Operation) -> None:
        self.name = name
        self._operation: Operation = operation

    def request(self, body: Mapping[str, Any]) -> Request:
        parameters = mapping(body.get("parameters"))
        return Request(
            operation=self._operation,
            model=text(body.get("model")),
            stream=body.get("stream") is True,
            max_tokens=whole(parameters.get("max_new_tokens")),
            temperature=number(parameters.get("temperature")),
            top_p=number(parameters.get("top_p")),
            top_k=whole(parameters.get("top_k")),
            frequency_penalty=number(parameters.get("frequency_penalty")),
            seed=whole(parameters.get("seed")),
            stop_sequences=strings(parameters.get("stop")),
        )

    def headers(self, headers: Mapping[str, str], facts: Facts) -> None:
        """Token counts, which the body mostly leaves out."""
        spent, said = whole(headers.get("x-prompt-tokens")), whole(headers.get("x-generated-tokens"))
        if facts.usage is None and (spent is not None or said is not None):
            facts.usage = Usage(input=spent, output=said)

    def body(self, data: bytes, facts: Facts) -> None:
        if data.lstrip().startswith(b"["):  # one answer an input; of embeddings an array of numbers
            found = _read_all(b'{"answers":' + data + b"}")
            answers = (found.answers or []) if found else None
        else:
            answer = _read(data)
            answers = None if answer is None else [answer]
        if answers is None:
            facts.undecodable = "syntax"
            return
        for index, answer in enumerate(answers):
            _note(answer, index, facts)
        facts.complete = True

    def event(self, data: bytes, facts: Facts) -> bool:
        answer = _read(data)
        if answer is None:
            facts.undecodable = "syntax"
            return True
        _note(answer, 0, facts)
        if answer.generated_text is not None or answer.details is not None or answer.error:
            facts.complete = True
        return True


def _note(answer: _Answer, index: int, facts: Facts) -> None:
    said = answer.generated_text or (answer.token.text if answer.token and not answer.token.special else None)
    if answer.generated_text is not None or answer.token is not None:
        facts.text = facts.text or bool(said)
    if answer.details is not None:
        _note_details(answer.details, index, facts)
    if answer.error:
        facts.error_type = answer.error_type or "error"
        facts.error_message = answer.error if isinstance(answer.error, str) else "; ".join(answer.error)


def _note_details(details: _Details, index: int, facts: Facts) -> None:
    if details.finish_reason:
        facts.finish_reasons[index] = details.finish_reason
    if details.generated_tokens is not None or details.input_length is not None:
        known = facts.usage or Usage()
        spent = known.input if details.input_length is None else details.input_length
        said = known.output if details.generated_tokens is None else details.generated_tokens
        facts.usage = Usage(input=spent, output=said)


GENERATION = TextGeneration("huggingface_generation", "text_completion")
FEATURES = TextGeneration("huggingface_features", "embeddings")
