"""``errors.md``: the tables of :mod:`otel_llm.faults` for whoever reads a runbook."""

from __future__ import annotations

from collections.abc import Iterator

from otel_llm.catalog import ERROR_CLASSES, LIMIT_FAULT, OWN_FAULT, PROVIDER_FAULT, ErrorClass
from otel_llm.faults import CODES_BY_PROVIDER, EXCEPTIONS, GENERIC, PHASES, STATUSES, WORDS


def fault(kind: ErrorClass) -> str:
    """Whose fault a class is, in words."""
    if kind in PROVIDER_FAULT:
        return "the provider's, or the way to it"
    if kind in LIMIT_FAULT:
        return "limits of the account"
    return "the request's" if kind in OWN_FAULT else "unclear"


def markdown() -> str:
    """The tables as a Markdown document, which the runbooks lead to."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Error classes"
    yield ""
    yield "Whose fault a failed call is, decided from the top: the provider's own code, the status, the exception."
    yield from _table("Classes", ("class", "fault"), [(f"`{kind}`", fault(kind)) for kind in ERROR_CLASSES])
    for provider, codes in CODES_BY_PROVIDER.items():
        yield from _table(provider, ("code or type", "class"), [(f"`{k}`", f"`{v}`") for k, v in codes.items()])
    yield from _table("Generic types, below the status", ("type", "class"),
                      [(f"`{k}`", f"`{v}`") for k, v in GENERIC.items()])  # fmt: skip
    yield from _table("Statuses", ("status", "class"), [(str(k), f"`{v}`") for k, v in STATUSES.items()])
    yield from _table(
        "Words of the message",
        ("words", "of", "class", "said by"),
        [(row.words, " ".join(f"`{k}`" for k in sorted(row.of)), f"`{row.becomes}`", row.who) for row in WORDS],
    )
    yield from _table("Exceptions", ("exception", "class"), [(f"`{k}`", f"`{v}`") for k, v in EXCEPTIONS.items()])
    yield from _table("Phases of a time-out", ("exception", "phase"), [(f"`{k}`", v) for k, v in PHASES.items()])


def _table(title: str, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
