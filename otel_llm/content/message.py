"""Messages by the GenAI conventions' schema, within a budget: the newest first, texts cut, no binary data.

A message is ``{"role", "parts": [{"type", ...}]}``; the types of parts are the conventions' (``text``, ``reasoning``,
``tool_call``, ``tool_call_response``, ``server_tool_call``, ``blob``, ``file``, ``uri``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import msgspec

Part = dict[str, Any]
Message = dict[str, Any]


class Content(msgspec.Struct, kw_only=True):
    """What a call said and was told; what a redaction hook gets and gives back."""

    system_instructions: list[Part] = []
    """Only where the API takes them outside of the messages."""
    input_messages: list[Message] = []
    output_messages: list[Message] = []
    """One per choice."""
    tool_definitions: list[dict[str, Any]] = []
    """Types and names of the offered tools."""
    truncated: bool = False
    """Something was left out or cut because it was too long."""


DEPTH: Final = 12
"""Levels of nested JSON that are kept."""
_DATA_URL: Final = re.compile(
    r"data:([\w.+/-]{0,127}+)[^:,;\s]{0,200}+(?:;(?!base64,)[^,;\s]{0,200}+){0,8}+;base64,[A-Za-z0-9+/=_%-]*+"
)
"""Possessive and bounded: a long word after a ``data:`` is looked at once, not once per length that it might have."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{512,}={0,2}")
_INT64: Final = 2**63
OMITTED: Final = "[omitted]"


class Budget:
    """Characters that may still be kept. Every text of a content goes through one."""

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.cut = False

    def text(self, value: object) -> str:
        """A text, cut to what is left, without half UTF-16 pairs and embedded data."""
        if not isinstance(value, str):
            return ""
        if len(value) > self.left:
            self.cut = True
            value = value[: max(self.left, 0)]
        if ";base64," in value:
            value = _DATA_URL.sub(rf"data:\1;base64,{OMITTED}", value)
        self.left -= len(value)
        return value if value.isascii() else value.encode("utf-8", "replace").decode()

    def json(self, value: object, depth: int = DEPTH) -> Any:
        """A JSON value (or the text of one, as providers send arguments), cut to what is left."""
        if isinstance(value, str) and depth == DEPTH and len(value) <= self.left and value[:1] in ("{", "["):
            with suppress(msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                value = msgspec.json.decode(value)
        return self._walk(value, depth)

    def _walk(self, value: object, depth: int) -> Any:
        if isinstance(value, str):
            return OMITTED if _BASE64.fullmatch(value) else self.text(value)
        if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < _INT64):
            self.left -= 4
            return value
        if depth <= 0 or self.left <= 0:
            self.cut = True
            return OMITTED
        if isinstance(value, Mapping):
            found: dict[str, Any] = {}
            for key, item in cast("Mapping[object, object]", value).items():
                if self.left <= 0:
                    self.cut = True
                    break
                found[self.text(str(key))] = self._walk(item, depth - 1)
            return found
        if isinstance(value, list | tuple):
            return [self._walk(item, depth - 1) for item in self.while_left(cast("Sequence[object]", value))]
        return OMITTED

    def while_left(self, items: Iterable[Any]) -> Iterable[Any]:
        """The items until the budget is used up."""
        for item in items:
            if self.left <= 0:
                self.cut = True
                return
            self.left -= 1
            yield item


def newest(items: Sequence[Any], convert: Callable[[Any], Message | None], budget: Budget) -> list[Message]:
    """The messages that fit, from the last one back, in their order."""
    found = [message for item in budget.while_left(reversed(items)) if (message := convert(item)) is not None]
    return found[::-1]


def said(role: object, *parts: Part) -> Message:
    """A message; the role stays the provider's."""
    return {"role": role[:64] if isinstance(role, str) else "user", "parts": list(parts)}


def text(value: object, budget: Budget) -> Part:
    return {"type": "text", "content": budget.text(value)}


def reasoning(value: object, budget: Budget) -> Part:
    return {"type": "reasoning", "content": budget.text(value)}


def tool_call(name: object, arguments: object, call_id: object, budget: Budget) -> Part:
    return _with_id({"type": "tool_call", "name": budget.text(name), "arguments": budget.json(arguments)}, call_id)


def tool_response(response: Any, call_id: object) -> Part:
    """``response`` has been through the budget."""
    return _with_id({"type": "tool_call_response", "response": response}, call_id)


def blob(modality: str, data: object, mime_type: object = None) -> Part:
    """A placeholder of binary data: how much there was, never what."""
    part: Part = {"type": "blob", "modality": modality, "content": "", "omitted_characters": _length(data)}
    return _with_mime_type(part, mime_type)


def link(modality: str, url: object, budget: Budget, mime_type: object = None) -> Part:
    """A picture or document by its address. A ``data:`` URL is binary data; a query may hold a signature and goes."""
    address = url if isinstance(url, str) else ""
    if address.startswith("data:"):
        kind = address[5:].partition(",")[0].partition(";")[0]
        return blob(modality, address, kind or None)
    part: Part = {"type": "uri", "modality": modality, "uri": budget.text(re.split("[?#]", address, maxsplit=1)[0])}
    return _with_mime_type(part, mime_type)


def modality(mime_type: object) -> str:
    """The conventions' word for a kind of data (``image/png``)."""
    kind = mime_type.partition("/")[0] if isinstance(mime_type, str) else ""
    return kind if kind in ("image", "audio", "video") else "document"


def server_call(name: str, **said: Any) -> Part:
    """A call of a tool that the provider runs. ``said`` has been through the budget."""
    return {"type": "server_tool_call", "name": name, "server_tool_call": {"type": name[:64], **said}}


def server_response(name: str, **said: Any) -> Part:
    """What such a tool gave."""
    return {"type": "server_tool_call_response", "server_tool_call_response": {"type": name[:64], **said}}


def file(modality: str, file_id: object, budget: Budget) -> Part:
    return {"type": "file", "modality": modality, "file_id": budget.text(file_id)}


def other(kind: object) -> Part:
    """A part that the schema has no type for: its own type, and nothing of it."""
    return {"type": kind[:64] if isinstance(kind, str) and kind else "unknown"}


def tool(kind: object, name: object, budget: Budget) -> dict[str, Any]:
    """A tool's definition; the conventions advise against more than its name, for the size. Tools that the provider
    runs mostly have no name but their type, and the conventions want one."""
    known = kind[:64] if isinstance(kind, str) and kind else "function"
    return {"type": known, "name": budget.text(name) if isinstance(name, str) else known}


def _with_id(part: Part, call_id: object) -> Part:
    if isinstance(call_id, str) and call_id:
        part["id"] = call_id[:128]
    return part


def _with_mime_type(part: Part, mime_type: object) -> Part:
    if isinstance(mime_type, str) and mime_type:
        part["mime_type"] = mime_type[:64]
    return part


def _length(data: object) -> int:
    return len(data) if isinstance(data, str | bytes) else 0
