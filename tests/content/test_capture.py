"""Content, where it is asked for: on spans, on events, redacted, within its bounds, without binary data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

import otel_llm
from otel_llm import Content, catalog, guard
from otel_llm.demo.emulator import Emulator, Reply, Tool
from tests.telemetry import Telemetry, observed

MESSAGES: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJDRA=="}},
        {"type": "image_url", "image_url": {"url": "https://pictures.test/a.png?sig=s3cret"}},
        {"type": "input_audio", "input_audio": {"data": "QUJDRA==", "format": "wav"}},
    ]},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
]  # fmt: skip
TOOLS: Any = [{"type": "function", "function": {"name": "look", "description": "d", "parameters": {"type": "object"}}}]


@contextmanager
def capturing(content: str, **keywords: Any) -> Iterator[tuple[Telemetry, InMemoryLogRecordExporter]]:
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    with observed(content=content, logger_provider=provider, **keywords) as telemetry:
        yield telemetry, exporter


def chat(emulator: Emulator, **changes: Any) -> Any:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        answer = client.chat.completions.create(**{"model": "gpt-4o", "messages": MESSAGES, "tools": TOOLS, **changes})
        return list(answer) if changes.get("stream") else answer


def on_span(telemetry: Telemetry, attribute: str) -> Any:
    found = telemetry.one().get(attribute)
    return None if found is None else json.loads(found)


WANTED_INPUT = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {"role": "user", "parts": [
        {"type": "text", "content": "What is this?"},
        {"type": "blob", "modality": "image", "content": "", "omitted_characters": 30, "mime_type": "image/png"},
        {"type": "uri", "modality": "image", "uri": "https://pictures.test/a.png"},
        {"type": "blob", "modality": "audio", "content": "", "omitted_characters": 8, "mime_type": "audio/wav"},
    ]},
    {"role": "assistant", "parts": [{"type": "tool_call", "name": "look", "arguments": {"at": "it"}, "id": "c1"}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "response": "a cat", "id": "c1"}]},
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
def test_chat_on_span(emulator: Emulator, stream: bool) -> None:
    emulator.reply(Reply.chat(tools=(Tool("look", '{"at": "cat"}'),), finish="tool_call"))
    with capturing("span_only") as (telemetry, exporter):
        chat(emulator, stream=stream)
        assert on_span(telemetry, catalog.INPUT_MESSAGES) == WANTED_INPUT
        (answer,) = on_span(telemetry, catalog.OUTPUT_MESSAGES)
        assert answer["role"] == "assistant"
        (call,) = answer["parts"]
        assert (call["type"], call["name"], call["arguments"]) == ("tool_call", "look", {"at": "cat"})
        assert on_span(telemetry, catalog.TOOL_DEFINITIONS) == [{"type": "function", "name": "look"}]
        assert exporter.get_finished_logs() == ()


@pytest.mark.parametrize("stream", [False, True])
def test_responses_on_span(emulator: Emulator, stream: bool) -> None:
    emulator.reply(Reply.chat("hello"))
    with capturing("span_only") as (telemetry, _), openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        asked: Any = [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": '{"seen": 1}'},
        ]
        answer = client.responses.create(model="gpt-4o", instructions="Be brief.", input=asked, stream=stream)
        if stream:
            list(answer)
        assert on_span(telemetry, catalog.SYSTEM_INSTRUCTIONS) == [{"type": "text", "content": "Be brief."}]
        assert on_span(telemetry, catalog.INPUT_MESSAGES) == [
            {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "name": "look", "arguments": {}, "id": "c1"}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "response": {"seen": 1}, "id": "c1"}]},
        ]
        wanted = [{"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}]
        assert on_span(telemetry, catalog.OUTPUT_MESSAGES) == wanted


def _bedrock(emulator: Emulator) -> Any:
    keys: Any = {"aws_region": "eu-west-1", "aws_access_key": "a", "aws_secret_key": "s"}
    return anthropic.AnthropicBedrock(base_url=emulator.url, **keys)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("make", [lambda e: anthropic.Anthropic(base_url=e.url, api_key="k"), _bedrock])
def test_anthropic_on_span(emulator: Emulator, make: Any, stream: bool) -> None:
    emulator.reply(Reply.chat(tools=(Tool("look", '{"at": "cat"}'),), finish="tool_call"))
    asked: Any = [
        {"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
            {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "seen"}]}]},
    ]  # fmt: skip
    with capturing("span_only") as (telemetry, _), make(emulator) as client:
        answer = client.messages.create(
            model="claude-opus-4-8", max_tokens=9, system="Be brief.", messages=asked, stream=stream
        )
        if stream:
            list(answer)
        assert on_span(telemetry, catalog.SYSTEM_INSTRUCTIONS) == [{"type": "text", "content": "Be brief."}]
        assert on_span(telemetry, catalog.INPUT_MESSAGES) == [
            {"role": "user", "parts": [
                {"type": "blob", "modality": "image", "content": "", "omitted_characters": 4, "mime_type": "image/png"},
                {"type": "tool_call_response", "response": "seen", "id": "t1"}]},
        ]  # fmt: skip
        (message,) = on_span(telemetry, catalog.OUTPUT_MESSAGES)
        (call,) = message["parts"]
        assert (call["type"], call["name"], call["arguments"]) == ("tool_call", "look", {"at": "cat"})


@pytest.mark.parametrize("mode", ["event_only", "span_and_event"])
def test_events_are_structured(emulator: Emulator, mode: str) -> None:
    emulator.reply(Reply.chat("hello"))
    with capturing(mode) as (telemetry, exporter):
        chat(emulator)
        (logged,) = exporter.get_finished_logs()
        record, span = logged.log_record, telemetry.one()
        attributes = record.attributes
        assert record.event_name == catalog.EVENT_DETAILS
        assert record.severity_number.value == 5
        assert (record.trace_id, record.span_id) == (span.span.context.trace_id, span.span.context.span_id)
        assert attributes[catalog.REQUEST_MODEL] == "gpt-4o"
        assert attributes[catalog.USAGE_OUTPUT] == 7
        assert attributes[catalog.OUTPUT_MESSAGES][0]["parts"][0]["content"] == "hello"
        assert (span.get(catalog.INPUT_MESSAGES) is not None) is (mode == "span_and_event")


def test_broken_stream_gives_what_came(emulator: Emulator) -> None:
    emulator.reply(Reply.broken("cut", after=2, text="one two three four"))
    with capturing("span_only") as (telemetry, _):
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the SDK raises
            chat(emulator, stream=True)
        assert on_span(telemetry, catalog.OUTPUT_MESSAGES)[0]["parts"] == [{"type": "text", "content": "one two "}]


def test_newest_messages_within_the_limit(emulator: Emulator) -> None:
    old, new = {"role": "user", "content": "o" * 500}, {"role": "user", "content": "n" * 90}
    emulator.reply(Reply.chat("a" * 500))
    with capturing("span_only", content_limit=100) as (telemetry, _):
        chat(emulator, messages=[old, old, new], tools=[])
        asked = on_span(telemetry, catalog.INPUT_MESSAGES)
        assert asked[-1]["parts"][0]["content"] == "n" * 90
        assert sum(len(part["content"]) for message in asked for part in message["parts"]) <= 100
        assert on_span(telemetry, catalog.OUTPUT_MESSAGES)[0]["parts"][0]["content"] == "a" * 100
        assert telemetry.one()[catalog.CONTENT_TRUNCATED] is True


def test_redaction(emulator: Emulator) -> None:
    def redact(content: Content) -> Content:
        content.input_messages = []
        for message in content.output_messages:
            message["parts"] = [{"type": "text", "content": "***"}]
        return content

    with capturing("span_and_event", redact=redact) as (telemetry, exporter):
        answer = chat(emulator)
        assert answer.choices[0].message.content == "Hello from the emulator."
        assert on_span(telemetry, catalog.INPUT_MESSAGES) is None
        assert on_span(telemetry, catalog.OUTPUT_MESSAGES)[0]["parts"][0]["content"] == "***"
        assert "emulator." not in str(exporter.get_finished_logs()[0].log_record.attributes)


def _raises(content: Content) -> Content:
    raise ValueError(f"cannot redact {content.input_messages}")


@pytest.mark.parametrize(
    "hook", [_raises, lambda content: "text", lambda content: None], ids=["raises", "wrong", "none"]
)
def test_hook_without_a_content_lets_nothing_through(emulator: Emulator, hook: Any) -> None:
    before = guard.failures().get("content.redact", 0)
    with capturing("span_and_event", redact=hook) as (telemetry, exporter):
        chat(emulator)
        span = telemetry.one()
        assert span.outcome == "success"
        assert span.get(catalog.INPUT_MESSAGES) is span.get(catalog.OUTPUT_MESSAGES) is None
        assert exporter.get_finished_logs() == ()
        failed = guard.failures().get("content.redact", 0) - before
        assert failed == (hook(Content()) is not None if hook is not _raises else 1)
        assert not any("What is this" in record.getMessage() for record in telemetry.logged)
        telemetry.forgive()


@pytest.mark.parametrize("value", ["true", "1", "yes", "content"])
def test_anything_else_captures_nothing_and_warns(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    monkeypatch.setenv(variable, value)
    with observed() as telemetry:
        chat(emulator)
        assert telemetry.one().get(catalog.INPUT_MESSAGES) is None
        assert any(variable in record.getMessage() for record in telemetry.logged)
        telemetry.forgive()


@pytest.mark.parametrize("value", [True, "true", "SPAN"])
def test_a_wrong_keyword_raises(value: Any) -> None:
    with pytest.raises(otel_llm.SettingError, match="SPAN_ONLY"):
        otel_llm.instrument(content=value)


def test_environment_variable(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    with observed() as telemetry:
        chat(emulator)
        assert on_span(telemetry, catalog.INPUT_MESSAGES) == WANTED_INPUT


def test_input_is_what_was_sent(emulator: Emulator) -> None:
    """The app goes on with its list of messages while the stream is open."""
    messages: Any = [{"role": "user", "content": "first"}]
    with capturing("span_only") as (telemetry, _), openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        stream = client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
        messages[0]["content"] = "later"
        list(stream)
        assert on_span(telemetry, catalog.INPUT_MESSAGES)[0]["parts"][0]["content"] == "first"
