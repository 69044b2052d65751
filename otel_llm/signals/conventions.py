"""Which metric of the conventions a call's facts go to: by their state, and by the operation. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from otel_llm import catalog
from otel_llm.catalog import Metric, Modality, UsageTotal
from otel_llm.formats.facts import Usage
from otel_llm.settings import Semconv

GENERATES: Final = frozenset({"chat", "generate_content", "text_completion"})
"""Operations that have finish reasons and answers; the conventions' inference."""


class Tokens(msgspec.Struct, frozen=True, eq=False):
    """Histogram of one side's tokens per call, and the label values that come after the call's own. Equal to itself
    alone: it is a key on the call's path, where a hash of all that is in a metric would cost microseconds."""

    metric: Metric
    labels: tuple[str, ...] = ()


class Conventions(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of one operation."""

    duration: Metric
    first_chunk: Metric | None
    output_chunk: Metric | None
    tokens: dict[str, Tokens]
    """By side, ``input`` and ``output``; empty where the operation has none."""
    tokens_of_failures: bool
    """Whether a failed call's tokens are in these histograms."""
    usage: dict[UsageTotal, Metric]
    """Counter of each total, by modality."""


RELEASED: Final = Conventions(
    duration=catalog.DURATION, first_chunk=catalog.FIRST_CHUNK, output_chunk=catalog.OUTPUT_CHUNK,
    tokens={side: Tokens(catalog.TOKEN_USAGE, (side,)) for side in ("input", "output")}, tokens_of_failures=True,
    usage={},
)  # fmt: skip
INFERENCE: Final = Conventions(
    duration=catalog.MAIN_DURATION, first_chunk=catalog.MAIN_FIRST_CHUNK, output_chunk=catalog.MAIN_OUTPUT_CHUNK,
    tokens={"input": Tokens(catalog.MAIN_INPUT_TOKENS), "output": Tokens(catalog.MAIN_OUTPUT_TOKENS)},
    tokens_of_failures=False, usage=catalog.MAIN_USAGE,
)  # fmt: skip
"""On the main branch."""
OTHER: Final = Conventions(
    duration=catalog.DURATION, first_chunk=None, output_chunk=None, tokens={}, tokens_of_failures=False, usage={}
)
"""On the main branch for embeddings, retrieval and so on: their duration has the old name, their tokens no metric."""


def metrics(semconv: Semconv) -> tuple[Metric, ...]:
    """Everything that is emitted in that state of the conventions."""
    return catalog.METRICS if semconv == "released" else catalog.MAIN_METRICS


def conventions(semconv: Semconv, operation: str) -> Conventions:
    if semconv == "released":
        return RELEASED
    return INFERENCE if operation in GENERATES else OTHER


def sides(found: Conventions, usage: Usage | None, *, succeeded: bool) -> list[tuple[Tokens, int]]:
    """What goes to the histograms of tokens per call."""
    if usage is None or not found.tokens or not (succeeded or found.tokens_of_failures):
        return []
    spent, said, tokens = usage.input, usage.output, found.tokens
    counts = [] if spent is None else [(tokens["input"], spent)]
    if said is not None:
        counts.append((tokens["output"], said))
    return counts


def totals(usage: Usage) -> Iterator[tuple[UsageTotal, Modality, int]]:
    """Stated counts by total and modality. What the provider gave no modality for is ``unknown`` and never guessed, so
    that the sum over modalities is the total."""
    rows: tuple[tuple[UsageTotal, int | None, int | None], ...] = (
        ("input_tokens", usage.input, usage.input_audio),
        ("output_tokens", usage.output, usage.output_audio),
        ("cache_read.input_tokens", usage.cache_read, None),
        ("cache_write.input_tokens", usage.cache_write, None),
        ("reasoning.output_tokens", usage.reasoning, None),
    )
    for total, count, audio in rows:
        heard = min(audio or 0, count or 0)
        if heard:
            yield total, "audio", heard
        if count is not None and count > heard:
            yield total, "unknown", count - heard
