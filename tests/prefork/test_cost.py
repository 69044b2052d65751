"""What sharing costs, as ratios: machines differ."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from pathlib import Path

from otel_llm import catalog
from otel_llm.prefork import files, processes
from otel_llm.prefork.directory import Directory
from otel_llm.prefork.family import Family
from otel_llm.prefork.membership import Membership
from otel_llm.prefork.totals import Names
from otel_llm.signals.ledger import Ledger
from tests.bench import scrape

LABELS = ("chat", "openai", "m")
IDS = ("ab" * 16, "cd" * 8)


def seconds(step: Callable[[], object], times: int = 5000) -> float:
    """Of one step, at its best."""
    return min(timeit.repeat(step, number=times, repeat=7)) / times


def updates(ledger: Ledger) -> tuple[Callable[[], object], Callable[[], object]]:
    counter = ledger.counter(catalog.RETRY_WAIT, *LABELS)
    histogram = ledger.histogram(catalog.FIRST_CHUNK, *LABELS, "r", "a", "1")

    def count() -> None:
        counter.value += 1.0

    return count, lambda: histogram.record(0.5, IDS)


def test_an_update_in_a_file_costs_what_one_in_memory_costs(tmp_path: Path) -> None:
    me = processes.process(1)
    alone, shared = Ledger(), Ledger()
    membership = Membership(Family(me, me, tmp_path), shared, Names(100), lambda: None)
    membership.join()
    try:
        assert list(tmp_path.glob("*.cells"))
        for in_memory, in_file in zip(updates(alone), updates(shared), strict=True):
            assert seconds(in_file) < 2 * seconds(in_memory)
    finally:
        membership.leave()


def test_an_update_costs_a_few_plain_assignments() -> None:
    plain = {"value": 0.0}

    def assign() -> None:
        plain["value"] += 1.0

    count, record = updates(Ledger())
    assert seconds(count) < 12 * seconds(assign)
    assert seconds(record) < 60 * seconds(assign)


def test_a_scrape_of_2000_series_costs_no_more_than_prometheus_client_s_own() -> None:
    """Pairs of CPU times in one run; 0.4 of it at the time of writing."""
    assert scrape.SERIES == 2_000
    assert scrape.measure(7)[1] < 1


def test_a_scrape_of_eight_workers_is_read_in_a_fraction_of_its_text(tmp_path: Path) -> None:
    """Indexes are read once: a second scrape reads figures only."""
    for number in range(8):
        process = processes.Process(number + 1, 1, processes.namespace())
        ledger, member = Ledger(), files.member(process, process)
        for model in range(50):
            for kind in catalog.ERROR_CLASSES:
                ledger.counter(catalog.RETRIES, "chat", "openai", f"model-{model}", kind).value = 1
        for place, segment in enumerate(ledger.cells.segments):
            files.create(tmp_path / member.file(place), bytes(segment.raw)).close()
    directory = Directory(tmp_path, Names(100))
    first = timeit.timeit(lambda: directory.total(None, list), number=1)
    again = seconds(lambda: directory.total(None, list).counters(catalog.RETRIES), times=1)
    assert again < first
    assert again < 1.0
    assert sum(value for _, value in directory.total(None, list).counters(catalog.RETRIES)) == 8 * 50 * 12
