"""Content of the OpenAI Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.content import message
from otel_llm.content.json_value import decoded
from otel_llm.content.message import Budget, Content, Message, Part
from otel_llm.formats.reading import mapping, rows

ITEMS: Final = 256
"""Output items of a stream that are kept."""
LAST: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
"""Events with the whole response, which says everything that the events before it said."""
DELTAS: Final = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
        "response.reasoning_summary_text.delta",
    }
)


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    budget, asked = Budget(limit), body.get("input")
    if isinstance(asked, str):
        messages = [message.said("user", message.text(asked, budget))]
    else:
        messages = message.newest(rows(asked), lambda item: _message(item, budget), budget)
    system = [message.text(body["instructions"], budget)] if isinstance(body.get("instructions"), str) else []
    tools = [message.tool(row.get("type"), row.get("name"), budget)
             for row in budget.while_left(rows(body.get("tools")))]  # fmt: skip
    return Content(system_instructions=system, input_messages=messages, tool_definitions=tools, truncated=budget.cut)


def _message(item: Mapping[str, Any], budget: Budget) -> Message | None:
    kind = item.get("type")
    if kind == "item_reference":
        return None
    if kind in (None, "message"):
        return message.said(item.get("role"), *_contents(item.get("content"), budget))
    if isinstance(kind, str) and kind.endswith("_output"):
        answer = item.get("output")
        whole = budget.json(answer) if isinstance(answer, str) else _contents(answer, budget)
        return message.said("tool", message.tool_response(whole, item.get("call_id")))
    return message.said("assistant", *_item(item, budget))


def _item(item: Mapping[str, Any], budget: Budget) -> list[Part]:
    """The parts of one output item."""
    kind = item.get("type")
    if kind == "message":
        return _contents(item.get("content"), budget)
    if kind in ("function_call", "custom_tool_call"):
        arguments = item.get("arguments", item.get("input"))
        return [message.tool_call(item.get("name"), arguments, item.get("call_id") or item.get("id"), budget)]
    if kind == "reasoning":
        said = rows(item.get("summary")) + rows(item.get("content"))
        return [message.reasoning(row.get("text"), budget) for row in budget.while_left(said)]
    if isinstance(kind, str) and kind.endswith("_call"):
        name = kind.removesuffix("_call")[:64]
        return [{"type": "server_tool_call", "name": name, "server_tool_call": {"type": name}}]
    return [message.other(kind)]


def _contents(content: object, budget: Budget) -> list[Part]:
    if isinstance(content, str):
        return [message.text(content, budget)]
    return [_content(row, budget) for row in budget.while_left(rows(content))]


def _content(row: Mapping[str, Any], budget: Budget) -> Part:
    kind = row.get("type")
    if kind in ("input_text", "output_text", "text", "summary_text", "reasoning_text"):
        return message.text(row.get("text"), budget)
    if kind == "refusal":
        return message.text(row.get("refusal"), budget)
    if kind in ("input_image", "input_file"):
        modality = "image" if kind == "input_image" else "document"
        url = row.get("image_url") or row.get("file_url")
        if url:
            return message.link(modality, url, budget)
        if row.get("file_id"):
            return message.file(modality, row["file_id"], budget)
        return message.blob(modality, row.get("file_data"))
    if kind == "input_audio":
        return message.blob("audio", mapping(row.get("input_audio")).get("data"))
    return message.other(kind)


class Response:
    """The answer of one response, plain or streamed. A stream that breaks off gives what its deltas said."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._budget = Budget(limit)
        self._parts: list[Part] | None = None
        self._items: dict[int, tuple[Mapping[str, Any], list[str]]] = {}

    def body(self, data: bytes) -> None:
        self._whole(decoded(data))

    def _whole(self, response: Mapping[str, Any]) -> None:
        self._budget, self._items = Budget(self._limit), {}
        found: list[Part] = []
        for item in self._budget.while_left(rows(response.get("output"))):
            found += _item(item, self._budget)
        self._parts = found

    def event(self, data: bytes) -> None:
        row = decoded(data)
        kind, index = row.get("type"), row.get("output_index")
        if kind in LAST:
            self._whole(mapping(row.get("response")))
        elif self._budget.left <= 0:
            self._budget.cut = True
        elif kind == "response.output_item.added" and isinstance(index, int) and len(self._items) < ITEMS:
            item = mapping(row.get("item"))
            kept = {key: self._budget.text(item[key]) for key in ("type", "id", "call_id", "name") if key in item}
            self._items[index] = (kept, [])
        elif kind in DELTAS and isinstance(index, int) and index in self._items:
            self._items[index][1].append(self._budget.text(row.get("delta")))

    def content(self) -> tuple[list[Message], bool]:
        """The message, if there is one, and whether something was cut."""
        parts = list(self._parts or ())
        for index in sorted(self._items):
            parts += _streamed(*self._items[index])
        return ([message.said("assistant", *parts)] if parts else []), self._budget.cut


def _streamed(item: Mapping[str, Any], pieces: list[str]) -> list[Part]:
    said, kind = "".join(pieces), item.get("type")  # within the budget already
    filled: Mapping[str, Any] = item
    if kind == "message":
        filled = {**item, "content": said}
    elif kind in ("function_call", "custom_tool_call"):
        filled = {**item, "arguments": said}
    elif kind == "reasoning":
        filled = {**item, "summary": [{"text": said}]}
    return _item(filled, Budget(2 * len(said) + 256))
