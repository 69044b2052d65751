"""What a module of this package is that reads the content of one wire format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from otel_llm.content.message import Content, Message


class Answers(Protocol):
    """One response's content."""

    def body(self, data: bytes) -> None:
        """Reads a whole body."""
        ...

    def event(self, data: bytes) -> None:
        """Reads the payload of one stream event."""
        ...

    def content(self) -> tuple[list[Message], bool]:
        """The messages, one per choice, and whether something was cut."""
        ...


class Makes(Protocol):
    def __call__(self, limit: int) -> Answers: ...


class Family(Protocol):
    """A module like ``openai_chat``. ``limit`` is in characters."""

    def request(self, body: Mapping[str, Any], limit: int) -> Content:
        """What is asked."""
        ...

    @property
    def Response(self) -> Makes: ...  # noqa: N802
