"""Content of OpenAI chat completions and legacy completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.content import message
from otel_llm.content.json_value import decoded
from otel_llm.content.message import Budget, Content, Message, Part
from otel_llm.formats.reading import mapping, rows, strings

CHOICES: Final = 16
"""Choices of a stream that are kept."""
CALLS: Final = 64
"""Tool calls of a streamed choice that are kept."""


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    budget = Budget(limit)
    if "messages" in body:
        messages = message.newest(rows(body.get("messages")), lambda row: _message(row, budget), budget)
    else:
        messages = [message.said("user", message.text(prompt, budget)) for prompt in strings(body.get("prompt")) or ()]
    tools = [_tool(row, budget) for row in budget.while_left(rows(body.get("tools")))]
    return Content(input_messages=messages, tool_definitions=tools, truncated=budget.cut)


def _tool(row: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    return message.tool(row.get("type"), mapping(row.get("function")).get("name") or row.get("name"), budget)


def _message(row: Mapping[str, Any], budget: Budget) -> Message:
    role = row.get("role")
    parts = _parts(row.get("content"), budget)
    if role == "tool":
        whole = parts[0]["content"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
        parts = [message.tool_response(whole, row.get("tool_call_id"))]
    reasoned = row.get("reasoning_content") or row.get("reasoning")
    if isinstance(reasoned, str) and reasoned:
        parts.insert(0, message.reasoning(reasoned, budget))
    if isinstance(row.get("refusal"), str):
        parts.append(message.text(row["refusal"], budget))
    parts.extend(_call(call, budget) for call in budget.while_left(rows(row.get("tool_calls"))))
    found = message.said(role or "assistant", *parts)
    if isinstance(row.get("name"), str):
        found["name"] = budget.text(row["name"])
    return found


def _call(call: Mapping[str, Any], budget: Budget) -> Part:
    function = mapping(call.get("function") or call.get("custom"))
    return message.tool_call(
        function.get("name"), function.get("arguments", function.get("input")), call.get("id"), budget
    )


def _parts(content: object, budget: Budget) -> list[Part]:
    if isinstance(content, str):
        return [message.text(content, budget)]
    return [_part(row, budget) for row in budget.while_left(rows(content))]


def _part(row: Mapping[str, Any], budget: Budget) -> Part:
    kind = row.get("type")
    if kind in ("text", "refusal"):
        return message.text(row.get(str(kind)), budget)
    if kind == "image_url":
        image = row.get("image_url")
        return message.link("image", image if isinstance(image, str) else mapping(image).get("url"), budget)
    if kind == "input_audio":
        audio = mapping(row.get("input_audio"))
        return message.blob("audio", audio.get("data"), f"audio/{audio.get('format')}")
    if kind == "file":
        given = mapping(row.get("file"))
        if "file_id" in given:
            return message.file("document", given["file_id"], budget)
        return message.blob("document", given.get("file_data"))
    return message.other(kind)


class Response:
    """The answers of one response, plain or streamed."""

    def __init__(self, limit: int) -> None:
        self._budget = Budget(limit)
        self._choices: dict[int, _Choice] = {}
        self._whole: list[Message] = []

    def body(self, data: bytes) -> None:
        for row in rows(decoded(data).get("choices"))[:CHOICES]:
            said = row.get("message")
            content = mapping(said) if said is not None else {"role": "assistant", "content": row.get("text")}
            self._whole.append(_message(content, self._budget))

    def event(self, data: bytes) -> None:
        if self._budget.left <= 0:
            self._budget.cut = True
            return
        for position, row in enumerate(rows(decoded(data).get("choices"))):
            index = row.get("index")
            index = index if isinstance(index, int) else position
            if index not in self._choices and len(self._choices) >= CHOICES:
                continue
            self._choices.setdefault(index, _Choice()).add(row, self._budget)

    def content(self) -> tuple[list[Message], bool]:
        """The messages, one per choice, and whether something was cut."""
        streamed = [choice.message() for _, choice in sorted(self._choices.items())]
        return self._whole + streamed, self._budget.cut


class _Choice:
    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, tuple[dict[str, str], list[str]]] = {}

    def add(self, row: Mapping[str, Any], budget: Budget) -> None:
        delta = mapping(row.get("delta"))
        for found in (row.get("text"), delta.get("content"), delta.get("refusal")):
            if isinstance(found, str) and found:
                self._text.append(budget.text(found))
        reasoned = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(reasoned, str):
            self._reasoning.append(budget.text(reasoned))
        for position, call in enumerate(rows(delta.get("tool_calls"))):
            self._add_call(position, call, budget)

    def _add_call(self, position: int, call: Mapping[str, Any], budget: Budget) -> None:
        index = call.get("index")
        index = index if isinstance(index, int) else position
        if index not in self._calls and len(self._calls) >= CALLS:
            return
        names, arguments = self._calls.setdefault(index, ({}, []))
        function = mapping(call.get("function"))
        for key, value in (("id", call.get("id")), ("name", function.get("name"))):
            if isinstance(value, str) and value:
                names[key] = budget.text(value)
        if isinstance(function.get("arguments"), str):
            arguments.append(budget.text(function["arguments"]))

    def message(self) -> Message:
        parts: list[Part] = []
        if self._reasoning:
            parts.append({"type": "reasoning", "content": "".join(self._reasoning)})
        if self._text:
            parts.append({"type": "text", "content": "".join(self._text)})
        for names, pieces in self._calls.values():
            arguments = "".join(pieces)  # within the budget already
            parts.append(
                message.tool_call(names.get("name"), arguments, names.get("id"), Budget(2 * len(arguments) + 64))
            )
        return message.said("assistant", *parts)
