"""A message of OpenAI's chat completions, and of the APIs that took its shape over: Mistral, Cohere v2, Ollama."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otel_llm.content import message
from otel_llm.content.message import Budget, Message, Part
from otel_llm.formats.reading import mapping, rows, strings

REASONING: Final = ("reasoning_content", "reasoning", "thinking", "tool_plan")
"""Where a message has its reasoning: DeepSeek and others, vLLM and Groq, Ollama, Cohere."""


def read(row: Mapping[str, Any], budget: Budget, role: str = "assistant") -> Message:
    """The message. ``role`` is for one that states none."""
    parts = contents(row.get("content"), budget)
    stated = row.get("role") or role
    if stated in ("tool", "function"):
        whole = parts[0]["content"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
        parts = [message.tool_response(whole, row.get("tool_call_id"))]
    if reasoned := reasoning(row):
        parts.insert(0, message.reasoning(reasoned, budget))
    if isinstance(row.get("refusal"), str):
        parts.append(message.text(row["refusal"], budget))
    if spoken := mapping(row.get("audio")):
        parts.append(audio(spoken, budget))
    images = strings(row.get("images")) or []  # Ollama's
    parts.extend(message.blob("image", image) for image in budget.while_left(images))
    parts.extend(call(found, budget) for found in budget.while_left(rows(row.get("tool_calls"))))
    if legacy := mapping(row.get("function_call")):
        parts.append(call({"function": legacy}, budget))
    found = message.said(stated, *parts)
    if isinstance(row.get("name"), str):
        found["name"] = budget.text(row["name"])
    return found


def reasoning(row: Mapping[str, Any]) -> str:
    """The reasoning that a message or a stream's delta states besides its content."""
    return next((said for key in REASONING if isinstance(said := row.get(key), str) and said), "")


def call(row: Mapping[str, Any], budget: Budget) -> Part:
    """A tool call; its arguments are JSON as text (OpenAI) or as they are (Ollama)."""
    function = mapping(row.get("function") or row.get("custom"))
    arguments = function.get("arguments", function.get("input"))
    return message.tool_call(function.get("name"), arguments, row.get("id"), budget)


def contents(content: object, budget: Budget) -> list[Part]:
    """The parts of a content: a text, or a list of parts."""
    if isinstance(content, str):
        return [message.text(content, budget)]
    return [_part(row, budget) for row in budget.while_left(rows(content))]


def thought(row: Mapping[str, Any]) -> str:
    """The text of a ``thinking`` part: Cohere's is a text, Mistral's a list of text parts."""
    said = row.get("thinking")
    if isinstance(said, str):
        return said
    return "".join(text for part in rows(said) if isinstance(text := part.get("text"), str))


def audio(given: Mapping[str, Any], budget: Budget) -> Part:
    """Speech that the model gave, or was reminded of by its id."""
    if "data" not in given and "transcript" not in given:
        return message.file("audio", given.get("id"), budget)
    part = message.blob("audio", given.get("data"))
    if isinstance(given.get("transcript"), str):
        part["transcript"] = budget.text(given["transcript"])
    return part


def _part(row: Mapping[str, Any], budget: Budget) -> Part:
    kind = row.get("type")
    if kind in ("text", "refusal"):
        return message.text(row.get(str(kind)), budget)
    if kind == "thinking":
        return message.reasoning(thought(row), budget)
    if kind in ("image_url", "document_url"):
        given, modality = row.get(str(kind)), "image" if kind == "image_url" else "document"
        return message.link(modality, given if isinstance(given, str) else mapping(given).get("url"), budget)
    if kind == "input_audio":
        return _heard(row.get("input_audio"))
    if kind == "file":
        given = mapping(row.get("file"))
        if "file_id" in given:
            return message.file("document", given["file_id"], budget)
        return message.blob("document", given.get("file_data"))
    if kind == "document":  # Cohere's tool results
        return {"type": "document", "document": budget.json(row.get("document"))}
    return message.other(kind)


def _heard(given: object) -> Part:
    if isinstance(given, str):  # Mistral's
        return message.blob("audio", given)
    stated = mapping(given)
    return message.blob("audio", stated.get("data"), f"audio/{stated.get('format')}")
