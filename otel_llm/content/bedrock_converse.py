"""Content of Bedrock's ``Converse`` and ``ConverseStream``; Nova models take and give the same by ``InvokeModel``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.content import message
from otel_llm.content.growing import Growing
from otel_llm.content.json_value import decoded
from otel_llm.content.message import Budget, Content, Message, Part
from otel_llm.formats.reading import mapping, rows

MEDIA: Final = ("image", "document", "video", "audio")


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    budget = Budget(limit)
    messages = message.newest(rows(body.get("messages")), lambda row: _message(row, budget), budget)
    tools = budget.while_left(rows(mapping(body.get("toolConfig")).get("tools")))
    return Content(
        system_instructions=_parts(body.get("system"), budget), input_messages=messages,
        tool_definitions=[_tool(row, budget) for row in tools], truncated=budget.cut,
    )  # fmt: skip


def _message(row: Mapping[str, Any], budget: Budget) -> Message:
    return message.said(row.get("role"), *_parts(row.get("content"), budget))


def _tool(row: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    """``toolSpec`` is the app's function; other tools go by their key."""
    kind = next(iter(row), None)
    return message.tool("function" if kind == "toolSpec" else kind, mapping(row.get(str(kind))).get("name"), budget)


def _parts(content: object, budget: Budget) -> list[Part]:
    return [_part(row, budget) for row in budget.while_left(rows(content))]


def _part(block: Mapping[str, Any], budget: Budget) -> Part:
    kind = next(iter(block), "")
    inner = mapping(block.get(kind))
    if kind == "text":
        return message.text(block["text"], budget)
    if kind == "toolUse":
        return message.tool_call(inner.get("name"), inner.get("input"), inner.get("toolUseId"), budget)
    if kind == "toolResult":
        parts = _parts(inner.get("content"), budget)
        whole = parts[0]["content"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
        return message.tool_response(whole, inner.get("toolUseId"))
    if kind == "json":  # inside a tool's result
        return {"type": "json", "json": budget.json(block["json"])}
    if kind == "reasoningContent":
        return message.reasoning(mapping(inner.get("reasoningText")).get("text"), budget)
    if kind == "guardContent":  # what a guardrail is to look at
        return _part({"text": mapping(inner["text"]).get("text")} if "text" in inner else inner, budget)
    if kind == "citationsContent":
        said = [text for row in rows(inner.get("content")) if isinstance(text := row.get("text"), str)]
        return message.text("".join(said), budget)
    return _media(kind, inner, budget) if kind in MEDIA else message.other(kind)


def _media(kind: str, inner: Mapping[str, Any], budget: Budget) -> Part:
    source, form = mapping(inner.get("source")), inner.get("format")
    mime_type = f"{kind}/{form}" if kind != "document" and isinstance(form, str) else None
    if "s3Location" in source:
        return message.link(kind, mapping(source["s3Location"]).get("uri"), budget, mime_type)
    return message.blob(kind, source.get("bytes"), mime_type)


class Response:
    """The answer of one response, plain or streamed."""

    def __init__(self, limit: int) -> None:
        self._growing = Growing(limit)
        self._whole: list[Message] = []

    def body(self, data: bytes) -> None:
        said = mapping(mapping(decoded(data).get("output")).get("message"))
        self._whole = [_message({"role": "assistant", **said}, self._growing.budget)] if said else []

    def event(self, data: bytes) -> None:
        if self._growing.full():
            return
        event = decoded(data)
        started, grown = mapping(event.get("contentBlockStart")), mapping(event.get("contentBlockDelta"))
        place = started.get("contentBlockIndex", grown.get("contentBlockIndex"))
        self._add(mapping(started.get("start")) or mapping(grown.get("delta")), place if isinstance(place, int) else 0)

    def _add(self, block: Mapping[str, Any], place: int) -> None:
        growing, call = self._growing, mapping(block.get("toolUse"))
        growing.text(block.get("text"), place=place)
        growing.reasoning(mapping(block.get("reasoningContent")).get("text"), place=place)
        if call:
            growing.call(place, call.get("name"), call.get("toolUseId"), call.get("input"))

    def content(self) -> tuple[list[Message], bool]:
        """The message, if there is one, and whether something was cut."""
        return self._whole + self._growing.messages(), self._growing.budget.cut
