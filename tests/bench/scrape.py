"""What a scrape of 2,000 series costs, against the same series in plain prometheus_client.

    python -m tests.bench.scrape

The figure is a ratio of two medians taken in turn in one run; it holds on any machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, generate_latest

from otel_llm import catalog
from otel_llm.catalog import label_name
from otel_llm.exposition.collector import LedgerCollector
from otel_llm.signals.ledger import Ledger

SERIES = 2_000


def _ours() -> CollectorRegistry:
    ledger, registry = Ledger(), CollectorRegistry()
    for n in range(SERIES):
        ledger.counter(catalog.CALLS, "chat", "openai", f"model-{n}", "success", "").value = n
    registry.register(LedgerCollector(lambda: ledger, lambda: {}))
    return registry


def _theirs() -> CollectorRegistry:
    registry = CollectorRegistry()
    names = [label_name(label) for label in catalog.CALLS.labels]
    counter = Counter(catalog.CALLS.series, catalog.CALLS.help, names, registry=registry)
    for n in range(SERIES):
        counter.labels("chat", "openai", f"model-{n}", "success", "").inc(n)
    return registry


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(rounds: int = 15) -> tuple[float, float]:
    """Median seconds of our scrape, and its ratio to prometheus_client's."""
    ours, theirs = _ours(), _theirs()
    pairs = [
        (_seconds(lambda: generate_latest(ours)), _seconds(lambda: generate_latest(theirs))) for _ in range(rounds)
    ]
    return statistics.median(a for a, _ in pairs), statistics.median(a / b for a, b in pairs)


if __name__ == "__main__":
    seconds, ratio = measure()
    print(f"{SERIES} series: {seconds * 1e3:.1f} ms CPU, {ratio:.2f} times plain prometheus_client")
