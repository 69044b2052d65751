"""Every client of the behaviour matrix, sync and async, plain and streamed, in success and in failure: nothing of what
it sends, gets or authenticates with is in the telemetry. In the version matrix: with each release."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from otel_llm.demo.emulator import Emulator, Received, Reply, Tool
from tests.behaviour import row as common
from tests.behaviour import scenarios
from tests.behaviour.rows import ROWS, Row
from tests.behaviour.scenarios import Scenario, run, settled
from tests.privacy.canaries import Canaries, Everything, searched

pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class .* from ClientSession:DeprecationWarning"),  # google-genai
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the provider answers, what the app does, and what the call has then become."""

    reply: Callable[[Canaries], Reply]
    scenario: Scenario
    needs: str = ""
    """Field of the row without which the scenario cannot run."""
    outcome: str = "success"


async def left(row: Row, client: Any, emulator: Emulator) -> Any:
    """An early exit."""
    opened = await settled(row.stream(client))  # type: ignore[misc]
    await scenarios.first(opened)
    await settled(row.leave(opened))


async def read(row: Row, client: Any, emulator: Emulator) -> Any:
    """A whole stream, closed whatever happens."""
    opened = await settled(row.stream(client))  # type: ignore[misc]
    try:
        return await scenarios.items(opened)
    finally:
        await settled(row.leave(opened))


def _tools(words: Canaries) -> Reply:
    return words.good(tools=(Tool("look", f'{{"at": "{words.arguments}"}}'),), finish="tool_call")


def _broken_json(words: Canaries) -> Reply:
    return Reply.raw(f'{{"error": {{"message": "{words.error}", "code": "{words.prompt}"', 400)


UNDRESSED = ("boto3", "aiobotocore", "google.genai", "huggingface_hub", "aiohttp")
"""SDKs that do not send by httpx or requests, or not always."""
CASES = {
    "plain": Case(reply=Canaries.good, scenario=scenarios.plain),
    "tools": Case(reply=_tools, scenario=scenarios.plain),
    "stream": Case(reply=Canaries.good, scenario=read, needs="stream"),
    "tools-stream": Case(reply=_tools, scenario=read, needs="stream"),
    "helper": Case(reply=Canaries.good, scenario=scenarios.helper, needs="helper"),
    "raw": Case(reply=Canaries.good, scenario=scenarios.raw, needs="raw"),
    "streaming-response": Case(reply=Canaries.good, scenario=scenarios.streaming, needs="streaming"),
    "error": Case(reply=Canaries.bad, scenario=scenarios.plain, outcome="error"),
    "error-for-stream": Case(reply=Canaries.bad, scenario=read, needs="stream", outcome="error"),
    "broken-json": Case(reply=_broken_json, scenario=scenarios.plain, outcome="error"),
    "error-in-stream": Case(
        reply=lambda words: words.bad("overloaded", after=1, text=words.completion), scenario=read, needs="stream",
        outcome="error",
    ),
    "left": Case(
        reply=lambda words: words.good(breaks="stall", after=2), scenario=left, needs="stream", outcome="abandoned"
    ),
}  # fmt: skip

SIDES = [
    pytest.param(row, sync, id=f"{row.name}-{'sync' if sync else 'async'}")
    for row in ROWS
    for sync in (True, False)
    if (row.sync if sync else row.asynchronous) is not None
]


@pytest.mark.parametrize("http_spans", [False, True], ids=["", "http"])
@pytest.mark.parametrize(("row", "sync"), SIDES)
def test_row(
    row: Row, sync: bool, http_spans: bool, emulator: Emulator, heard: Everything, tmp_path: Path, both_names: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if not row.closes_on_drop:
        warnings.simplefilter("ignore", ResourceWarning)
    words = Canaries()
    dressed = plant(words, monkeypatch)

    cases = list(_cases(row, sync))

    async def whole() -> None:
        client = (row.sync if sync else row.asynchronous)(emulator.url)  # type: ignore[misc]
        try:
            for case in cases:
                emulator.script = _script(case.reply(words))
                with contextlib.suppress(Exception):
                    await case.scenario(row, client, emulator)
        finally:
            await settled(client.close())

    with searched(tmp_path, heard, http_spans=http_spans) as search:
        run(whole(), sync=sync)
        assert search.leaks(words) == {}
        outcomes = [span.outcome for span in search.telemetry.spans()]
        assert outcomes == [case.outcome for case in cases]
        assert row.model.lower() in search.files()
    check_sent(row, emulator.requests, words, bool(dressed))


def _cases(row: Row, sync: bool) -> Iterator[Case]:
    for name, case in CASES.items():
        if case.needs and not getattr(row, case.needs):
            continue
        if name == "left" and row.async_lines and not sync:
            continue
        if name == "tools-stream" and row.client == "mistralai":  # which does not read tool calls in OpenAI's pieces
            continue
        yield case


def _script(reply: Reply) -> Callable[[Received], Reply]:
    return lambda asked: reply


def plant(words: Canaries, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Puts canaries where the rows' modules have their prompt and key, and into headers and URLs of HTTP clients; gives
    the requests that have them there."""
    dressed: list[Any] = []
    monkeypatch.setattr(common, "ASK", [{"role": "user", "content": words.prompt}])
    for name, module in list(sys.modules.items()):
        if name.startswith("tests.behaviour.sdks."):
            _plant_in(module, words, monkeypatch)
    for library in ("httpx", "httpx2"):
        if importlib.util.find_spec(library):
            _dress(importlib.import_module(library)._client.BaseClient, "build_request", words, dressed, monkeypatch)
    if importlib.util.find_spec("requests"):
        _dress(importlib.import_module("requests").Session, "prepare_request", words, dressed, monkeypatch)
    return dressed


def _plant_in(module: ModuleType, words: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in list(vars(module).items()):
        if not name.startswith("__") and isinstance(value, str | dict | list):
            monkeypatch.setattr(module, name, _planted(value, words))


def _planted(value: Any, words: Canaries) -> Any:
    if isinstance(value, str):
        return value.replace(common.PROMPT, words.prompt).replace(common.KEY, words.key)
    if isinstance(value, dict):
        return {key: _planted(item, words) for key, item in value.items()}
    return [_planted(item, words) for item in value] if isinstance(value, list) else value


def _dress(
    owner: Any, method: str, words: Canaries, dressed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """An app's own header and query parameters on each request, as default headers and gateways' keys are."""
    original = getattr(owner, method)

    def dressing(self: Any, *args: Any, **kwargs: Any) -> Any:
        request = original(self, *args, **kwargs)
        request.headers["X-Own"] = words.header
        mark = "&" if "?" in str(request.url) else "?"
        request.url = type(request.url)(f"{request.url}{mark}key={words.parameter}&other={words.parameter}")
        dressed.append(request)
        return request

    monkeypatch.setattr(owner, method, dressing)


def check_sent(row: Row, requests: list[Received], words: Canaries, dressed: bool) -> None:
    """The canaries were there: a search for what nobody has sent proves nothing."""
    assert requests
    sent = [f"{asked.query} {dict(asked.headers)} {asked.raw!r}" for asked in requests]
    assert all(words.prompt in text for text in sent)
    keyless = row.client in ("http", "ollama")
    wanted = {"prompt"} | (set() if keyless else {"key"}) | ({"header", "parameter"} if dressed else set())
    assert set(words.found("\n".join(sent))) == wanted
    assert dressed or row.sdk in UNDRESSED
