"""Alerts on failed calls: is it down, and whose fault is it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack import records, signals
from otel_llm.pack.alerts.alert import (
    PERCENT,
    WHERE,
    Alert,
    Look,
    Runbook,
    Severity,
    allowance,
    class_share,
    label,
    percent,
    traffic,
)  # fmt: skip
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import Scope
from otel_llm.pack.records import PER_PROVIDER

BURNS: Final[tuple[tuple[str, str, str, str, Severity], ...]] = (
    ("1h", "5m", "page_fast", "2m", "critical"),
    ("6h", "30m", "page_slow", "15m", "critical"),
    ("1d", "2h", "ticket_fast", "1h", "warning"),
    ("3d", "6h", "ticket_slow", "3h", "warning"),
)
"""Long window, short window, the burn rate's setting, hold, severity: the table of the SRE workbook, ch. 5."""


def burns(config: PackConfig) -> tuple[tuple[str, str, float, str, Severity], ...]:
    """The table with its burn rates: long window, short window, factor, hold, severity."""
    return tuple(
        (long, short, getattr(config.burn, name), hold, severity) for long, short, name, hold, severity in BURNS
    )


_BY_CLASS: Final = signals.ERROR_RATE.expr(Scope().per(*PER_PROVIDER, q.ERROR_CLASS))
_BY_MODEL: Final = signals.SLO_ERROR_RATIO.expr(Scope().per(*records.PER_MODEL))
_CLASS_LOOK: Final = Look("Which class leads, at which provider.", query=_BY_CLASS)
_FAILED_TRACES: Final = Look(
    "Open two failed calls: the provider's code and request id stand on the span, each attempt is an event on it.",
    board="traces", panel="Failed calls",
)  # fmt: skip
_THEIRS_PANEL: Final = Look(
    "Whether one provider fails or all do. All at once points to our network, proxy or DNS.",
    board="errors", panel="Their fault",
)  # fmt: skip


def _burn_runbook(config: PackConfig) -> Runbook:
    return Runbook(
        symptom=f"Calls fail so fast that the error budget of 30 days (SLO {percent(config.slo)}) will not last.",
        meaning="Both a long and a short window burn above the factor, so it is neither a blip nor already over. "
        f"Counted are the classes {', '.join(c.SLO_FAULT)}; our own mistakes (auth, bad_request, ...) are not.",
        looks=(
            Look("Which window burns and since when.", board="errors", panel="Burn rate"), _CLASS_LOOK, _FAILED_TRACES
        ),
        fault="provider, overloaded, network, timeout: theirs or the way to them. rate_limit, quota: our account. "
        "One job only while others on the same provider are fine: that job's region, proxy or time-out.",
        mitigate=(
            "Fail over to another provider, model or region if the app can.",
            "Shed what nobody waits for: batch jobs, prefetching, evaluations.",
            "rate_limit or quota: see the runbooks RateLimited and QuotaExhausted.",
        ),
        after="Note the budget spent on the SLO dashboard. If the budget is gone, the SLO or the fallback is wrong: "
        "decide which.",
        false_alarm=f"Fewer than {config.guard.burn_calls:g} calls in the long window never alert.",
    )  # fmt: skip


def _burns(config: PackConfig) -> Iterator[Alert]:
    for long, short, factor, hold, severity in burns(config):
        limit = allowance(config, factor)
        yield Alert(
            name="ErrorBudgetBurn", severity=severity, hold=hold, keep="5m", labels=PER_PROVIDER,
            extra={"long_window": long, "short_window": short},
            when=f"{records.slo_ratio(long)} > {limit}",
            guards=(f"and {records.slo_ratio(short)} > {limit}", traffic(long, config.guard.burn_calls)),
            summary=f"{WHERE}: the error budget burns too fast ({long}, {short})",
            description=f"{PERCENT} of the calls of {label(q.PROVIDER)} failed over {long} by the provider's or a "
            f"limit's fault; the SLO allows {percent(config.allowance)}. From {factor:g} times that on, "
            f"30 days' budget is gone in {30 / factor:.2g} days or less.",
            board="errors", panel="Burn rate", runbook=_burn_runbook(config),
        )  # fmt: skip


def _spike(config: PackConfig) -> Alert:
    ratio = records.slo_ratio("5m")
    factor = config.errors.spike_factor
    return Alert(
        name="ErrorSpike", severity="warning", hold="3m", keep="5m", labels=PER_PROVIDER,
        when=f"{ratio} > {config.errors.spike:g}",
        guards=(f"and {ratio} > {factor:g} * {records.slo_ratio('1d')}", traffic("5m", config.guard.short_calls)),
        summary=f"{WHERE}: calls suddenly fail",
        description=f"{PERCENT} of the calls of {label(q.PROVIDER)} failed in the last 5 minutes, more than "
        f"{factor:g} times the share of the last day.",
        board="errors", panel="Errors by class",
        runbook=Runbook(
            symptom=f"More than {percent(config.errors.spike)} of a provider's calls fail, {factor:g} times the day's "
            "share.",
            meaning="Something changed minutes ago. It is not yet an outage: most calls still succeed.",
            looks=(
                Look("Which class rose, and whether a deploy line stands right before it.", board="errors",
                     panel="Errors by class"),
                Look("Whether one model is hit or all of the provider's.", query=_BY_MODEL),
                _FAILED_TRACES,
            ),
            fault="A rise right at a deploy line is ours until shown otherwise. All jobs at once, no deploy: theirs; "
            "compare with the provider's status page.",
            mitigate=("Roll back if a deploy began it.", "Move the hit model's traffic to its fallback.",
                      "Check that retries honour retry-after, so as not to make it worse."),
            after="Was the alert before the first user's report? If not, lower errors.spike.",
            false_alarm=f"A job that fails this much every day stays silent by the factor {factor:g}; its budget burn "
            "alerts instead.",
        ),
    )  # fmt: skip


def _outage(config: PackConfig) -> Alert:
    return Alert(
        name="ProviderOutage", severity="critical", hold="3m", keep="5m", labels=PER_PROVIDER,
        when=f"{class_share(c.PROVIDER_FAULT)} > {config.errors.outage:g}",
        guards=(traffic("5m", config.guard.outage_calls),),
        summary=f"{WHERE}: the provider is down",
        description=f"{PERCENT} of the calls of {label(q.PROVIDER)} failed in the last 5 minutes with server errors, "
        "overload, time-outs or broken connections.",
        board="errors", panel="Their fault",
        runbook=Runbook(
            symptom=f"More than {percent(config.errors.outage)} of a provider's calls fail, not by our fault.",
            meaning="The provider, or the way from this job to it, is down. Spikes, time-outs, retry storms and slow "
            "calls of the same provider are its symptoms; the Alertmanager example holds them back.",
            looks=(_THEIRS_PANEL, _CLASS_LOOK, _FAILED_TRACES),
            fault="Other jobs reach the same provider: it is this job's network. Other providers fail too: it is our "
            "egress. Else it is theirs; their status page often lags by ten minutes.",
            mitigate=("Switch to the fallback provider or model, or open the circuit breaker.",
                      "Stop batch jobs: their retries prolong an outage.",
                      "Tell users; a cached or shorter answer is better than a time-out."),
            after="Switch back slowly. Write down request ids from the failed spans for the provider's support.",
            false_alarm=f"Fewer than {config.guard.outage_calls:g} calls in 5 minutes never page.",
        ),
    )  # fmt: skip


def _own_fault(config: PackConfig) -> Alert:
    by_class = (*PER_PROVIDER, q.ERROR_CLASS)
    failed = q.total(by_class, f"{records.ERRORS}{{{q.one_of(q.ERROR_CLASS, c.OWN_FAULT)}}}")
    whole = f"({q.total(PER_PROVIDER, records.calls('5m'))} > 0)"
    return Alert(
        name="OwnFault", severity="warning", hold="5m", keep="5m", labels=by_class,
        when=f"{failed} / {q.on(PER_PROVIDER)} group_left () {whole} > {config.errors.own_fault:g}",
        guards=(traffic("5m", config.guard.outage_calls),),
        summary=f"{WHERE}: our requests are refused ({label(q.ERROR_CLASS)})",
        description=f"{PERCENT} of the calls to {label(q.PROVIDER)} failed in the last 5 minutes with the class "
        f"{label(q.ERROR_CLASS)}: the request is wrong, and retrying cannot help.",
        board="errors", panel="Our fault",
        runbook=Runbook(
            symptom=f"More than {percent(config.errors.own_fault)} of a job's calls are refused as wrong.",
            meaning="auth: key missing, revoked or for another project. not_found: model retired or deployment "
            "renamed. context_length: prompt too long. bad_request: parameter or schema not accepted.",
            looks=(
                Look("Since when, and whether a deploy line stands at its start.", board="errors", panel="Our fault"),
                Look("The provider's own code for it, per model.",
                     query=signals.ERRORS_BY_TYPE.expr(Scope(window="30m").per(*records.PER_MODEL, q.ERROR_TYPE))),
                _FAILED_TRACES,
            ),
            fault="Ours nearly always. Theirs only if a model was retired or an API version dropped: then other "
            "jobs that use it fail too.",
            mitigate=("auth: put the right key back.", "not_found: switch to the successor model.",
                      "context_length: cut history or retrieved text, or use a model with more room.",
                      "bad_request: roll back the last change of prompt, tools or schema."),
            after="A request that a test could have caught gets that test.",
            false_alarm="A user-facing playground where people type parameters: raise errors.own_fault.",
        ),
    )  # fmt: skip


def _timeouts(config: PackConfig) -> Alert:
    return Alert(
        name="Timeouts", severity="warning", hold="5m", keep="5m", labels=PER_PROVIDER,
        when=f"{class_share(('timeout',))} > {config.errors.timeouts:g}",
        guards=(traffic("5m", config.guard.short_calls),),
        summary=f"{WHERE}: calls time out",
        description=f"{PERCENT} of the calls to {label(q.PROVIDER)} ran into a time-out in the last 5 minutes.",
        board="latency", panel="Calls by duration",
        runbook=Runbook(
            symptom=f"More than {percent(config.errors.timeouts)} of a provider's calls end in a time-out.",
            meaning="Answers take longer than the client waits: the provider is slow, answers got longer, or the "
            "time-out is too short. Each time-out is paid for by the user's patience and often in tokens.",
            looks=(
                Look("Whether the whole distribution moved or a second hump appeared at the time-out.",
                     board="latency", panel="Calls by duration"),
                Look("p99 of the calls that succeed; a time-out close above it is too short.",
                     query=signals.duration(0.99).expr(Scope().per(*records.PER_MODEL))),
                _FAILED_TRACES,
            ),
            fault="Output tokens per call grew: ours. Time to first chunk grew at the same prompt size: theirs.",
            mitigate=("Stream long answers, or raise the time-out above p99.", "Lower max_tokens or reasoning effort.",
                      "Move traffic to a faster model or region."),
            after="Set the time-out from the measured p99, and the number of retries so that the user's total wait "
            "stays bounded.",
            false_alarm=f"Fewer than {config.guard.short_calls:g} calls in 5 minutes never alert. During an outage "
            "it is held back.",
        ),
    )  # fmt: skip


def alerts(config: PackConfig) -> tuple[Alert, ...]:
    """Alerts on failed calls."""
    return (*_burns(config), _spike(config), _outage(config), _own_fault(config), _timeouts(config))
