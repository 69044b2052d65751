"""Capturing the content of calls: what was sent is kept when a call opens, what came back as its bytes are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from opentelemetry import _logs as logs
from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span

from otel_llm import catalog, guard
from otel_llm.content import (
    anthropic_messages,
    bedrock_converse,
    bedrock_invoke,
    cohere_chat,
    cohere_chat_v1,
    gemini,
    gemini_interactions,
    ollama,
    openai_chat,
    openai_responses,
    replicate,
    text_completion,
)
from otel_llm.content.family import Answers, Family
from otel_llm.content.message import Content
from otel_llm.formats.facts import Facts, Format
from otel_llm.guard import guarded
from otel_llm.settings import ContentMode
from otel_llm.version import __version__

Redact = Callable[[Content], Content | None]
"""A redaction hook: gets a content that is its own, gives back what may be exported, or ``None`` for nothing."""


FAMILIES: Final[dict[str, Family]] = {
    "openai_chat": openai_chat,
    "openai_completions": openai_chat,
    "openai_responses": openai_responses,
    "anthropic_messages": anthropic_messages,
    "gemini": gemini,
    "gemini_interactions": gemini_interactions,
    "bedrock_converse": bedrock_converse,
    "bedrock_invoke": bedrock_invoke,
    "cohere_chat": cohere_chat,
    "cohere_chat_v1": cohere_chat_v1,
    "cohere_generate": cohere_chat_v1,
    "ollama_chat": ollama,
    "ollama_generate": ollama,
    "watsonx_chat": openai_chat,
    "watsonx_generation": text_completion,
    "huggingface_generation": text_completion,
    "writer_completions": text_completion,
    "aleph_alpha": text_completion,
    "replicate_predictions": replicate,
}
"""Module by name of the format. A format that is not here gives no content: embeddings and reranking, for which the
conventions have no messages."""

_responses: Final = guard.site("content.response")


class Capturer:
    """How content is captured in this process: where it goes, how much of it, and who redacts it."""

    def __init__(
        self, mode: ContentMode, limit: int, redact: Redact | None, logger_provider: LoggerProvider | None
    ) -> None:
        self.on_spans = mode in ("span_only", "span_and_event")
        self.on_events = mode in ("event_only", "span_and_event")
        self._limit = limit
        self._redact = redact
        self._logger_provider = logger_provider

    @guarded("content.request")
    def begin(self, wire_format: Format, body: Mapping[str, Any]) -> Capture | None:
        """What a request says; ``None`` if the format's content is not known. Copied now: the app may change it."""
        family = FAMILIES.get(wire_format.name)
        return None if family is None else Capture(self, family, family.request(body, self._limit), self._limit)

    def redacted(self, content: Content) -> Content | None:
        """What the hook lets through. A hook that fails, or gives anything else, lets nothing through."""
        if self._redact is None:
            return content
        return self._redacted(content)

    @guarded("content.redact")
    def _redacted(self, content: Content) -> Content | None:
        assert self._redact is not None
        found = self._redact(content)
        if found is not None and not isinstance(found, Content):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"redact= gave {type(found).__name__}; it must give the Content, or None")
        return found

    def emit(self, attributes: Mapping[str, Any], context: Context | None) -> None:
        """Writes the event of a call."""
        provider = self._logger_provider or logs.get_logger_provider()
        record = LogRecord(
            event_name=catalog.EVENT_DETAILS, severity_number=SeverityNumber.DEBUG, attributes=attributes,
            context=context,
        )  # fmt: skip
        provider.get_logger(catalog.SCOPE, __version__).emit(record)


class Capture:
    """The content of one call."""

    def __init__(self, capturer: Capturer, family: Family, asked: Content, limit: int) -> None:
        self._capturer = capturer
        self._family = family
        self._asked = asked
        self._limit = limit
        self._answers: Answers | None = None

    def tap(self, wire_format: Format) -> Format:
        """The format, with what it reads kept. An attempt's answer replaces the one before it."""
        answers: Answers = self._family.Response(self._limit)
        self._answers = answers
        return Tap(wire_format, answers)

    def deliver(self, span: Span | None, attributes: Mapping[str, Any], context: Context | None) -> None:
        """Puts the content where it is wanted. ``attributes`` are the span's other ones."""
        recording = self._capturer.on_spans and span is not None and span.is_recording()
        if not (recording or self._capturer.on_events):
            return
        content = self._capturer.redacted(self._content())
        if content is None:
            return
        found = _attributes(content)
        if recording and span is not None:
            span.set_attributes({key: _text(value) for key, value in found.items()})
        if self._capturer.on_events:
            self._capturer.emit({**attributes, **found}, context)

    def _content(self) -> Content:
        content = self._asked
        if self._answers is not None:
            messages, cut = self._answers.content()
            content.output_messages = messages
            content.truncated = content.truncated or cut
        return content


class Tap:
    """A format that lets the answers see what it reads."""

    def __init__(self, inner: Format, answers: Answers) -> None:
        self._inner = inner
        self._answers = answers
        self.name = inner.name
        self.terminated = inner.terminated
        self.texts = None  # each event is wanted, whatever it states
        self.request = inner.request
        self._payload: Callable[[bytes], bytes] | None = getattr(inner, "payload", None)
        """Where the events of a format carry those of another one (anthropic for Bedrock): takes them out."""

    def body(self, data: bytes, facts: Facts) -> None:
        _note(self._answers.body, data)
        self._inner.body(data, facts)

    def event(self, data: bytes, facts: Facts) -> bool:
        _note(self._event, data)
        return self._inner.event(data, facts)

    def _event(self, data: bytes) -> None:
        self._answers.event(data if self._payload is None else self._payload(data))


def _note(take: Callable[[bytes], None], data: bytes) -> None:
    """The content must not cost the facts."""
    try:
        take(data)
    except Exception as error:
        _responses.note(error)


def _attributes(content: Content) -> dict[str, Any]:
    found: dict[str, Any] = {
        catalog.SYSTEM_INSTRUCTIONS: content.system_instructions,
        catalog.INPUT_MESSAGES: content.input_messages,
        catalog.OUTPUT_MESSAGES: content.output_messages,
        catalog.TOOL_DEFINITIONS: content.tool_definitions,
    }
    said = {key: value for key, value in found.items() if value}
    if content.truncated:
        said[catalog.CONTENT_TRUNCATED] = True
    return said


def _text(value: Any) -> Any:
    """Spans of OpenTelemetry for Python take no nested values: JSON, as the conventions say for that case."""
    return msgspec.json.encode(value).decode() if isinstance(value, list) else value
