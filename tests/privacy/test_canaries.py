"""Nothing of what an app sends, gets, or authenticates with is in the telemetry, whatever becomes of the call: the
places of openai's, anthropic's and raw requests one by one. Every other client: ``test_rows``."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest

from otel_llm import catalog, guard
from otel_llm.demo.emulator import Emulator, Reply, Tool
from tests.privacy.canaries import Canaries, Everything, searched

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


def plain(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(words.good())
    with _openai(emulator, words) as client:
        client.chat.completions.create(**_chat(words))


def tools(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(words.good(tools=(Tool("f", f'{{"a": "{words.arguments}"}}'),), finish="tool_call"))
    with _openai(emulator, words) as client:
        client.chat.completions.create(**_chat(words))


def stream(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(words.good())
    with _openai(emulator, words) as client:
        list(client.chat.completions.create(**_chat(words), stream=True))


def responses(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(words.good())
    with _openai(emulator, words) as client:
        client.responses.create(
            model="gpt-4o", input=words.prompt, instructions=words.system, user=words.user,
            safety_identifier=words.user, prompt_cache_key=words.user, metadata={"m": words.metadata},
        )  # fmt: skip


def embeddings(emulator: Emulator, words: Canaries) -> None:
    with _openai(emulator, words) as client:
        client.embeddings.create(model="text-embedding-3-small", input=words.prompt, user=words.user)


def messages(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(words.good())
    with anthropic.Anthropic(base_url=emulator.url, api_key=words.key, default_headers={"X-Own": words.header}) as c:
        asked: Any = [{"role": "user", "content": words.prompt}]
        with c.messages.stream(
            model="claude-opus-4-8", max_tokens=9, system=words.system, messages=asked, metadata={"user_id": words.user}
        ) as opened:
            opened.get_final_text()


def error(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(words.bad())
    with _openai(emulator, words) as client, pytest.raises(openai.BadRequestError, match=words.prompt):
        client.chat.completions.create(**_chat(words))


def retried(emulator: Emulator, words: Canaries) -> None:
    emulator.reply(words.bad("rate_limit"), words.bad("provider"))
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
    emulator.reply(words.good())
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
        emulator.reply(words.good(), words.bad())
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


@pytest.mark.parametrize("http_spans", [False, True], ids=["", "http"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_canaries(
    case: Do, http_spans: bool, emulator: Emulator, heard: Everything, tmp_path: Path, both_names: None,
    recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = Canaries()
    with searched(tmp_path, heard, http_spans=http_spans) as search:
        case(emulator, words)
        gc.collect()
        spans, files = search.spans(), search.files()
        assert catalog.SPAN_OUTCOME in spans
        assert search.telemetry.value(catalog.CALLS) >= 1
        assert ("url.full" in spans and "REDACTED" in spans) is (http_spans and case in BY_URL)
        assert any(model in files for model in ("gpt-4o", "claude", "embed"))
        warned = "\n".join(str(warning.message) for warning in recwarn)
        assert search.leaks(words, warnings=warned, output="".join(capfd.readouterr())) == {}
        search.telemetry.forgive()


def test_the_search_finds_a_canary(emulator: Emulator, heard: Everything, tmp_path: Path) -> None:
    """A canary in a place that is shown is found wherever that is shown: the model's name."""
    words = Canaries()
    with searched(tmp_path, heard) as search, _openai(emulator, words) as client:
        client.chat.completions.create(**{**_chat(words), "model": words.prompt})
        shown = {where: ["prompt"] for where in ("spans", "text", "openmetrics", "metrics", "files")}
        assert search.leaks(words) == shown


def test_internal_errors_are_logged_without_words(heard: Everything) -> None:
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
