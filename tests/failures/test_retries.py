"""Retries, seen from outside: attempts on the span, reasons and seconds on the metrics, and time-outs by phase."""

from __future__ import annotations

import anthropic
import httpx2
import openai
import pytest

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply
from tests.telemetry import Telemetry

ASK = [{"role": "user", "content": "hi"}]


def gpt(emulator: Emulator, **options) -> openai.OpenAI:
    return openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", **options)


def ask(client: openai.OpenAI, **fields):
    return client.chat.completions.create(model="gpt-4o", messages=ASK, **fields)


@pytest.mark.parametrize("stream", [False, True])
def test_each_attempt_is_an_event_and_each_retry_has_its_reason(emulator: Emulator, telemetry: Telemetry, stream):
    emulator.reply(Reply.error("rate_limit", retry_after=0.05), Reply.error("overloaded"), Reply.chat())
    with gpt(emulator) as client:
        answer = ask(client, stream=stream)
        if stream:
            list(answer)
    span = telemetry.one()
    assert span.outcome == "success"
    assert span[catalog.SPAN_RETRIES] == 2
    assert span.statuses == [429, 503, 200]
    assert [attempt[catalog.ATTEMPT_NUMBER] for attempt in span.attempts] == [1, 2, 3]
    ids = [attempt[catalog.ATTEMPT_REQUEST_ID] for attempt in span.attempts]
    assert ids == [f"req_{number:032x}" for number in range(3)]
    waits = [attempt.get(catalog.ATTEMPT_BACKOFF) for attempt in span.attempts]
    assert waits[0] is None
    assert waits[1] >= 0.05
    assert telemetry.value(catalog.RETRY_WAIT) == pytest.approx(waits[1] + waits[2])
    assert telemetry.counts(catalog.RETRIES, catalog.ERROR_CLASS) == {"rate_limit": 1, "overloaded": 1}
    assert telemetry.value(catalog.CALLS) == 1


def test_retries_that_are_used_up_are_one_failed_call(emulator: Emulator, telemetry: Telemetry):
    emulator.script = lambda asked: Reply.error("provider")
    with gpt(emulator) as client, pytest.raises(openai.InternalServerError):
        ask(client)
    span = telemetry.one()
    assert (span.outcome, span.error_class, span.statuses) == ("error", "provider", [500] * 3)
    assert telemetry.counts(catalog.RETRIES, catalog.ERROR_CLASS) == {"provider": 2}
    assert telemetry.value(catalog.CALLS, outcome="error", error_class="provider") == 1


def test_a_quota_that_is_used_up_is_no_rate_limit(emulator: Emulator, telemetry: Telemetry):
    emulator.script = lambda asked: Reply.error("quota")
    with gpt(emulator, max_retries=1) as client, pytest.raises(openai.RateLimitError):
        ask(client)
    assert telemetry.one().error_class == "quota"
    assert telemetry.counts(catalog.RETRIES, catalog.ERROR_CLASS) == {"quota": 1}


def test_anthropic_is_overloaded(emulator: Emulator, telemetry: Telemetry):
    emulator.reply(Reply.error("overloaded"), Reply.chat())
    with anthropic.Anthropic(base_url=emulator.url, api_key="k") as client:
        client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=ASK)
    span = telemetry.one()
    assert span.statuses == [529, 200]
    assert [attempt[catalog.ATTEMPT_REQUEST_ID] for attempt in span.attempts] == [f"req_{n:024d}" for n in range(2)]
    assert telemetry.counts(catalog.RETRIES, catalog.ERROR_CLASS) == {"overloaded": 1}


def test_a_call_that_was_not_retried_has_waited_for_nothing(emulator: Emulator, telemetry: Telemetry):
    with gpt(emulator) as client:
        ask(client)
    assert telemetry.one().get(catalog.SPAN_RETRIES) is None
    assert telemetry.value(catalog.RETRY_WAIT) == 0
    assert telemetry.value(catalog.RETRIES) == 0


def test_usage_of_an_attempt_that_failed_is_money(telemetry: Telemetry):
    """No provider that we emulate states usage with an error; gateways do."""
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0}
    answers = [
        httpx2.Response(500, json={"error": {"message": "x"}, "usage": usage}, headers={"retry-after-ms": "1"}),
        httpx2.Response(200, json={"model": "gpt-4o-2024-08-06", "choices": [], "usage": usage}),
    ]
    transport = httpx2.MockTransport(lambda _: answers.pop(0))
    with openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport)) as client:
        ask(client)
    assert telemetry.one().statuses == [500, 200]
    assert telemetry.value(catalog.RETRY_COST) == pytest.approx(2.5)
    assert telemetry.value(catalog.COST) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("raised", "phase"),
    [
        (httpx2.ConnectTimeout, "connect"),
        (httpx2.ReadTimeout, "read"),
        (httpx2.WriteTimeout, "write"),
        (httpx2.PoolTimeout, "pool"),
    ],
)
def test_a_time_out_says_what_it_waited_for(telemetry: Telemetry, raised, phase):
    def handle(request):
        raise raised("late", request=request)

    transport = httpx2.MockTransport(handle)
    with (
        openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        ask(client)
    span = telemetry.one()
    assert (span.error_class, span[catalog.ERROR_TYPE]) == ("timeout", "openai.APITimeoutError")
    assert span[catalog.SPAN_TIMEOUT_PHASE] == phase
    assert span.attempts[0][catalog.ERROR_TYPE] == f"httpx2.{raised.__name__}"
    assert span.attempts[0][catalog.SPAN_TIMEOUT_PHASE] == phase


def test_a_provider_that_says_nothing_in_time(emulator: Emulator, telemetry: Telemetry):
    emulator.reply(Reply.broken("stall"))
    with gpt(emulator, max_retries=0, timeout=0.2) as client, pytest.raises(openai.APITimeoutError):
        ask(client)
    assert telemetry.one()[catalog.SPAN_TIMEOUT_PHASE] == "read"


def test_a_refused_connection_is_the_network(telemetry: Telemetry):
    with (
        openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=1) as client,
        pytest.raises(openai.APIConnectionError),
    ):
        ask(client)
    span = telemetry.one()
    assert (span.error_class, span.statuses) == ("network", [None, None])
    assert telemetry.counts(catalog.RETRIES, catalog.ERROR_CLASS) == {"network": 1}
