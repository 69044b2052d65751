"""LLM / Cost: who spends, on what, will the budget hold, what is waste."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack import records, signals
from otel_llm.pack.boards.board import IN_JOB, Board, Row, label_values, open_board, selection, textbox
from otel_llm.pack.boards.overview import NO_BUDGET, budget_spent, budgets, spend_by_model, with_calls
from otel_llm.pack.boards.panel import (
    BLUE,
    GREEN,
    NO_PRICE,
    ORANGE,
    PINK,
    RED,
    SKY,
    WEEK_AGO,
    Column,
    Json,
    Query,
    gauge,
    link,
    now,
    series,
    stat,
    table,
)  # fmt: skip
from otel_llm.pack.boards.ranked import by_calls, ranked
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB, MODEL, PROVIDER

AHEAD: Final = "in a day, if it goes on"
NO_ATTRIBUTION: Final = "no calls are attributed"
TOKEN_COLORS: Final = {
    "input": BLUE, "input_cache_read": SKY, "input_cache_write": GREEN, "output": ORANGE, "output_reasoning": PINK,
}  # fmt: skip


def _budget(config: PackConfig) -> Row:
    r, week, month = (selection(config, window) for window in ("$__range", "7d", "30d"))
    projected = f"{signals.SPEND.expr(week)} / 7 * 30.4 and ({signals.CALLS.expr(week)} > 0)"
    typed = f"{signals.SPEND.expr(month)} / (vector($budget) > 0)"
    used = f"{typed} or {budget_spent(month, 'month')}"
    return Row("Budget", (
        (stat("Spend in range", "Dollars in the time shown, for what is chosen above. More than you expect: see "
              "Models by spend and Waste below.", now(with_calls(signals.SPEND, r)), unit="currencyUSD",
              decimals=2, zero=NO_PRICE), 4, 4),
        (stat("Projected month", "Seven days' spend, taken to a month of 30.4 days. Over the budget: cut "
              "waste first, then compare models. Too low in a job's first week.", now(projected), unit="currencyUSD",
              decimals=2, zero=NO_PRICE), 4, 4),
        (gauge("Month's budget", "30 days' spend of jobs that have a month budget, against it; or of all that is "
               "chosen, against the budget typed above. Near 100%: see Projected month and Models by spend.", now(used),
               unit="percentunit", top=1.0, none=NO_BUDGET,
               steps=((None, GREEN), (config.budget.near, ORANGE), (1.0, RED))), 4, 4),
        (stat("Per 1,000 calls", "What a thousand calls cost in the time shown. Rises: a longer prompt, a lost cache "
              "or a dearer model; growth alone leaves it flat.", now(signals.COST_PER_1K.expr(r)), unit="currencyUSD",
              decimals=2, zero=NO_PRICE), 4, 4),
        (stat("Per 1M tokens", "What a million tokens cost, all types together. Rises: check Cached share of input.",
              now(signals.COST_PER_MTOKEN.expr(r)), unit="currencyUSD", decimals=2, zero=NO_PRICE), 4, 4),
        (stat("Calls priced", "Share of calls with a price. Under 100%, every figure here undercounts: see Unpriced "
              "calls below.", now(signals.PRICED_SHARE.expr(r)), unit="percentunit", decimals=1,
              steps=((None, RED), (config.cost.priced_low, ORANGE), (0.9999, GREEN))), 4, 4),
    ))  # fmt: skip


def _trend(config: PackConfig) -> Row:
    s, day = selection(config), selection(config, "24h")
    recorded = f"{records.SPEND_1D}{{{IN_JOB}}}"
    links = (link("Errors of this model", open_board("errors", MODEL)),)
    return Row("Trend", (
        (series("Spend of 24 hours", "What the last 24 hours cost, at each moment; last week; where it will be in a "
                "day if it goes on so (from a recording rule, by job only); and the jobs' day budgets. Dots over the "
                "line: cut now.",
                Query(signals.SPEND.expr(day), "24 hours"), Query(signals.SPEND.expr(day.ago("1w")), WEEK_AGO),
                Query(f"sum (predict_linear({recorded}[1d], 86400))", AHEAD),
                Query(f"sum ({budgets('day')}) > 0", "budget"), unit="currencyUSD",
                dotted=AHEAD, colors={"24 hours": SKY, AHEAD: ORANGE, "budget": RED}), 24, 8),
        (series("Spend per hour by model", "Dollars per hour. A jump without more calls: a longer prompt, a lost "
                "cache or a dearer model. Without a price: see Unpriced calls.",
                *spend_by_model(config), unit="currencyUSD", stack=True, links=links, side=True), 12, 8),
        (series("Spend per hour by token type", "Dollars per hour by disjoint type, so they add up. Reasoning "
                "that grows: lower its effort. Input that grows: check the prompt cache.",
                Query(f"{signals.SPEND_PER_HOUR.expr(s.per(q.TOKEN_TYPE))} > 0", f"{{{{{q.TOKEN_TYPE}}}}}"),
                unit="currencyUSD", stack=True, colors=TOKEN_COLORS), 12, 8),
    ))  # fmt: skip


def _dearest(spend: str, *labels: str) -> str:
    """Narrows another column to the rows that the spend column shows."""
    return f"and {q.on(labels)} topk($top, {spend})"


def _who(config: PackConfig) -> Row:
    r = selection(config, "$__range")
    model, job = r.per(PROVIDER, MODEL), r.per(JOB)
    spend = with_calls(signals.SPEND, model)
    kept = _dearest(spend, PROVIDER, MODEL)
    models = (
        Column("Spend", f"topk($top, {spend})", "currencyUSD", 2, BLUE),
        Column("Calls", f"{signals.CALLS.expr(model)} {kept}", "locale", 0),
        Column("Tokens", f"{signals.TOKENS.expr(model)} {kept}", "short", 1),
        Column("Per 1,000 calls", f"{signals.COST_PER_1K.expr(model)} {kept}", "currencyUSD", 2),
        Column("Cached input", f"{signals.CACHE_SHARE.expr(model)} {kept}", "percentunit", 1),
    )
    those = _dearest(signals.SPEND.expr(job), JOB)
    jobs = (
        Column("Spend", f"topk($top, {signals.SPEND.expr(job)})", "currencyUSD", 2, BLUE),
        Column("A week ago", f"{signals.SPEND.expr(job.ago('1w'))} {those}", "currencyUSD", 2),
        Column("Per 1,000 calls", f"{signals.COST_PER_1K.expr(job)} {those}", "currencyUSD", 2),
    )
    to_tokens = (link("Tokens and output of this model", open_board("tokens", MODEL, anchor="data")),)
    to_job = (link("Overview of this job", open_board("overview", JOB, anchor="data")),)
    return Row("Who and what", (
        (table("Models by spend", "The dearest models in the time shown. Compare the price per call before comparing "
               "models.", {PROVIDER: "Provider", MODEL: "Model"}, models, links=to_tokens), 15, 8),
        (table("Jobs by spend", "The dearest jobs of the time shown, and of a week ago. Click one for its calls.",
               {JOB: "Job"}, jobs,
               links=to_job), 9, 8),
    ))  # fmt: skip


def _attribution(config: PackConfig) -> Row:
    key = f'{q.ATTRIBUTION_KEY}=~"$key"'
    r, s = (
        selection(config, window).where(key).per(q.ATTRIBUTION_VALUE) for window in ("$__range", "$__rate_interval")
    )
    spend = signals.ATTRIBUTED_SPEND.expr(r)
    kept = _dearest(spend, q.ATTRIBUTION_VALUE)
    columns = (
        Column("Spend", f"topk($top, {spend})", "currencyUSD", 2, BLUE),
        Column("A week ago", f"{signals.ATTRIBUTED_SPEND.expr(r.ago('1w'))} {kept}", "currencyUSD", 2),
        Column("Calls", f"{signals.ATTRIBUTED_CALLS.expr(r)} {kept}", "locale", 0),
        Column("Tokens", f"{signals.ATTRIBUTED_TOKENS.expr(r)} {kept}", "short", 1),
    )
    # The same values at every moment: those that are the dearest over the time shown, at its end.
    dearest = signals.ATTRIBUTED_SPEND.expr(r.at_end())
    return Row("Attribution", (
        (table("Spend by attribution", "What the app says its calls are for (otel_llm.attribution), by the key chosen "
               "above; the dearest values. Compare with a week ago, then ask whoever owns the value.",
               {q.ATTRIBUTION_VALUE: "Value"}, columns, none=NO_ATTRIBUTION), 12, 8),
        (series("Spend per hour by attribution", "Dollars per hour of the dearest values of the key chosen above. One "
                "line that leaves the others: limit that tenant, or look at that feature's last deploy.",
                *ranked(signals.ATTRIBUTED_SPEND_PER_HOUR.expr(s), (q.ATTRIBUTION_VALUE,), dearest,
                        of=f"topk($top, {dearest})"), unit="currencyUSD", none=NO_ATTRIBUTION, side=True), 12, 8),
    ))  # fmt: skip


def _waste(config: PackConfig) -> Row:
    s, unpriced = selection(config), selection(config, "1h").per(MODEL, q.REASON)
    return Row("Waste", (
        (series("Waste per hour", "Dollars per hour that bought nothing: calls repeated to the letter, attempts that "
                "failed and were made again, calls that failed in the end, answers that were cut off. A call can count "
                "in more than one.",
                Query(signals.DUPLICATE_SPEND.expr(s), "repeated calls"),
                Query(signals.RETRY_SPEND.expr(s), "failed attempts"),
                Query(signals.FAILED_SPEND.expr(s), "failed calls"),
                Query(signals.TRUNCATED_SPEND.expr(s), "cut-off answers"), unit="currencyUSD",
                colors={"repeated calls": PINK, "failed attempts": RED, "failed calls": BLUE,
                        "cut-off answers": GREEN}), 8, 8),
        (series("Repeated calls", "Share of calls that repeat a recent one of their process to the letter, by model. A "
                "cache would answer them for nothing; look at who asks twice.",
                *by_calls(config, signals.DUPLICATE_SHARE.expr(s.per(MODEL)), MODEL), unit="percentunit"), 8, 8),
        (series("Saved by the prompt cache", "Dollars per hour that cached input cost less than the same tokens "
                "uncached. Falls at a deploy: look at what now stands at the prompt's beginning.",
                *by_calls(config, f"{signals.CACHE_SAVING.expr(s.per(MODEL))} > 0", MODEL), unit="currencyUSD",
                stack=True, none="nothing cached"), 8, 8),
        (series("Cached share of input", "Share of input tokens read from the provider's prompt cache. Falls to 0 at a "
                "deploy: something new stands at the prompt's beginning.",
                *by_calls(config, signals.CACHE_SHARE.expr(s.per(MODEL)), MODEL), unit="percentunit", top=1.0,
                side=True), 12, 8),
        (series("Unpriced calls", "Calls of an hour that could not be priced, by model and reason. Give a price by "
                "override or update the price table.",
                *ranked(f"{signals.UNPRICED.expr(unpriced)} > 0", unpriced.by,
                        signals.UNPRICED.expr(unpriced.over("$__range").at_end())),
                unit="short", none="none seen", side=True), 12, 8),
    ))  # fmt: skip


def _variables(config: PackConfig) -> tuple[Json, ...]:
    attributed = config.metric_name(c.ATTRIBUTED_COST)
    key = label_values("key", "Attribution", attributed, q.ATTRIBUTION_KEY, (IN_JOB,), "")
    # One key at a time: a call stands in a series of each of its keys.
    one: Json = {**key, "multi": False, "includeAll": False, "allValue": None, "current": {}}
    help_ = "What 30 days may cost, for what is chosen. 0: the jobs' own budgets."
    return (
        textbox("budget", "Monthly budget, USD", "0", help_),
        textbox("top", "Rows", "10", "How many rows tables show."), one,
    )  # fmt: skip


def board(config: PackConfig) -> Board:
    """The dashboard."""
    return Board(
        key="cost", title="LLM / Cost", span="24h",
        question="Who spends, on what, will the budget hold, and what is waste? For owners and FinOps.",
        rows=(_budget(config), _trend(config), _who(config), _waste(config), _attribution(config)),
        variables=_variables(config),
    )  # fmt: skip
