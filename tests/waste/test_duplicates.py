"""Duplicates: what counts as one, what it cost, and what is remembered for how long."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm import catalog, guard
from otel_llm.demo.emulator import Emulator, Reply, Usage
from otel_llm.formats.facts import Request
from otel_llm.signals import duplicates
from otel_llm.signals.duplicates import BODY_CAP, CANONICAL_CAP, REMEMBERED, WINDOW, Duplicates, canonical, varied
from tests.telemetry import Telemetry, observed

ASK = [{"role": "user", "content": "hi"}]
MILLION = Usage(input=1_000_000, output=0)


def chat(emulator: Emulator, **fields) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", max_retries=0) as client:
        answer = client.chat.completions.create(**{"model": "gpt-4o", "messages": ASK, **fields})
        if fields.get("stream"):
            list(answer)


def test_the_same_call_again_is_a_duplicate_and_costs(emulator: Emulator, telemetry: Telemetry):
    emulator.script = lambda asked: Reply(usage=MILLION)
    for _ in range(3):
        chat(emulator)
    assert telemetry.value(catalog.DUPLICATE_CALLS) == 2
    assert telemetry.value(catalog.DUPLICATE_COST) == pytest.approx(5.0)
    assert telemetry.value(catalog.COST) == pytest.approx(7.5)


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({"temperature": 0}, 1),
        ({"temperature": 0.7}, 0),
        ({"temperature": 0.7, "seed": 5}, 1),
        ({"n": 2}, 0),
        ({"n": 1}, 1),
        ({"stream": True}, 1),
        ({"messages": [{"role": "user", "content": "x" * BODY_CAP}]}, 0),
    ],
)
def test_requests_that_ask_for_variety_or_are_huge_are_not_counted(emulator, telemetry, fields, counted):
    for _ in range(2):
        chat(emulator, **fields)
    assert telemetry.value(catalog.DUPLICATE_CALLS) == counted


def test_any_difference_makes_another_call(emulator: Emulator, telemetry: Telemetry):
    for fields in ({}, {"model": "gpt-4o-mini"}, {"max_tokens": 5}, {"messages": [*ASK, *ASK]}, {"seed": 1}):
        chat(emulator, **fields)
    assert telemetry.value(catalog.DUPLICATE_CALLS) == 0


def test_a_failure_is_neither_remembered_nor_counted(emulator: Emulator, telemetry: Telemetry):
    emulator.reply(Reply.error("provider"), Reply.chat(), Reply.error("provider"), Reply.chat())
    for fails in (True, False, True, False):
        if fails:
            with pytest.raises(openai.InternalServerError):
                chat(emulator)
        else:
            chat(emulator)
    assert telemetry.value(catalog.DUPLICATE_CALLS) == 1


def test_anthropic_and_embeddings(emulator: Emulator, telemetry: Telemetry):
    with (
        anthropic.Anthropic(base_url=emulator.url, api_key="k") as claude,
        openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as gpt,
    ):
        for _ in range(2):
            claude.messages.create(model="claude-sonnet-5", max_tokens=9, messages=ASK)
            gpt.embeddings.create(model="text-embedding-3-small", input="hi")
    assert telemetry.counts(catalog.DUPLICATE_CALLS, catalog.OPERATION) == {"chat": 1, "embeddings": 1}


def test_the_setting_switches_it_off(emulator: Emulator):
    with observed(duplicates=False) as telemetry:
        for _ in range(2):
            chat(emulator)
        assert telemetry.value(catalog.DUPLICATE_CALLS) == 0


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
bodies = st.dictionaries(st.text(max_size=5), values, max_size=5)


@given(bodies, bodies)
def test_a_fingerprint_is_the_bodys_the_models_and_the_processs(body: dict[str, Any], other: dict[str, Any]):
    held, request, sent = Duplicates(), Request(operation="chat", model="m"), json.dumps(body).encode()
    found = held.fingerprint("openai", request, sent)
    assert found is not None
    assert (held.fingerprint("openai", request, json.dumps(other).encode()) == found) is same(other, body)
    assert held.fingerprint("groq", request, sent) != found
    assert held.fingerprint("openai", Request(operation="chat", model="n"), sent) != found
    assert Duplicates().fingerprint("openai", request, sent) != found


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: Python takes 1 for True."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(bodies, st.randoms(use_true_random=False))
def test_neither_the_order_of_keys_nor_blanks_make_another_request(body: dict[str, Any], random: Random):
    held, request = Duplicates(), Request(operation="chat", model="m")
    found = held.fingerprint("openai", request, json.dumps(body).encode())
    again = json.dumps(shuffled(body, random), indent=1, ensure_ascii=False).encode()
    assert held.fingerprint("openai", request, again) == found


def shuffled(value: Any, random: Random) -> Any:
    """The same value with the keys of its objects in another order."""
    if isinstance(value, list):
        return [shuffled(item, random) for item in value]
    if not isinstance(value, dict):
        return value
    keys = random.sample(list(value), len(value))
    return {key: shuffled(value[key], random) for key in keys}


@pytest.mark.parametrize(
    "body",
    [
        b"\x00 no JSON", b'{"a": ', b'{"n": 1e400, "a": 1}', b"[" * 20_000,
        b'{"b": 1, "a": "' + b"x" * CANONICAL_CAP + b'"}',
    ],
    ids=["binary", "cut", "endless number", "deep", "large"],
)  # fmt: skip
def test_what_cannot_be_put_in_order_is_known_by_its_bytes(body: bytes):
    before = guard.failures().get("duplicates.fingerprint", 0)
    held, request = Duplicates(), Request(operation="chat", model="m")
    assert canonical(body) is body
    found = held.fingerprint("openai", request, body)
    assert found is not None
    assert held.fingerprint("openai", request, bytes(bytearray(body))) == found
    assert held.fingerprint("openai", request, body + b" ") != found
    assert guard.failures().get("duplicates.fingerprint", 0) == before


def test_equal_requests_written_in_another_order_are_duplicates(emulator: Emulator, telemetry: Telemetry):
    schema = {"type": "object", "properties": {}}
    for tool in ({"name": "f", "parameters": schema}, {"parameters": dict(reversed(schema.items())), "name": "f"}):
        chat(emulator, tools=[{"type": "function", "function": tool}])
    assert telemetry.value(catalog.DUPLICATE_CALLS) == 1
    first, second = (asked.raw for asked in emulator.requests)
    assert first != second


def test_a_body_that_is_not_there_or_too_large_has_none():
    held, request = Duplicates(), Request(operation="chat", model="m")
    assert held.fingerprint("openai", request, None) is None
    assert held.fingerprint("openai", request, b"") is None
    assert held.fingerprint("openai", request, b"x" * (BODY_CAP + 1)) is None


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Request(operation="chat"), False),
        (Request(operation="chat", temperature=0.1), True),
        (Request(operation="chat", temperature=0.1, seed=3), False),
        (Request(operation="chat", choices=2, seed=3), True),
        (Request(operation="chat", conversation="conv_1"), True),
    ],
)
def test_variety(request_: Request, expected: bool):
    assert varied(request_) is expected


def test_the_window_is_bounded_in_time_and_size(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(duplicates.time, "monotonic", lambda: now[0])
    held = Duplicates()
    assert not held.repeats(b"a")
    now[0] = WINDOW
    assert held.repeats(b"a")
    now[0] = 2 * WINDOW + 1
    assert not held.repeats(b"a")
    for number in range(REMEMBERED):
        held.repeats(b"%d" % number)
    assert not held.repeats(b"a")
    assert held.repeats(b"%d" % (REMEMBERED - 1))
