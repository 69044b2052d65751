"""LLM / Latency and streaming: where the time goes, and did it regress."""

from __future__ import annotations

from typing import Final

from otel_llm.pack import signals
from otel_llm.pack.boards.board import Board, Row, open_board, selection
from otel_llm.pack.boards.panel import ORANGE, RED, SKY, WEEK_AGO, Query, heatmap, link, series
from otel_llm.pack.boards.ranked import by_calls
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import MODEL

_MODEL: Final = f"{{{{{MODEL}}}}}"
NO_STREAMS: Final = "no streams"


def _duration(config: PackConfig) -> Row:
    s = selection(config)
    p95 = signals.duration(0.95)
    links = (link("Tokens of this model", open_board("tokens", MODEL)), link("Traces", open_board("traces", MODEL)))
    return Row("Duration", (
        (heatmap("Calls by duration", "Successful calls per bucket of duration. Two bands: two kinds of work, or one "
                 "model that is slow. A band at the top edge: time-outs.",
                 Query(signals.DURATION_BUCKETS.expr(s), "{{le}}", heatmap=True, exemplar=True), unit="s"), 12, 9),
        (series("p95 duration by model", "95% of a model's successful calls end within this time. Dots lead to traces; "
                "grey: the same models a week ago. Both models of a provider rising: the provider.",
                *by_calls(config, p95.expr(s.per(MODEL)), MODEL, exemplar=True),
                Query(p95.expr(s.per(MODEL).ago("1w")), f"{_MODEL}, {WEEK_AGO}"), unit="s", links=links,
                side=True), 12, 9),
    ))  # fmt: skip


def _streaming(config: PackConfig) -> Row:
    s = selection(config)
    first = signals.first_chunk
    return Row("Streaming", (
        (heatmap("Streams by first chunk", "Streamed calls per bucket of time to the first chunk; others are not in "
                 "it. A second band above the first: look which model queues, or reasons, under First chunk.",
                 Query(signals.FIRST_CHUNK_BUCKETS.expr(s), "{{le}}", heatmap=True, exemplar=True), unit="s",
                 none=NO_STREAMS), 8, 9),
        (series("First chunk", "Time until users see something. Rises before the duration does: queueing at the "
                "provider, a longer prompt, a lost prompt cache, or reasoning.",
                Query(first(0.5).expr(s), "p50"), Query(first(0.95).expr(s), "p95", exemplar=True),
                Query(first(0.95).expr(s.ago("1w")), f"p95 {WEEK_AGO}"), unit="s", colors={"p50": SKY, "p95": ORANGE},
                none=NO_STREAMS), 8, 9),
        (series("Chunk gap, p95", "Time between chunks while streaming. Growing gaps: the provider generates more "
                "slowly, or our reader does not keep up.",
                *by_calls(config, signals.chunk_gap(0.95).expr(s.per(MODEL)), MODEL), unit="s",
                none=NO_STREAMS), 8, 9),
    ))  # fmt: skip


def _open(config: PackConfig) -> Row:
    s = selection(config)
    return Row("Open calls", (
        (series("Oldest open call", "Age of the oldest call that has not ended. A line that only rises is one stuck "
                "call: find its instance and close streams in a with block. Line: StuckStreams.",
                *by_calls(config, signals.OLDEST_OPEN.expr(s.per(MODEL)), MODEL), unit="suffix:s", none="none open",
                limits=((config.latency.stuck, RED),), side=True), 12, 8),
        (series("Open calls", "Calls open now, streams included. Grows with traffic times duration; growing alone: "
                "calls do not end.", *by_calls(config, signals.IN_FLIGHT.expr(s.per(MODEL)), MODEL), unit="short",
                stack=True, none="none open", side=True), 12, 8),
    ))  # fmt: skip


def board(config: PackConfig) -> Board:
    """The dashboard."""
    return Board(
        key="latency", title="LLM / Latency and streaming",
        question="Where does the time go, and did it regress? For developers and the person on call.",
        rows=(_duration(config), _streaming(config), _open(config)),
    )  # fmt: skip
