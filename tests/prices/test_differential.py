"""Our figure against genai-prices' own on every provider and model, at several times and for a grid of usages."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import genai_prices.types as reference
import msgspec
import pytest
from genai_prices.data import providers

from otel_llm.formats.facts import Usage
from otel_llm.prices import Priced, PriceTable, Unpriced
from otel_llm.prices.build import FILE, TIER_KEYS, UNSPLIT, data_date, encode, main, table
from otel_llm.prices.table import RATE_NAMES, Model, packaged

TIMES = [
    datetime(2024, 6, 1, 12, tzinfo=UTC),
    datetime(2025, 8, 7, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 10, 15, 0, 30, tzinfo=UTC),
    datetime(2026, 11, 22, 3, 0, tzinfo=UTC),
    datetime(2026, 11, 22, 16, 30, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 0, tzinfo=UTC),
]
FIELDS = {
    "input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens", "cache_write_1h": "cache_write_1h_tokens",
    "reasoning": "output_reasoning_tokens", "input_audio": "input_audio_tokens", "output_audio": "output_audio_tokens",
}  # fmt: skip
USAGES = [
    Usage(input=1000, output=0),
    Usage(input=1000, output=500),
    Usage(input=1000, output=500, cache_read=400, cache_write=0, reasoning=200),
    Usage(input=150_001, output=7, cache_read=100_000, cache_write=50_000, cache_write_1h=20_000),
    Usage(input=200_000, output=9, cache_write=200_000, reasoning=9),
    Usage(input=272_001, output=64_000, cache_read=272_001),
    Usage(input=1_000_000, output=1, cache_read=1, cache_write=1, cache_write_1h=1),
    Usage(input=3000, output=900, input_audio=700, output_audio=300),
    Usage(input=3000, output=900, input_audio=700, cache_read=100),
]
MODELS = [(provider, model) for provider in providers for model in provider.models]


@pytest.fixture(scope="module")
def prices() -> PriceTable:
    return PriceTable()


def referenced(usage: Usage) -> reference.Usage:
    counts = {theirs: getattr(usage, ours) for ours, theirs in FIELDS.items()}
    return reference.Usage(**{name: count for name, count in counts.items() if count is not None})


def expected(model: reference.ModelInfo, model_price: reference.ModelPrice, usage: Usage) -> Decimal | None:
    """genai-prices' total; None where it raises, and where its total leaves tokens out for want of a price."""
    stored = {key for key, value in vars(model_price).items() if value is not None}
    if not stored and model.id.endswith(":free"):
        return Decimal(0)
    if (
        stored & UNSPLIT
        or (usage.input and "input_mtok" not in stored)
        or (usage.output and "output_mtok" not in stored)
    ):
        return None
    try:
        return model_price.calc_price(referenced(usage))["total_price"]
    except ValueError:
        return None


def same(found: Priced | Unpriced, total: Decimal | None) -> bool:
    if total is None:
        return found == Unpriced("unknown_token_type")
    return (
        isinstance(found, Priced)
        and math.isclose(found.total, float(total), rel_tol=1e-9, abs_tol=1e-9)
        and math.isclose(sum(found.dollars.values()), float(total), rel_tol=1e-9, abs_tol=1e-9)
    )


def a_name_of(provider: reference.Provider, model: reference.ModelInfo) -> str | None:
    """A name that genai-prices takes for this very model (some are hidden behind an earlier one)."""
    clauses = model.match.or_ if isinstance(model.match, reference.ClauseOr) else [model.match]
    names = [model.id, *(clause.equals for clause in clauses if isinstance(clause, reference.ClauseEquals))]
    names += [clause.starts_with for clause in clauses if isinstance(clause, reference.ClauseStartsWith)]
    names += [clause.contains for clause in clauses if isinstance(clause, reference.ClauseContains)]
    return next((name for name in names if provider.find_model(name, all_providers=providers) is model), None)


def test_every_model_and_usage_costs_what_genai_prices_says(prices: PriceTable) -> None:
    compared = priced = 0
    wrong: list[str] = []
    for provider, model in MODELS:
        name = a_name_of(provider, model)
        if name is None:
            continue
        totals: dict[tuple[int, int], Decimal | None] = {}
        for at, (number, usage) in itertools.product(TIMES, enumerate(USAGES)):
            model_price = model.get_prices(at)
            key = id(model_price), number
            if key not in totals:
                totals[key] = expected(model, model_price, usage)
            found = prices.price(provider.id, name, usage, at=at)
            compared += 1
            priced += isinstance(found, Priced)
            if not same(found, totals[key]):
                wrong.append(f"{provider.id} {name} {at} {usage}: {found} instead of {totals[key]}")
    assert wrong == []
    assert compared > 0.95 * len(MODELS) * len(TIMES) * len(USAGES)
    assert priced > 0.9 * compared


def test_every_service_tier_costs_what_genai_prices_says(prices: PriceTable) -> None:
    compared = 0
    wrong: list[str] = []
    at = datetime(2027, 1, 1, tzinfo=UTC)
    for provider, model in MODELS:
        for when in {tuple(variant.when.items()) for variant in model.price_variants or ()}:
            ((key, value),) = when
            name = a_name_of(provider, model)
            if key not in TIER_KEYS or name is None:
                continue
            for usage in USAGES:
                total = expected(model, model.get_prices(at, dict(when)), usage)
                found = prices.price(provider.id, name, usage, at=at, service_tier=value)
                compared += 1
                if not same(found, total):
                    wrong.append(f"{provider.id} {name} {when} {usage}: {found} instead of {total}")
    assert wrong == []
    assert compared > 1000


def edges(model: Model) -> dict[int, set[str]]:
    """Input tokens above which another price holds, with the service tiers in which they do."""
    found: dict[int, set[str]] = {}
    for row in model.prices:
        for rate in (getattr(row.rates, name) for name in RATE_NAMES):
            for above, _ in rate[1:] if isinstance(rate, tuple) else ():
                found.setdefault(above, set()).add(row.tier)
    return found


EDGES = {
    (provider, model.id): found
    for provider, sold in packaged().providers.items()
    for model in sold.models
    if (found := edges(model))
}


def around(edge: int) -> Iterator[Usage]:
    """Usages just below, at and just above an edge: all input plain, and cached for the most part."""
    for size in (edge - 1, edge, edge + 1):
        yield Usage(input=size, output=1000, reasoning=400)
        yield Usage(input=size, output=3, cache_read=size // 2, cache_write=size // 4, cache_write_1h=size // 8)


def test_every_edge_of_the_table_is_where_genai_prices_has_it(prices: PriceTable) -> None:
    """Both sides of each step of each model, in the standard tier and in those that have steps of their own."""
    met: set[tuple[str, str, int, str]] = set()
    wrong: list[str] = []
    for provider, model in MODELS:
        name = a_name_of(provider, model)
        for edge, tiers in EDGES.get((provider.id, model.id), {}).items() if name else ():
            for tier, at, usage in itertools.product({"", *tiers}, TIMES, around(edge)):
                model_price = model.get_prices(at, stated(model, tier))
                total = expected(model, model_price, usage)
                found = prices.price(provider.id, name, usage, at=at, service_tier=tier)
                if isinstance(found, Unpriced) and found.reason == "unknown_service_tier":
                    continue  # the tier's prices began later, which test_matching has
                met.add((provider.id, model.id, edge, tier))
                if not same(found, total):
                    wrong.append(f"{provider.id} {name} {tier} {at} {usage}: {found} instead of {total}")
    assert wrong == []
    assert met == {
        (*model, edge, tier) for model, found in EDGES.items() for edge, tiers in found.items() for tier in {"", *tiers}
    }


def stated(model: reference.ModelInfo, tier: str) -> dict[str, str]:
    """What genai-prices is told of a call in a service tier, in the words of the model's own variants."""
    whens = [dict(variant.when) for variant in model.price_variants or ()]
    return next((when for when in whens if tier in when.values() and len(when) == 1 and tier), {})


def test_names_match_as_in_genai_prices(prices: PriceTable) -> None:
    """Every exact name of the data, in whatever letters, means the same price here and there."""
    usage, at = Usage(input=1000, output=1000), TIMES[3]
    wrong: list[str] = []
    compared = 0
    for provider, model in MODELS:
        clauses = model.match.or_ if isinstance(model.match, reference.ClauseOr) else [model.match]
        for name in (clause.equals for clause in clauses if isinstance(clause, reference.ClauseEquals)):
            there = provider.find_model(name, all_providers=providers)
            assert there is not None
            compared += 1
            if not same(
                prices.price(provider.id, name.upper(), usage, at=at), expected(there, there.get_prices(at), usage)
            ):
                wrong.append(f"{provider.id} {name}")
    assert wrong == []
    assert compared > 3000


def test_packaged_table_is_what_the_build_makes() -> None:
    made = table(packaged().date)
    assert made.source == packaged().source, "install the pinned genai-prices (make prices says how to raise the pin)"
    assert encode(made) == FILE.read_bytes()
    assert made == packaged()


def test_the_pin_is_what_the_table_was_built_from(capsys: pytest.CaptureFixture[str]) -> None:
    """Another version has other prices, and the tests above would compare the table with those."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    (pin,) = [row for row in project["project"]["optional-dependencies"]["dev"] if row.startswith("genai-prices")]
    assert pin.split("==") == packaged().source.split()
    main(["--check"])
    assert f"To take newer prices, raise {pin} in pyproject.toml" in capsys.readouterr().out


def test_build_prints_what_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prices.json"
    present = msgspec.json.decode(FILE.read_bytes())
    models = present["providers"]["openai"]["models"]
    gone = models.pop(0)
    models[0]["prices"][0]["rates"]["input"] = 123.0
    path.write_bytes(msgspec.json.encode(present))
    assert main(["--output", str(path), "--check"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert f"+ openai {gone['id']}" in out
    assert f"~ openai {models[0]['id']}" in out
    assert len([line for line in out if line[0] in "+-~"]) == 2
    assert main(["--output", str(path)]) == 0
    assert main(["--output", str(path), "--check"]) == 0


def test_date_of_the_table_is_not_after_its_build() -> None:
    assert data_date(packaged().date) == packaged().date
    assert PriceTable().time == datetime.combine(packaged().date, datetime.min.time(), UTC).timestamp()
