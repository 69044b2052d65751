"""Content of Replicate's predictions, whose stream is plain text."""

from __future__ import annotations

from typing import Final

from otel_llm.content import text_completion
from otel_llm.content.growing import Growing
from otel_llm.content.message import Message

request = text_completion.request

ENDS: Final = (b"{}", b'{"reason":"canceled"}', b'{"reason":"error"}')
"""Payloads of the last event."""


class Response:
    """The text of one response, plain or streamed."""

    def __init__(self, limit: int) -> None:
        self._whole = text_completion.Response(limit)
        self._growing = Growing(limit)

    def body(self, data: bytes) -> None:
        self._whole.body(data)

    def event(self, data: bytes) -> None:
        if data not in ENDS and not self._growing.full():
            self._growing.text(data.decode(errors="replace"))

    def content(self) -> tuple[list[Message], bool]:
        """The message, if there is one, and whether something was cut."""
        messages, cut = self._whole.content()
        return messages + self._growing.messages(), cut or self._growing.budget.cut
