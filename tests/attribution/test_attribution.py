"""Attribution: on spans and metrics, over tasks and threads, in baggage, capped, and honest about misuse."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, context

import otel_llm
from otel_llm import catalog
from otel_llm.attributions import current
from otel_llm.demo.emulator import Emulator, Reply, Usage
from otel_llm.settings import SettingError, Settings, load
from tests.telemetry import Telemetry, observed

ASK = [{"role": "user", "content": "hi"}]
KEYS = "feature,tenant"
DECLARED = Settings(attribution=KEYS, baggage_read="tenant")
FEATURE, TENANT = catalog.attribution("feature"), catalog.attribution("tenant")


@pytest.fixture
def told() -> Iterator[Telemetry]:
    with observed(attribution=KEYS, attribution_cap=3, baggage_write="tenant") as telemetry:
        yield telemetry


def ask(emulator: Emulator, model: str = "gpt-4o") -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", max_retries=0) as client:
        client.chat.completions.create(model=model, messages=ASK)


def values() -> dict[str, str]:
    return dict(current(DECLARED))


def test_on_the_span_and_on_metrics_without_a_cross_product(emulator: Emulator, told: Telemetry):
    emulator.script = lambda asked: Reply(usage=Usage(input=1_000_000, output=0))
    with otel_llm.attribution(feature="search", tenant="acme"):
        ask(emulator)
        with otel_llm.attribution(feature="chat"):
            ask(emulator)
    ask(emulator)
    assert [(s.get(FEATURE), s.get(TENANT)) for s in told.spans()] == [
        ("search", "acme"),
        ("chat", "acme"),
        (None, None),
    ]
    assert told.counts(catalog.ATTRIBUTED_CALLS, catalog.ATTRIBUTION_VALUE) == {"search": 1, "chat": 1, "acme": 2}
    for value, calls in (("search", 1), ("chat", 1), ("acme", 2)):
        assert told.value(catalog.ATTRIBUTED_TOKENS, attribution_value=value) == calls * 1_000_000
        assert told.value(catalog.ATTRIBUTED_COST, attribution_value=value) == pytest.approx(calls * 2.5)
    assert told.value(catalog.ATTRIBUTED_COST, attribution_key="tenant", attribution_value="acme") == pytest.approx(5.0)


def test_series_begin_at_zero_and_say_how_calls_ended(emulator: Emulator, told: Telemetry):
    emulator.reply(Reply.error("provider"))
    with otel_llm.attribution(feature="search"), pytest.raises(openai.InternalServerError):
        ask(emulator)
    assert told.value(catalog.ATTRIBUTED_CALLS, outcome="error") == 1
    outcomes = {s.labels["outcome"] for s in told.samples() if s.name == catalog.ATTRIBUTED_CALLS.series}
    assert outcomes == set(catalog.OUTCOMES)


def test_values_are_capped_per_key_and_the_overflow_is_counted(emulator: Emulator, told: Telemetry):
    for number in range(5):
        with otel_llm.attribution(tenant=f"t{number}\x00", feature="f"):
            ask(emulator)
    found = told.counts(catalog.ATTRIBUTED_CALLS, catalog.ATTRIBUTION_VALUE)
    assert found == {"t0": 1, "t1": 1, "t2": 1, "other": 2, "f": 5}
    assert told.value(catalog.LABEL_OVERFLOW, label=catalog.label_name(TENANT)) == 2
    assert told.spans()[-1][TENANT] == "t4"


class TestContexts:
    def test_nesting_merges_and_none_takes_away(self):
        with otel_llm.attribution(feature="a", tenant=7):
            with otel_llm.attribution(tenant=None):
                assert values() == {"feature": "a"}
            assert values() == {"feature": "a", "tenant": "7"}
        assert values() == {}

    def test_an_exception_leaves_it(self):
        with pytest.raises(KeyError), otel_llm.attribution(feature="a"):
            raise KeyError
        assert values() == {}

    async def test_tasks_have_their_own(self):
        async def one(name: str) -> str:
            with otel_llm.attribution(feature=name):
                await asyncio.sleep(0)
                inner = asyncio.create_task(asyncio.to_thread(values))
                await asyncio.sleep(0)
                assert values() == {"feature": name, "tenant": "t"}
                return (await inner)["feature"]

        with otel_llm.attribution(tenant="t"):
            names = [f"f{number}" for number in range(20)]
            assert await asyncio.gather(*map(one, names)) == names
        assert values() == {}

    def test_threads_have_their_own(self):
        seen: list[dict[str, str]] = []
        with otel_llm.attribution(feature="a"):
            bare = threading.Thread(target=lambda: seen.append(values()))
            carried = threading.Thread(target=contextvars.copy_context().run, args=(lambda: seen.append(values()),))
            for thread in (bare, carried):
                thread.start()
                thread.join()
        assert seen == [{}, {"feature": "a"}]

    def test_one_object_in_many_threads_at_once(self):
        shared, barrier, failed = otel_llm.attribution(feature="a"), threading.Barrier(8), []

        def work() -> None:
            for _ in range(50):
                with shared, shared:
                    failed.extend([] if values() == {"feature": "a"} else [values()])
                failed.extend([values()] if values() else [])
            barrier.wait(10)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []

    @settings(deadline=None)
    @given(st.lists(st.dictionaries(st.sampled_from(["feature", "tenant"]), st.text("ab", min_size=1), min_size=1)))
    def test_any_nesting_ends_where_it_began(self, levels):
        expected: dict[str, str] = {}
        opened = []
        for level in levels:
            opened.append((otel_llm.attribution(**level).__enter__(), dict(expected)))
            expected.update(level)
            assert values() == {key: expected[key] for key in ("feature", "tenant") if key in expected}
        for one, before in reversed(opened):
            one.__exit__(None, None, None)
            assert values() == before
        assert values() == {}


class TestDecorator:
    def test_a_generator_that_is_closed_inside_another_level(self):
        def rows():
            with otel_llm.attribution(feature="rows", tenant="generator"):
                yield values()

        opened = rows()
        assert next(opened) == {"feature": "rows", "tenant": "generator"}
        with otel_llm.attribution(feature="search"), otel_llm.attribution(tenant="acme"):
            opened.close()
            assert values() == {"feature": "search", "tenant": "acme"}
        assert values() == {}

    def test_a_task_keeps_what_held_when_it_started(self):
        def rows():
            with otel_llm.attribution(tenant="generator"):
                yield

        opened = rows()
        next(opened)
        with otel_llm.attribution(feature="search"):
            started = contextvars.copy_context()
            opened.close()
        assert values() == {}
        assert started.run(values) == {"feature": "search", "tenant": "generator"}

    def test_a_function(self):
        @otel_llm.attribution(feature="a")
        def work(x: int, *, y: int) -> tuple[int, dict[str, str]]:
            """Works."""
            return x + y, values()

        assert work(1, y=2) == (3, {"feature": "a"})
        assert (work.__name__, work.__doc__) == ("work", "Works.")
        assert values() == {}

    async def test_a_coroutine_function(self):
        @otel_llm.attribution(feature="a")
        async def work() -> dict[str, str]:
            await asyncio.sleep(0)
            return values()

        pending = work()
        assert values() == {}
        assert await pending == {"feature": "a"}

    def test_a_generator_is_refused(self):
        def plain():
            yield 1

        async def asynchronous():
            yield 1

        for function in (plain, asynchronous):
            with pytest.raises(TypeError, match="generator"):
                otel_llm.attribution(feature="a")(function)


class TestMisuse:
    def test_no_key(self):
        with pytest.raises(TypeError, match="at least one key"):
            otel_llm.attribution()

    def test_an_undeclared_key_is_named_with_the_declared_ones(self, told: Telemetry):
        with pytest.raises(ValueError, match=r"team=.*declares feature, tenant"):
            otel_llm.attribution(team="x")

    def test_a_key_from_before_instrument_that_is_not_declared_is_left_out(self, emulator: Emulator):
        early = otel_llm.attribution(team="x", feature="a")
        with observed(attribution=KEYS) as telemetry, early:
            ask(emulator)
            assert telemetry.counts(catalog.ATTRIBUTED_CALLS, catalog.ATTRIBUTION_KEY) == {"feature": 1}

    def test_without_declared_keys_there_is_one_warning_and_no_effect(self, emulator: Emulator, telemetry: Telemetry):
        otel_llm.attributions._warn.cache_clear()
        for _ in range(2):
            with otel_llm.attribution(feature="a"):
                ask(emulator)
        assert [record.getMessage().count("OTEL_LLM_ATTRIBUTION") for record in telemetry.logged] == [1]
        telemetry.logged.clear()
        assert telemetry.spans()[0].get(FEATURE) is None
        assert telemetry.value(catalog.ATTRIBUTED_CALLS) == 0

    def test_uninstrumented_it_does_nothing(self):
        with otel_llm.attribution(anything="x"):
            pass

    @pytest.mark.parametrize("value", ["a b", "1a", "a,b,c,d,e,f,g,h,i", "é", "a-b"])
    def test_keys_that_are_not_allowed(self, value: str):
        with pytest.raises(SettingError, match="attribution"):
            load({"attribution": value}, {})
        assert load({}, {"OTEL_LLM_ATTRIBUTION": value}).settings.attribution == ""

    def test_keys_from_the_environment(self):
        assert load({}, {"OTEL_LLM_ATTRIBUTION": " feature, tenant,feature"}).settings.attribution == KEYS


class TestBaggage:
    def test_the_allowed_key_is_written_and_taken_down_again(self, told: Telemetry):
        before = context.get_current()
        with otel_llm.attribution(feature="a", tenant="acme"):
            assert dict(baggage.get_all()) == {TENANT: "acme"}
        assert context.get_current() == before

    def test_a_generator_that_is_closed_takes_down_its_own(self, told: Telemetry):
        def rows():
            with otel_llm.attribution(tenant="generator"):
                yield

        opened = rows()
        next(opened)
        with otel_llm.attribution(tenant="acme"):
            opened.close()
            assert baggage.get_baggage(TENANT) == "acme"
        assert baggage.get_baggage(TENANT) is None
        next(left := rows())
        with otel_llm.attribution(feature="search"):
            assert baggage.get_baggage(TENANT) == "generator"
            left.close()
            assert baggage.get_baggage(TENANT) is None

    def test_nothing_is_written_by_default(self):
        with observed(attribution=KEYS), otel_llm.attribution(tenant="acme"):
            assert dict(baggage.get_all()) == {}

    def test_only_the_allowed_key_is_read_and_the_app_comes_first(self):
        token = context.attach(baggage.set_baggage(FEATURE, "theirs", baggage.set_baggage(TENANT, "acme\x07")))
        try:
            assert values() == {"tenant": "acme"}
            assert dict(current(Settings(attribution=KEYS))) == {}
            with otel_llm.attribution(tenant="ours"):
                assert values() == {"tenant": "ours"}
        finally:
            context.detach(token)

    def test_a_value_from_baggage_is_counted(self, emulator: Emulator):
        with observed(attribution=KEYS, baggage_read="tenant") as telemetry:
            token = context.attach(baggage.set_baggage(TENANT, "acme"))
            ask(emulator)
            context.detach(token)
            assert telemetry.one()[TENANT] == "acme"
            assert telemetry.counts(catalog.ATTRIBUTED_CALLS, catalog.ATTRIBUTION_VALUE) == {"acme": 1}

    def test_left_in_another_context_it_complains_to_nobody(self, told: Telemetry):
        def generator():
            with otel_llm.attribution(tenant="acme"):
                yield values()

        held = generator()
        assert contextvars.copy_context().run(next, held) == {"tenant": "acme"}
        held.close()
        assert values() == {}
