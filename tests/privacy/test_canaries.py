"""Nothing of what an app sends, gets, or authenticates with is in the telemetry, whatever becomes of the call.

A canary is a random string. Each place that could leak gets its own, so that a failure says which one leaked.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from otel_llm import catalog, guard
from otel_llm.demo.emulator import Emulator, Reply, Tool
from tests.telemetry import LOGGERS, Telemetry, observed

PLACES = (
    "prompt", "system", "completion", "arguments", "tool", "header", "key", "organisation", "project", "parameter",
    "user", "metadata", "error", "password", "schema", "answer_header", "image",
)  # fmt: skip


class Canaries:
    """One random word for each place."""

    def __init__(self) -> None:
        self.words = {place: f"canary{uuid.uuid4().hex}" for place in PLACES}

    def __getattr__(self, place: str) -> str:
        return self.words[place]

    def found(self, text: str) -> list[str]:
        """Places whose canary stands in the text."""
        return [place for place, word in self.words.items() if word in text]


class _Everything(logging.Handler):
    """Keeps all that is logged, formatted as an error tracker sees it: with the variables of each frame."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.getMessage()} {record.__dict__}")
        trace = record.exc_info[2] if record.exc_info else None
        while trace is not None:
            self.texts.append(repr(trace.tb_frame.f_locals))
            trace = trace.tb_next


@pytest.fixture
def heard() -> Iterator[_Everything]:
    handler = _Everything()
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield handler
    for name, level in levels.items():
        logging.getLogger(name).removeHandler(handler)
        logging.getLogger(name).setLevel(level)


Do = Callable[[Emulator, Canaries], object]


def _openai(emulator: Emulator, words: Canaries, kind: type[Any] = openai.OpenAI) -> Any:
    url = emulator.url.replace("://", f"://name:{words.password}@") + "/v1"
    return kind(
        base_url=url, api_key=words.key, organization=words.organisation, project=words.project, max_retries=1,
        default_headers={"X-Own": words.header}, default_query={"key": words.parameter, "other": words.parameter},
    )  # fmt: skip


def _chat(words: Canaries) -> dict[str, Any]:
    return {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": words.system},
            {"role": "user", "name": words.user, "content": [
                {"type": "text", "text": words.prompt},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{words.image}"}}]},
            {"role": "assistant", "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": words.arguments}}]},
            {"role": "tool", "tool_call_id": "c", "content": words.tool},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": words.schema, "parameters": {
            "type": "object", "properties": {words.schema: {"type": "string"}}}}}],
        "user": words.user,
        "metadata": {"m": words.metadata},
    }  # fmt: skip


def _reply(words: Canaries, **fields: Any) -> Reply:
    return Reply.chat(f"{words.completion} and more words", headers={"x-own": words.answer_header}, **fields)


def _error(words: Canaries, fault: Any = "bad_request") -> Reply:
    said = f"{words.error}: {words.prompt} with key {words.key} of {words.organisation}"
    return Reply.error(fault, message=said, headers={"x-own": words.answer_header})


def plain(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(_reply(words))
    with _openai(emulator, words) as client:
        client.chat.completions.create(**_chat(words))


def tools(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(_reply(words, tools=(Tool("f", f'{{"a": "{words.arguments}"}}'),), finish="tool_call"))
    with _openai(emulator, words) as client:
        client.chat.completions.create(**_chat(words))


def stream(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(_reply(words))
    with _openai(emulator, words) as client:
        list(client.chat.completions.create(**_chat(words), stream=True))


def responses(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(_reply(words))
    with _openai(emulator, words) as client:
        client.responses.create(
            model="gpt-4o", input=words.prompt, instructions=words.system, user=words.user,
            safety_identifier=words.user, prompt_cache_key=words.user, metadata={"m": words.metadata},
        )  # fmt: skip


def embeddings(emulator: Emulator, words: Canaries) -> None:
    with _openai(emulator, words) as client:
        client.embeddings.create(model="text-embedding-3-small", input=words.prompt, user=words.user)


def messages(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(_reply(words))
    with anthropic.Anthropic(base_url=emulator.url, api_key=words.key, default_headers={"X-Own": words.header}) as c:
        asked: Any = [{"role": "user", "content": words.prompt}]
        with c.messages.stream(
            model="claude-opus-4-8", max_tokens=9, system=words.system, messages=asked, metadata={"user_id": words.user}
        ) as opened:
            opened.get_final_text()


def error(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(_error(words))
    with _openai(emulator, words) as client, pytest.raises(openai.BadRequestError, match=words.prompt):
        client.chat.completions.create(**_chat(words))


def retried(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(_error(words, "rate_limit"), _error(words, "provider"))
    with _openai(emulator, words) as client, pytest.raises(openai.InternalServerError, match=words.prompt):
        client.chat.completions.create(**_chat(words))


def mid_stream_error(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(Reply.error("overloaded", after=1, message=f"{words.error} {words.prompt}", text=words.completion))
    with _openai(emulator, words) as client, pytest.raises(openai.APIError, match=words.prompt):
        list(client.chat.completions.create(**_chat(words), stream=True))


def odd_error_code(emulator: Emulator, words: Canaries) -> None:
    """A provider that puts a prompt where a code should be."""
    body = f'{{"error": {{"code": "{words.error}", "type": "{words.prompt}", "message": "{words.key}"}}}}'
    emulator.reply(Reply.raw(body, 400))
    with _openai(emulator, words) as client, pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**_chat(words))


def broken_json(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(Reply.raw(f'{{"choices": [{{"message": "{words.completion}"', content_type="application/json"))
    with _openai(emulator, words) as client, pytest.raises(Exception):  # noqa: B017, PT011
        client.chat.completions.create(**_chat(words))


def abandoned(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(_reply(words))
    with _openai(emulator, words) as client:
        opened = client.chat.completions.create(**_chat(words), stream=True)
        next(iter(opened))
        del opened
        gc.collect()


def cancelled(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(Reply.broken("stall"))

    async def leave() -> None:
        client = _openai(emulator, words, openai.AsyncOpenAI)
        task = asyncio.ensure_future(client.chat.completions.create(**_chat(words)))
        await asyncio.to_thread(emulator.wait, lambda requests: len(requests) == 1)
        task.cancel(words.prompt)
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.close()

    asyncio.run(leave())


def network(emulator: Emulator, words: Canaries) -> None:
    """The app's own transport quotes the prompt in what it raises."""

    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError(f"no way to send {words.prompt} with {words.key}")

    http = httpx2.Client(transport=httpx2.MockTransport(fail))
    client = openai.OpenAI(api_key=words.key, base_url=emulator.url, http_client=http, max_retries=0)
    with client, pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**_chat(words))


def _raw(library: Any) -> Do:
    def raw(emulator: Emulator, words: Canaries) -> None:
        emulator.reply(_reply(words), _error(words))
        for _ in range(2):
            library.post(
                emulator.url.replace("://", f"://name:{words.password}@") + "/v1/chat/completions",
                params={"key": words.parameter, "sig": words.parameter, "q": words.parameter}, json=_chat(words),
                headers={"Authorization": f"Bearer {words.key}", "X-Own": words.header},
            )  # fmt: skip

    return raw


CASES: dict[str, Do] = {
    case.__name__: case
    for case in (plain, tools, stream, responses, embeddings, messages, error, retried, mid_stream_error,
                 odd_error_code, broken_json, abandoned, cancelled, network)
} | {"raw-httpx": _raw(httpx), "raw-httpx2": _raw(httpx2)}  # fmt: skip


BY_URL = [case for case in CASES.values() if case not in (messages, network)]
"""Cases with secrets in the URL that goes over a real transport."""


def _spans(telemetry: Telemetry) -> str:
    """Every span as a file exporter writes it, the HTTP instrumentation's and the SDKs' own included."""
    return "\n".join(span.to_json() for span in telemetry.finished())


@pytest.mark.parametrize("http_spans", [False, True], ids=["", "http"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_canaries(
    case: Do, http_spans: bool, emulator: Emulator, heard: _Everything, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup")
    # opentelemetry-instrumentation (0.66b2) reads that once per process; whoever was first must not decide for us.
    monkeypatch.setattr(_OpenTelemetrySemanticConventionStability, "_initialized", False)
    monkeypatch.setattr(_OpenTelemetrySemanticConventionStability, "_OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING", {})
    words, reader, events = Canaries(), InMemoryMetricReader(), InMemoryLogRecordExporter()
    meters, logs = MeterProvider([reader], shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(SimpleLogRecordProcessor(events))
    settings = {"http_spans": http_spans, "scrape": "on", "prefork_dir": str(tmp_path)}
    with observed(meter_provider=meters, logger_provider=logs, **settings) as telemetry:
        case(emulator, words)
        gc.collect()
        spans = _spans(telemetry)
        assert catalog.SPAN_OUTCOME in spans
        assert telemetry.value(catalog.CALLS) >= 1
        assert ("url.full" in spans and "REDACTED" in spans) is (http_spans and case in BY_URL)
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert any(b"gpt-4o" in path.read_bytes() or b"claude" in path.read_bytes() or b"embed" in path.read_bytes()
                   for path in files)  # fmt: skip
        leaks = {
            "spans": words.found(spans),
            "text": words.found(generate_latest(REGISTRY).decode()),
            "openmetrics": words.found(generate_openmetrics(REGISTRY).decode()),
            "metrics": words.found(str(reader.get_metrics_data())),
            "events": words.found(str(events.get_finished_logs())),
            "logs": words.found("\n".join(heard.texts)),
            "files": words.found("".join(file.read_bytes().decode("latin-1") for file in files)),
            "warnings": words.found("\n".join(str(warning.message) for warning in recwarn)),
            "output": words.found("".join(capfd.readouterr())),
        }  # fmt: skip
        telemetry.forgive()
    assert {place: found for place, found in leaks.items() if found} == {}


def test_the_search_finds_a_canary(emulator: Emulator) -> None:
    """A canary in a place that is shown is found: the model's name."""
    words = Canaries()
    with observed() as telemetry, _openai(emulator, words) as client:
        client.chat.completions.create(**{**_chat(words), "model": words.prompt})
        assert words.found(_spans(telemetry)) == words.found(generate_latest(REGISTRY).decode()) == ["prompt"]


def test_internal_errors_are_logged_without_words(heard: _Everything) -> None:
    words = Canaries()
    site = guard.site("test.privacy")
    site.failures = site.in_a_row = 0

    @guard.guarded("test.privacy")
    def broken(prompt: str) -> int:
        try:
            return int(prompt)
        except ValueError as cause:
            raise KeyError(f"{prompt} is no number") from cause

    assert broken(words.prompt) is None
    logged = "\n".join(heard.texts)
    assert "test.privacy" in logged
    assert "KeyError" in logged
    assert "ValueError" in logged
    assert "test_canaries.py" in logged
    assert words.found(logged) == []
    guard.close_breakers()
