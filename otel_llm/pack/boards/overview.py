"""LLM / Overview: where the person on call lands."""

from __future__ import annotations

from typing import Final

from otel_llm.pack import promql as q
from otel_llm.pack import records, signals
from otel_llm.pack.alerts.alert import PREFIX, percent
from otel_llm.pack.boards.board import IN_JOB, SELECTED, Board, Row, open_board, selection
from otel_llm.pack.boards.panel import (
    BLUE,
    GREEN,
    NO_PRICE,
    ORANGE,
    PINK,
    RED,
    SAND,
    SKY,
    STONE,
    WEEK_AGO,
    WINE,
    YELLOW,
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

CLASS_COLORS: Final = {
    "provider": RED, "overloaded": SAND, "timeout": ORANGE, "network": YELLOW,
    "rate_limit": PINK, "quota": WINE, "auth": BLUE, "bad_request": SKY, "context_length": "#00486F",
    "content_filter": GREEN, "not_found": "#CFE8F7", "unknown": STONE,
}  # fmt: skip
"""Warm colours: theirs. Pink: limits. Blue: ours."""
NEEDS_RULES: Final = "no calls, or no rules"
TOP: Final = 20
"""Rows of a table: more are not read, and cost the browser."""
NO_BUDGET: Final = "no budget set"


def budget_left(config: PackConfig, window: str, rate: str = "5m") -> str:
    """What is left of the error budget; from recorded rates, since raw series over 30 days are too many samples."""
    chosen = "{" + ",".join(SELECTED) + "}"
    errors = f"sum (sum_over_time({records.slo_errors(rate)}{chosen}[{window}]))"
    calls = f"sum (sum_over_time({records.calls(rate)}{chosen}[{window}]))"
    return f"1 - {errors} / ({calls} > 0) / {config.allowance:g}"


def budgets(period: str) -> str:
    """Budgets by job, as the alerts read them: the app's own, or the pack's setting for jobs that state none."""
    return f"{records.BUDGET}{{{q.equal(q.PERIOD, period)},{IN_JOB}}}"


def budget_spent(scope: q.Scope, period: str) -> str:
    """Spend over the scope's window of jobs that have a budget, as a share of it; 0 where they made no call."""
    budget = budgets(period)
    spend = f"sum ({signals.SPEND.expr(scope.per(JOB))} and {q.on((JOB,))} {budget})"
    return q.ratio(spend, f"sum ({budget})")


def with_calls(signal: signals.Signal, scope: q.Scope) -> str:
    """The signal where calls were made: a spend of 0 is then one without a price, and not one without calls."""
    return f"{signal.expr(scope)} and ({signals.CALLS.expr(scope)} > 0)"


def firing() -> str:
    """Number of our alerts that fire; 0 where none does."""
    matchers = f'alertname=~"{PREFIX}.+",alertstate="firing",{IN_JOB}'
    return f"count (ALERTS{{{matchers}}}) or vector(0)"


def spend_by_model(config: PackConfig) -> tuple[Query, Query]:
    """Dollars per hour of each model, the dearest in the time shown first."""
    shown = selection(config, "$__range").per(MODEL).at_end()
    rate = f"{signals.SPEND_PER_HOUR.expr(selection(config).per(MODEL))} > 0"
    return ranked(rate, (MODEL,), signals.SPEND.expr(shown))


def _rare(config: PackConfig, signal: signals.Signal, window: str, *labels: str) -> tuple[Query, Query]:
    """What should not be: growth in the window at each moment, the most frequent in the time shown first."""
    s = selection(config, window).per(*labels)
    return ranked(f"{signal.expr(s)} > 0", labels, signal.expr(s.over("$__range").at_end()))


def _ratio_steps(config: PackConfig) -> tuple[tuple[float | None, str], ...]:
    return ((None, GREEN), (config.allowance, ORANGE), (config.errors.spike, RED))


def _right_now(config: PackConfig) -> Row:
    s = selection(config)
    day = s.over("24h")
    errors = (link("Errors and limits", open_board("errors")),)
    latency = (link("Latency", open_board("latency")),)
    cost = (link("Cost", open_board("cost")),)
    return Row("Right now", (
        (stat("Calls per second", "Logical calls that ended, retries counted with their call. Falls to nothing while "
              "the service is up: look before the LLM.", Query(signals.CALL_RATE.expr(s)), unit="reqps"), 3, 4),
        (stat("SLO error ratio", "Share of calls that failed by the provider's or a limit's fault. Amber: the SLO's "
              "allowance is exceeded. Click for whose fault.", Query(signals.SLO_ERROR_RATIO.expr(s)),
              unit="percentunit", steps=_ratio_steps(config), decimals=2, links=errors), 3, 4),
        (stat("Error budget", f"Left of the {percent(config.allowance)} of calls that may fail in 30 days. Under "
              f"{percent(config.burn.low)}: stop risky changes. Below 0: the SLO is broken. Reads recording rules.",
              now(budget_left(config, "30d")), unit="percentunit", decimals=1, none=NEEDS_RULES,
              steps=((None, RED), (0.0, ORANGE), (config.burn.low, GREEN)),
              links=(link("SLO", open_board("slo")),)), 3, 4),
        (stat("p95 duration", "95% of the calls that succeed end within this time. Amber: over the latency target.",
              Query(signals.duration(0.95).expr(s)), unit="s",
              steps=((None, GREEN), (config.latency.target, ORANGE)), links=latency), 3, 4),
        (stat("p95 first chunk", "95% of the streams show a first chunk within this time. Rises before the duration "
              "does: the provider queues.", Query(signals.first_chunk(0.95).expr(s)), unit="s", none="no streams",
              links=latency), 3, 4),
        (stat("Spend per hour", "Dollars per hour at the rate of now, unpriced calls not in it. Jumps: open Cost.",
              Query(with_calls(signals.SPEND_PER_HOUR, s)), unit="currencyUSD", zero=NO_PRICE, links=cost), 3, 4),
        (gauge("Day's budget", "24 hours' spend of jobs that have a day budget, against it. Over 100% the alert "
               "BudgetExceeded pages: open Cost.", now(budget_spent(day, "day")), unit="percentunit", top=1.0,
               none=NO_BUDGET, links=cost,
               steps=((None, GREEN), (config.budget.near, ORANGE), (1.0, RED))), 3, 4),
        (stat("Firing alerts", "Alerts of this pack that fire for the chosen jobs. Any: open its runbook.",
              now(firing()), unit="none", steps=((None, GREEN), (1.0, RED)), none="0"), 3, 4),
    ))  # fmt: skip


def errors_by_class(config: PackConfig) -> Json:
    """Failed calls stacked by class, in fixed colours."""
    s = selection(config)
    return series(
        "Errors by class", "Failed calls per second by whose fault they are. Warm colours: theirs. Pink: limits. "
        "Blue: ours. A blue step right after a deploy line is the deploy.",
        Query(f"{signals.ERROR_RATE.expr(s.per(q.ERROR_CLASS))} > 0", f"{{{{{q.ERROR_CLASS}}}}}"),
        unit="reqps", stack=True, colors=CLASS_COLORS, none="no errors seen",
        links=(link("Errors and limits", open_board("errors")),),
    )  # fmt: skip


def _trends(config: PackConfig) -> Row:
    s = selection(config)
    to_errors = (link("Errors of this model", open_board("errors", MODEL)),)
    to_cost = (link("Cost of this model", open_board("cost", MODEL)),)
    return Row("Trends", (
        (series("Calls by model", "Calls per second by model; the grey line is all of them a week ago. One model "
                "vanishes while another rises: it was switched.",
                *by_calls(config, signals.CALL_RATE.expr(s.per(MODEL)), MODEL),
                Query(signals.CALL_RATE.expr(s.ago("1w")), f"all, {WEEK_AGO}"),
                unit="reqps", links=to_errors, side=True), 12, 8),
        (errors_by_class(config), 12, 8),
        (series("Duration", "Of calls that succeed, with traces as dots: click one for the call behind it. p99 alone "
                "rising: a few stuck calls. All rising: the provider is slow or answers got longer.",
                *(Query(signals.duration(p).expr(s), f"p{p * 100:g}", exemplar=p == 0.95) for p in (0.5, 0.95, 0.99)),
                Query(signals.duration(0.95).expr(s.ago("1w")), f"p95 {WEEK_AGO}"),
                unit="s", colors={"p50": SKY, "p95": ORANGE, "p99": PINK},
                links=(link("Latency", open_board("latency")),)), 12, 8),
        (series("Spend per hour by model", "Dollars per hour. A jump without more calls: a longer prompt, a lost "
                "cache or a dearer model. Models without a price are not in it.",
                *spend_by_model(config), unit="currencyUSD", stack=True, links=to_cost, side=True), 12, 8),
    ))  # fmt: skip


def _where(config: PackConfig) -> Row:
    r = selection(config, "$__range").per(JOB, PROVIDER, MODEL)
    spend = with_calls(signals.SPEND, r)
    bad = ((None, "text"), (config.allowance, ORANGE), (config.errors.spike, RED))
    ours = ((None, "text"), (config.errors.own_fault, ORANGE))
    kept = f"and {q.on(r.by)} topk({TOP}, {spend})"

    def also(signal: signals.Signal) -> str:
        return f"{signal.expr(r)} {kept}"

    columns = (
        Column("Spend", f"topk({TOP}, {spend})", "currencyUSD", 2, BLUE),
        Column("Calls", also(signals.CALLS), "locale", 0),
        Column("SLO errors", also(signals.SLO_ERROR_RATIO), "percentunit", 2, steps=bad),
        Column("Our fault", also(signals.OWN_FAULT), "percentunit", 2, steps=ours),
        Column("p95", also(signals.duration(0.95)), "s", 1),
        Column("Tokens", also(signals.TOKENS), "short", 1),
        Column("Per 1,000 calls", also(signals.COST_PER_1K), "currencyUSD", 2),
    )
    links = (
        link("Errors of this model", open_board("errors", MODEL, anchor="data")),
        link("Cost of this model", open_board("cost", MODEL, anchor="data")),
    )
    return Row("Where", (
        (table("Jobs and models by spend", f"One line per job, provider and model of the time shown, the {TOP} "
               "dearest. Click a model for its errors or cost.", {JOB: "Job", PROVIDER: "Provider", MODEL: "Model"},
               columns,
               links=links), 24, 8),
    ))  # fmt: skip


def _health(config: PackConfig) -> Row:
    s = selection(config)
    r, jobs = selection(config, "$__range"), s.per(JOB)
    return Row("Telemetry health", (
        (series("Instances reporting", "Scrape targets that report, by job. Fewer than run: figures above lack calls. "
                "None: the alert TelemetryAbsent.",
                *ranked(signals.INSTANCES.expr(jobs), (JOB,), signals.INSTANCES.expr(jobs.at_end())),
                unit="none", stack=True, whole=True, none="nothing reports"), 8, 6),
        (stat("Calls priced", "Share of calls with a price in the time shown. Under 100%, spend and budgets "
              "undercount: see Unpriced calls on the Cost dashboard.", now(signals.PRICED_SHARE.expr(r)),
              unit="percentunit", decimals=1,
              steps=((None, RED), (config.cost.priced_low, ORANGE), (0.9999, GREEN))), 4, 6),
        (stat("Price table age", "Of the oldest price table in use. Old tables miss new models and new prices: update "
              "otel-llm or refresh the table.", now(signals.PRICE_AGE.expr(s)), unit="s",
              steps=((None, GREEN), (config.cost.table_days * 86400, ORANGE)), decimals=0, none="no table"), 4, 6),
        (series("Internal errors", "Errors inside otel-llm in 10 minutes, by place. The app never sees them. Any: "
                "look for the log line.",
                *_rare(config, signals.INTERNAL_ERRORS, "10m", JOB, q.SITE), unit="short", none="none seen",
                bars=True), 4, 6),
        (series("Label values capped", "Values in an hour that were replaced by 'other', by label. Anything but 0: "
                "some label holds ids.", *_rare(config, signals.OVERFLOW, "1h", JOB, q.LABEL), unit="short",
                none="none seen", bars=True), 4, 6),
    ))  # fmt: skip


def board(config: PackConfig) -> Board:
    """The dashboard."""
    return Board(
        key="overview", title="LLM / Overview",
        question="Is LLM use healthy right now, and what does it cost? For the person on call.",
        rows=(_right_now(config), _trends(config), _where(config), _health(config)),
    )  # fmt: skip
