"""What a gateway says that a call cost wins over the price table, through the real SDKs, and the span says so."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest

from otel_llm import catalog, headers
from otel_llm.demo.emulator import Emulator, Reply
from tests.behaviour.row import ASK, CHAT, MESSAGE, USAGE
from tests.telemetry import Telemetry

DOLLARS = 0.0123
COUNTS = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
HEAD = {"id": "c", "created": 1, "model": "vendor/some-model"}


def body(cost: float | None) -> Reply:
    """One answer, with the cost in its usage as OpenRouter has it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    usage = COUNTS if cost is None else {**COUNTS, "cost": cost}
    return Reply.raw(json.dumps({**HEAD, "object": "chat.completion", "choices": [choice], "usage": usage}))


def stream(cost: float | None) -> Reply:
    """A stream, with the cost in the usage of its last chunk, as OpenRouter and LiteLLM have it."""
    usage = COUNTS if cost is None else {**COUNTS, "cost": cost}
    chunk = {**HEAD, "object": "chat.completion.chunk"}
    delta = {"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    events = [{**chunk, "choices": [delta]}, {**chunk, "choices": [], "usage": usage}]
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return Reply.raw(data, content_type="text/event-stream")


def litellm(reply: Reply, cost: float = DOLLARS) -> Reply:
    return reply.but(headers={headers.COST: str(cost), "x-litellm-version": "1.80.0"})


CASES = {
    "openrouter": (body(DOLLARS), False),
    "openrouter-stream": (stream(DOLLARS), True),
    "litellm": (litellm(body(None)), False),
    "litellm-stream": (stream(DOLLARS), True),
    "litellm-stream-by-header": (litellm(stream(None)), True),
    "both-stated": (litellm(body(DOLLARS), cost=9.0), False),
}


@pytest.mark.parametrize(("reply", "streamed"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("model", ["gpt-4o", "vendor/some-model"], ids=["in-the-table", "in-no-table"])
def test_stated_cost(reply: Reply, streamed: bool, model: str, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(reply)
    asked: Any = {**CHAT, "model": model} | (USAGE if streamed else {})
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        answer = client.chat.completions.create(**asked)
        if streamed:
            list(answer)
    span = telemetry.one()
    assert (span.outcome, span.tokens, span[catalog.PROVIDER]) == ("success", (11, 7), "openai")
    assert (span[catalog.SPAN_COST], span[catalog.SPAN_COST_SOURCE]) == (DOLLARS, "provider")
    assert telemetry.value(catalog.COST) == pytest.approx(DOLLARS)
    assert telemetry.value(catalog.UNPRICED) == 0


def test_in_another_format(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(litellm(Reply.chat()))
    with anthropic.Anthropic(base_url=emulator.url, api_key="k") as client:
        client.messages.create(**MESSAGE)
    span = telemetry.one()
    assert (span[catalog.SPAN_COST], span[catalog.SPAN_COST_SOURCE]) == (DOLLARS, "provider")
    assert telemetry.value(catalog.COST) == pytest.approx(DOLLARS)


@pytest.mark.parametrize("stated", ["", "None", "-1", "nan", "much"])
def test_a_header_that_states_nothing(stated: str, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.chat(headers={headers.COST: stated}))
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        client.chat.completions.create(model="gpt-4o", messages=ASK)
    assert telemetry.one()[catalog.SPAN_COST_SOURCE] == "table"
