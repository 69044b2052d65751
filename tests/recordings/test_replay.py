"""Every recorded exchange of OpenAI, Azure OpenAI and Anthropic through the real SDKs, as spans and as metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from otel_llm import catalog
from otel_llm.formats.finish import normalise
from tests.formats.recordings import Stated, exchanges, wanted
from tests.recordings.agreement import facts, stated
from tests.recordings.drive import METHODS, OUT_OF_SCOPE, PROVIDERS, SDKS, UNRECORDED_MODEL, Driver
from tests.recordings.replaying import replay_module
from tests.telemetry import SpanFacts, Telemetry, observed

DIFFERING: dict[str, tuple[set[str], str]] = {}
"""Rows that do not agree or cannot be driven: the fields, and why."""

PROVIDER = {"azure.openai": "azure.ai.openai"}

# anthropic 2.12 warns of models that reach their end of life; the recordings are of such models.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:The model '.*' is deprecated:DeprecationWarning"),
    pytest.mark.sdk(SDKS[PROVIDERS[0]] if PROVIDERS else "none"),
    pytest.mark.skipif(not PROVIDERS, reason="neither openai nor anthropic is what this run is about"),
]


class Row(msgspec.Struct):
    """One exchange that was driven."""

    id: str
    provider: str
    want: Stated
    got: dict[str, Any]
    differences: dict[str, tuple[Any, Any]]


class Run(msgspec.Struct):
    rows: list[Row]
    out_of_scope: list[str]
    values: dict[str, dict[tuple[str, str, str], dict[str, float]]]
    """Counters after the run: by metric's name, by operation, provider and model, by the last label."""


@pytest.fixture(scope="module")
def run(shared: Path) -> Iterator[Run]:
    files = shared / "recordings" / "exchanges.jsonl.gz"
    rows: list[Row] = []
    left_out: list[str] = []
    with replay_module(shared).Server(files) as server, observed(model_cap=1000) as telemetry:
        driver = Driver(server.url)
        for exchange, expected in exchanges(shared):
            if exchange["provider"] not in PROVIDERS:
                continue
            if exchange["api"] in OUT_OF_SCOPE:
                left_out.append(exchange["id"])
                continue
            raised = driver.drive(exchange, expected)
            rows.append(row(exchange, expected, raised, telemetry))
            assert server.hits[-1][:2] == (exchange["id"], "id")
        driver.close()
        metrics = (catalog.CALLS, catalog.CALL_TOKENS, catalog.FINISH)
        yield Run(rows, left_out, {metric.name: counters(telemetry, metric) for metric in metrics})


def row(exchange: dict[str, Any], expected: dict[str, Any], raised: BaseException | None, telemetry: Telemetry) -> Row:
    """Takes the exchange's one span and compares it with what the provider's bytes state."""
    want = wanted(expected)
    spans = [SpanFacts(span) for span in telemetry.exporter.get_finished_spans()]
    telemetry.exporter.clear()
    provider = PROVIDER.get(exchange["provider"], exchange["provider"])
    if len(spans) != 1:
        return Row(exchange["id"], provider, want, {}, {"spans": (len(spans), 1)})
    got = stated(spans[0])
    should = facts(want, expected, provider, raised, unrecorded_model=UNRECORDED_MODEL)
    differ = {key: (got[key], should[key]) for key in should if got[key] != should[key]}
    return Row(exchange["id"], provider, want, got, differ)


def counters(telemetry: Telemetry, metric: catalog.Metric) -> dict[tuple[str, str, str], dict[str, float]]:
    """Values above 0 by operation, provider and model, then by the label that follows these."""
    names = [catalog.label_name(label) for label in metric.labels]
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for sample in telemetry.samples():
        if sample.name == metric.series and sample.value:
            values = [sample.labels[name] for name in names]
            by_label = found.setdefault((values[0], values[1], values[2]), {})
            by_label[values[3]] = by_label.get(values[3], 0) + sample.value
    return found


def disjoint(want: Stated) -> dict[str, int]:
    """Token counts that add up, zeros left out."""
    read, write, reasoning = want.cache_read or 0, want.cache_write or 0, want.reasoning or 0
    found = {"input_cache_read": read, "input_cache_write": write, "output_reasoning": reasoning}
    found["input"] = (want.input or 0) - read - write
    found["output"] = (want.output or 0) - reasoning
    return {kind: count for kind, count in found.items() if count}


def test_every_exchange_agrees_or_is_listed(run: Run) -> None:
    wrong = {row.id: row.differences for row in run.rows if row.differences}
    listed = {row: fields for row, (fields, _) in DIFFERING.items()}
    assert {key: set(fields) for key, fields in wrong.items()} == listed, wrong


@pytest.mark.skipif(len(PROVIDERS) < len(SDKS), reason="one of the SDKs is not here")
def test_nothing_was_left_out(run: Run, shared: Path) -> None:
    apis = Counter(exchange["api"] for exchange, _ in exchanges(shared) if exchange["provider"] in PROVIDERS)
    assert set(apis) == set(METHODS) | set(OUT_OF_SCOPE)
    assert len(run.rows) == sum(apis[api] for api in METHODS) == 451
    assert len(run.out_of_scope) == sum(apis[api] for api in OUT_OF_SCOPE) == 78


def test_counters_are_the_sum_of_the_exchanges(run: Run) -> None:
    calls: dict[Any, Counter[str]] = {}
    tokens: dict[Any, Counter[str]] = {}
    finish: dict[Any, Counter[str]] = {}
    for row in run.rows:
        key = (row.want.operation, row.provider, row.got["request_model"] or "")
        calls.setdefault(key, Counter())["error" if row.want.error else "success"] += 1
        tokens.setdefault(key, Counter()).update(disjoint(row.want))
        if row.want.operation != "embeddings":
            finish.setdefault(key, Counter()).update(normalise(reason) for reason in row.want.finish or ())
    for metric, sums in ((catalog.CALLS, calls), (catalog.CALL_TOKENS, tokens), (catalog.FINISH, finish)):
        assert run.values[metric.name] == {key: dict(counts) for key, counts in sums.items() if counts}, metric.name


def test_table(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The count of agreeing rows, printed."""
    found = Counter((row.provider, row.want.operation, not row.differences) for row in run.rows)
    with capsys.disabled():
        print()
        for (provider, operation, agrees), count in sorted(found.items()):
            print(f"  {provider:16} {operation:16} {'agree' if agrees else 'DIFFER':8} {count}")
    assert sum(count for key, count in found.items() if key[2]) == len(run.rows) - len(DIFFERING)
