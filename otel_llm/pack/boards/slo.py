"""LLM / SLO: are we keeping the promise."""

from __future__ import annotations

from otel_llm import catalog as c
from otel_llm.pack import records, signals
from otel_llm.pack.alerts.alert import percent
from otel_llm.pack.alerts.failures import burns
from otel_llm.pack.boards.board import SELECTED, Board, Row, open_board, selection
from otel_llm.pack.boards.overview import NEEDS_RULES, budget_left
from otel_llm.pack.boards.panel import (
    GREEN,
    ORANGE,
    RED,
    SKY,
    Column,
    Query,
    Steps,
    gauge,
    link,
    now,
    series,
    stat,
    table,
    text,
)  # fmt: skip
from otel_llm.pack.boards.ranked import ranked
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB, PROVIDER

_CHOSEN = "{" + ",".join(SELECTED) + "}"


def _availability(window: str, by: str = "") -> str:
    errors = f"sum {by}(sum_over_time({records.slo_errors('5m')}{_CHOSEN}[{window}]))"
    calls = f"sum {by}(sum_over_time({records.calls('5m')}{_CHOSEN}[{window}]))"
    return f"1 - {errors} / ({calls} > 0)"


def _definition(config: PackConfig) -> str:
    rates = ", ".join(f"{factor:g} over {long}" for long, _, factor, _, _ in burns(config))
    return (
        f"**Availability.** {percent(config.slo)} of all calls in 30 days do not fail by the provider's fault or a "
        f"limit's. Counted as failures: `{'`, `'.join(c.SLO_FAULT)}`. Not counted, since no provider can help them: "
        f"`{'`, `'.join(c.OWN_FAULT)}`, `content_filter`, and calls that we cancelled or abandoned.\n\n"
        f"**Latency.** {percent(config.latency.target_share)} of the calls that succeed end within "
        f"{config.latency.target:g} s.\n\n"
        f"**Alerts** at these burn rates: {rates}. Change the promise with `--set slo=...`, for rules and dashboards "
        "alike."
    )  # fmt: skip


def _promise(config: PackConfig) -> Row:
    month = selection(config, "1d")
    steps: Steps = ((None, RED), (config.slo, GREEN))
    target: Steps = ((None, RED), (config.latency.target_share, GREEN))
    return Row("The promise", (
        (stat("Availability, 30 days", "Share of calls that did not fail by the provider's or a limit's fault. "
              "Red: below the SLO; see Jobs by budget spent.", now(_availability("30d")), unit="percentunit",
              steps=steps, decimals=3, none=NEEDS_RULES), 5, 7),
        (gauge("Error budget left, 30d", "1 is untouched, 0 is spent. Under "
               f"{percent(config.burn.low)}: stop risky changes.",
               now(budget_left(config, "30d")), unit="percentunit", top=1.0, none=NEEDS_RULES,
               steps=((None, RED), (0.0, ORANGE), (config.burn.low, GREEN))), 5, 7),
        (stat("Within target, 1 day", f"Share of a day's successful calls within {config.latency.target:g} s. "
              "Red: below the target; open Latency for the model.", now(signals.WITHIN_TARGET.expr(month)),
              unit="percentunit", steps=target, decimals=2), 5, 7),
        (text("What is promised", "The definition behind the figures beside it. Not what users need: change it by "
              "--set.", _definition(config)), 9, 7),
    ))  # fmt: skip


def _history(config: PackConfig) -> Row:
    hour = selection(config, "1h").per(JOB)
    errors, calls = (f"sum by ({JOB}) ({name}{_CHOSEN})" for name in (records.slo_errors("1h"), records.calls("1h")))
    busiest = f"sum by ({JOB}) (sum_over_time({records.calls('1h')}{_CHOSEN}[$__range] @ end()))"
    ratio = f"1 - {errors} / ({calls} > 0)"
    left = budget_left(config, "30d", rate="1d")  # recorded every 2 minutes: a graph of it stays cheap
    links = (link("Errors of this job", open_board("errors", JOB)),)
    return Row("Over time", (
        (series("Availability by job, 1 hour", "Share of an hour's calls that did not fail by the provider's or a "
                "limit's fault. Line: the SLO. Under it: click the job for its errors.",
                *ranked(ratio, (JOB,), busiest), unit="percentunit", low=None, top=1.0,
                limits=((config.slo, RED),), links=links, none=NEEDS_RULES), 8, 9),
        (series("Error budget left", "Of 30 days, at each moment. A cliff: an incident. A slope: a chronic "
                "failure. Follows an incident within a day.", Query(left, "left"), unit="percentunit", low=None,
                limits=((0.0, RED),), colors={"left": SKY}, soft=(0.0, 1.0), none=NEEDS_RULES), 8, 9),
        (series("Within latency target by job", f"Share of an hour's successful calls that ended within "
                f"{config.latency.target:g} s. Line: the target. Under it: look for slower models or longer answers.",
                *ranked(signals.WITHIN_TARGET.expr(hour), (JOB,), busiest),
                unit="percentunit", low=None, top=1.0, limits=((config.latency.target_share, RED),),
                links=(link("Latency", open_board("latency", JOB)),)), 8, 9),
    ))  # fmt: skip


def _per_job(config: PackConfig) -> Row:
    by = f"by ({JOB}, {PROVIDER}) "
    availability = _availability("30d", by)
    errors = f"sum {by}(sum_over_time({records.slo_errors('5m')}{_CHOSEN}[30d]))"
    calls = f"sum {by}(sum_over_time({records.calls('5m')}{_CHOSEN}[30d]))"
    columns = (
        Column("Budget spent", f"{errors} / ({calls} > 0) / {config.allowance:g}", "percentunit", 1, RED),
        Column("Availability", availability, "percentunit", 3),
        Column(
            "Calls per second", f"{calls} / sum {by}(count_over_time({records.calls('5m')}{_CHOSEN}[30d]))", "reqps", 2
        ),
    )
    return Row("By job and provider", (
        (table("Jobs by budget spent", "Who spent the error budget of 30 days. Over 100%: the promise is broken; "
               "agree on a fallback or on another SLO.", {JOB: "Job", PROVIDER: "Provider"}, columns,
               links=(link("Errors of this provider", open_board("errors", JOB, PROVIDER, anchor="data")),),
               none=NEEDS_RULES), 24, 8),
    ))  # fmt: skip


def board(config: PackConfig) -> Board:
    """The dashboard."""
    return Board(
        key="slo", title="LLM / SLO", span="7d",
        question="Are we keeping the promise this month? For the weekly review.",
        rows=(_promise(config), _history(config), _per_job(config)),
    )  # fmt: skip
