"""What most formats have in common: requests, answers and stream events are JSON objects.

A format then says three things: its shapes, the members of its request, and how an answer is noted.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

import msgspec

from otel_llm.formats.facts import Facts, Operation, Request
from otel_llm.formats.reading import Fields, Shape, fill, number, text, whole, yes

T = TypeVar("T", bound=msgspec.Struct)

MODEL: Final[Fields] = {"model": ("model", text), "stream": ("stream", yes)}
SAMPLING: Final[Fields] = {
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "top_k": ("top_k", whole),
    "frequency_penalty": ("frequency_penalty", number),
    "presence_penalty": ("presence_penalty", number),
    "seed": ("seed", whole),
}
"""The names that most providers have for what shapes an answer."""


class JsonFormat(ABC, Generic[T]):
    """A format whose answers and stream events are JSON objects of one shape.

    An array of answers, as Google sends where no SSE was asked for and Hugging Face for several inputs, is read as its
    answers one after the other. What is no JSON is ``syntax`` in :attr:`Facts.undecodable`.
    """

    terminated: bool = True
    shape: Shape[T]
    """Of an answer and of an event; an error's members are among them."""
    fields: Fields
    """Members of a request."""
    texts: re.Pattern[bytes] | None = None

    def __init__(self, name: str, operation: Operation) -> None:
        self.name = name
        self.operation: Operation = operation

    def request(self, body: Mapping[str, Any]) -> Request:
        request = Request(operation=self.operation)
        fill(request, body, self.fields)
        return request

    def body(self, data: bytes, facts: Facts) -> None:
        answers = self.shape.each(data)
        if answers is None:
            facts.undecodable = "syntax"
            return
        for answer in answers:
            self.note(answer, facts)
        facts.complete = True

    def event(self, data: bytes, facts: Facts) -> bool:
        if data == b"[DONE]":  # OpenAI's last event, which many took over
            facts.complete = True
            return False
        answer = self.shape(data)
        if answer is None:
            facts.undecodable = "syntax"
            return True
        return self.note_event(answer, facts)

    @abstractmethod
    def note(self, answer: T, facts: Facts) -> None:
        """Puts what an answer or an event states into the facts; ``complete``, if nothing comes after it."""

    def note_event(self, event: T, facts: Facts) -> bool:
        """Puts what a stream event states into the facts; true if it is an output chunk."""
        self.note(event, facts)
        return True
