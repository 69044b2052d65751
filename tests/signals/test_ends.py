"""What a call that broke shows of its choices, its usage and its dollars."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import anthropic
import openai
import pytest

from otel_llm import catalog, opening, runtime
from otel_llm.catalog import UNPRICED_VALUES, USAGE_MISSING_VALUES
from otel_llm.demo.emulator import Emulator, Reply, Usage
from otel_llm.formats.table import recognise
from otel_llm.prices.pricing import PriceTable
from tests.behaviour.rows import CHAT, MESSAGE
from tests.telemetry import Telemetry

MILLION = Usage(input=1_000_000, output=0)


def _call(**body: Any) -> Any:
    active, found = runtime.current(), recognise("/v1/chat/completions")
    assert active is not None
    assert found is not None
    body = {"model": "gpt-4o", **body}
    return opening.open_call(active, found, body, client="openai", provider="openai", host="api.openai.com")


CHOICE = b'data: {"choices":[{"index":%d,"delta":{"content":"a"},"finish_reason":%s}]}\n\n'


@pytest.mark.parametrize("how", ["failed", "closed", "dropped", "cancelled"])
@pytest.mark.parametrize(
    ("choices", "said", "wanted"),
    [
        (None, [], ["error"]),
        (1, [], ["error"]),
        (2, [0], ["stop", "error"]),
        (2, [1], ["error", "stop"]),
        (3, [1], ["error", "stop", "error"]),
        (10**9, [], ["error"] * 128),
    ],
)
def test_a_choice_that_never_ended(
    how: str, choices: int | None, said: list[int], wanted: list[str], telemetry: Telemetry
) -> None:
    call = _call(stream=True, **({} if choices is None else {"n": choices}))
    attempt = call.attempt()
    attempt.response(200, "text/event-stream", "")
    for index in said:
        attempt.feed(CHOICE % (index, b"null"))
        attempt.feed(CHOICE % (index, b'"stop"'))
    error = {"failed": ConnectionError(), "cancelled": KeyboardInterrupt()}.get(how)
    call.returned()
    attempt.finish("failed" if error else how, error)
    span = telemetry.one()
    if span.outcome == "success":  # closed after a choice had ended
        assert how in ("closed", "dropped")
        wanted = ["stop"]
    assert span.finish == wanted[:32]
    counted = wanted.count("error") if said else 0  # without any output there was no choice
    assert telemetry.value(catalog.FINISH, gen_ai_response_finish_reason="error") == counted


def test_a_call_that_was_refused(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.script = lambda _: Reply.error("bad_request")
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", max_retries=0) as client:
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(**CHAT, n=2)
        assert telemetry.one().finish == ["error", "error"]
        telemetry.exporter.clear()
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model="text-embedding-3-small", input="a")
    assert telemetry.one().finish == []  # expects none
    assert telemetry.value(catalog.FINISH) == 0


def test_dollars_of_a_stream_that_failed(emulator: Emulator, telemetry: Telemetry) -> None:
    """No attempt followed: they are part of the cost, and nothing was got for them."""
    with anthropic.Anthropic(base_url=emulator.url, api_key="k", max_retries=0) as client:
        assert telemetry.value(catalog.FAILED_COST) == 0
        client.messages.create(**MESSAGE)
        names = [sample.name for sample in telemetry.samples() if sample.value == 0]
        assert catalog.FAILED_COST.series in names  # at 0 before the first one fails
        spent = telemetry.value(catalog.COST)
        emulator.reply(Reply.error("overloaded", after=2, usage=MILLION))
        with pytest.raises(anthropic.APIError):
            list(client.messages.create(**MESSAGE, stream=True))
    assert telemetry.value(catalog.COST) - spent == pytest.approx(5.0)
    assert telemetry.value(catalog.FAILED_COST) == pytest.approx(5.0)
    assert telemetry.value(catalog.RETRY_COST) == 0


@pytest.mark.parametrize("broken", ["price_at", "listed"])
def test_a_price_table_that_fails_costs_the_price(broken: str, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.script = lambda _: Reply.chat(model="gpt-4o-mini")
    with (
        mock.patch.object(PriceTable, broken, side_effect=ZeroDivisionError),
        openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client,
    ):
        client.chat.completions.create(**CHAT)
    span = telemetry.one()
    assert (span.outcome, span.tokens) == ("success", (11, 7))
    assert telemetry.value(catalog.CALLS) == 1
    assert telemetry.value(catalog.UNPRICED) == (broken == "price_at")
    assert (telemetry.value(catalog.COST) > 0) == (broken == "listed")
    telemetry.forgive()


def test_usage_with_a_side_that_does_not_read_is_missing(emulator: Emulator, telemetry: Telemetry) -> None:
    said = {"usage": {"prompt_tokens": "eleven", "completion_tokens": 7}, "model": "gpt-4o-mini", "choices": []}
    emulator.script = lambda _: Reply.raw(json.dumps(said), content_type="application/json")
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        client.chat.completions.create(**CHAT)
    assert telemetry.one().tokens == (None, 7)
    assert telemetry.counts(catalog.USAGE_MISSING, catalog.REASON) == {"not_stated": 1}


@pytest.mark.parametrize("stream", [False, True])
def test_a_success_that_nothing_was_seen_of(stream: bool, telemetry: Telemetry) -> None:
    """The SDK answered out of a cache, or over a transport that we do not see: that is no unfinished stream."""
    _call(stream=stream).returned()
    assert telemetry.counts(catalog.USAGE_MISSING, catalog.REASON) == {"not_stated": 1}


def test_reasons_have_a_series_each(telemetry: Telemetry) -> None:
    _call().returned()
    for metric, reasons in ((catalog.USAGE_MISSING, USAGE_MISSING_VALUES), (catalog.UNPRICED, UNPRICED_VALUES)):
        found = {s.labels[catalog.REASON] for s in telemetry.samples() if s.name == metric.series}
        assert found == set(reasons)
