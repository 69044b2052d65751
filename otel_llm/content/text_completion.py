"""Content of APIs that complete one text: Hugging Face (TGI), watsonx, Writer, Replicate, Aleph Alpha, Cohere's
``generate``, and the families of Bedrock's ``InvokeModel`` that are no chat (Titan, Llama, Mistral, AI21 J2).

Each names prompt and answer in its own way; the names do not collide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from otel_llm.content import message
from otel_llm.content.growing import CHOICES, Growing
from otel_llm.content.json_value import decoded, documents
from otel_llm.content.message import Budget, Content, Message, Part
from otel_llm.formats.reading import mapping, rows, strings

PROMPTS: Final = ("prompt", "inputText", "inputs", "input")
"""Cohere, Writer, Llama, Mistral and J2; Titan; TGI; watsonx, and Replicate, whose input is an object."""
LISTS: Final = ("results", "outputs", "completions", "generations", "choices")
"""Titan and watsonx; Mistral; J2 and Aleph Alpha; Cohere; Writer."""
TEXTS: Final = ("outputText", "generated_text", "text", "completion", "generation", "value", "output")
"""Titan; TGI and watsonx; Mistral, Cohere and Writer; Aleph Alpha; Llama; Writer's stream; Replicate."""


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    budget = Budget(limit)
    asked = next((body[name] for name in PROMPTS if name in body), None)
    given = mapping(asked)
    system = given.get("system_prompt")
    return Content(
        input_messages=[message.said("user", *_prompt(given.get("prompt") if given else asked, budget))],
        system_instructions=[message.text(system, budget)] if isinstance(system, str) and system else [],
        truncated=budget.cut,
    )


def _prompt(asked: object, budget: Budget) -> list[Part]:
    if isinstance(asked, str):
        return [message.text(asked, budget)]
    return [_item(row, budget) for row in budget.while_left(rows(asked))]  # Aleph Alpha's


def _item(row: Mapping[str, Any], budget: Budget) -> Part:
    if row.get("type") == "text":
        return message.text(row.get("data"), budget)
    return message.blob("image", row.get("data")) if row.get("type") == "image" else message.other(row.get("type"))


class Response:
    """The answers of one response, plain or streamed."""

    def __init__(self, limit: int) -> None:
        self._growing = Growing(limit)

    def body(self, data: bytes) -> None:
        for index, document in enumerate(documents(data)):  # TGI gives an array: one answer an input
            for choice, said in _texts(document):
                self._growing.text(said, choice + index)

    def event(self, data: bytes) -> None:
        if self._growing.full():
            return
        event = decoded(data)
        token = mapping(event.get("token"))
        if token:  # TGI: the last one comes with the whole text, which was said already
            self._growing.text(None if token.get("special") is True else token.get("text"))
        elif "response" not in event:  # Cohere: likewise
            self.body(data)

    def content(self) -> tuple[list[Message], bool]:
        """The messages, one per answer, and whether something was cut."""
        return self._growing.messages(), self._growing.budget.cut


def _texts(document: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The texts of an answer, by choice."""
    listed = next((found for name in LISTS if (found := rows(document.get(name)))), None)
    for choice, row in enumerate(listed[:CHOICES] if listed is not None else [document]):
        said = next((row[name] for name in TEXTS if row.get(name) is not None), mapping(row.get("data")).get("text"))
        yield choice, "".join(strings(said) or ())  # Replicate's is a list
