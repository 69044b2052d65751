"""Makes ``prices.json`` from the data in genai-prices (development only): ``python -m otel_llm.prices.build``.

Prints what changes against the present file, and how to take newer data: the package is pinned to the version that the
table was built from, so that a test can say that the file is what this module makes.

Kept: every provider and model, dated prices, daily hours, context steps, cache, audio and reasoning prices, fees per
request, service tiers (batch, flex, priority, fast). Left out, because no usage states what they count: searches,
images, video, seconds, characters, pages, citations, and rates that depend on a route or a search type. Models whose
images or video cost something else than text are marked ``unsplit``.

A model with no prices at all is free only if its name says so (``:free``); otherwise its price is not known.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import genai_prices
import genai_prices.types as source
import msgspec
from genai_prices.data import providers as source_providers

from otel_llm.prices.table import Clause, Dated, Model, Provider, Rate, Rates, Table

FILE = Path(__file__).with_name("prices.json")

FIELDS = {
    "input_mtok": "input",
    "input_audio_mtok": "input_audio",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_audio_mtok": "output_audio",
    "output_reasoning_mtok": "reasoning",
}
UNSPLIT = frozenset({"input_image_mtok", "output_image_mtok", "input_video_mtok", "output_video_mtok"})
LEFT_OUT = frozenset(
    {
        "audio_hours", "input_audio_hours", "output_audio_hours", "input_mchars", "input_text_messages_kcount",
        "input_document_kpages", "input_annotated_document_kpages", "web_searches_kcount", "storage_searches_kcount",
        "cache_audio_read_mtok", "cache_image_read_mtok", "output_citation_mtok",
    }
)  # fmt: skip
TIER_KEYS = frozenset({"service_tier", "processing", "speed"})
"""Keys of genai-prices' request context whose values responses state; we call all of them the service tier."""
STANDARD = frozenset({"default", "standard"})


def table(day: date) -> Table:
    """The whole table from the installed genai-prices, dated ``day``."""
    providers = {provider.id: _provider(provider) for provider in source_providers}
    return Table(source=version(), date=day, providers=providers)


def version() -> str:
    return f"genai-prices {genai_prices.__version__}"


def _provider(provider: source.Provider) -> Provider:
    return Provider(
        models=tuple(_model(model) for model in provider.models),
        fallback=tuple(provider.fallback_model_providers or ()),
    )


def _model(model: source.ModelInfo) -> Model:
    names, clauses = _match(model.match)
    prices = model.prices if isinstance(model.prices, list) else [source.ConditionalPrice(prices=model.prices)]
    free = model.id.endswith(":free")
    dated = [_dated(row.prices, row.constraint, free=free) for row in prices]
    for variant in model.price_variants or ():
        if len(variant.when) == 1 and TIER_KEYS.issuperset(variant.when):
            (tier,) = variant.when.values()
            if tier not in STANDARD:
                dated.append(_dated(variant.prices, variant.constraint, tier=tier))
            elif _stored(variant.prices):
                raise SystemExit(
                    f"{model.id}: the standard tier has prices of its own, which this build cannot express"
                )
    return Model(id=model.id, prices=tuple(dated), names=names, match=clauses)


def _dated(prices: source.ModelPrice, constraint: object, *, tier: str = "", free: bool = False) -> Dated:
    rates = _rates(prices)
    if free and not _stored(prices):
        rates = Rates(input=0.0, output=0.0)
    if isinstance(constraint, source.StartDateConstraint):
        return Dated(rates=rates, since=constraint.start_date, tier=tier)
    if isinstance(constraint, source.TimeOfDateConstraint) and not tier:
        return Dated(rates=rates, hours=(_utc(constraint.start_time), _utc(constraint.end_time)), tier=tier)
    if constraint is not None:
        raise SystemExit(f"unknown kind of constraint in genai-prices: {constraint!r}; teach it to build.py")
    return Dated(rates=rates, tier=tier)


def _utc(value: time) -> time:
    if value.utcoffset():
        raise SystemExit(f"time of day not in UTC in genai-prices: {value}; teach it to build.py")
    return value.replace(tzinfo=None)


def _stored(prices: source.ModelPrice) -> dict[str, Any]:
    return {key: value for key, value in vars(prices).items() if value is not None and not key.startswith("_")}


def _rates(prices: source.ModelPrice) -> Rates:
    stored = _stored(prices)
    unknown = stored.keys() - FIELDS.keys() - UNSPLIT - LEFT_OUT - {"requests_kcount"}
    if unknown:
        raise SystemExit(f"unknown price keys in genai-prices: {', '.join(sorted(unknown))}; teach them to build.py")
    rates = {name: _rate(stored[key]) for key, name in FIELDS.items() if key in stored}
    request = float(stored["requests_kcount"]) / 1000 if "requests_kcount" in stored else None
    return Rates(**rates, request=request, unsplit=not UNSPLIT.isdisjoint(stored))


def _rate(value: Decimal | source.TieredPrices) -> Rate:
    if isinstance(value, Decimal):
        return float(value)
    return ((0, float(value.base)), *((tier.start, float(tier.price)) for tier in value.tiers))


def _match(clause: source.MatchLogic) -> tuple[tuple[str, ...], tuple[Clause, ...]]:
    """Exact names, and the other rules, of which one has to fit."""
    parts = clause.or_ if isinstance(clause, source.ClauseOr) else [clause]
    names = [part.equals.lower() for part in parts if isinstance(part, source.ClauseEquals)]
    rules = tuple(_clause(part) for part in parts if not isinstance(part, source.ClauseEquals))
    return tuple(dict.fromkeys(names)), rules


def _clause(clause: source.MatchLogic) -> Clause:
    match clause:
        case source.ClauseEquals():
            return Clause(equals=clause.equals.lower())
        case source.ClauseStartsWith():
            return Clause(starts=clause.starts_with.lower())
        case source.ClauseEndsWith():
            return Clause(ends=clause.ends_with.lower())
        case source.ClauseContains():
            return Clause(contains=clause.contains.lower())
        case source.ClauseRegex():
            return Clause(regex=clause.regex)
        case source.ClauseOr():
            return Clause(any=tuple(_clause(part) for part in clause.or_))
        case source.ClauseAnd():
            return Clause(all=tuple(_clause(part) for part in clause.and_))


def data_date(today: date) -> date:
    """The newest day up to today that the data mention, as a price's start or a day of checking: genai-prices states
    no date of its own, and this one is never later than the truth."""
    texts: list[str] = []
    for provider in source_providers:
        texts.append(provider.price_comments or "")
        for model in provider.models:
            texts += [model.price_comments or "", repr(model.prices if isinstance(model.prices, list) else "")]
    days = re.findall(r"\b(20\d\d-[01]\d-[0-3]\d)\b", " ".join(texts))
    return max(day for day in map(date.fromisoformat, days) if day <= today)


def encode(made: Table) -> bytes:
    """The file's bytes: a model per line, so that a diff of the file reads well."""
    head = msgspec.json.encode({"source": made.source, "date": made.date})[:-1]
    blocks: list[bytes] = []
    for name, provider in made.providers.items():
        models = b",\n".join(msgspec.json.encode(model) for model in provider.models)
        fallback = b'"fallback":' + msgspec.json.encode(provider.fallback) + b"," if provider.fallback else b""
        blocks.append(msgspec.json.encode(name) + b":{" + fallback + b'"models":[\n' + models + b"]}")
    return head + b',"providers":{\n' + b",\n".join(blocks) + b"}}\n"


def difference(old: Table | None, new: Table) -> Iterator[str]:
    """Lines that say what changes: ``+`` new, ``-`` gone, ``~`` other prices or names."""
    before = _models(old) if old is not None else {}
    after = _models(new)
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was != now:
            sign = "+" if was is None else "-" if now is None else "~"
            yield f"{sign} {key}"
            if was is not None and now is not None:
                yield f"    was {msgspec.json.encode(was).decode()}"
                yield f"    now {msgspec.json.encode(now).decode()}"


def _models(made: Table) -> dict[str, Model]:
    return {f"{name} {model.id}": model for name, provider in made.providers.items() for model in provider.models}


def main(arguments: list[str] | None = None) -> int:
    """Writes the file and prints the differences; with ``--check`` writes nothing and ends with 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m otel_llm.prices.build", description=main.__doc__)
    parser.add_argument("--output", type=Path, default=FILE, help="file to write (default: the one in the package)")
    parser.add_argument("--date", type=date.fromisoformat, help="date of the table (default: what the data say)")
    parser.add_argument("--check", action="store_true", help="only compare")
    options = parser.parse_args(arguments)
    present = options.output.read_bytes() if options.output.exists() else None
    old = msgspec.json.decode(present, type=Table) if present is not None else None
    kept = old.date if old is not None and old.source == version() else None
    new = table(options.date or kept or data_date(datetime.now(UTC).date()))
    lines = list(difference(old, new))
    models = sum(len(provider.models) for provider in new.providers.values())
    lines.append(f"{new.source} of {new.date}: {len(new.providers)} providers, {models} models")
    pin = new.source.replace(" ", "==")
    lines.append(f"To take newer prices, raise {pin} in pyproject.toml, run make prices again, and commit both.")
    sys.stdout.write("\n".join(lines) + "\n")
    if options.check:
        return int(encode(new) != present)
    options.output.write_bytes(encode(new))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
