"""The demo's tables: what ``/metrics`` says, and whether it is what happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich import box
from rich.table import Table

from otel_llm import catalog
from otel_llm.demo.comparison import COMPARED, EXACT, LIMITS, Difference
from otel_llm.demo.emulator import Injected
from otel_llm.demo.exposed import Exposed

_PROVIDER: Final = catalog.label_name(catalog.PROVIDER)
_MODEL: Final = catalog.label_name(catalog.REQUEST_MODEL)


def models(exposed: Exposed) -> Table:
    """One row per provider and model, and their sum. Fits 80 columns."""
    table = plain("Calls, as /metrics shows them", "model")
    for name in ("calls", "errors", "retries", "tokens", "$", "p50", "p95", "first\ntoken"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = sorted({(labels[1], labels[2]) for labels in exposed.sums(catalog.CALLS)})
    for provider, model in rows:
        table.add_row(model, *_figures(exposed, {_PROVIDER: provider, _MODEL: model}))
    table.add_section()
    table.add_row("all", *_figures(exposed, {}), style="bold")
    return table


def _figures(exposed: Exposed, labels: dict[str, str]) -> Iterable[str]:
    calls = exposed.total(catalog.CALLS, **labels)
    errors = exposed.total(catalog.CALLS, **labels, outcome="error")
    yield f"{calls:,.0f}"
    yield f"{errors:,.0f} {errors / calls:.0%}" if errors else "0"
    yield f"{exposed.total(catalog.RETRIES, **labels):,.0f}"
    yield _short(exposed.total(catalog.CALL_TOKENS, **labels))
    dollars = exposed.total(catalog.COST, **labels)
    yield f"{dollars:,.2f}" if dollars >= 0.1 else f"{dollars:.4f}"
    for metric, q in ((catalog.DURATION, 0.5), (catalog.DURATION, 0.95), (catalog.FIRST_CHUNK, 0.5)):
        yield _seconds(exposed.quantile(metric, q, **labels))


def errors(exposed: Exposed) -> Table:
    """Failed calls by whose fault, one column per provider."""
    found = {labels: count for labels, count in exposed.sums(catalog.CALLS).items() if labels[4]}
    providers = sorted({labels[1] for labels in found})
    table = plain("Errors by class", "class", "whose fault")
    for provider in providers:
        table.add_column(provider, justify="right")
    for name in catalog.ERROR_CLASSES:
        counts = [sum(n for labels, n in found.items() if (labels[1], labels[4]) == (p, name)) for p in providers]
        if any(counts):
            table.add_row(name, fault(name), *(f"{count:,.0f}" if count else "" for count in counts))
    return table


def fault(error_class: str) -> str:
    """Whose fault an error class is."""
    if error_class in catalog.PROVIDER_FAULT:
        return "theirs"
    if error_class in catalog.LIMIT_FAULT:
        return "our limits"
    return "ours" if error_class in catalog.OWN_FAULT else ""


def truth(injected: Injected, exposed: Exposed, differences: list[Difference]) -> Table:
    """What the emulator handed out against what was scraped, by metric."""
    table = plain("Injected by the emulator = exposed by otel-llm?", "metric", "series")
    for name in ("injected", "exposed", ""):
        table.add_column(name, justify="right")
    wrong = {difference.metric for difference in differences}
    for metric in COMPARED:
        digits = {"USD": 4, "s": 2}.get(metric.unit, 0)
        told = exposed.sums(metric)
        given = sum(told.values()) if metric in LIMITS else sum(injected.sums.get(metric, {}).values())
        good = "equal" if metric in EXACT else "as stated" if metric in LIMITS else "no more"
        verdict = "[red]differs[/]" if metric in wrong else f"[green]{good}[/]"
        table.add_row(
            metric.series, str(len(told)), f"{given:,.{digits}f}", f"{sum(told.values()):,.{digits}f}", verdict
        )
    return table


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value * 1000:.0f}ms" if value < 1 else f"{value:.2f}s"


def _short(count: float) -> str:
    return f"{count / 1e6:.1f}M" if count >= 1e6 else f"{count / 1e3:.0f}k" if count >= 1e4 else f"{count:,.0f}"


def plain(title: str, *columns: str) -> Table:
    """A table without frames."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False,
        padding=0,
    )  # fmt: skip
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table
