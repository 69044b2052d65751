"""Content of Gemini's interactions: steps, which a stream starts and then adds to. Source: google-genai 3.4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.content import message
from otel_llm.content.growing import Growing
from otel_llm.content.json_value import decoded
from otel_llm.content.message import Budget, Content, Message, Part
from otel_llm.formats.reading import mapping, rows

MEDIA: Final = ("image", "audio", "video", "document")


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    budget, asked, system = Budget(limit), body.get("input"), body.get("system_instruction")
    single = mapping(asked)
    if isinstance(asked, str):
        messages = [message.said("user", message.text(asked, budget))]
    elif any(_is_step(row) for row in rows(asked)):
        messages = message.newest(rows(asked), lambda row: _message(row, budget), budget)
    else:
        messages = [message.said("user", *_contents([single] if single else asked, budget))]
    tools = budget.while_left(rows(body.get("tools")))
    return Content(
        system_instructions=[message.text(system, budget)] if isinstance(system, str) else [], input_messages=messages,
        tool_definitions=[message.tool(row.get("type"), row.get("name"), budget) for row in tools],
        truncated=budget.cut,
    )  # fmt: skip


def _is_step(row: Mapping[str, Any]) -> bool:
    return "content" in row or str(row.get("type")).endswith(("_call", "_result", "_input", "_output"))


def _message(step: Mapping[str, Any], budget: Budget) -> Message:
    kind = step.get("type")
    role = "user" if kind == "user_input" else "tool" if kind == "function_result" else "model"
    return message.said(step.get("role") or role, *_step(step, budget))


def _step(step: Mapping[str, Any], budget: Budget) -> list[Part]:
    """The parts of one step. ``None`` stands for the type of turns, as older releases had them."""
    kind = step.get("type")
    if kind in (None, "user_input", "model_output"):
        said = step.get("content")
        return [message.text(said, budget)] if isinstance(said, str) else _contents(said, budget)
    if kind == "thought":
        said = [row.get("text") for row in rows(step.get("summary"))]
        return [message.reasoning(text, budget) for text in budget.while_left(said)]
    if kind == "function_call":
        return [message.tool_call(step.get("name"), step.get("arguments"), step.get("id"), budget)]
    if kind == "function_result":
        return [message.tool_response(budget.json(step.get("result")), step.get("call_id"))]
    name = str(kind).removesuffix("_call").removesuffix("_result")[:64]
    if str(kind).endswith("_call"):
        return [message.server_call(name, arguments=budget.json(step.get("arguments")))]
    return [message.server_response(name)] if str(kind).endswith("_result") else [message.other(kind)]


def _contents(content: object, budget: Budget) -> list[Part]:
    return [_content(row, budget) for row in budget.while_left(rows(content))]


def _content(row: Mapping[str, Any], budget: Budget) -> Part:
    kind, mime_type = row.get("type"), row.get("mime_type")
    if kind == "text":
        return message.text(row.get("text"), budget)
    if kind in MEDIA:
        if "uri" in row:
            return message.link(str(kind), row["uri"], budget, mime_type)
        return message.blob(str(kind), row.get("data"), mime_type)
    return _step(row, budget)[0] if kind in ("function_call", "function_result") else message.other(kind)


class Response:
    """The steps of one response, plain or streamed."""

    def __init__(self, limit: int) -> None:
        self._growing = Growing(limit)

    def body(self, data: bytes) -> None:
        budget = self._growing.budget
        for step in budget.while_left(rows(decoded(data).get("steps"))):
            for part in _step(step, budget):
                self._growing.whole(part)

    def event(self, data: bytes) -> None:
        if self._growing.full():
            return
        event = decoded(data)
        step, delta, place = mapping(event.get("step")), mapping(event.get("delta")), event.get("index")
        if step.get("type") == "function_call":
            self._growing.call(place, step.get("name"), step.get("id"))
        kind = delta.get("type")
        if kind == "text":
            self._growing.text(delta.get("text"), place=place)
        elif kind == "thought_summary":
            self._growing.reasoning(mapping(delta.get("content")).get("text"), place=place)
        elif kind == "arguments_delta":
            self._growing.call(place, arguments=delta.get("arguments"))
        elif kind in MEDIA:
            self._growing.whole(_content(delta, self._growing.budget))
        elif str(kind).endswith(("_call", "_result")):
            for part in _step(delta, self._growing.budget):
                self._growing.whole(part)

    def content(self) -> tuple[list[Message], bool]:
        """The message, if there is one, and whether something was cut."""
        return self._growing.messages("model"), self._growing.budget.cut
