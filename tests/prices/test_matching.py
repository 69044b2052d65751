"""Names as telemetry has them, and the models whose prices they get."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from otel_llm.formats.facts import Usage
from otel_llm.prices import Priced, PriceTable, Unpriced
from otel_llm.prices.lookup import CACHE_SIZE, Lookup
from otel_llm.prices.matching import Matcher, candidates, dashed, undated
from otel_llm.prices.overrides import Overrides
from otel_llm.prices.table import Clause, Model, Provider, Table, packaged

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT_NS = int(AT.timestamp()) * 10**9
MATCHER = Matcher(packaged())
USAGE = Usage(input=1000, output=1000)
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"


def model(provider: str, name: str) -> str | None:
    found = MATCHER.find(provider, name)
    return None if found is None else found[0].id


@pytest.mark.parametrize(
    ("provider", "name", "expected"),
    [
        ("openai", "gpt-4o", "gpt-4o"),
        ("openai", "GPT-4o", "gpt-4o"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("openai", "gpt-4o-2027-01-31", "gpt-4o"),
        ("openai", "gpt-4o-20270131", "gpt-4o"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::x", "ft:gpt-4o-mini"),
        ("anthropic", "claude-opus-4-1-20250805", "claude-opus-4-1"),
        ("azure.ai.openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("azure.ai.inference", "phi-4", "phi-4"),
        ("aws.bedrock", "us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("aws.bedrock", "apac.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("aws.bedrock", "global.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("aws.bedrock", f"eu.{SONNET}", f"regional.{SONNET}"),
        ("aws.bedrock", f"global.{SONNET}", f"global.{SONNET}"),
        ("aws.bedrock", "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"),
        ("aws.bedrock", f"arn:aws:bedrock:us-east-1:1:inference-profile/us.{LLAMA}", LLAMA),
        ("gcp.gemini", "models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gcp.gen_ai", "gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("gcp.vertex_ai", "projects/p/locations/l/publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gcp.vertex_ai", "publishers/anthropic/models/claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("gcp.vertex_ai", "claude-sonnet-4-5@default", "claude-sonnet-4-5"),
        ("mistral_ai", "mistral-small-latest", "mistral-small-latest"),
        ("x_ai", "grok-4", "grok-4-0709"),
        ("moonshot_ai", "kimi-k2-thinking", "kimi-k2-thinking"),
        ("cohere", "command-r-08-2024", "command-r"),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("openrouter", "anthropic/claude-opus-5.5", "anthropic/claude-opus-5.5"),
        ("openrouter", "qwen/qwq-32b:free", "qwen/qwq-32b:free"),
        ("hugging_face", "meta-llama/Llama-3.3-70B-Instruct:groq", "meta-llama/Llama-3.3-70B-Instruct"),
        ("litellm", "azure/gpt-4o", "gpt-4o"),
        ("litellm", "vertex_ai/gemini-2.5-pro", "gemini-2.5-pro"),
        ("voyage", "voyage-3-large", "voyage-3-large"),
    ],
)  # fmt: skip
def test_model_of_a_name(provider: str, name: str, expected: str) -> None:
    assert model(provider, name) == expected


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("openai", ""),
        ("openai", "my-deployment"),
        ("openai", "meta-llama/Llama-3.3-70B-Instruct"),
        ("openai", "ft:gpt-4.1-2025-04-14:acme::x"),
        ("azure.ai.openai", "prod-chat"),
        ("ollama", "llama3.3"),
        ("ollama", "gpt-4o"),
        ("vllm", "gpt-4o"),
        ("my-openai-compatible-server", "gpt-4o"),
        ("hugging_face", "meta-llama/Llama-3.3-70B-Instruct"),
        ("litellm", "gpt-4o"),
        ("aws.bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/amazon.nova-pro"),
        ("aws.bedrock", "arn:aws:bedrock:us-east-1:1:custom-model/amazon.nova-lite-v1:0/abc"),
        ("aws.bedrock", "arn:aws:bedrock:us-east-1:1:provisioned-model/amazon.nova-lite-v1:0"),
        ("gcp.vertex_ai", "projects/p/locations/l/endpoints/123"),
    ],
)
def test_nothing_is_guessed(provider: str, name: str) -> None:
    assert model(provider, name) is None
    assert PriceTable().price(provider, name, USAGE, at=AT) == Unpriced("unknown_model")


def test_only_real_dates_are_taken_off() -> None:
    assert undated("x-2024-08-06") == undated("x@20240806") == "x"
    assert undated("x-2024-13-06") == "x-2024-13-06"
    assert undated("x-0613") == "x-0613"
    assert dashed("x-20251211:free") == "x-2025-12-11:free"
    assert list(candidates("us.vendor.model-20250805")) == [
        "us.vendor.model-20250805", "vendor.model-20250805", "us.vendor.model", "vendor.model",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("clause", "fits", "fits_not"),
    [
        (Clause(equals="ab"), "ab", "abc"),
        (Clause(starts="ab"), "abc", "cab"),
        (Clause(ends="ab"), "cab", "abc"),
        (Clause(contains="ab"), "xaby", "axb"),
        (Clause(regex="^a+$"), "aaa", "aab"),
        (Clause(any=(Clause(equals="a"), Clause(equals="b"))), "b", "c"),
        (Clause(all=(Clause(starts="a"), Clause(ends="b"))), "axb", "axc"),
        (Clause(equals=""), "", "a"),
    ],
)
def test_clauses(clause: Clause, fits: str, fits_not: str) -> None:
    assert clause.matches(fits)
    assert not clause.matches(fits_not)


def test_first_model_in_the_table_wins() -> None:
    ruled = Model(id="ruled", prices=(), match=(Clause(starts="a"),))
    named = Model(id="named", prices=(), names=("ab",))

    def first(*models: Model) -> str:
        table = Table(source="", date=AT.date(), providers={"p": Provider(models=models)})
        found = Matcher(table).find("p", "ab")
        assert found is not None
        return found[0].id

    assert first(ruled, named) == "ruled"
    assert first(named, ruled) == "named"


@pytest.mark.parametrize("tier", [None, "", "auto", "default", "standard", "on_demand", "ON_DEMAND"])
def test_standard_tiers_cost_the_standard_price(tier: str | None) -> None:
    prices = PriceTable()
    assert prices.price("openai", "gpt-5", USAGE, at=AT, service_tier=tier) == prices.price(
        "openai", "gpt-5", USAGE, at=AT
    )


def test_tiers_cost_what_the_table_says_and_nothing_else() -> None:
    prices = PriceTable()
    standard = prices.price("openai", "gpt-5", USAGE, at=AT)
    flex = prices.price("openai", "gpt-5", USAGE, at=AT, service_tier="flex")
    priority = prices.price("openai", "gpt-5", USAGE, at=AT, service_tier="priority")
    assert isinstance(standard, Priced)
    assert isinstance(flex, Priced)
    assert isinstance(priority, Priced)
    assert flex.total < standard.total < priority.total
    batch = prices.price("anthropic", "claude-opus-5", USAGE, at=AT, service_tier="batch")
    assert isinstance(batch, Priced)
    for provider, tier in (("openai", "scale"), ("anthropic", "priority"), ("azure.ai.openai", "flex")):
        name = "claude-opus-5" if provider == "anthropic" else "gpt-5"
        result = prices.price(provider, name, USAGE, at=AT, service_tier=tier)
        assert result == Unpriced("unknown_service_tier")
    before = datetime(2026, 10, 1, tzinfo=UTC)
    assert prices.price("openai", "gpt-5", USAGE, at=before, service_tier="flex") == Unpriced("unknown_service_tier")


def test_prices_change_on_their_day_in_utc() -> None:
    """o3 went from 10 to 2 dollars on 2025-06-10."""
    prices = PriceTable()
    usage = Usage(input=1_000_000, output=0)

    def dollars(at: datetime) -> float:
        result = prices.price("openai", "o3", usage, at=at)
        assert isinstance(result, Priced)
        return result.total

    assert dollars(datetime(2025, 6, 9, 23, 59, 59, tzinfo=UTC)) == 10.0
    assert dollars(datetime(2025, 6, 10, tzinfo=UTC)) == dollars(datetime(2025, 6, 10)) == 2.0
    ahead = timezone(timedelta(hours=10))
    assert dollars(datetime(2025, 6, 10, 9, 59, tzinfo=ahead)) == 10.0
    assert dollars(datetime(2025, 6, 10, 10, 0, tzinfo=ahead)) == 2.0


def test_memory_of_names_is_bounded() -> None:
    lookup = Lookup(packaged(), Overrides())
    for number in range(CACHE_SIZE + 10):
        lookup.find("nobody", f"m{number}", None, AT_NS)
    assert len(lookup._cache) <= CACHE_SIZE
    size = len(lookup._cache)
    assert lookup.find("openai", "x" * 10_000, None, AT_NS) == Unpriced("unknown_model")
    assert lookup.find("openai", "gpt-4o", "t" * 10_000, AT_NS) == Unpriced("unknown_model")
    assert len(lookup._cache) == size


def test_memory_of_listed_models_is_bounded() -> None:
    lookup = Lookup(packaged(), Overrides())
    for number in range(CACHE_SIZE + 10):
        lookup.listed("nobody", f"m{number}")
    assert len(lookup._listed) <= CACHE_SIZE
    assert lookup.listed("openai", "x" * 10_000) is None
    found = lookup.listed("openai", "gpt-4o")
    assert found is not None
    assert lookup.listed("openai", "gpt-4o-2024-08-06") is found


ANSWER = msgspec.json.encode({"id": "x", "choices": [{"text": "word " * 400}], "usage": {"input": 9, "output": 400}})


@pytest.mark.parametrize("name", ["gpt-5", "gpt-4o-2024-08-06", "ft:gpt-4o-mini-2024-07-18:acme::9abc", "nobody-knows"])
def test_a_warm_lookup_costs_less_than_decoding_the_answer(name: str) -> None:
    """3 us are promised, misses included. Seconds are a machine's own, so the yardstick is what the call has to do
    anyway and what took 2.4 us where the lookup took 0.5: decoding its answer of 2 KB. A whole price, a lookup and
    a dozen products, took twice the yardstick."""
    prices = PriceTable()
    lookup = prices._used()
    assert ratio(lambda: lookup.find("openai", name, None, AT_NS)) < 1.0
    assert ratio(lambda: prices.price("openai", name, USAGE, at=AT)) < 8.0


def ratio(work: Callable[[], object]) -> float:
    """Time of the work over that of the yardstick: the median of many pairs of short blocks, one right after the other,
    so that other load of the machine falls on both."""

    def seconds(job: Callable[[], object]) -> float:
        return timeit.timeit(job, number=200)

    return statistics.median(seconds(work) / seconds(lambda: msgspec.json.decode(ANSWER)) for _ in range(41))
