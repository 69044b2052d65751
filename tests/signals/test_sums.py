"""What is counted adds up, is never negative, and does not depend on the order in which things come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm import catalog
from otel_llm.failures import End
from otel_llm.formats import anthropic_messages, openai_chat
from otel_llm.formats.facts import Facts, Usage
from otel_llm.prices.cost import Priced
from otel_llm.signals.ledger import Ledger
from otel_llm.signals.series import ModelSeries
from otel_llm.signals.summary import Summary, disjoint

counts = st.integers(0, 10**7)
LABELS = ("chat", "openai", "gpt-4o")


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    spent, said = draw(counts), draw(counts)
    read = draw(st.integers(0, spent))
    write = draw(st.integers(0, spent - read))
    return Usage(input=spent, output=said, cache_read=read, cache_write=write, reasoning=draw(st.integers(0, said)))


ends = st.one_of(
    st.sampled_from(["success", "cancelled", "abandoned"]).map(End),
    st.sampled_from(catalog.ERROR_CLASSES).map(lambda kind: End("error", kind, "x")),
)


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    usage = draw(st.none() | usages())
    tokens = disjoint(usage) if usage else {}
    dollars = {kind: count / 1024 for kind, count in tokens.items()}
    price = Priced(dollars=dollars, total=sum(dollars.values()), source="table") if usage else None
    retried = draw(st.lists(st.sampled_from(catalog.ERROR_CLASSES), max_size=3))
    return Summary(
        end=draw(ends), response_model=None, usage=usage, usage_missing=None if usage else "not_stated",
        tokens=tokens, price=price, finish=draw(st.lists(st.sampled_from(catalog.FINISH_VALUES), max_size=2)),
        retried=retried, retry_wait=len(retried) * 0.5, retry_cost=0.0,
        invalid=draw(st.sets(st.sampled_from(catalog.INVALID_VALUES), max_size=3)),
    )  # fmt: skip


def counted(rows: list[tuple[Summary, bool]]) -> dict[tuple[str, ...], float]:
    ledger = Ledger()
    series = ModelSeries(ledger, *LABELS)
    for summary, duplicate in rows:
        series.add(summary, duplicate=duplicate)
    return {
        (metric.name, *labels): value
        for metric in catalog.METRICS
        if metric.kind == "counter"
        for labels, value in ledger.counters(metric)
    }


@settings(deadline=None)
@given(st.lists(st.tuples(summaries(), st.booleans()), max_size=12), st.randoms())
def test_sums_add_up_and_do_not_depend_on_the_order(rows, random):
    found = counted(rows)
    assert all(value >= 0 for value in found.values())

    def total(metric: catalog.Metric) -> float:
        return sum(value for key, value in found.items() if key[0] == metric.name)

    assert total(catalog.CALLS) == len(rows)
    spent = [row.usage for row, _ in rows if row.usage]
    assert total(catalog.CALL_TOKENS) == sum((usage.input or 0) + (usage.output or 0) for usage in spent)
    assert total(catalog.COST) == pytest.approx(total(catalog.CALL_TOKENS) / 1024)
    assert total(catalog.USAGE_MISSING) == len(rows) - len(spent)
    assert total(catalog.RETRY_WAIT) == total(catalog.RETRIES) * 0.5
    assert total(catalog.DUPLICATE_CALLS) == sum(duplicate for _, duplicate in rows)
    for waste in (catalog.DUPLICATE_COST, catalog.TRUNCATED_COST):
        assert total(waste) <= total(catalog.COST) * (1 + 1e-9)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert counted(shuffled) == pytest.approx(found)


def read(wire_format, events: list[dict]) -> Facts:
    facts = Facts()
    for event in events:
        wire_format.event(json.dumps(event, separators=(",", ":")).encode(), facts)
    return facts


@settings(deadline=None)
@given(st.lists(st.text(max_size=5), max_size=6), usages(), st.randoms(), st.integers(1, 3))
def test_chunks_of_a_chat_in_any_order(pieces, usage, random, choices):
    head = {"id": "1", "model": "gpt-4o-2024-08-06"}
    events: list[dict] = [{**head, "choices": [], "usage": {"prompt_tokens": usage.input, "completion_tokens": 7}}]
    for index in range(choices):
        deltas = [{"index": index, "delta": {"content": piece}, "finish_reason": None} for piece in pieces]
        last = {"index": index, "delta": {}, "finish_reason": "stop"}
        events += [{**head, "choices": [choice]} for choice in [*deltas, last]]
    before = read(openai_chat.CHAT, events)
    random.shuffle(events)
    after = read(openai_chat.CHAT, events)
    for facts in (before, after):
        assert facts.finish_reasons == dict.fromkeys(range(choices), "stop")
        assert facts.usage == Usage(input=usage.input, output=7)
        assert facts.text is any(pieces)


@settings(deadline=None)
@given(st.permutations(["content_block_start", "content_block_delta", "ping", "content_block_stop"]), counts)
def test_what_is_between_start_and_end_of_a_message_does_not_change_its_usage(order, said):
    between = {
        "content_block_start": {"index": 0, "content_block": {"type": "text", "text": ""}},
        "content_block_delta": {"index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    }
    start = {"id": "m", "model": "c", "content": [], "usage": {"input_tokens": 5, "cache_read_input_tokens": 2}}
    events = [
        {"type": "message_start", "message": start},
        *({"type": kind, **between.get(kind, {})} for kind in order),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": said}},
        {"type": "message_stop"},
    ]
    facts = read(anthropic_messages.MESSAGES, events)
    assert facts.usage == Usage(input=7, output=said, cache_read=2)
    assert facts.text is True
    assert facts.complete
