"""Rate-limit headroom: what is shown, per what, and for how long."""

from __future__ import annotations

import anthropic
import openai
import pytest

from otel_llm import catalog
from otel_llm.demo.emulator import Limit as Emulated
from otel_llm.demo.emulator import Reply
from otel_llm.headers import Limit
from otel_llm.signals import limits
from otel_llm.signals.labels import CappedLabel
from otel_llm.signals.limits import SHOWN_AT_LEAST, SHOWN_AT_MOST, STALE_AFTER, RateLimits

ASK = [{"role": "user", "content": "hi"}]


class Clock:
    """Both clocks of the module, at will."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limits, "time", made)
    return made


def call(*stated: Limit, provider: str = "openai", model: str = "gpt-4o"):
    return provider, model, list(stated)


def shown(held: RateLimits) -> dict[tuple[str, ...], tuple[float, float]]:
    left = dict(held.rows(remaining=True))
    return {key: (left[key], size) for key, size in held.rows(remaining=False)}


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        (None, STALE_AFTER),
        ("6ms", SHOWN_AT_LEAST),
        ("6m0s", 360),
        ("7200", 7200),
        ("1970-01-12T13:56:40Z", 600),  # ten minutes after the clock's start
        ("40d", SHOWN_AT_MOST),
        ("nonsense", STALE_AFTER),
    ],
)
def test_a_statement_is_shown_until_its_reset(clock: Clock, reset: str | None, seconds: float):
    held = RateLimits()
    held.note(*call(Limit("requests", 500, 3, reset)))
    clock.now += seconds - 1
    assert shown(held) == {("openai", "gpt-4o", "requests"): (3, 500)}
    clock.now += 2
    assert shown(held) == {}


def test_the_latest_statement_of_each_kind_model_and_provider_holds(clock: Clock):
    held = RateLimits()
    held.note(*call(Limit("requests", 500, 9), Limit("tokens", 1000, 10)))
    first = clock.now
    clock.now += 5
    held.note(*call(Limit("requests", 500, 8)))
    held.note(*call(Limit("requests", 100, 7), model="o3"))
    held.note(*call(Limit("requests", 50, 6), provider="groq"))
    assert shown(held) == {
        ("openai", "gpt-4o", "requests"): (8, 500),
        ("openai", "gpt-4o", "tokens"): (10, 1000),
        ("openai", "o3", "requests"): (7, 100),
        ("groq", "gpt-4o", "requests"): (6, 50),
    }
    assert held.stated(("openai", "gpt-4o", "tokens")) == first
    assert held.stated(("openai", "gpt-4o", "requests")) == clock.now
    assert held.stated(("nobody", "gpt-4o", "requests")) == 0


def test_hostile_models_do_not_grow_it(clock: Clock):
    held, label = RateLimits(), CappedLabel("model", 3)
    for number in range(100):
        held.note(*call(Limit("requests", 500, number), model=label(f"m{number}")))
    assert {key[1] for key in shown(held)} == {"m0", "m1", "m2", "other"}


def test_nothing_stated_changes_nothing(clock: Clock):
    held = RateLimits()
    held.note(*call(Limit("requests", 500, 9)))
    held.note(*call())
    assert len(shown(held)) == 1


def test_headroom_from_the_wire_to_the_scrape(emulator, telemetry):
    emulator.reply(
        Reply.chat(limits={"requests": Emulated(500, 4), "tokens": Emulated(30_000, 900)}),
        Reply.chat(limits={"requests": Emulated(50, 5), "input_tokens": Emulated(20_000, 500)}),
        Reply.chat(limits={}),
    )
    with (
        openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as gpt,
        anthropic.Anthropic(base_url=emulator.url, api_key="k") as claude,
    ):
        gpt.chat.completions.create(model="gpt-4o", messages=ASK)
        claude.messages.create(model="claude-sonnet-5", max_tokens=9, messages=ASK)
        gpt.chat.completions.create(model="o3", messages=ASK)
    shares = {}
    for sample in telemetry.samples():
        if sample.name in (catalog.RATELIMIT_LIMIT.series, catalog.RATELIMIT_REMAINING.series):
            key = (sample.labels["gen_ai_request_model"], sample.labels["limit_kind"])
            shares.setdefault(key, []).append(sample.value)
    assert shares == {
        ("gpt-4o", "requests"): [500, 4],
        ("gpt-4o", "tokens"): [30_000, 900],
        ("claude-sonnet-5", "requests"): [50, 5],
        ("claude-sonnet-5", "input_tokens"): [20_000, 500],
    }
