"""Answers of no use, from the SDK's call to the scraped reason."""

from __future__ import annotations

import anthropic
import openai
import pytest

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply, Tool
from tests.telemetry import Telemetry

ASK = [{"role": "user", "content": "hi"}]
JSON = {"response_format": {"type": "json_object"}}
SCHEMA = {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}}}}
CHAT_TOOLS = {"tools": [{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}]}
CLAUDE_TOOLS = {"tools": [{"name": "search", "input_schema": {"type": "object"}}]}
CLAUDE_JSON = {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}


def chat(emulator: Emulator, stream: bool, **fields) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        fields.setdefault("model", "gpt-5.1")
        answer = client.chat.completions.create(messages=ASK, stream=stream, **fields)
        if stream:
            list(answer)


def responses(emulator: Emulator, stream: bool, **fields) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        answer = client.responses.create(model="gpt-5.1", input="hi", stream=stream, **fields)
        if stream:
            list(answer)


def message(emulator: Emulator, stream: bool, **fields) -> None:
    with anthropic.Anthropic(base_url=emulator.url, api_key="k") as client:
        fields.setdefault("model", "claude-sonnet-5")
        answer = client.messages.create(max_tokens=64, messages=ASK, stream=stream, **fields)
        if stream:
            list(answer)


def reasons(telemetry: Telemetry) -> dict[str, float]:
    return telemetry.counts(catalog.INVALID_OUTPUT, catalog.REASON)


GOOD_TOOL, BROKEN_TOOL = Tool("search", '{"query": "x"}'), Tool("search", '{"query": ')
CASES = [
    (Reply(finish="length"), {}, {"truncated"}),
    (Reply(text=""), {}, {"empty"}),
    (Reply(text="I can't help with that.", refusal=True), {}, {"refused"}),
    (Reply(tools=(GOOD_TOOL,), finish="tool_call"), "tools", set()),
    (Reply(tools=(Tool("search", ""),), finish="tool_call"), "tools", set()),
    (Reply(tools=(BROKEN_TOOL,), finish="tool_call"), "tools", {"invalid_tool_arguments"}),
    (Reply(tools=(GOOD_TOOL, BROKEN_TOOL), finish="tool_call"), "tools", {"invalid_tool_arguments"}),
    (Reply(tools=(Tool("search", '["x"]'),), finish="tool_call"), "tools", {"invalid_tool_arguments"}),
    (Reply(tools=(BROKEN_TOOL,), finish="length"), "tools", {"truncated"}),
    (Reply(tools=(Tool("delete"),), finish="tool_call"), "tools", {"unknown_tool"}),
    (Reply(tools=(Tool("delete", "{"),), finish="tool_call"), "tools", {"unknown_tool", "invalid_tool_arguments"}),
    (Reply(text='{"a": [1, 2, {"b": null}]}'), "json", set()),
    (Reply(text='{"a": [1, 2, {"b": nul'), "json", {"invalid_json"}),
    (Reply(text='```json\n{"a": 1}\n```'), "json", {"invalid_json"}),
    (Reply(text="Sure, here it is."), "json", {"invalid_json"}),
    (Reply(text='{"a": ', finish="length"), "json", {"truncated"}),
    (Reply(text=""), "json", {"empty"}),
    (Reply(text="Sure, here it is."), {}, set()),
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("reply", "asked", "wanted"), CASES)
@pytest.mark.parametrize(
    ("ask", "fields"),
    [(chat, {"tools": CHAT_TOOLS, "json": JSON}), (message, {"tools": CLAUDE_TOOLS, "json": CLAUDE_JSON})],
)  # fmt: skip
def test_an_answer(emulator: Emulator, telemetry: Telemetry, ask, fields, reply: Reply, asked, wanted, stream: bool):
    if ask is message and len(reply.tools) > 1:
        pytest.skip("the emulator's Anthropic wire tells tools apart by name")
    emulator.reply(reply)
    ask(emulator, stream, **(fields[asked] if asked else {}))
    assert reasons(telemetry) == dict.fromkeys(wanted, 1)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("text", "wanted"), [('{"a": 1}', set()), ('{"a": ', {"invalid_json"})])
def test_responses_with_a_schema(emulator: Emulator, telemetry: Telemetry, text: str, wanted: set[str], stream: bool):
    emulator.reply(Reply(text=text))
    responses(emulator, stream, **SCHEMA)
    assert reasons(telemetry) == dict.fromkeys(wanted, 1)


def test_a_filter_that_spoke(emulator: Emulator, telemetry: Telemetry):
    emulator.reply(Reply(finish="content_filter"))
    chat(emulator, stream=False)
    assert reasons(telemetry) == {"filtered": 1}


def test_each_of_several_choices_must_be_json(emulator: Emulator, telemetry: Telemetry):
    emulator.reply(Reply(text='{"a": 1}'), Reply(text='{"a"'))
    chat(emulator, stream=True, n=3, **JSON)
    assert reasons(telemetry) == {}
    chat(emulator, stream=True, n=3, **JSON)
    assert reasons(telemetry) == {"invalid_json": 1}


def test_a_stream_that_was_left_is_not_judged(emulator: Emulator, telemetry: Telemetry):
    emulator.reply(Reply(text='{"a": [1, 2, 3, 4]}'))
    with (
        openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client,
        client.chat.completions.create(model="gpt-5.1", messages=ASK, stream=True, **JSON) as answer,
    ):
        next(iter(answer))
    assert reasons(telemetry) == {}


@pytest.mark.parametrize(
    ("asked", "served", "wanted"),
    [
        ("gpt-5.1", "gpt-5.1-2025-11-13", set()),
        ("gpt-4o", "gpt-4o-2024-08-06", set()),
        ("gpt-5.1", "gpt-5-mini-2025-08-07", {"model_mismatch"}),
        ("gpt-4o", "gpt-4o-mini", {"model_mismatch"}),
        ("our-alias", "gpt-4o", set()),
    ],
)
def test_another_model_than_the_one_asked_for(emulator: Emulator, telemetry: Telemetry, asked, served, wanted):
    emulator.reply(Reply(model=served))
    chat(emulator, stream=False, model=asked)
    assert reasons(telemetry) == dict.fromkeys(wanted, 1)
