"""LLM / Tokens and output: did prompts or answers change shape."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack import signals
from otel_llm.pack.boards.board import Board, Row, open_board, selection
from otel_llm.pack.boards.cost import TOKEN_COLORS
from otel_llm.pack.boards.panel import (
    BLUE,
    GREEN,
    ORANGE,
    PINK,
    RED,
    SKY,
    STONE,
    WEEK_AGO,
    WINE,
    Column,
    Json,
    Query,
    link,
    series,
    table,
)  # fmt: skip
from otel_llm.pack.boards.ranked import by_calls
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import MODEL, PROVIDER

_TYPE: Final = f"{{{{{q.TOKEN_TYPE}}}}}"
FINISH_COLORS: Final = {
    "stop": GREEN, "tool_call": BLUE, "length": ORANGE, "content_filter": RED, "error": WINE, "compaction": PINK,
    "other": STONE,
}  # fmt: skip
INVALID_COLORS: Final = {
    "empty": ORANGE, "refused": RED, "filtered": WINE, "invalid_json": BLUE,
    "invalid_tool_arguments": SKY, "unknown_tool": "#00486F", "model_mismatch": PINK,
}  # fmt: skip


def _per_call(config: PackConfig, kind: str, what: str) -> Json:
    s = selection(config)
    return series(
        f"{kind.capitalize()} tokens per call", what,
        *(Query(signals.tokens_per_call(p, kind).expr(s), f"p{p * 100:g}") for p in (0.5, 0.95)),
        Query(signals.tokens_per_call(0.95, kind).expr(s.ago("1w")), f"p95 {WEEK_AGO}"),
        unit="short", colors={"p50": SKY, "p95": ORANGE},
    )  # fmt: skip


def _tokens(config: PackConfig) -> Row:
    s = selection(config)
    hour = s.over("1h").per(q.TOKEN_TYPE)
    return Row("Tokens", (
        (_per_call(config, "input", "Input tokens of one call, cached ones included. Grows with history, tools and "
                   "retrieved text; cost and time to the first chunk follow. Growing: cut what answers do not need."),
                   6, 8),
        (_per_call(config, "output", "Output tokens of one call, reasoning included. Duration follows it nearly in "
                   "proportion. Growing: check max_tokens, reasoning effort and the served model."), 6, 8),
        (series("Tokens per second", "By disjoint type, so they add up to all tokens. A type that grows without more "
                "calls: compare Tokens per call by type.",
                Query(f"{signals.TOKEN_RATE.expr(s.per(q.TOKEN_TYPE))} > 0", _TYPE), unit="short", stack=True,
                colors=TOKEN_COLORS), 6, 8),
        (series("Tokens per call by type", "Mean of an hour over all calls chosen; dashed: a week ago. Which type "
                "grew tells who did it: input is ours, output the model's.",
                Query(_mean_tokens(hour), _TYPE), Query(_mean_tokens(hour.ago("1w")), f"{_TYPE}, {WEEK_AGO}"),
                unit="short", colors=TOKEN_COLORS), 6, 8),
    ))  # fmt: skip


def _mean_tokens(scope: q.Scope) -> str:
    """Of all calls, and not of the models' means: a model of few calls weighs little."""
    return f"{signals.TOKEN_RATE.expr(scope)} / on () group_left () ({signals.CALL_RATE.expr(scope.per())} > 0)"


def _answers(config: PackConfig) -> Row:
    s = selection(config)
    finish = signals.FINISH_RATE.expr(s.per(q.FINISH_REASON))
    finished = f"scalar({signals.FINISH_RATE.expr(s)})"
    return Row("Answers", (
        (series("Finish reasons", "Share of answers by why they ended. `length`: cut off, paid for and mostly of no "
                "use. `content_filter`: stopped by a filter.",
                Query(f"({finish} > 0) / {finished}", f"{{{{{q.FINISH_REASON}}}}}"), unit="percentunit", stack=True,
                colors=FINISH_COLORS, top=1.0), 8, 8),
        (series("Useless answers", "Share of calls whose answer cannot be used as it stands, by reason; cut-off ones "
                "are under Finish reasons. A step at a deploy line: our schema or tools. A step without: the served "
                "model changed.",
                Query(f"({_invalid(config)}) > 0", f"{{{{{q.REASON}}}}}"),
                unit="percentunit", colors=INVALID_COLORS, none="none seen",
                limits=((config.output.invalid, ORANGE),)), 8, 8),
        (series("Refused or filtered", "Share of calls that the model refused or a content filter stopped. A step "
                "at a deploy: roll the prompt back. Line: RefusalSpike.",
                *by_calls(config, signals.REFUSED_SHARE.expr(s.per(MODEL)), MODEL), unit="percentunit",
                limits=((config.output.refused, ORANGE),)), 8, 8),
    ))  # fmt: skip


def _invalid(config: PackConfig) -> str:
    s = selection(config)
    useless = s.per(q.REASON).rate(c.INVALID_OUTPUT, f'{q.REASON}!="truncated"')
    return f"{useless} / scalar({signals.CALL_RATE.expr(s)})"


def _served(config: PackConfig) -> Row:
    r, s = selection(config, "$__range"), selection(config)
    by = r.per(PROVIDER, MODEL, q.SERVED_MODEL)
    columns = (
        Column("Calls", f"topk(20, {signals.SERVED.expr(by)} > 0)", "locale", 0, BLUE),
    )  # fmt: skip
    return Row("Asked and served", (
        (table("Asked and served models", "Which model answered what was asked. An alias leads elsewhere: expect "
               "changes of latency, length and quality.",
               {PROVIDER: "Provider", MODEL: "Asked", q.SERVED_MODEL: "Served"}, columns,
               links=(link("Latency", open_board("latency")),)), 16, 8),
        (series("Calls without usage", "Share of calls whose provider stated no usable token usage: their tokens and "
                "cost are missing, not 0. Streams may need stream_options.include_usage.",
                *by_calls(config, signals.USAGE_MISSING.expr(s.per(MODEL)), MODEL), unit="percentunit"), 8, 8),
    ))  # fmt: skip


def board(config: PackConfig) -> Board:
    """The dashboard."""
    return Board(
        key="tokens", title="LLM / Tokens and output",
        question="Did prompts or answers change shape? For developers and product owners.",
        rows=(_tokens(config), _answers(config), _served(config)),
    )  # fmt: skip
