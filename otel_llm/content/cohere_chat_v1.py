"""Content of Cohere's chat v1 (one message with a history) and of its legacy ``generate``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.content import message
from otel_llm.content.growing import Growing
from otel_llm.content.json_value import decoded
from otel_llm.content.message import Budget, Content, Message, Part
from otel_llm.formats.reading import mapping, rows


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    budget = Budget(limit)
    asked = {
        "role": "USER",
        "message": body.get("message") or body.get("prompt"),
        "tool_results": body.get("tool_results"),
    }
    messages = message.newest([*rows(body.get("chat_history")), asked], lambda row: _message(row, budget), budget)
    preamble = body.get("preamble")
    system = [message.text(preamble, budget)] if isinstance(preamble, str) else []
    tools = [message.tool("function", row.get("name"), budget) for row in budget.while_left(rows(body.get("tools")))]
    return Content(system_instructions=system, input_messages=messages, tool_definitions=tools, truncated=budget.cut)


def _message(row: Mapping[str, Any], budget: Budget) -> Message:
    said = row.get("message")
    parts = [message.text(said, budget)] if isinstance(said, str) and said else []
    parts += [_call(call, budget) for call in budget.while_left(rows(row.get("tool_calls")))]
    for result in budget.while_left(rows(row.get("tool_results"))):
        parts.append(message.tool_response(budget.json(result.get("outputs")), None))
    return message.said(row.get("role"), *parts)


def _call(row: Mapping[str, Any], budget: Budget) -> Part:
    return message.tool_call(row.get("name"), row.get("parameters"), None, budget)


class Response:
    """The answer of one response, plain or streamed. The last event of a stream says everything again."""

    def __init__(self, limit: int) -> None:
        self._growing = Growing(limit)
        self._streamed = False

    def body(self, data: bytes) -> None:
        self._add(decoded(data))

    def event(self, data: bytes) -> None:
        if self._growing.full():
            return
        event = decoded(data)
        if "response" not in event:
            self._streamed = True
            self._add(event)
        elif not self._streamed:
            self._add(mapping(event["response"]))

    def _add(self, said: Mapping[str, Any]) -> None:
        self._growing.text(said.get("text"))
        for choice, row in enumerate(rows(said.get("generations"))):
            self._growing.text(row.get("text"), choice)
        for call in self._growing.budget.while_left(rows(said.get("tool_calls"))):
            self._growing.whole(_call(call, self._growing.budget))

    def content(self) -> tuple[list[Message], bool]:
        """The message, if there is one, and whether something was cut."""
        return self._growing.messages("CHATBOT"), self._growing.budget.cut
