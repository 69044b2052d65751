"""The dashboards: one module each."""

from __future__ import annotations

from otel_llm.pack.boards import cost, errors, latency, overview, slo, tokens, traces
from otel_llm.pack.boards.board import Board, render
from otel_llm.pack.boards.panel import Json
from otel_llm.pack.config import PackConfig


def boards(config: PackConfig) -> tuple[Board, ...]:
    """All dashboards, in reading order."""
    modules = (overview, cost, errors, latency, tokens, slo, traces)
    return tuple(module.board(config) for module in modules)


def dashboards(config: PackConfig) -> dict[str, Json]:
    """Grafana's JSON of every dashboard, by key."""
    return {board.key: render(board, config) for board in boards(config)}
