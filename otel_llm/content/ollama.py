"""Content of Ollama's chat and generate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.content import chat_message, message, openai_chat
from otel_llm.content.growing import Growing
from otel_llm.content.json_value import decoded
from otel_llm.content.message import Budget, Content, Message
from otel_llm.formats.reading import mapping, rows


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    if "messages" in body:
        return openai_chat.request(body, limit)
    budget, system = Budget(limit), body.get("system")
    asked = {"role": "user", "content": body.get("prompt"), "images": body.get("images")}
    return Content(
        input_messages=[chat_message.read(asked, budget)],
        system_instructions=[message.text(system, budget)] if isinstance(system, str) and system else [],
        truncated=budget.cut,
    )


class Response:
    """The answer of one response: of one line, or of many."""

    def __init__(self, limit: int) -> None:
        self._growing = Growing(limit)

    def body(self, data: bytes) -> None:
        found = decoded(data)
        said, growing = mapping(found.get("message")), self._growing
        for row in (found, said):
            growing.reasoning(row.get("thinking"))
        growing.text(found.get("response"))
        growing.text(said.get("content"))
        for call in growing.budget.while_left(rows(said.get("tool_calls"))):
            growing.whole(chat_message.call(call, growing.budget))

    def event(self, data: bytes) -> None:
        if not self._growing.full():
            self.body(data)

    def content(self) -> tuple[list[Message], bool]:
        """The message, if there is one, and whether something was cut."""
        return self._growing.messages(), self._growing.budget.cut
