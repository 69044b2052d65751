"""The user's own prices: what they do, and what an error in them says."""

from __future__ import annotations

import builtins
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from otel_llm.formats.facts import Usage
from otel_llm.prices import Overrides, Priced, PriceTable, RowsError, Unpriced

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
MILLION = Usage(input=1_000_000, output=1_000_000)
EXAMPLE = Path(__file__).with_name("overrides.yaml")


def price(overrides: dict[str, Any] | Overrides, provider: str, model: str, usage: Usage = MILLION, **more: Any) -> Any:
    made = overrides if isinstance(overrides, Overrides) else Overrides.from_mapping(overrides)
    return PriceTable(overrides=made).price(provider, model, usage, **{"at": AT, **more})


def total(*args: Any, **more: Any) -> float:
    result = price(*args, **more)
    assert isinstance(result, Priced)
    assert result.source == "override"
    return result.total


def test_own_prices_win() -> None:
    row = {"provider": "openai", "model": "gpt-4o", "input": 1, "output": 2}
    assert total({"prices": [row]}, "openai", "gpt-4o") == 3.0
    assert total({"prices": [row]}, "openai", "GPT-4o") == 3.0
    other = price({"prices": [row]}, "openai", "gpt-4o-mini")
    assert (other.source, other.total) == ("table", 0.75)


def test_every_kind_of_token_has_its_own_price() -> None:
    row = {
        "input": 1, "input_cache_read": 0.1, "input_cache_write": 2, "input_cache_write_1h": 4, "output": 10,
        "output_reasoning": 20, "request": 0.5,
    }  # fmt: skip
    usage = Usage(
        input=1_000_000, cache_read=500_000, cache_write=400_000, cache_write_1h=100_000,
        output=1_000_000, reasoning=250_000,
    )  # fmt: skip
    result = price({"prices": [row]}, "anything", "at-all", usage)
    assert list(result.dollars.values()) == pytest.approx([0.1 + 0.5, 0.05, 0.6 + 0.4, 7.5, 5.0])
    assert result.savings == pytest.approx(0.45)
    audio = {"input": 1, "input_audio": 40, "output": 2, "output_audio": 80}
    usage = Usage(input=1_000_000, input_audio=250_000, output=1_000_000, output_audio=500_000)
    assert total({"prices": [audio]}, "p", "m", usage) == pytest.approx(0.75 + 10 + 1 + 40)


def test_first_row_that_fits_counts() -> None:
    rows = [
        {"provider": "p", "model": "a*z", "since": "2026-12-01", "input": 9, "output": 9},
        {"provider": "p", "model": "a*z", "input": 1, "output": 1},
        {"provider": "*", "model": "*", "input": 5, "output": 5},
    ]
    assert total({"prices": rows}, "p", "a.b-z") == 2.0
    assert total({"prices": rows}, "p", "a.b-zy") == 10.0
    assert total({"prices": rows}, "p", "az", at=datetime(2026, 12, 1, tzinfo=UTC)) == 18.0
    assert total({"prices": [{"provider": "p", "model": "a[b]?", "input": 1, "output": 1}]}, "p", "a[b]?") == 2.0


def test_free_models_cost_nothing_and_are_priced() -> None:
    free = {"prices": [{"provider": "ollama", "free": True}]}
    assert total(free, "ollama", "llama3.3") == 0.0
    assert total(free, "ollama", "llama3.3", service_tier="flex") == 0.0


def test_tiers_as_multiples() -> None:
    tiers = {"tiers": [{"provider": "azure.ai.openai", "tier": "flex", "factor": 0.5}]}
    assert total(tiers, "azure.ai.openai", "gpt-4o", service_tier="flex") == 6.25
    assert price(tiers, "azure.ai.openai", "gpt-4o").source == "table"
    assert price(tiers, "azure.ai.openai", "gpt-4o", service_tier="scale") == Unpriced("unknown_service_tier")
    both = {**tiers, "prices": [{"model": "gpt-4o", "input": 1, "output": 1}]}
    assert total(both, "azure.ai.openai", "gpt-4o", service_tier="flex") == 1.0
    own = {**tiers, "prices": [{"model": "gpt-4o", "tier": "FLEX", "input": 7, "output": 7}]}
    assert total(own, "azure.ai.openai", "gpt-4o", service_tier="flex") == 14.0
    assert price(own, "azure.ai.openai", "gpt-4o").source == "table"


def test_discounts_apply_to_table_and_own_prices() -> None:
    discount = {"discounts": [{"provider": "openai", "model": "gpt-4o*", "factor": 0.8}, {"factor": 0.5}]}
    assert total(discount, "openai", "gpt-4o") == 10.0
    assert total(discount, "anthropic", "claude-opus-5") == 15.0
    assert total({**discount, "prices": [{"input": 1, "output": 1}]}, "anthropic", "x") == 1.0
    assert price(discount, "openai", "unknown") == Unpriced("unknown_model")
    stated = price(discount, "openai", "gpt-4o", Usage(input=1, output=1, cost=3.0))
    assert (stated.source, stated.total) == ("provider", 3.0)


def test_aliases() -> None:
    aliases = {
        "aliases": [
            {"provider": "azure.ai.openai", "model": "prod-chat", "priced_as": "gpt-4o"},
            {"provider": "openai", "model": "team-*", "priced_as": "claude-opus-5", "priced_by": "anthropic"},
        ],
        "discounts": [{"provider": "azure.ai.openai", "model": "gpt-4o", "factor": 0.5}],
    }
    assert total(aliases, "azure.ai.openai", "prod-chat") == 6.25
    assert total(aliases, "openai", "team-claude") == 30.0
    assert price(aliases, "openai", "prod-chat") == Unpriced("unknown_model")


def test_example_file() -> None:
    overrides = Overrides.from_file(EXAMPLE)
    assert total(overrides, "azure.ai.openai", "prod-chat") == pytest.approx(9.0)
    assert total(overrides, "ollama", "llama3.3") == 0.0
    assert total(overrides, "azure.ai.openai", "eu-mini") == pytest.approx(0.75)
    assert total(overrides, "anthropic", "claude-opus-5") == pytest.approx(30 * 0.85)
    assert total(overrides, "groq", "llama-3.3-70b-versatile", service_tier="flex") == pytest.approx(1.38)


ROWS_YAML = """\
# own prices
prices:
  - provider: openai
    model: gpt-4o
    input: 1
    output: 2

  - provider: openai
    model: gpt-4.1
    inptu: 1
    output: 2
"""
ROWS_JSON = """\
{
  "discounts": [{"factor": 1}, {"factor": 1}],
  "prices": [
    {"provider": "openai", "model": "gpt-4o", "input": 1, "output": 2},
    {"provider": "openai",
     "model": "gpt-4.1", "inptu": 1, "output": 2}
  ]
}
"""


@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        ("p.yaml", ROWS_YAML, 8, "inptu"),
        ("p.yml", ROWS_YAML.replace("inptu: 1", "input: -1"), 8, "input"),
        ("p.yaml", ROWS_YAML.replace("inptu: 1", "input: one"), 8, "input"),
        ("p.yaml", ROWS_YAML.replace("inptu: 1", "input: .nan"), 8, "input"),
        ("p.yaml", ROWS_YAML.replace("inptu: 1", "since: soon"), 8, "since"),
        ("p.yaml", ROWS_YAML.replace("    inptu: 1\n    output: 2\n", ""), 8, "states no price"),
        ("p.yaml", ROWS_YAML.replace("inptu: 1", "free: true"), 8, "free"),
        ("p.yaml", ROWS_YAML.replace("inptu: 1", "input_cache_read: 1"), 8, "needs `input`"),
        ("p.yaml", ROWS_YAML.replace("prices:", "prices: 7\nx:"), 2, "no list"),
        ("p.yaml", "- a\n", 1, "no mapping"),
        ("p.yaml", "prices:\n  - a: [\n", 3, "no YAML"),
        ("p.json", ROWS_JSON, 5, "inptu"),
        ("p.json", ROWS_JSON.replace('"inptu": 1', '"input_cache_write_1h": 1, "input": 1'), 5, "input_cache_write"),
        ("p.json", '{\n "prices": [\n}', 3, "no JSON"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, name: str, text: str, line: int, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(RowsError) as error:
        Overrides.from_file(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.yaml", "price: []\n", "unknown section `price`: use prices, tiers, discounts, aliases"),
        ("p.json", '{"prices": {}}', "list"),
        ("p.json", "[]", "object"),
        ("p.toml", "", "name it .yaml, .yml or .json"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(RowsError) as error:
        Overrides.from_file(path)
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RowsError, match=r"none\.yaml: cannot be read"):
        Overrides.from_file(tmp_path / "none.yaml")


def test_a_bad_row_of_a_mapping_is_named() -> None:
    with pytest.raises(RowsError, match=r"prices: discounts\[1\]: .*factor"):
        Overrides.from_mapping({"discounts": [{"factor": 1}, {"factor": -1}]})
    with pytest.raises(RowsError, match="`prices` is no list"):
        Overrides.from_mapping({"prices": {"gpt-4o": 1}})


def test_yaml_without_pyyaml_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_yaml(name: str, *args: Any, **more: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    with pytest.raises(RowsError, match=r"pip install 'otel-llm\[cli\]'"):
        Overrides.from_file(EXAMPLE)


def test_an_empty_file_has_no_overrides(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("# nothing yet\n")
    assert price(Overrides.from_file(path), "openai", "gpt-4o").source == "table"
