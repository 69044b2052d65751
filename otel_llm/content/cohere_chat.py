"""Content of Cohere's chat: v2, whose messages are OpenAI's."""

from __future__ import annotations

from otel_llm.content import chat_message, openai_chat
from otel_llm.content.growing import Growing
from otel_llm.content.json_value import decoded
from otel_llm.content.message import Message
from otel_llm.formats.reading import mapping

request = openai_chat.request


class Response:
    """The answer of one response, plain or streamed."""

    def __init__(self, limit: int) -> None:
        self._growing = Growing(limit)
        self._whole: list[Message] = []

    def body(self, data: bytes) -> None:
        said = decoded(data).get("message")  # of an error: a text
        self._whole = [chat_message.read(mapping(said), self._growing.budget)] if mapping(said) else []

    def event(self, data: bytes) -> None:
        if self._growing.full():
            return
        event = decoded(data)
        growing, place = self._growing, event.get("index")
        said = mapping(mapping(event.get("delta")).get("message"))
        growing.reasoning(said.get("tool_plan"), place="plan")
        content, call = mapping(said.get("content")), mapping(said.get("tool_calls"))
        at = place if isinstance(place, int) else 0
        growing.text(content.get("text"), place=("content", at))
        growing.reasoning(content.get("thinking"), place=("thinking", at))
        if call:
            function = mapping(call.get("function"))
            growing.call(("call", at), function.get("name"), call.get("id"), function.get("arguments"))

    def content(self) -> tuple[list[Message], bool]:
        """The message, if there is one, and whether something was cut."""
        return self._whole + self._growing.messages(), self._growing.budget.cut
