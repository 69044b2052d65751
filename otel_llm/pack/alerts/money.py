"""Alerts on spend: three kinds, since a spike rule alone misses the chronic burn and a budget alone misses the loop."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack import records, signals
from otel_llm.pack.alerts.alert import COUNT, DOLLARS, DURATION, WHERE_MODEL, Alert, Look, Runbook, label
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB, MODEL, Scope
from otel_llm.pack.records import PER_MODEL

_BY_MODEL: Final = Look("Which model, and since when.", board="cost", panel="Spend per hour by model")
_WHAT: Final = Look(
    "What it is made of: dollars per hour by token type.",
    query=signals.SPEND_PER_HOUR.expr(Scope(window="15m").per(*PER_MODEL, q.TOKEN_TYPE)),
)
_COSTLY: Final = Look("The dearest calls and the code they come from.", board="traces", panel="Costly calls")
_FAULT: Final = (
    "More calls at the same cost per call: a loop, a retry, a batch, or growth. Same calls at more cost: a longer "
    "prompt, a lost cache, a dearer model. The provider only if a price changed."
)
_STOP: Final = (
    "Stop the loop or batch job that does it.",
    "Move to a cheaper model, or lower max_tokens.",
    "Lower the cap in the provider's console if it does not stop.",
)


def _budget(period: str) -> str:
    return f"({records.BUDGET}{{{q.equal(q.PERIOD, period)}}} > 0)"


def _spike(config: PackConfig) -> Alert:
    factor, week = config.cost.spike_factor, config.cost.spike_week_factor
    spend = records.SPEND_1H
    return Alert(
        name="CostSpike", severity="warning", hold="15m", keep="15m", labels=(JOB,),
        when=f"{spend} > {factor:g} * {records.SPEND_MEAN}",
        # "unless <=" and not "and >": a job younger than a week has no last week, and shall still alert.
        guards=(f"unless {spend} <= {week:g} * {spend} offset 1w", f"and {spend} > {config.cost.spike_floor:g}"),
        summary=f"{label(JOB)}: spend jumped",
        description=f"{DOLLARS} in the last hour: more than {factor:g} times the week's mean hour and {week:g} times "
        "the same hour last week.",
        board="cost", panel="Spend per hour by model",
        runbook=Runbook(
            symptom="An hour's spend is far above the week's mean hour and above the same hour last week.",
            meaning="Something calls more, or calls dearer. At this rate a day costs 24 times what the alert says.",
            looks=(_BY_MODEL, _WHAT, _COSTLY),
            fault=_FAULT, mitigate=_STOP,
            after="Give the job a day budget (`otel_llm.instrument(...)` or budget.day), so that a ceiling holds too.",
            false_alarm=f"A batch at the same hour each week stays silent; so does less than "
            f"${config.cost.spike_floor:g} an hour.",
        ),
    )  # fmt: skip


def _day_forecast(config: PackConfig) -> Alert:
    quarter = Scope(config=config, window="6h").per(JOB).increase(c.COST)
    return Alert(
        name="BudgetForecastExceeded", severity="warning", hold="30m", keep="30m", labels=(JOB,),
        when=f"{quarter} * 4 > {q.on((JOB,))} {_budget('day')}",
        summary=f"{label(JOB)}: spend is heading over the day's budget",
        description=f"At the rate of the last six hours a day costs {DOLLARS}, more than the budget.",
        board="cost", panel="Spend of 24 hours",
        runbook=Runbook(
            symptom="Four times the last six hours' spend is more than the day's budget.",
            meaning="The budget is not spent yet, and will be within the day if nothing changes.",
            looks=(Look("Where 24 hours' spend stands against the budget line.", board="cost",
                        panel="Spend of 24 hours"), _WHAT, _COSTLY),
            fault=_FAULT, mitigate=_STOP,
            after="If the growth is wanted, raise the budget with whoever owns it.",
            false_alarm="A job that works by day only: six busy hours times four overstate it. Take a budget that "
            "suits, or watch the month's.",
        ),
    )  # fmt: skip


def _day() -> Alert:
    return Alert(
        name="BudgetExceeded", severity="critical", hold="0m", keep="30m", labels=(JOB,),
        when=f"{records.SPEND_1D} > {q.on((JOB,))} {_budget('day')}",
        summary=f"{label(JOB)}: the day's budget is spent",
        description=f"{DOLLARS} were spent in the last 24 hours, more than the budget.",
        board="cost", panel="Spend of 24 hours",
        runbook=Runbook(
            symptom="24 hours' spend is over the budget of a day.",
            meaning="Somebody set this ceiling for it to hold. Every further hour is over it.",
            looks=(Look("When the line crossed the budget.", board="cost", panel="Spend of 24 hours"), _WHAT, _COSTLY),
            fault=_FAULT, mitigate=_STOP,
            after="Decide whether the budget or the use was wrong. The month's forecast shows what it means.",
            false_alarm="24 hours slide: the alert ends when the dear hours are a day old, not at midnight.",
        ),
    )  # fmt: skip


def _month(config: PackConfig) -> Alert:
    week = Scope(config=config, window="7d").per(JOB).increase(c.COST)
    return Alert(
        name="MonthlyBudgetForecastExceeded", severity="warning", hold="6h", keep="1h", labels=(JOB,),
        when=f"{week} / 7 * 30.4 > {q.on((JOB,))} {_budget('month')}",
        summary=f"{label(JOB)}: the month will end over budget",
        description=f"At the rate of the last seven days a month costs {DOLLARS}, more than the budget.",
        board="cost", panel="Projected month",
        runbook=Runbook(
            symptom="Seven days' spend, taken to a month, is over the month's budget.",
            meaning="The chronic burn: no hour stands out, the sum does. Seven days smooth out week-ends.",
            looks=(
                Look("The projection and the budget.", board="cost", panel="Projected month"),
                Look("Dollars of seven days by model.", query=signals.SPEND.expr(Scope(window="7d").per(*PER_MODEL))),
                _COSTLY,
            ),
            fault="Ours. Look at waste first (repeated calls, failed attempts, cut-off answers), then at the model's "
            "price class, then at growth.",
            mitigate=("Cache repeated calls and keep prompts cacheable.", "Use a smaller model where it does.",
                      "Agree on a new budget."),
            after="Compare the projection with the provider's invoice at the month's end; unpriced calls explain most "
            "differences.",
            false_alarm="In the first week it underestimates, and so stays silent.",
        ),
    )  # fmt: skip


def _unpriced(config: PackConfig) -> Alert:
    labels = (*PER_MODEL, q.REASON)
    return Alert(
        name="UnpricedModel", severity="warning", hold="5m", keep="15m", labels=labels,
        when=f"{signals.UNPRICED.expr(Scope(config=config, window='1h').per(*labels))} > 0",
        summary=f"{WHERE_MODEL}: calls have no price ({label(q.REASON)})",
        description=f"Calls of the last hour without a price: {COUNT}. Spend of {label(MODEL)} is undercounted, "
        "and so is every budget.",
        board="cost", panel="Unpriced calls",
        runbook=Runbook(
            symptom="Calls with known usage have no price.",
            meaning="unknown_model: the price table does not know the model. unknown_token_type: it lacks the price "
            "of one kind of token. Such calls add nothing to spend: they are not counted as free.",
            looks=(
                Look("Which models, how many calls.", board="cost", panel="Unpriced calls"),
                Look("How many tokens go unpriced.", query=signals.TOKENS.expr(Scope(window="1h").per(*PER_MODEL))),
                Look("The model's name as the provider states it.", board="traces", panel="Slow calls"),
            ),
            fault="Ours: a new model, a private deployment, or an old price table.",
            mitigate=("Update otel-llm, or refresh the price table.",
                      "Give the price by override; declare a self-hosted model as free.",
                      "Map a deployment's name to its model by an alias."),
            after="The share of calls priced on the Cost dashboard should be back at 100%.",
            false_alarm="None: any unpriced call makes spend wrong.",
        ),
    )  # fmt: skip


def _stale_prices(config: PackConfig) -> Alert:
    age = signals.PRICE_AGE.expr(Scope(config=config).per(JOB))
    days = config.cost.table_days
    return Alert(
        name="PriceTableStale", severity="warning", hold="1h", keep="1h", labels=(JOB,),
        when=f"{age} > {days * 86400:g}",
        summary=f"{label(JOB)}: the price table is old",
        description=f"The price table of {label(JOB)} is {DURATION} old. New models go unpriced, and changed prices "
        "are counted at the old figure.",
        board="overview", panel="Price table age",
        runbook=Runbook(
            symptom=f"The price table in use is older than {days:g} days.",
            meaning="Dollars are worked out from a table in the package, or from one that is refreshed. This one was "
            "not renewed. Nothing fails; spend drifts from the invoice.",
            looks=(
                Look("Since when it only grows: a refresh that stopped shows as a line that no longer falls.",
                     board="overview", panel="Price table age"),
                Look("Versions in use: an old release holds an old table.",
                     query=f"count {q.by((JOB, q.VERSION))}({Scope().value(c.BUILD_INFO)})"),
                Look("Whether models go unpriced already.", board="cost", panel="Unpriced calls"),
            ),
            fault="Ours: a release that was not taken, or a refresh that fails (the log says why).",
            mitigate=("Update otel-llm.", "Set the refresh of the price table, or mend its file or address.",
                      "Give single prices by override until then."),
            after="Compare a month's spend with the invoice.",
            false_alarm="Prices that you keep yourself and that do not change: raise cost.table_days.",
        ),
    )  # fmt: skip


def alerts(config: PackConfig) -> tuple[Alert, ...]:
    """Alerts on spend."""
    return (
        _spike(config), _day_forecast(config), _day(), _month(config), _unpriced(config), _stale_prices(config),
    )  # fmt: skip
