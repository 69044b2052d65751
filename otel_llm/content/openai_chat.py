"""Content of OpenAI chat completions and legacy completions, and of the many APIs that speak them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.content import chat_message, message
from otel_llm.content.growing import CHOICES, Growing
from otel_llm.content.json_value import decoded
from otel_llm.content.message import Budget, Content, Message
from otel_llm.formats.reading import mapping, rows, strings


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    budget = Budget(limit)
    if "messages" in body:
        messages = message.newest(rows(body.get("messages")), lambda row: chat_message.read(row, budget), budget)
    else:
        messages = [message.said("user", message.text(prompt, budget)) for prompt in strings(body.get("prompt")) or ()]
    offered = rows(body.get("tools")) + rows(body.get("functions"))  # the latter is the older name
    tools = [_tool(row, budget) for row in budget.while_left(offered)]
    return Content(input_messages=messages, tool_definitions=tools, truncated=budget.cut)


def _tool(row: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    return message.tool(row.get("type"), mapping(row.get("function")).get("name") or row.get("name"), budget)


class Response:
    """The answers of one response, plain or streamed."""

    def __init__(self, limit: int) -> None:
        self._growing = Growing(limit)
        self._whole: list[Message] = []

    def body(self, data: bytes) -> None:
        for row in rows(decoded(data).get("choices"))[:CHOICES]:
            said = row.get("message")
            content = mapping(said) if said is not None else {"role": "assistant", "content": row.get("text")}
            self._whole.append(chat_message.read(content, self._growing.budget))

    def event(self, data: bytes) -> None:
        if self._growing.full():
            return
        for position, row in enumerate(rows(decoded(data).get("choices"))):
            index = row.get("index")
            self._add(row, index if isinstance(index, int) else position)

    def _add(self, row: Mapping[str, Any], choice: int) -> None:
        growing, delta = self._growing, mapping(row.get("delta"))
        growing.reasoning(chat_message.reasoning(delta), choice, "reasoning")
        content = delta.get("content")
        for said in (row.get("text"), content, delta.get("refusal")):
            growing.text(said, choice, "text")
        for part in rows(content):  # Mistral's, where it reasons
            if part.get("type") == "thinking":
                growing.reasoning(chat_message.thought(part), choice, "reasoning")
            else:
                growing.text(part.get("text"), choice, "text")
        growing.text(mapping(delta.get("audio")).get("transcript"), choice, "text")
        for position, call in enumerate(rows(delta.get("tool_calls"))):
            index, function = call.get("index"), mapping(call.get("function"))
            place = index if isinstance(index, int) else position
            arguments = function.get("arguments")
            growing.call(place, function.get("name"), call.get("id"), arguments, choice)
        if legacy := mapping(delta.get("function_call")):
            growing.call("function_call", legacy.get("name"), None, legacy.get("arguments"), choice)

    def content(self) -> tuple[list[Message], bool]:
        """The messages, one per choice, and whether something was cut."""
        return self._whole + self._growing.messages(), self._growing.budget.cut
