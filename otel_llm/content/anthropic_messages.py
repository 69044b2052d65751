"""Content of Anthropic messages, and of its legacy text completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.content import message
from otel_llm.content.json_value import decoded
from otel_llm.content.message import Budget, Content, Message, Part
from otel_llm.formats.reading import mapping, rows

BLOCKS: Final = 256
"""Blocks of a streamed message that are kept."""


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    budget = Budget(limit)
    if "messages" in body:
        messages = message.newest(rows(body.get("messages")), lambda row: _message(row, budget), budget)
    else:
        messages = [message.said("user", message.text(body.get("prompt"), budget))]
    system = _parts(body["system"], budget) if "system" in body else []
    tools = [message.tool(row.get("type") or "function", row.get("name"), budget)
             for row in budget.while_left(rows(body.get("tools")))]  # fmt: skip
    return Content(system_instructions=system, input_messages=messages, tool_definitions=tools, truncated=budget.cut)


def _message(row: Mapping[str, Any], budget: Budget) -> Message:
    return message.said(row.get("role"), *_parts(row.get("content"), budget))


def _parts(content: object, budget: Budget) -> list[Part]:
    if isinstance(content, str):
        return [message.text(content, budget)]
    return [_part(row, budget) for row in budget.while_left(rows(content))]


def _part(block: Mapping[str, Any], budget: Budget) -> Part:
    kind = block.get("type")
    if kind == "text":
        return message.text(block.get("text"), budget)
    if kind in ("thinking", "redacted_thinking"):
        return message.reasoning(block.get("thinking"), budget)
    if kind == "tool_use":
        return message.tool_call(block.get("name"), block.get("input"), block.get("id"), budget)
    if kind == "tool_result":
        parts = _parts(block.get("content"), budget)
        whole = parts[0]["content"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
        return message.tool_response(whole, block.get("tool_use_id"))
    if kind in ("image", "document"):
        return _source(kind, mapping(block.get("source")), budget)
    if kind == "server_tool_use":
        call = {"type": str(block.get("name"))[:64], "input": budget.json(block.get("input"))}
        return {"type": "server_tool_call", "name": budget.text(block.get("name")), "server_tool_call": call}
    if isinstance(kind, str) and kind.endswith("_tool_result"):
        return {"type": "server_tool_call_response", "server_tool_call_response": {"type": kind[:64]}}
    return message.other(kind)


def _source(modality: str, source: Mapping[str, Any], budget: Budget) -> Part:
    kind = source.get("type")
    if kind == "url":
        return message.link(modality, source.get("url"), budget)
    if kind == "file":
        return message.file(modality, source.get("file_id"), budget)
    if kind == "text":
        return message.text(source.get("data"), budget)
    return message.blob(modality, source.get("data"), source.get("media_type"))


class Response:
    """The answer of one response, plain or streamed."""

    def __init__(self, limit: int) -> None:
        self._budget = Budget(limit)
        self._parts: list[Part] = []
        self._blocks: dict[int, tuple[Mapping[str, Any], list[str]]] = {}

    def body(self, data: bytes) -> None:
        found = decoded(data)
        self._parts += _parts(found.get("content"), self._budget)
        if isinstance(found.get("completion"), str):
            self._parts.append(message.text(found["completion"], self._budget))

    def event(self, data: bytes) -> None:
        if self._budget.left <= 0:
            self._budget.cut = True
            return
        row = decoded(data)
        kind, index = row.get("type"), row.get("index")
        if kind == "completion":
            self._blocks.setdefault(0, ({"type": "text"}, []))[1].append(self._budget.text(row.get("completion")))
        elif kind == "content_block_start" and isinstance(index, int) and len(self._blocks) < BLOCKS:
            self._start(index, mapping(row.get("content_block")))
        elif kind == "content_block_delta" and isinstance(index, int) and index in self._blocks:
            delta = mapping(row.get("delta"))
            for piece in (delta.get("text"), delta.get("thinking"), delta.get("partial_json")):
                if isinstance(piece, str):
                    self._blocks[index][1].append(self._budget.text(piece))

    def _start(self, index: int, block: Mapping[str, Any]) -> None:
        kept = {key: self._budget.text(block[key]) for key in ("type", "id", "name") if key in block}
        self._blocks[index] = (kept, [self._budget.text(block.get("text") or block.get("thinking"))])

    def content(self) -> tuple[list[Message], bool]:
        """The message, if there is one, and whether something was cut."""
        parts = self._parts + [_streamed(*self._blocks[index]) for index in sorted(self._blocks)]
        return ([message.said("assistant", *parts)] if parts else []), self._budget.cut


def _streamed(block: Mapping[str, Any], pieces: list[str]) -> Part:
    said = "".join(pieces)  # within the budget already
    field = {"text": "text", "thinking": "thinking", "tool_use": "input", "server_tool_use": "input"}
    key = field.get(block.get("type", ""))
    return _part({**block, key: said} if key else block, Budget(2 * len(said) + 256))
