"""Alerts on spend that bought nothing, and on one tenant or feature that spends for all."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack import records, signals
from otel_llm.pack.alerts.alert import DOLLARS, PERCENT, Alert, Look, Runbook, label, percent
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB, Scope
from otel_llm.pack.records import PER_MODEL, PER_VALUE

_COSTLY: Final = Look("The dearest calls and the code they come from.", board="traces", panel="Costly calls")
_WASTE: Final = Look("Since when, and how much.", board="cost", panel="Waste per hour")


def _duplicates(config: PackConfig) -> Alert:
    share, floor = config.cost.duplicate_share, config.cost.duplicate_floor
    wasted = Scope(config=config, window="1h").per(JOB).increase(c.DUPLICATE_COST)
    return Alert(
        name="DuplicateCallWaste", severity="info", hold="30m", labels=(JOB,),
        when=f"{wasted} / {q.on((JOB,))} {records.SPEND_1H} > {share:g}",
        guards=(f"and {q.on((JOB,))} {records.SPEND_1H} > {floor:g}",),
        summary=f"{label(JOB)}: identical calls are paid for again",
        description=f"{PERCENT} of the last hour's spend went to calls that repeat a recent "
        "one to the letter.",
        board="cost", panel="Waste per hour",
        runbook=Runbook(
            symptom=f"More than {percent(share)} of spend goes to repeated calls.",
            meaning="The same request, to the letter, was answered by the same process a moment ago. A cache would "
            "have answered it for nothing.",
            looks=(
                _WASTE,
                Look("Repeated calls per second by model.",
                     query=Scope().per(*PER_MODEL).rate(c.DUPLICATE_CALLS)),
                _COSTLY,
            ),
            fault="Ours: no cache, a page that asks twice, a retry in the app's own layer.",
            mitigate=("Cache answers by request.", "Join requests that are in flight together.",
                      "Remove the app's own retry around the SDK's."),
            after="Compare spend per 1,000 calls before and after.",
            false_alarm=f"Sampling the same prompt on purpose (votes, evaluations). Less than ${floor:g} an hour of "
            "spend never alerts.",
        ),
    )  # fmt: skip


def _retries(config: PackConfig) -> Alert:
    share, floor = config.cost.retry_share, config.cost.retry_floor
    hour = Scope(config=config, window="1h").per(JOB)
    wasted = f"({hour.increase(c.RETRY_COST)} + {hour.increase(c.FAILED_COST)})"
    return Alert(
        name="RetryWaste", severity="info", hold="30m", labels=(JOB,),
        when=f"{wasted} / {q.on((JOB,))} {records.SPEND_1H} > {share:g}",
        guards=(f"and {q.on((JOB,))} {records.SPEND_1H} > {floor:g}",),
        summary=f"{label(JOB)}: failed attempts are paid for",
        description=f"Attempts that failed, made again or not, cost {PERCENT} of the last hour's spend.",
        board="cost", panel="Waste per hour",
        runbook=Runbook(
            symptom=f"Attempts that failed cost more than {percent(share)} of what the answers cost.",
            meaning="Providers bill tokens of attempts that broke off: a stream cut in the middle, a time-out after "
            "the answer was written. The SDK tried again and both were paid, or gave up and nothing was got.",
            looks=(
                _WASTE,
                Look("Why attempts fail.",
                     query=signals.RETRY_RATE.expr(Scope(window="1h").per(JOB, q.PROVIDER, q.ERROR_CLASS))),
                Look("A retried call: each attempt is an event on it.", board="traces", panel="Retried calls"),
            ),
            fault="timeout: ours, the time-out is shorter than the answer. network: the way. provider, overloaded: "
            "theirs.",
            mitigate=("Raise the read time-out above p99 of the duration.", "Stream long answers.",
                      "Cap attempts at two."),
            after="Compare the dollars on failed attempts before and after.",
            false_alarm=f"Less than ${floor:g} an hour of spend never alerts.",
        ),
    )  # fmt: skip


def _spike(config: PackConfig) -> Alert:
    hour, cost = records.VALUE_1H, config.cost
    return Alert(
        name="AttributionSpike", severity="warning", hold="15m", keep="15m", labels=PER_VALUE,
        # Against the sum of the day, and not against the mean of its samples: a value seen first an hour ago has no
        # other hours, and shall alert.
        when=f"{hour} > {cost.attribution_factor:g} * {records.VALUE_1D} / 24",
        guards=(f"unless {hour} <= {cost.attribution_day_factor:g} * {hour} offset 1d",
                f"and {hour} > {cost.attribution_floor:g}"),
        summary=f"{label(JOB)}: spend of {label(q.ATTRIBUTION_KEY)}={label(q.ATTRIBUTION_VALUE)} jumped",
        description=f"{DOLLARS} in the last hour for {label(q.ATTRIBUTION_KEY)} {label(q.ATTRIBUTION_VALUE)}: more "
        f"than {cost.attribution_factor:g} times its mean hour of the day and {cost.attribution_day_factor:g} times "
        "the same hour yesterday.",
        board="cost", panel="Spend per hour by attribution",
        runbook=Runbook(
            symptom="One tenant, feature or whatever calls are attributed to spends far more than it did.",
            meaning="The job's whole spend may still look ordinary: this is who hides in it.",
            looks=(
                Look("Since when, and who else.", board="cost", panel="Spend per hour by attribution"),
                Look("With which models: dollars of the last hour.",
                     query=signals.ATTRIBUTED_SPEND.expr(Scope(window="1h").per(*PER_VALUE, q.PROVIDER, q.MODEL))),
                _COSTLY,
            ),
            fault="A feature, right after a deploy: ours. A tenant: its use, a script of its own, or abuse.",
            mitigate=("Limit the tenant's calls, or switch the feature off.", "Move it to a cheaper model.",
                      "Tell whoever pays."),
            after="Give the tenant or feature a limit in the app: an alert comes an hour late.",
            false_alarm=f"Less than ${cost.attribution_floor:g} an hour never alerts, nor does the same hour each day.",
        ),
    )  # fmt: skip


def alerts(config: PackConfig) -> tuple[Alert, ...]:
    """Alerts on waste and on whom spend is for."""
    return (_duplicates(config), _retries(config), _spike(config))
