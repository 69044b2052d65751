"""Prices of the demo's models, and the same as an override file for the library: dollars must come out equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from otel_llm.demo.emulator import Price

PRICES: Final[Mapping[str, Price]] = {
    "gpt-5.1": Price(input=1.25, cache_read=0.125, cache_write=1.25, output=10.0, reasoning=10.0),
    "gpt-5-mini": Price(input=0.25, cache_read=0.025, cache_write=0.25, output=2.0, reasoning=2.0),
    "gpt-3.5-turbo-instruct": Price(input=1.5, cache_read=1.5, cache_write=1.5, output=2.0, reasoning=2.0),
    "text-embedding-3-small": Price(input=0.02, cache_read=0.02, cache_write=0.02, output=0.0, reasoning=0.0),
    "claude-sonnet-5": Price(input=2.0, cache_read=0.2, cache_write=2.5, output=10.0, reasoning=10.0),
    "claude-opus-5": Price(input=5.0, cache_read=0.5, cache_write=6.25, output=25.0, reasoning=25.0),
    "house-embed": Price(input=0.01, cache_read=0.01, cache_write=0.01, output=None),
}
"""Given here and not looked up, so that the demo's dollars do not change when a provider's do."""

UNPRICED: Final = "house-7b"
"""A model of our own that no table knows."""

INPUT_ONLY: Final = "house-embed"
"""One whose output nobody has put a price on."""


def write_overrides(path: Path) -> None:
    """Writes :data:`PRICES` as a price override file of otel-llm."""
    rows: list[dict[str, str | float | None]] = []
    for model, price in PRICES.items():
        known = {"output": price.output, "output_reasoning": price.reasoning} if price.output is not None else {}
        into = {"input": price.input, "input_cache_read": price.cache_read, "input_cache_write": price.cache_write}
        rows.append({"model": model, **into, **known})
    path.write_text(json.dumps({"prices": rows}), encoding="utf-8")
