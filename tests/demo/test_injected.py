"""The emulator's book of what it handed out."""

from __future__ import annotations

import contextlib

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm import catalog
from otel_llm.demo.emulator import FEATURE_HEADER, FEATURE_KEY, Emulator, Limit, Price, Reply, Usage

ASK = [{"role": "user", "content": "hi"}]
GPT = ("chat", "openai", "gpt-4o")


def chat(client: openai.OpenAI, **fields):
    return client.chat.completions.create(**{"model": "gpt-4o", "messages": ASK, **fields})


def test_a_retry_takes_back_the_failure_before_it(emulator, openai_client):
    emulator.reply(Reply.error("rate_limit"), Reply.error(503), Reply.chat(), Reply.error("auth"))
    chat(openai_client)
    with pytest.raises(openai.AuthenticationError):
        chat(openai_client)
    calls = {labels: count for labels, count in emulator.injected.sums[catalog.CALLS].items() if count}
    assert calls == {(*GPT, "success", ""): 1, (*GPT, "error", "auth"): 1}
    assert emulator.injected.sums[catalog.RETRIES] == {(*GPT, "rate_limit"): 1, (*GPT, "overloaded"): 1}
    assert emulator.injected.attempts == 4


def test_what_a_failed_attempt_cost_is_its_calls_or_the_retrys(emulator, openai_client):
    billed = Reply.error("provider", bills=True, retry_after=0.01, usage=Usage(input=400_000, output=100_000))
    emulator.reply(billed, Reply(usage=None), billed)
    chat(openai_client)
    waited = emulator.injected.sums[catalog.RETRY_WAIT][GPT]
    assert emulator.injected.asked_waits == {GPT: 0.01}
    assert waited >= 0.01
    assert emulator.injected.total(catalog.RETRY_COST) == 2.0
    assert emulator.injected.total(catalog.COST) == emulator.injected.total(catalog.CALL_TOKENS) == 0
    with pytest.raises(openai.InternalServerError):
        chat(openai_client.with_options(max_retries=0))
    assert emulator.injected.total(catalog.RETRY_COST) == 2.0
    assert emulator.injected.total(catalog.COST) == 2.0
    assert emulator.injected.total(catalog.CALL_TOKENS) == 500_000


def test_exhausted_retries_are_one_failed_call(emulator, openai_client):
    emulator.script = lambda asked: Reply.error("overloaded")
    with pytest.raises(openai.InternalServerError):
        chat(openai_client)
    assert emulator.injected.total(catalog.CALLS, outcome="error", error_class="overloaded") == 1
    assert emulator.injected.total(catalog.RETRIES) == 2


def test_equal_calls_at_once_do_not_take_back_each_others_last_failure(emulator, openai_client):
    emulator.reply(Reply.error("auth"), Reply.error("rate_limit"))
    with contextlib.suppress(openai.AuthenticationError):
        chat(openai_client)
    chat(openai_client)
    assert emulator.injected.total(catalog.CALLS, error_class="auth") == 1
    assert emulator.injected.total(catalog.RETRIES, error_class="rate_limit") == 1


def test_tokens_and_dollars_by_disjoint_type(emulator, openai_client):
    emulator.reply(Reply(usage=Usage(input=1_000_000, cache_read=2_000_000, output=100_000, reasoning=50_000)))
    chat(openai_client)
    assert emulator.injected.sums[catalog.CALL_TOKENS] == {
        (*GPT, "input"): 1_000_000,
        (*GPT, "input_cache_read"): 2_000_000,
        (*GPT, "output"): 100_000,
        (*GPT, "output_reasoning"): 50_000,
    }
    assert emulator.injected.sums[catalog.COST] == {
        (*GPT, "input"): 2.5,
        (*GPT, "input_cache_read"): 2.5,
        (*GPT, "output"): 1.0,
        (*GPT, "output_reasoning"): 0.5,
    }


def test_usage_that_the_client_never_gets_is_not_counted(emulator, openai_client, anthropic_client):
    list(chat(openai_client, stream=True))
    assert emulator.injected.sums[catalog.USAGE_MISSING] == {(*GPT, "not_stated"): 1}
    emulator.reply(Reply.broken("cut", after=2, usage=Usage(input=9, output=5)))
    with pytest.raises(Exception, match="incomplete"):
        list(anthropic_client.messages.create(model="claude-x", max_tokens=9, messages=ASK, stream=True))
    assert emulator.injected.total(catalog.CALL_TOKENS, gen_ai_provider_name="anthropic") == 9
    assert emulator.injected.total(catalog.CALLS, error_class="network") == 1


def test_models_without_a_price_are_counted_apart(emulator, openai_client):
    chat(openai_client, model="mystery")
    assert emulator.injected.sums[catalog.UNPRICED] == {("chat", "openai", "mystery", "unknown_model"): 1}
    assert catalog.COST not in emulator.injected.sums


@pytest.mark.parametrize(
    ("reply", "metric", "reason"),
    [
        (Reply(tier="scale"), catalog.UNPRICED, "unknown_service_tier"),
        (Reply(usage=Usage(input=-5, cache_read=16, output=7)), catalog.USAGE_MISSING, "inconsistent"),
        (Reply(usage=None), catalog.USAGE_MISSING, "not_stated"),
        (Reply.raw("<html>", content_type="text/html"), catalog.USAGE_MISSING, "undecodable"),
    ],
)
def test_answers_without_a_cost_say_why(emulator, openai_client, reply, metric, reason):
    emulator.reply(reply)
    chat(openai_client)
    assert emulator.injected.sums[metric] == {(*GPT, reason): 1}
    assert catalog.COST not in emulator.injected.sums


def test_attribution_is_what_the_header_says(emulator, openai_client):
    emulator.reply(Reply.error("provider"), Reply(usage=Usage(input=1_000_000)))
    chat(openai_client, extra_headers={FEATURE_HEADER: "search"})
    labels = ("openai", "gpt-4o", FEATURE_KEY, "search")
    assert {key: n for key, n in emulator.injected.sums[catalog.ATTRIBUTED_CALLS].items() if n} == {
        (*labels, "success"): 1
    }
    assert emulator.injected.sums[catalog.ATTRIBUTED_TOKENS] == {labels: 1_000_000}
    assert emulator.injected.sums[catalog.ATTRIBUTED_COST] == {labels: 2.5}


def test_limits_are_those_of_the_headers(emulator, openai_client):
    emulator.reply(Reply(limits={"requests": Limit(9, 1), "input_tokens": Limit(5, 5)}), Reply(limits={}))
    chat(openai_client)
    chat(openai_client)
    stated = emulator.injected.limits
    assert list(stated) == [("openai", "gpt-4o", "requests")]  # OpenAI has no header for the other kind
    assert (stated["openai", "gpt-4o", "requests"].limits, stated["openai", "gpt-4o", "requests"].remaining) == (
        {9},
        {1},
    )


def test_finish_reasons_by_choice(emulator, openai_client, anthropic_client):
    emulator.reply(Reply(finish="length"), Reply(refusal=True))
    chat(openai_client, n=3)
    with contextlib.suppress(anthropic.APIError):
        anthropic_client.messages.create(model="claude-x", max_tokens=9, messages=ASK)
    assert emulator.injected.sums[catalog.FINISH] == {
        (*GPT, "length"): 3,
        ("chat", "anthropic", "claude-x", "content_filter"): 1,
    }


def test_a_planned_outcome_wins(emulator, openai_client):
    emulator.reply(Reply.broken("stall", after=1, outcome="abandoned"))
    with chat(openai_client, stream=True) as stream:
        next(iter(stream))
    assert emulator.injected.sums[catalog.CALLS] == {(*GPT, "abandoned", ""): 1}
    assert emulator.injected.total(catalog.USAGE_MISSING, reason="stream_unfinished") == 1


counts = st.integers(0, 10**9)


@given(st.builds(Usage, input=counts, cache_read=counts, cache_write=counts, output=counts, reasoning=counts))
def test_types_add_up(usage):
    assert sum(usage.disjoint().values()) == (
        usage.input + usage.cache_read + usage.cache_write + usage.output + usage.reasoning
    )
    price = Price(input=1, cache_read=1, cache_write=1, output=1, reasoning=1)
    assert sum(price.dollars(usage).values()) * 1e6 == pytest.approx(sum(usage.disjoint().values()))


def test_clear_keeps_the_prices():
    with Emulator(prices={"m": Price(input=1)}) as emulator:
        emulator.clear()
        assert emulator.injected.prices == {"m": Price(input=1)}
