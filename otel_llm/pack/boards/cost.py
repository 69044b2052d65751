"""LLM / Cost: who spends, on what, will the budget hold, what is waste."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack import records, signals
from otel_llm.pack.boards.board import IN_JOB, Board, Row, open_board, selection, textbox
from otel_llm.pack.boards.panel import (
    BLUE,
    GREEN,
    ORANGE,
    PINK,
    RED,
    SKY,
    WEEK_AGO,
    YELLOW,
    Column,
    Query,
    gauge,
    link,
    now,
    series,
    stat,
    table,
)  # fmt: skip
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB, MODEL, PROVIDER

TOKEN_COLORS: Final = {
    "input": BLUE, "input_cache_read": SKY, "input_cache_write": GREEN, "output": ORANGE, "output_reasoning": PINK,
}  # fmt: skip
_MODEL: Final = f"{{{{{MODEL}}}}}"


def _budget(config: PackConfig) -> Row:
    r, week, month = (selection(config, window) for window in ("$__range", "7d", "30d"))
    projected = f"{signals.SPEND.expr(week)} / 7 * 30.4"
    used = f"{signals.SPEND.expr(month)} / $budget"
    return Row("Budget", (
        (stat("Spend in range", "Dollars in the time shown, for what is chosen above.", now(signals.SPEND.expr(r)),
              unit="currencyUSD", decimals=2), 4, 4),
        (stat("Projected month", "Seven days' spend, taken to a month of 30.4 days. Too low in a job's first week.",
              now(projected), unit="currencyUSD", decimals=2), 4, 4),
        (gauge("Month's budget", "Spend of 30 days against the monthly budget typed above.", now(used),
               unit="percentunit", top=1.0, none="no calls",
               steps=((None, GREEN), (config.budget.near, ORANGE), (1.0, RED))), 4, 4),
        (stat("Per 1,000 calls", "What a thousand calls cost in the time shown. Rises with prompt length, lost cache "
              "or a dearer model; growth alone leaves it flat.", now(signals.COST_PER_1K.expr(r)), unit="currencyUSD",
              decimals=2), 4, 4),
        (stat("Per 1M tokens", "What a million tokens cost, all types together. A lost prompt cache shows here first.",
              now(signals.COST_PER_MTOKEN.expr(r)), unit="currencyUSD", decimals=2), 4, 4),
        (stat("Calls priced", "Share of calls with a price. Under 100%, every figure here undercounts: see Unpriced "
              "calls below.", now(signals.PRICED_SHARE.expr(r)), unit="percentunit", decimals=1,
              steps=((None, RED), (config.cost.priced_low, ORANGE), (0.9999, GREEN))), 4, 4),
    ))  # fmt: skip


def _trend(config: PackConfig) -> Row:
    s, day = selection(config), selection(config, "24h")
    recorded = f"{records.SPEND_1D}{{{IN_JOB}}}"
    budget = f"sum (max by ({JOB}) ({s.value(c.BUDGET, q.equal(q.PERIOD, 'day'))})) > 0"
    links = (link("Errors of this model", open_board("errors", MODEL)),)
    return Row("Trend", (
        (series("Spend of 24 hours", "What the last 24 hours cost, at each moment; last week; where it will be in a "
                "day if it goes on so (from a recording rule, by job only); and the jobs' own day budgets.",
                Query(signals.SPEND.expr(day), "24 hours"), Query(signals.SPEND.expr(day.ago("1w")), WEEK_AGO),
                Query(f"sum (predict_linear({recorded}[1d], 86400))", "in a day, if it goes on"),
                Query(budget, "budget"), unit="currencyUSD",
                colors={"24 hours": BLUE, "in a day, if it goes on": SKY, "budget": RED}), 24, 8),
        (series("Spend per hour by model", "Dollars per hour. A jump without more calls is a longer prompt, a lost "
                "cache or a dearer model.", Query(signals.SPEND_PER_HOUR.expr(s.per(MODEL)), _MODEL),
                unit="currencyUSD", stack=True, links=links), 12, 8),
        (series("Spend per hour by token type", "Dollars per hour by disjoint type, so they add up. Reasoning is "
                "output nobody reads; cached input is the cheap kind.",
                Query(f"{signals.SPEND_PER_HOUR.expr(s.per(q.TOKEN_TYPE))} > 0", f"{{{{{q.TOKEN_TYPE}}}}}"),
                unit="currencyUSD", stack=True, colors=TOKEN_COLORS), 12, 8),
    ))  # fmt: skip


def _who(config: PackConfig) -> Row:
    r = selection(config, "$__range")
    model, job = r.per(PROVIDER, MODEL), r.per(JOB)
    kept = f"and {q.on((PROVIDER, MODEL))} topk($top, {signals.SPEND.expr(model)})"
    models = (
        Column("Spend", f"topk($top, {signals.SPEND.expr(model)})", "currencyUSD", 2, BLUE),
        Column("Calls", f"{signals.CALLS.expr(model)} {kept}", "short", 0),
        Column("Tokens", f"{signals.TOKENS.expr(model)} {kept}", "short", 1),
        Column("Per call", f"{signals.COST_PER_CALL.expr(model)} {kept}", "currencyUSD", 4),
        Column("Cached input", f"{signals.CACHE_SHARE.expr(model)} {kept}", "percentunit", 1),
    )
    jobs = (
        Column("Spend", signals.SPEND.expr(job), "currencyUSD", 2, BLUE),
        Column("A week ago", signals.SPEND.expr(job.ago("1w")), "currencyUSD", 2),
        Column("Per 1,000 calls", signals.COST_PER_1K.expr(job), "currencyUSD", 2),
    )
    to_tokens = (link("Tokens and output of this model", open_board("tokens", MODEL, anchor="data")),)
    to_job = (link("Overview of this job", open_board("overview", JOB, anchor="data")),)
    return Row("Who and what", (
        (table("Models by spend", "The dearest models in the time shown. Compare the price per call before comparing "
               "models.", {PROVIDER: "Provider", MODEL: "Model"}, models, links=to_tokens), 15, 8),
        (table("Jobs by spend", "The dearest jobs in the time shown, and the same time a week ago.", {JOB: "Job"}, jobs,
               links=to_job), 9, 8),
    ))  # fmt: skip


def _waste(config: PackConfig) -> Row:
    s, hour = selection(config), selection(config, "1h")
    return Row("Waste", (
        (series("Waste per hour", "Dollars per hour that bought nothing: calls repeated to the letter, attempts that "
                "failed, answers that were cut off. A call can count in more than one.",
                Query(signals.DUPLICATE_SPEND.expr(s), "repeated calls"),
                Query(signals.RETRY_SPEND.expr(s), "failed attempts"),
                Query(signals.TRUNCATED_SPEND.expr(s), "cut-off answers"), unit="currencyUSD",
                colors={"repeated calls": PINK, "failed attempts": RED, "cut-off answers": YELLOW}), 6, 8),
        (series("Saved by the prompt cache", "Dollars per hour that cached input cost less than the same tokens "
                "uncached.", Query(signals.CACHE_SAVING.expr(s.per(MODEL)), _MODEL), unit="currencyUSD", stack=True,
                none="nothing cached"), 6, 8),
        (series("Cached share of input", "Share of input tokens read from the provider's prompt cache. Falls to 0 at a "
                "deploy: something new stands at the prompt's beginning.",
                Query(signals.CACHE_SHARE.expr(s.per(MODEL)), _MODEL), unit="percentunit", top=1.0), 6, 8),
        (series("Unpriced calls", "Calls of an hour that could not be priced, by model and reason. Give a price by "
                "override or update the price table.",
                Query(f"{signals.UNPRICED.expr(hour.per(MODEL, q.REASON))} > 0", f"{_MODEL} {{{{{q.REASON}}}}}"),
                unit="short", none="none seen"), 6, 8),
    ))  # fmt: skip


def board(config: PackConfig) -> Board:
    """The dashboard."""
    month = f"{config.budget.month or 1000:g}"
    return Board(
        key="cost", title="LLM / Cost", span="24h",
        question="Who spends, on what, will the budget hold, and what is waste? For owners and FinOps.",
        rows=(_budget(config), _trend(config), _who(config), _waste(config)),
        variables=(textbox("budget", "Monthly budget, USD", month, "What 30 days may cost, for what is chosen."),
                   textbox("top", "Rows", "10", "How many models the table shows.")),
    )  # fmt: skip
