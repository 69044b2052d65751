"""The conventions' schema of messages, checked: kinds of parts, their fields and types.

Source: the JSON schemas of gen_ai.input.messages, gen_ai.output.messages, gen_ai.system_instructions and
gen_ai.tool.definitions (semantic-conventions-genai, October 2026). Further fields are allowed everywhere.
"""

from __future__ import annotations

from typing import Any

ANYTHING: Any = object
PARTS: dict[str, dict[str, Any]] = {
    "text": {"content": str},
    "reasoning": {"content": str},
    "tool_call": {"name": str},
    "tool_call_response": {"response": ANYTHING},
    "server_tool_call": {"name": str, "server_tool_call": dict},
    "server_tool_call_response": {"server_tool_call_response": dict},
    "blob": {"modality": str, "content": str},
    "file": {"modality": str, "file_id": str},
    "uri": {"modality": str, "uri": str},
    "compaction": {},
}
"""Required fields by type of part; a part of any other type needs only its type."""
OPTIONAL = ("id", "mime_type", "transcript")
"""Texts where they are there."""
MODALITIES = ("image", "video", "audio", "document")


def check_messages(messages: Any) -> None:
    assert isinstance(messages, list)
    for message in messages:
        assert isinstance(message["role"], str)
        assert isinstance(message.get("name", ""), str)
        assert isinstance(message["parts"], list)
        for part in message["parts"]:
            check_part(part)


def check_part(part: Any) -> None:
    assert isinstance(part["type"], str), part
    for field, kind in PARTS.get(part["type"], {}).items():
        assert isinstance(part[field], kind), part
    for field in OPTIONAL:
        assert isinstance(part.get(field, ""), str), part
    assert part.get("modality", "image") in MODALITIES, part
    assert not part.get("uri", "").startswith("data:"), part
    for field in ("server_tool_call", "server_tool_call_response"):
        assert isinstance(part.get(field, {"type": ""})["type"], str), part


def check_instructions(parts: Any) -> None:
    """Texts; other types are allowed, but not what has a place among messages only."""
    for part in parts:
        check_part(part)
        assert part["type"] not in ("tool_call", "tool_call_response", "reasoning"), part


def check_tools(tools: Any) -> None:
    for tool in tools:
        assert isinstance(tool["type"], str), tool
        assert isinstance(tool["name"], str), tool
