"""What holds for every model and every usage: sums add up, nothing is negative, nothing raises."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.catalog import TOKEN_TYPES, UNPRICED_VALUES
from otel_llm.formats.facts import Usage
from otel_llm.prices import Overrides, Priced, PriceTable, Unpriced
from otel_llm.prices.table import packaged

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
PRICES = PriceTable()
NAMES = [(name, model.id) for name, provider in packaged().providers.items() for model in provider.models]

models = st.sampled_from(NAMES)
tokens = st.one_of(st.integers(0, 5_000), st.integers(0, 2_000_000))
moments = st.datetimes(datetime(2023, 1, 1), datetime(2030, 1, 1), timezones=st.sampled_from([None, UTC]))


@st.composite
def consistent_usage(draw: st.DrawFn) -> Usage:
    total, output = draw(tokens), draw(tokens)
    read = draw(st.integers(0, total))
    write = draw(st.integers(0, total - read))
    return Usage(
        input=total, output=output, cache_read=draw(st.sampled_from([None, read])) if not write else read,
        cache_write=write, cache_write_1h=draw(st.integers(0, write)), reasoning=draw(st.integers(0, output)),
        input_audio=draw(st.one_of(st.none(), st.integers(0, total))),
        output_audio=draw(st.one_of(st.none(), st.integers(0, output))),
    )  # fmt: skip


anything = st.builds(
    Usage,
    **{name: st.one_of(st.none(), st.integers()) for name in Usage.__struct_fields__ if name != "cost"},
    cost=st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
)
names = st.one_of(models, st.tuples(st.text(max_size=600), st.text(max_size=600)))


@settings(deadline=None)
@given(names, anything, moments, st.one_of(st.none(), st.text(max_size=10)))
def test_never_raises_and_never_negative(name: tuple[str, str], usage: Usage, at: datetime, tier: str | None) -> None:
    result = PRICES.price(*name, usage, at=at, service_tier=tier)
    if isinstance(result, Unpriced):
        assert result.reason in UNPRICED_VALUES
        return
    assert tuple(result.dollars) == TOKEN_TYPES
    assert min(result.dollars.values()) >= 0.0
    assert result.savings >= 0.0
    assert math.fsum(result.dollars.values()) == result.total


@settings(deadline=None)
@given(models, consistent_usage(), moments)
def test_adds_up(name: tuple[str, str], usage: Usage, at: datetime) -> None:
    result = PRICES.price(*name, usage, at=at)
    if isinstance(result, Priced):
        assert math.fsum(result.dollars.values()) == result.total
        assert sum(result.dollars.values()) == pytest.approx(result.total, rel=1e-12)


@pytest.mark.parametrize("count", ["input", "output"])
@settings(deadline=None)
@given(name=models, usage=consistent_usage(), more=st.integers(1, 1_000_000))
def test_more_tokens_never_cost_less(count: str, name: tuple[str, str], usage: Usage, more: int) -> None:
    before = PRICES.price(*name, usage, at=AT)
    setattr(usage, count, (getattr(usage, count) or 0) + more)
    after = PRICES.price(*name, usage, at=AT)
    if isinstance(before, Priced) and isinstance(after, Priced):
        assert after.total >= before.total * (1 - 1e-12)


@settings(deadline=None)
@given(models, consistent_usage())
def test_cache_reads_save_what_they_cost_less(name: tuple[str, str], usage: Usage) -> None:
    cached = PRICES.price(*name, usage, at=AT)
    usage.cache_write = usage.cache_write_1h = 0
    usage.input_audio = None
    with_reads = PRICES.price(*name, usage, at=AT)
    usage.cache_read = 0
    without = PRICES.price(*name, usage, at=AT)
    assert isinstance(cached, Unpriced) or cached.savings >= 0.0
    if isinstance(with_reads, Priced) and isinstance(without, Priced) and without.total >= with_reads.total:
        assert with_reads.savings == pytest.approx(without.total - with_reads.total, rel=1e-6, abs=1e-12)


@settings(deadline=None)
@given(models, consistent_usage(), st.floats(0, 1e6))
def test_a_stated_cost_is_split_to_the_last_bit(name: tuple[str, str], usage: Usage, cost: float) -> None:
    usage.cost = cost
    result = PRICES.price(*name, usage, at=AT)
    assert isinstance(result, Priced)
    assert (result.source, result.total) == ("provider", cost)
    total = 0.0
    for dollars in reversed(result.dollars.values()):
        assert dollars >= 0.0
        total += dollars
    assert total == cost == sum(result.dollars.values())


@settings(deadline=None)
@given(consistent_usage(), st.floats(0.0, 10.0))
def test_a_factor_scales_every_part(usage: Usage, factor: float) -> None:
    scaled = PriceTable(overrides=Overrides.from_mapping({"discounts": [{"factor": factor}]}))
    plain = PRICES.price("anthropic", "claude-opus-5", usage, at=AT)
    result = scaled.price("anthropic", "claude-opus-5", usage, at=AT)
    assert isinstance(plain, Priced)
    assert isinstance(result, Priced)
    assert result.source == "override"
    assert result.dollars == pytest.approx({kind: dollars * factor for kind, dollars in plain.dollars.items()})
    assert result.savings == pytest.approx(plain.savings * factor)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input=10, cache_read=11, output=1),
        Usage(input=10, cache_read=6, cache_write=5, output=1),
        Usage(input=10, cache_write=5, cache_write_1h=6, output=1),
        Usage(input=-1, output=1),
        Usage(input=1, output=-1),
        Usage(input=1, output=1, reasoning=2),
        Usage(input=10, output=1, cache_read=-5),
        Usage(cache_read=5, output=1),
        Usage(input=10**400, output=1),
        Usage(),
    ],
)
def test_usage_that_cannot_be_has_no_price(usage: Usage) -> None:
    assert PRICES.price("anthropic", "claude-opus-5", usage, at=AT) == Unpriced("unknown_token_type")


def test_tokens_without_a_price_are_not_free() -> None:
    output = PRICES.price("openai", "text-embedding-3-small", Usage(input=5, output=5), at=AT)
    assert output == Unpriced("unknown_token_type")
    assert PRICES.price("openai", "whisper-1", Usage(input=5), at=AT) == Unpriced("unknown_token_type")
    image = PRICES.price("gcp.gemini", "gemini-2.5-flash-image", Usage(input=5, output=1290), at=AT)
    assert image == Unpriced("unknown_token_type")
    cached_audio = PRICES.price("gcp.gemini", "gemini-2.5-flash", Usage(input=9, input_audio=5, cache_read=5), at=AT)
    assert cached_audio == Unpriced("unknown_token_type")


def test_a_stated_cost_without_a_known_price_is_split_by_tokens() -> None:
    usage = Usage(input=60, cache_read=20, output=40, reasoning=30, cost=1.0)
    result = PRICES.price("openrouter", "nobody/knows", usage, at=AT)
    assert isinstance(result, Priced)
    assert list(result.dollars.values()) == pytest.approx([0.4, 0.2, 0.0, 0.1, 0.3])
    nothing = PRICES.price("openrouter", "nobody/knows", Usage(cost=0.25), at=AT)
    assert isinstance(nothing, Priced)
    assert nothing.dollars["input"] == nothing.total == 0.25


def test_a_stated_cost_takes_its_split_and_savings_from_the_table() -> None:
    usage = Usage(input=1_000_000, cache_read=500_000, output=100_000)
    table = PRICES.price("openai", "gpt-4o", usage, at=AT)
    usage.cost = 2.0
    result = PRICES.price("openai", "gpt-4o", usage, at=AT)
    assert isinstance(table, Priced)
    assert isinstance(result, Priced)
    for kind, dollars in table.dollars.items():
        assert result.dollars[kind] == pytest.approx(dollars / table.total * 2.0)
    assert result.savings == pytest.approx(table.savings / table.total * 2.0)


def test_a_fee_per_request_stands_under_input() -> None:
    result = PRICES.price("perplexity", "sonar-pro", Usage(input=0, output=0), at=AT)
    assert isinstance(result, Priced)
    assert result.dollars["input"] == result.total > 0.0
