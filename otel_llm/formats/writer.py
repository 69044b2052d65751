"""Writer's text completions: OpenAI's shape without usage, and a stream of bare values. Its chat is OpenAI's.

Source: Writer API reference and recorded traffic.
"""

from __future__ import annotations

import msgspec

from otel_llm.formats.facts import Facts
from otel_llm.formats.openai_chat import OpenAIChat
from otel_llm.formats.reading import Shape


class _Event(msgspec.Struct):
    value: str | None = None


_read = Shape(_Event)


class WriterCompletions(OpenAIChat):
    def event(self, data: bytes, facts: Facts) -> bool:
        found = _read(data)
        if found is None or found.value is None:
            return super().event(data, facts)
        facts.text = facts.text or bool(found.value)
        return True


COMPLETIONS = WriterCompletions("writer_completions", "text_completion")
