"""The rules behind the reasons, without a wire."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.formats import bedrock_converse, cohere, gemini, ollama, openai_chat
from otel_llm.formats.facts import Facts
from otel_llm.formats.gathering import CAP, Gathering
from otel_llm.prices.pricing import PriceTable
from otel_llm.signals.quality import bare, mismatch

PRICES = PriceTable()
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("provider", "asked", "served", "differs"),
    [
        ("anthropic", "claude-3-5-haiku-latest", "claude-3-5-haiku-20241022", False),
        ("anthropic", "claude-sonnet-4-0", "claude-sonnet-4-20250514", False),
        ("anthropic", "claude-opus-4-1", "claude-sonnet-4-5-20250929", True),
        ("gcp.gemini", "gemini-1.5-pro", "gemini-1.5-pro-002", False),
        ("gcp.gemini", "gemini-flash-latest", "gemini-2.5-flash-preview-09-2025", False),
        ("gcp.vertex_ai", "claude-3-5-sonnet@20240620", "claude-3-5-sonnet-20240620", False),
        ("openrouter", "openai/gpt-4o:free", "openai/gpt-4o", False),
        ("openrouter", "openrouter/auto", "openai/gpt-4o", False),
        ("openai", "gpt-4-turbo-preview", "gpt-4-0125-preview", False),
        ("openai", "gpt-3.5-turbo", "gpt-3.5-turbo-16k", True),
        ("openai", "gpt-4", "gpt-4.1-2025-04-14", True),
        ("azure.ai.openai", "gpt-4o", "gpt-4.1-2025-04-14", False),
        ("aws.bedrock", "anthropic.claude-v2", "claude-2.0", False),
        ("openai", "gpt-4o", None, False),
        ("openai", None, "gpt-4o", False),
    ],
)
def test_which_names_are_one_model(provider: str, asked: str, served: str, differs: bool):
    assert mismatch(provider, asked, served, PRICES) is differs


def test_recorded_answers_came_from_the_model_asked_for(shared):
    from otel_llm.providers import provider_of
    from tests.formats.recordings import exchanges

    pairs = {
        (provider_of(e["url"].split("/")[2]) or "openai", x["request_model"], x["response_model"])
        for e, x in exchanges(shared)
    }
    assert len(pairs) > 40
    assert [pair for pair in pairs if mismatch(*pair, PRICES)] == []


@given(st.text(max_size=60))
def test_names_are_shortened_to_an_end(name: str):
    assert bare(bare(name)) == bare(name)


@settings(deadline=None)
@given(values, st.data())
def test_json_in_any_pieces_is_json(value, data):
    text = json.dumps(value)
    gathered, at = Gathering(), 0
    while at < len(text):
        size = data.draw(st.integers(1, len(text)))
        gathered.add(0, text[at : at + size])
        at += size
    assert not gathered.broken()
    assert gathered.broken(objects=True) is not isinstance(value, dict)
    if isinstance(value, dict | list | str):
        cut = Gathering()
        cut.add(0, text[:-1])
        assert cut.broken()


def test_past_the_cap_nothing_is_judged_and_nothing_is_kept():
    gathered = Gathering()
    for _ in range(CAP // 1024 + 1):
        gathered.add("tool", "{" * 1024)
    assert not gathered.broken()


def test_without_json_asked_for_nothing_is_gathered():
    facts = Facts()
    openai_chat.CHAT.body(b'{"choices":[{"message":{"content":"{ no json"}}]}', facts)
    assert facts.answers is None
    assert facts.arguments is None


def events(wire_format, *rows, **given_facts) -> Facts:
    facts = Facts(**given_facts)
    for row in rows:
        wire_format.event(msgspec.json.encode(row), facts)
    return facts


def converse(piece: str) -> dict:
    return {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": piece}}}}


def tool_delta(arguments: str) -> dict:
    return {"type": "tool-call-delta", "index": 0,
            "delta": {"message": {"tool_calls": {"function": {"arguments": arguments}}}}}  # fmt: skip


@pytest.mark.parametrize("rest", ['"x"}', ""])
def test_tool_arguments_of_other_formats(rest: str):
    start = {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"name": "t"}}}}
    for facts in (
        events(bedrock_converse.CONVERSE, start, converse('{"a":'), converse(rest)),
        events(cohere.CHAT_V2, tool_delta('{"a":'), tool_delta(rest)),
    ):
        assert facts.arguments is not None
        assert facts.arguments.broken(objects=True) is not bool(rest)


def test_mistral_gives_arguments_as_an_object():
    body = {"choices": [{"message": {"tool_calls": [{"function": {"name": "t", "arguments": {"a": 1}}}]}}]}
    facts = Facts()
    openai_chat.CHAT.body(json.dumps(body).encode(), facts)
    assert not facts.arguments_broken
    assert facts.arguments is None


def candidate(text: str) -> dict:
    return {"candidates": [{"content": {"parts": [{"text": text}]}}]}


@pytest.mark.parametrize("text", ['{"a": 1}', '{"a": '])
def test_json_of_other_formats(text: str):
    halves = text[:3], text[3:]
    v1 = [{"event_type": "text-generation", "text": half} for half in halves]
    last = {"event_type": "stream-end", "response": {"text": text}}
    for facts in (
        events(gemini.GENERATE, *(candidate(half) for half in halves), json_asked=True),
        events(ollama.CHAT, *({"message": {"content": h}} for h in halves), json_asked=True),
        events(cohere.CHAT_V1, *v1, last, json_asked=True),
    ):  # fmt: skip
        assert facts.answers is not None
        assert facts.answers.broken() is (text != '{"a": 1}')
