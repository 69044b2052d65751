"""Content of Gemini's ``generateContent`` and ``streamGenerateContent``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.content import message
from otel_llm.content.growing import Growing
from otel_llm.content.json_value import documents
from otel_llm.content.message import Budget, Content, Message, Part
from otel_llm.formats.reading import mapping, rows


def request(body: Mapping[str, Any], limit: int) -> Content:
    """The input side."""
    budget, asked = Budget(limit), body.get("contents")
    single = mapping(asked)
    contents = [single] if single else rows(asked)
    messages = message.newest(contents, lambda row: message.said(row.get("role"), *_parts(row, budget)), budget)
    system = body.get("systemInstruction") or body.get("system_instruction")
    told = [message.text(system, budget)] if isinstance(system, str) else _parts(mapping(system), budget)
    tools = [found for row in budget.while_left(rows(body.get("tools"))) for found in _tools(row, budget)]
    return Content(system_instructions=told, input_messages=messages, tool_definitions=tools, truncated=budget.cut)


def _tools(row: Mapping[str, Any], budget: Budget) -> list[dict[str, Any]]:
    """A tool is a list of functions, or one that Google runs by its name (``googleSearch``)."""
    declared = row.get("functionDeclarations") or row.get("function_declarations")
    if declared is not None:
        return [message.tool("function", found.get("name"), budget) for found in budget.while_left(rows(declared))]
    return [message.tool(kind, None, budget) for kind in row]


def _parts(content: Mapping[str, Any], budget: Budget) -> list[Part]:
    return [_part(row, budget) for row in budget.while_left(rows(content.get("parts")))]


def _part(row: Mapping[str, Any], budget: Budget) -> Part:
    if "text" in row:
        say = message.reasoning if row.get("thought") is True else message.text
        return say(row["text"], budget)
    if "functionCall" in row:
        call = mapping(row["functionCall"])
        return message.tool_call(call.get("name"), call.get("args"), call.get("id"), budget)
    if "functionResponse" in row:
        answer = mapping(row["functionResponse"])
        return message.tool_response(budget.json(answer.get("response")), answer.get("id"))
    if "inlineData" in row:
        data = mapping(row["inlineData"])
        return message.blob(message.modality(data.get("mimeType")), data.get("data"), data.get("mimeType"))
    if "fileData" in row:
        data = mapping(row["fileData"])
        kind = data.get("mimeType")
        return message.link(message.modality(kind), data.get("fileUri"), budget, kind)
    if "executableCode" in row:
        return message.server_call("code_execution", code=budget.text(mapping(row["executableCode"]).get("code")))
    if "codeExecutionResult" in row:
        output = mapping(row["codeExecutionResult"]).get("output")
        return message.server_response("code_execution", output=budget.text(output))
    return message.other(next(iter(row), None))


class Response:
    """The candidates of one response: an answer, an array of answers, or a stream of them, each with the next piece."""

    def __init__(self, limit: int) -> None:
        self._growing = Growing(limit)

    def body(self, data: bytes) -> None:
        for answer in documents(data):
            for position, candidate in enumerate(rows(answer.get("candidates"))):
                self._add(candidate, position)

    def event(self, data: bytes) -> None:
        if not self._growing.full():
            self.body(data)

    def _add(self, candidate: Mapping[str, Any], position: int) -> None:
        growing, index = self._growing, candidate.get("index")
        choice = index if isinstance(index, int) else position
        for row in growing.budget.while_left(rows(mapping(candidate.get("content")).get("parts"))):
            if "text" not in row:
                growing.whole(_part(row, growing.budget), choice)
            elif row.get("thought") is True:
                growing.reasoning(row["text"], choice)
            else:
                growing.text(row["text"], choice)

    def content(self) -> tuple[list[Message], bool]:
        """The messages, one per candidate, and whether something was cut."""
        return self._growing.messages("model"), self._growing.budget.cut
